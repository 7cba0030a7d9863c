"""What every step of the catalogue keeps, on every input that it takes. A new file in steps/ falls under it."""

from __future__ import annotations

import hashlib
import json
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
import yaml
from huggingface_hub.errors import StrictDataclassFieldValidationError

from tests.tiny_world import HEADS, SETS, TinyWorld
from xpareto.compress.core.artifact import Artifact, Head
from xpareto.compress.core.registry import STEPS
from xpareto.compress.core.step import ChainState, IncompatibleStep, Step
from xpareto.compress.heads.table import HEADS as SPECS
from xpareto.compress.models.heterogeneous_layers import from_pretrained
from xpareto.compress.onnx.deployment import deploy
from xpareto.eval.runtimes._runtime import RUNTIMES

TRAINING_SETS = {name: head for head, name in SETS.items()}
EXPORTED: tuple[Head, ...] = ("tagging", "encoder")  # by the default suite: an export takes seconds


@dataclass(frozen=True)
class Case:
    """A step on one input that it takes."""

    name: str
    format: str | None
    head: Head | None

    @property
    def step(self) -> Step:
        kind = STEPS.load(self.name)
        found: Step = kind(**kind.quick)
        return found

    def source(self, world: TinyWorld) -> Artifact | None:
        if self.head is None:
            return None
        torch = world.source(self.head)
        return torch if self.format == "torch" else world.exported(torch)

    def make(self, world: TinyWorld, seed: int = 0, again: str = "") -> Artifact:
        step, head = self.step, self.head
        label = step.learns_from()
        teacher = world.source("mlm" if label == "base" else head) if label and head else None
        return world.make(self.name, step, self.source(world), seed=seed, teacher=teacher, again=again)

    def after(self) -> ChainState:
        here = ChainState(self.format, self.head)  # type: ignore[arg-type]
        earlier = {"base": ChainState("torch", "mlm"), "fp32": ChainState("torch", self.head)}
        return self.step.follow(here.having(earlier=earlier), TRAINING_SETS)


def takes(name: str) -> Iterator[Case]:
    """Yield every input that a step takes, by its own word."""
    for format, head in [(None, None), *((kind, head) for kind in ("torch", "onnx") for head in HEADS)]:
        case = Case(name, format, head)
        if format == "onnx" and head == "mlm":
            continue  # there is no such artifact: a masked language model is not exported
        try:
            case.after()
        except IncompatibleStep:
            continue
        yield case


def is_slow(case: Case) -> bool:
    return "onnx" in (case.format, case.after().format) and case.head not in EXPORTED


def marked(case: Case) -> object:
    """Return a case as a parameter; what needs an export of another head than two is slow."""
    name = "-".join(filter(None, (case.name, case.format, case.head)))
    return pytest.param(case, id=name, marks=[pytest.mark.slow] if is_slow(case) else [])


CASES = [case for name in STEPS.names for case in takes(name)]
ALL = [marked(case) for case in CASES]


def everything(artifact: Artifact) -> str:
    """Return a digest of all names, permissions and bytes in an artifact's folder."""
    digest = hashlib.sha256()
    for path in sorted(artifact.path.rglob("*")):
        digest.update(f"{path.name} {stat.S_IMODE(path.stat().st_mode)}\n".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


@pytest.mark.parametrize("name", STEPS.names)
def test_a_step_takes_something(name: str) -> None:
    assert any(case.name == name for case in CASES), f"{name} with {STEPS.load(name).quick} takes nothing"


@pytest.mark.parametrize("name", STEPS.names)
def test_it_refuses_every_format_but_the_one_that_it_declares(name: str) -> None:
    kind = STEPS.load(name)
    flows: list[ChainState] = [ChainState(), ChainState("torch", "tagging"), ChainState("onnx", "tagging")]
    for state in flows:
        if state.format != kind.takes:
            with pytest.raises(IncompatibleStep, match=f"^{name} takes {kind.takes or 'nothing'}, but "):
                kind(**kind.quick).follow(state, TRAINING_SETS)
    assert {case.after().format for case in CASES if case.name == name} == {kind.gives}


@pytest.mark.parametrize("name", STEPS.names)
def test_its_configuration_survives_json_and_yaml(name: str) -> None:
    kind = STEPS.load(name)
    step = kind(**kind.quick)
    assert kind.from_json(json.loads(json.dumps(step.as_json()))) == step
    assert kind.model_validate(yaml.safe_load(yaml.safe_dump(step.model_dump(mode="json")))) == step


@pytest.mark.parametrize("name", STEPS.names)
def test_what_it_depends_on_beside_its_source_is_there_to_be_fingerprinted(name: str) -> None:
    kind = STEPS.load(name)
    for fields in (kind.quick, {**kind.quick, "latency_ms": None}):
        if set(fields) <= set(kind.model_fields):
            for need in kind.model_validate(fields).reads():
                # see DataNeed: a machine is what a library computes with on it
                assert need.kind in ("training", "text", "metric") or version(need.name), need
    assert all(version(library) for library in kind.libraries), f"{name}: {kind.libraries}"


@pytest.mark.parametrize("case", ALL)
def test_the_source_is_untouched_and_equal_seeds_give_equal_bytes(case: Case, world: TinyWorld) -> None:
    source = case.source(world)
    before = everything(source) if source else ""
    made = case.make(world)
    assert before == (everything(source) if source else "")
    # Where the run's seed must not matter, another one shows that and equal bytes at once.
    again = case.make(world, seed=0 if case.step.seeded else 1, again="once more")
    assert again.digest == made.digest
    made.verify()


@pytest.mark.parametrize("name", [name for name in STEPS.names if STEPS.load(name).seeded])
def test_the_seed_of_a_seeded_step_changes_its_result(name: str, world: TinyWorld) -> None:
    cases = [
        case for case in CASES if case.name == name and (case.format == "torch" or case.head in EXPORTED)
    ]
    assert any(
        case.make(world, seed=1, again="other seed").digest != case.make(world).digest for case in cases
    )


@pytest.mark.parametrize("case", ALL)
def test_it_delivers_the_format_and_head_that_it_declares(case: Case, world: TinyWorld) -> None:
    made, state = case.make(world).manifest, case.after()
    assert made.format == state.format
    if state.head is not None:
        assert made.head == state.head
    assert "tokenizer.json" in made.files and "config.json" in made.files
    assert not [name for name in made.files if name.endswith((".bin", ".pt", ".pkl", ".pickle"))]


RELOAD = """
import sys
from pathlib import Path
import numpy as np
from xpareto.compress.core.artifact import Artifact
ids = np.array([[0, 5, 6, 7, 2], [0, 8, 9, 2, 1]])
mask = (ids != 1).astype(np.int64)
for line in sys.stdin.read().splitlines():
    artifact = Artifact.open(Path(line))
    artifact.verify()
    manifest = artifact.manifest
    if manifest.format == "onnx":
        from xpareto.compress.onnx.parity import onnx_run
        found = onnx_run(artifact.file("model.onnx"), 1)(ids, mask)
    else:
        import torch
        from xpareto.compress.models.checkpoint import load_model
        model = load_model(artifact.path, manifest.head, manifest.labels, keep_head=True)
        with torch.inference_mode():
            found = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).to_tuple()
        found = {str(at): value.numpy() for at, value in enumerate(found)}
    assert found and all(np.isfinite(value).all() for value in found.values()), line
    np.savez(sys.argv[1] + "/" + artifact.digest, **found)
"""


def reloaded(artifacts: list[Artifact], folder: Path) -> None:
    """Open and run every artifact in one new process, and once more in another one: equal outputs."""
    for name in ("first", "second"):
        (folder / name).mkdir()
        lines = "\n".join(str(artifact.path) for artifact in artifacts)
        done = subprocess.run(
            [sys.executable, "-c", RELOAD, str(folder / name)], input=lines, text=True, capture_output=True,
            cwd=Path(__file__).parents[3],
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[-3000:]
    for artifact in artifacts:
        first, second = (np.load(folder / name / f"{artifact.digest}.npz") for name in ("first", "second"))
        assert first.files == second.files and first.files
        for name in first.files:
            np.testing.assert_allclose(first[name], second[name], rtol=1e-6, atol=1e-6)


def test_what_it_makes_is_reloaded_and_run_in_a_new_process(world: TinyWorld, tmp_path: Path) -> None:
    reloaded([case.make(world) for case in CASES if not is_slow(case)], tmp_path)


@pytest.mark.slow
def test_onnx_models_of_every_head_are_reloaded_in_a_new_process(world: TinyWorld, tmp_path: Path) -> None:
    reloaded([case.make(world) for case in CASES if is_slow(case)], tmp_path)


def exports() -> list[object]:
    """Return the steps that give torch; the default suite exports what each makes of one head."""
    found, seen = [], set()
    for case in CASES:
        state = case.after()
        if state.format != "torch" or state.head in (None, "mlm"):
            continue
        slow = case.name in seen or case.head not in ("tagging", None)
        if not slow:
            seen.add(case.name)
        marks = [pytest.mark.slow] if slow else []
        found.append(pytest.param(case, id=f"{case.name}-{case.head}", marks=marks))
    return found


@pytest.mark.parametrize("case", exports())
def test_what_it_makes_exports_and_runs_in_onnxruntime_as_in_torch(case: Case, world: TinyWorld) -> None:
    made = world.exported(case.make(world))
    notes = made.manifest.notes
    assert notes["max_abs_diff"] < 1e-4 and all(found["places"] for found in notes["parity"].values())
    assert json.dumps(dict(notes))


TORCH = [
    pytest.param(
        case, id=f"{case.name}-{case.head}", marks=[] if case.head in EXPORTED else [pytest.mark.slow]
    )
    for case in CASES
    if case.after().format == "torch"
]
AUTO: dict[Head, str] = {
    "mlm": "MaskedLM", "classification": "SequenceClassification", "choice": "SequenceClassification",
    "tagging": "TokenClassification", "qa": "QuestionAnswering",
}  # fmt: skip


@pytest.mark.parametrize("case", TORCH)
def test_a_torch_export_answers_in_plain_transformers_as_it_was_scored_or_not_at_all(
    case: Case, world: TinyWorld, tmp_path: Path
) -> None:
    import torch
    import transformers

    made = case.make(world)
    folder = deploy(made, tmp_path).path
    head = made.manifest.head
    suffix = f"For{AUTO[head]}" if head in AUTO else ""
    classes = [
        getattr(transformers, f"AutoModel{suffix}"),
        getattr(transformers, f"XLMRoberta{suffix or 'Model'}"),
    ]
    ids = torch.tensor([[0, 5, 6, 7, 2], [0, 8, 9, 2, 1]])
    inputs = {"input_ids": ids, "attention_mask": (ids != 1).long()}
    with torch.inference_mode():
        expected = from_pretrained(folder)(**inputs)
    names = SPECS[head].exports()
    if SPECS[head].deployable:
        scored = RUNTIMES.load("torch").open(made, 1).run(*(part.numpy() for part in inputs.values()))
        given = np.stack([expected[name].numpy() for name in names], axis=-1)
        np.testing.assert_allclose(given[..., 0] if len(names) == 1 else given, scored, atol=1e-5)
    for kind in classes:
        try:
            model = kind.from_pretrained(folder)
        except (ValueError, StrictDataclassFieldValidationError):
            told = json.loads((folder / "config.json").read_text())
            assert "xpareto_shape" in told, "transformers can hold this one"
            continue
        with torch.inference_mode():
            found = model.eval()(**inputs)
        for name in names:
            torch.testing.assert_close(found[name], expected[name], atol=1e-5, rtol=0)
