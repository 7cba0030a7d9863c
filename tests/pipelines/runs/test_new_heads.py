"""Multiple choice and entities end to end: read, train, export; torch and ONNX give the same rows."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.step import Context, Step, StepResult
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.compress.steps.train import STEP as TRAIN
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.probing.batches import run_all
from xpareto.eval.probing.probe import launch
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.eval.tasks import KINDS, Task
from xpareto.pipelines.execution.data import TaskDataProvider

pytestmark = pytest.mark.slow  # two trainings and two exports
LETTERS = "abcdefghij"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder: the right ending repeats the context; capital-like words are people."""
    root = tmp_path_factory.mktemp("data")
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        lines = []
        for number in range(24):
            wrong, right = generator.choice(list(LETTERS), 2, replace=False)
            endings = [wrong * 2, right * 2] if number % 2 else [right * 2, wrong * 2]
            lines.append(json.dumps({"ctx": right * 3, "endings": endings, "label": number % 2}))
        file = root / f"intermediate/hellaswag/hellaswag_{split}.jsonl"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n")
    (root / "xtreme/panx").mkdir(parents=True)
    for name in ("train-en", "dev-en", "dev-sw"):
        sentences = []
        for number in range(24):
            first, second = generator.choice(list(LETTERS), 2)
            tag = ("B-PER", "I-PER") if number % 3 else ("O", "B-LOC")
            sentences.append(f"{first}\t{tag[0]}\n{second * 2}\t{tag[1]}\nof\tO\n")
        (root / f"xtreme/panx/{name}.tsv").write_text("\n".join(sentences) + "\n")
    return root


def apply(step: Step, source: Artifact, target: Path, root: Path) -> Artifact:
    provider = TaskDataProvider(Data.open(DataSpec(str(root))))
    target.mkdir()
    context = Context(provider, 0, 1, target.with_name(f"{target.name}-scratch"), lambda *_: None)
    context.scratch.mkdir()
    made: StepResult = step.apply(source, target, context)
    manifest = Manifest({}, made.format, made.head, made.labels, made.training_set)
    return seal(target, manifest)


def trained(on: str, base: Path, folder: Path, root: Path) -> dict[str, Artifact]:
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (folder / "base").mkdir(exist_ok=True)
        (folder / "base" / name).write_bytes((base / name).read_bytes())
    (folder / "base/tokenizer_config.json").write_text('{"model_max_length": 64}')
    source = seal(folder / "base", Manifest({}, "torch", "mlm"))
    step = TRAIN(on=on, max_steps=12, batch_size=8, learning_rate=3e-3, max_length=32, dev_metric="accuracy")
    torch = apply(step, source, folder / "torch", root)
    return {"torch": torch, "onnxruntime": apply(EXPORT(), torch, folder / "onnx", root)}


def test_choice_gives_the_same_answers_in_torch_and_onnx(base: Path, root: Path, tmp_path: Path) -> None:
    artifacts = trained("hellaswag", base, tmp_path, root)
    assert {artifact.manifest.head for artifact in artifacts.values()} == {"choice"}
    examples = Data.open(DataSpec(str(root))).training("hellaswag", "dev")
    task = Task("hellaswag", "choose", "classification", ("en",), "hellaswag", ("accuracy",), max_length=32)
    kind = KINDS.load("choose")
    found = {}
    for name, artifact in artifacts.items():
        encoded = kind.encode(examples, TextEncoder(artifact.file("tokenizer.json")), task)
        session = RUNTIMES.load(name).open(artifact, 1)
        reduced = run_all(session, encoded.input_ids, kind.reduce, pad_id=1)
        session.close()
        predictions = kind.predict(encoded, reduced)
        found[name] = (np.concatenate(reduced), predictions, kind.score(examples, predictions, task).outcomes)
    (torch_logits, *torch), (onnx_logits, *onnx) = found["torch"], found["onnxruntime"]
    assert len(torch_logits) == 48 and len(set(torch[0])) == 2
    np.testing.assert_allclose(torch_logits, onnx_logits, atol=1e-5)
    assert torch[0] == onnx[0]
    assert torch[1].tolist() == onnx[1].tolist()


def test_entities_give_the_same_rows_in_torch_and_onnx(base: Path, root: Path, tmp_path: Path) -> None:
    artifacts = trained("panx", base, tmp_path, root)
    found = {}
    for name, artifact in artifacts.items():
        ask = Ask("panx", ("en", "sw", "th"), split="dev")
        job = Job(
            "run", "c", name, 1, {"panx": str(artifact.path)}, DataSpec(str(root)), (ask,), ("accuracy",)
        )
        rows = launch(job, tmp_path / f"job-{name}")
        kept = json.loads((tmp_path / f"job-{name}/predictions/panx.json").read_text())
        found[name] = [(row.language, row.statistic, row.status, row.value) for row in rows], kept
    assert found["torch"] == found["onnxruntime"]
    rows, kept = found["torch"]
    assert [row[:3] for row in rows if row[0] == "th"] == [
        ("th", "f1", "missing"), ("th", "accuracy", "missing"),
    ]  # fmt: skip
    assert {row[2] for row in rows if row[0] != "th"} == {"ok"}
    assert {tag for sentences in kept.values() for tags in sentences for tag in tags} - {"O"}
