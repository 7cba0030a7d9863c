"""A fine-tuned model as the start: it is a candidate by itself, and what it answers is what plain transformers does."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.onnx.deployment import deploy
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.probing import request
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.predict import answered
from xpareto.eval.tasks import TRAINING_SETS, task
from xpareto.pipelines.execution.data import TaskDataProvider
from xpareto.pipelines.execution.work import Job, do
from xpareto.pipelines.planning.preparation import Options, Prepared, prepare

LETTERS = "abcdefghij"
INFERENCE = ("Entailment", "neutral", "Contradiction")  # neither the order nor the letters of the data
TAGS = ("X", "VERB", "SYM", "SCONJ", "PUNCT", "PROPN", "PRON", "PART", "NUM", "NOUN", "INTJ", "DET", "CCONJ", "AUX",
        "ADV", "ADP", "ADJ")  # fmt: skip
RECIPE = """\
xpareto: 1
name: fine-tuned
tasks: [TASKS]
languages: LANGUAGES
steps:
STEPS
"""
SMALL = "  - {step: export_onnx, label: onnx}\n  - {step: quantize_dynamic, label: int8}"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with a few made-up examples of four tasks, and labelled ones to learn from."""
    root, random = tmp_path_factory.mktemp("data"), np.random.default_rng(0)

    def sentence(words: int) -> str:
        return " ".join("".join(random.choice([*LETTERS], 3)) for _ in range(words))

    def write(name: str, lines: Sequence[str]) -> None:
        file = root / "xtreme" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("\n".join(lines) + "\n")

    labels = task("xnli").labels
    for name in ("test-en", "test-de", "dev-en", "train-en"):
        write(f"xnli/{name}.tsv", [f"{sentence(4)}\t{sentence(3)}\t{labels[n % 3]}" for n in range(16)])
    words = [f"{sentence(1)}\t{TAGS[n % 17]}" + "\n" * (n % 4 == 3) for n in range(32)]
    write("udpos/test-en.tsv", words)
    contexts = [sentence(8) for _ in range(6)]
    write("xquad/xquad.en.json", [json.dumps({"data": [{"title": "t", "paragraphs": [
        {"context": context, "qas": [{"id": str(number), "question": sentence(3),
                                      "answers": [{"text": context[:3], "answer_start": 0}]}]}
        for number, context in enumerate(contexts)]}]})])  # fmt: skip
    for side in ("de", "en"):
        write(f"tatoeba/de-en.{side}", [sentence(4) for _ in range(6)])
    return root


def fine_tuned(base: Path, folder: Path, model_class: str, labels: Sequence[str] = ()) -> Path:
    """Write a checkpoint as plain transformers saves it, with a head that has an opinion."""
    config = transformers.AutoConfig.from_pretrained(base)
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: index for index, label in enumerate(labels)}
    torch.manual_seed(0)
    model = getattr(transformers, model_class).from_pretrained(base, config=config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight))
        if labels:  # none of which is always the answer
            ids = torch.cat([torch.zeros(32, 1, dtype=torch.long), torch.randint(4, 15, (32, 24))], dim=1)
            [bias] = [weight for weight in model.parameters() if weight.shape == (len(labels),)]
            bias.sub_(model.eval()(ids).logits.reshape(-1, len(labels)).mean(0))
    model.save_pretrained(folder)
    shutil.copy(base / "tokenizer.json", folder)
    return folder


def prepared(
    folder: Path, root: Path, base: str | Mapping[str, str], tasks: str, steps: str = SMALL,
    languages: str = "[en, de]",
) -> Prepared:  # fmt: skip
    file = folder / "fine-tuned.yaml"
    recipe = RECIPE.replace("TASKS", tasks).replace("LANGUAGES", languages).replace("STEPS", steps)
    file.write_text(recipe)
    return prepare(Options(str(file), base=base, data=str(root), store=folder / "store"))


def made(ready: Prepared) -> dict[str, dict[str, Artifact]]:
    """Return the artifacts of every candidate, made in this process."""
    spec, store = ready.start.spec, ready.store
    for node in ready.plan.nodes.values():
        do(Job.of(node, store, spec, 1, ready.start.base), lambda *_: None)
    return {
        candidate.name: {
            name: store.find(key, verify=True)  # type: ignore[misc]
            for name, key in candidate.artifacts.items()
        }
        for candidate in ready.plan.candidates
    }


def asked(bundle: Mapping[str, Artifact], runtime: str, root: Path, name: str, language: str) -> Any:
    """Return what a candidate answers in one language of a task, and the open context."""
    ask = request.Ask(name, (language,))
    folders = {part: str(artifact.path) for part, artifact in bundle.items()}
    job = request.Job("r", "c", runtime, 1, folders, DataSpec(str(root)), (ask,), ("accuracy",))
    context = MeasurementContext(job, root)
    [answer] = answered(context, task(name).trained_on, ask)
    return answer, context


def outputs(folder: Path, model_class: str, sequences: Sequence[Sequence[int]]) -> list[Any]:
    """Return what plain transformers answers to each sequence, and its config."""
    model = getattr(transformers, model_class).from_pretrained(folder).eval()
    with torch.inference_mode():
        return [model(torch.tensor([row])) for row in sequences]


def names(folder: Path) -> dict[str, str]:
    return dict(json.loads((folder / "config.json").read_text())["id2label"])


def test_labels_in_another_order_give_equal_answers_and_those_of_plain_transformers(
    base: Path, root: Path, tmp_path: Path
) -> None:
    kind = "XLMRobertaForSequenceClassification"
    folder = fine_tuned(base, tmp_path / "one", kind, INFERENCE)
    turned = transformers.AutoModelForSequenceClassification.from_pretrained(folder)
    with torch.no_grad():
        for weight in (turned.classifier.out_proj.weight, turned.classifier.out_proj.bias):
            weight.copy_(weight[[2, 0, 1]].clone())
    turned.config.id2label = {at: INFERENCE[old] for at, old in enumerate((2, 0, 1))}
    turned.config.label2id = {label: at for at, label in turned.config.id2label.items()}
    turned.save_pretrained(tmp_path / "two")
    shutil.copy(base / "tokenizer.json", tmp_path / "two")
    candidates = {}
    for name, steps in {"one": SMALL, "two": "  - {step: prune_sparse, method: magnitude}"}.items():
        candidates[name] = made(prepared(tmp_path, root, str(tmp_path / name), "xnli", steps))
    found = {}
    for language in ("en", "de"):
        for name, all_of_one in candidates.items():
            for candidate, bundle in all_of_one.items():
                answer, _ = asked(bundle, candidate.rpartition("/")[2], root, "xnli", language)
                found[language, name, candidate] = answer.predictions
        own = names(folder)
        rows = outputs(folder, kind, answer.subset.encoded.input_ids)
        plain = [own[str(int(row.logits.argmax()))].casefold() for row in rows]
        assert len(set(plain)) > 1 and len(plain) == 16
        for name, candidate in (("one", "base/torch"), ("two", "base/torch"), ("one", "onnx/onnxruntime")):
            assert found[language, name, f"main/{candidate}"] == plain
    assert set(found["en", "one", "main/int8/onnxruntime"]) <= {*task("xnli").labels}
    for candidate, bundle in candidates["one"].items():  # whoever reads the model finds the names that it had
        assert bundle["mnli"].manifest.labels == ("entailment", "neutral", "contradiction")
        given = tmp_path / candidate.replace("/", "-")
        given.mkdir()
        deploy(bundle["mnli"], given)
        assert names(given) == dict(zip("012", INFERENCE, strict=True))
    again = outputs(tmp_path / "main-base-torch", kind, [[0, 5, 6, 2]])[0].logits
    torch.testing.assert_close(again, outputs(folder, kind, [[0, 5, 6, 2]])[0].logits)


def test_one_checkpoint_for_each_task_of_every_kind(base: Path, root: Path, tmp_path: Path) -> None:
    classes = {
        "xnli": ("XLMRobertaForSequenceClassification", INFERENCE),
        "udpos": ("XLMRobertaForTokenClassification", TAGS),
        "xquad": ("XLMRobertaForQuestionAnswering", ()),
        "encoder": ("XLMRobertaModel", ()),
    }
    bundle = {
        name: str(fine_tuned(base, tmp_path / name, kind, labels)) for name, (kind, labels) in classes.items()
    }
    export = SMALL.partition("\n")[0]
    ready = prepared(tmp_path, root, bundle, "xnli, udpos, xquad, tatoeba", export, "all")
    candidates = made(ready)
    assert [*candidates] == ["main/base/torch", "main/onnx/onnxruntime"]
    for candidate, artifacts in candidates.items():
        assert {*artifacts} == {"mnli", "udpos", "squad_v1", "encoder"}
        for name, key in {"xnli": "xnli", "udpos": "udpos", "xquad": "xquad", "tatoeba": "encoder"}.items():
            answer, context = asked(
                artifacts, candidate.rpartition("/")[2], root, name, "de" if name == "tatoeba" else "en"
            )
            sequences, session = answer.subset.encoded.input_ids, context.session(task(name).trained_on)
            kind, labels = classes[key]
            for row, plain in zip(sequences, outputs(Path(bundle[key]), kind, sequences), strict=True):
                ids = np.array([row])
                ours = session.run(ids, np.ones_like(ids))
                if name == "xquad":
                    plain = torch.stack([plain.start_logits, plain.end_logits], dim=-1)
                else:
                    plain = plain[0]
                np.testing.assert_allclose(ours, plain.numpy(), rtol=1e-4, atol=1e-3)
            if name == "udpos":
                places = zip(answer.subset.encoded.starts, sequences, strict=True)
                rows = outputs(Path(bundle[key]), kind, sequences)
                tags = [
                    labels[int(row.logits[0, at].argmax())]
                    for (starts, _), row in zip(places, rows, strict=True)
                    for at in starts
                ]
                assert [tag for sentence in answer.predictions for tag in sentence] == tags
                assert len(set(tags)) > 2
            context.close()


def test_steps_that_read_labels_read_them_in_the_order_of_the_head(
    base: Path, root: Path, tmp_path: Path
) -> None:
    folder = fine_tuned(base, tmp_path / "one", "XLMRobertaForSequenceClassification", INFERENCE)
    steps = (
        "  - {step: prune_width, label: pruned, ffn: 0.5, calibration: {on: mnli, examples: 8}}\n"
        "  - {step: distill, label: recovered, teacher: base, on: each, labels: {weight: 0.5}, logits: {}, "
        "steps: 2, batch_size: 4}"
    )
    candidates = made(prepared(tmp_path, root, str(folder), "xnli", steps))
    recovered = candidates["main/recovered/torch"]["mnli"]
    assert [*candidates] == ["main/base/torch", "main/pruned/torch", "main/recovered/torch"]
    assert recovered.manifest.teacher == candidates["main/base/torch"]["mnli"].digest
    assert recovered.manifest.labels == ("entailment", "neutral", "contradiction")
    assert names(recovered.path) == dict(zip("012", INFERENCE, strict=True))
    # which it checks against those that it reads: the same names at the numbers of the head
    provider = TaskDataProvider(Data.open(DataSpec(str(root))), recovered.manifest.labels)
    tokenizer = recovered.file("tokenizer.json")
    as_head, as_data = (
        np.array(one.examples("mnli", "dev", tokenizer, 32, None).labels).tolist()
        for one in (provider, TaskDataProvider(provider.data))
    )
    data_labels = TRAINING_SETS.load("mnli").labels
    assert [provider.labels("mnli")[one] for one in as_head] == [data_labels[one] for one in as_data]
    assert as_head != as_data and provider.labels("udpos") == TRAINING_SETS.load("udpos").labels
