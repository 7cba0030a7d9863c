"""A step can read an earlier artifact of its chain beside its source: keyed, passed on, recorded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.artifact import Artifact, Head, Manifest
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, IncompatibleStep, StepResult
from xpareto.compress.core.teacher import earlier_state
from xpareto.compress.steps.prune_depth import PruneDepth
from xpareto.eval.data.source import DataSpec
from xpareto.pipelines.execution.work import Job, do
from xpareto.pipelines.planning.graph import Node, Plan
from xpareto.pipelines.storage.store import Store

Make = Callable[..., Plan]
CUT = "  - {step: prune_depth, layers: 1, label: cut}\n"
TUNED = "  - {step: train, label: tuned, on: [mnli, udpos], enabled: false}\n"


@pytest.fixture
def learning(monkeypatch: pytest.MonkeyPatch) -> Callable[[str | None], None]:
    """Return a function that lets prune_depth learn from the step of a label."""

    def from_(label: str | None) -> None:
        def follow(self: PruneDepth, state: ChainState, heads: Mapping[str, Head]) -> ChainState:
            if label is not None:
                earlier_state("prune_depth", label, state)
            return state

        monkeypatch.setattr(PruneDepth, "learns_from", lambda self: label)
        monkeypatch.setattr(PruneDepth, "follow", follow)

    return from_


def cuts(plan: Plan, arm: str = "none") -> dict[str, Node]:
    """Return training set -> the node of the cut that an arm's first candidate stands on."""
    bundle = next(c for c in plan.candidates if c.name == f"{arm}/onnx/onnxruntime").artifacts
    return {
        name: next(node for node in plan.ancestors(key) if node.label == "cut")
        for name, key in bundle.items()
    }


def test_the_teacher_after_the_fork_is_that_of_the_same_training_set(
    planned: Make, good: str, learning: Any
) -> None:
    learning("fp32")
    plan = planned(good.replace("  - step: export_onnx", CUT + "  - step: export_onnx"))
    for name, node in cuts(plan).items():
        assert node.teacher is not None and plan.nodes[node.teacher].label == "fp32"
        assert plan.nodes[node.teacher].fields["on"] == name
        assert node.teacher in {older.key for older in plan.ancestors(node.key)}


def test_a_teacher_from_before_the_fork_is_shared_and_the_base_has_a_name(
    planned: Make, good: str, learning: Any
) -> None:
    text = good.replace("  - step: export_onnx", CUT + "  - step: export_onnx")
    learning("base")
    assert {planned(text).nodes[str(node.teacher)].step for node in cuts(planned(text)).values()} == {"base"}
    learning("intermediate")
    only = text.replace("arms:\n  none: []\n", "arms:\n")
    found = cuts(planned(only), "mnli")
    assert len({node.teacher for node in found.values()}) == 1


def test_the_teacher_is_part_of_the_key_and_no_teacher_leaves_the_key_as_it_was(
    planned: Make, good: str, learning: Any
) -> None:
    text = good.replace("  - step: export_onnx", CUT + "  - step: export_onnx")
    keys = {}
    for label in ("fp32", "base", None):
        learning(label)
        keys[label] = {node.key for node in cuts(planned(text)).values()}
    assert keys["fp32"].isdisjoint(keys["base"]) and keys["fp32"].isdisjoint(keys[None])
    before = planned(good)
    assert set(before.nodes) <= set(planned(text).nodes) | {
        key for key, node in before.nodes.items() if node.label in ("onnx", "int8")
    }


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("fp23", r'no step before it in this chain is labelled "fp23". Did you mean "fp32"'),
        ("int8", r'labelled "int8".* Known: source, base, fp32\.'),  # it comes later
    ],
)
def test_a_label_that_is_not_before_it_is_refused_with_the_known_ones(
    label: str, message: str, planned: Make, good: str, learning: Any
) -> None:
    learning(label)
    text = good.replace("  - step: export_onnx", CUT + "  - step: export_onnx")
    with pytest.raises(InputError, match=message):
        planned(text)


def test_a_teacher_that_is_no_torch_model_is_refused() -> None:
    state = ChainState("torch", earlier={"onnx": ChainState("onnx")})
    with pytest.raises(IncompatibleStep, match="a teacher is a torch model, but onnx gives onnx"):
        earlier_state("distill", "onnx", state)


def test_a_step_that_cannot_serve_one_training_set_says_which(
    planned: Make, good: str, learning: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def within(self: PruneDepth, training_set: str, head: Head | None = None) -> PruneDepth:
        if training_set == "encoder":
            raise IncompatibleStep("it has no head. Use only.")
        return self

    learning(None)
    monkeypatch.setattr(PruneDepth, "within", within)
    text = good.replace("  - step: export_onnx", CUT + "  - step: export_onnx")
    with pytest.raises(
        InputError, match=r"prune_depth cannot follow train \(in the model of encoder\): it has"
    ):
        planned(text)


def test_the_teacher_reaches_the_step_and_the_manifest_and_a_new_teacher_makes_it_anew(
    tmp_path: Path, learning: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, taught = Store(tmp_path / "store"), []

    def put(key: str, text: str) -> Artifact:
        def make(folder: Path) -> Manifest:
            (folder / "a.txt").write_text(text)
            return Manifest({}, "torch", "mlm")

        return store.put(key, {}, make)

    def apply(self: PruneDepth, source: Artifact | None, target: Path, context: Context) -> StepResult:
        assert source is not None and context.teacher is not None
        taught.append(context.teacher.file("a.txt").read_text())
        (target / "b.txt").write_text("b")
        return StepResult("torch", "mlm")

    monkeypatch.setattr(PruneDepth, "apply", apply)
    put("s", "source")
    put("t", "teacher")
    node = Node("n", "prune_depth", "cut", 1, {"layers": 1, "only": None}, "s", None, {}, {}, "r:1", "t")
    (tmp_path / "data/xtreme").mkdir(parents=True)
    work = Job(node, str(store.root), DataSpec(str(tmp_path / "data")), 1)
    assert Job.from_json(work.to_json()) == work
    do(work, lambda *_: None)
    found = store.find("n", verify=True)
    assert taught == ["teacher"] and found is not None
    assert found.manifest.teacher == store.digest_of("t")
    put("t", "another teacher")
    assert store.find("n", verify=True) is None
    do(work, lambda *_: None)
    assert taught == ["teacher", "another teacher"]


def test_a_step_that_is_left_out_teaches_what_it_would_have_been_given(
    planned: Make, good: str, learning: Any
) -> None:
    """So recipes whose students learn from `fp32` hold for a base that is fine-tuned, with fp32 left out."""
    text = good.replace("  - step: export_onnx", TUNED + CUT + "  - step: export_onnx")
    learning("tuned")
    for name, node in cuts(planned(text)).items():
        teacher = planned(text).nodes[str(node.teacher)]
        assert teacher.label == "fp32" and teacher.fields["on"] == name
    learning("fp32")
    assert {node.key for node in cuts(planned(text)).values()} == {
        node.key for node in cuts(planned(text.replace(TUNED, ""))).values()
    }
