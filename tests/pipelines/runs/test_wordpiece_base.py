"""A recipe that begins with a BERT and its WordPiece: trained, trimmed, pruned, distilled, exported, quantized."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.pipelines.runs.test_fine_tuned_base import TAGS, asked, made
from tests.tiny_bert import write_bert
from tests.tiny_world import TEXT
from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.special_tokens import SpecialTokens
from xpareto.compress.onnx.deployment import deploy
from xpareto.eval.tasks import task
from xpareto.pipelines.planning.preparation import Options, Prepared, prepare

RECIPE = """\
xpareto: 1
name: wordpiece
tasks: [TASK]
languages: [en, de]
steps:
  - arms
arms:
  whole: [&train {step: train, label: fp32, on: each, steps: 12, batch_size: 8, max_length: 32},
          &onnx {step: export_onnx, label: onnx}, &int8 {step: quantize_dynamic, label: int8}]
  small:
    - *train
    - {step: trim_vocab, label: trimmed, text: parallel, languages: [en, de]}
    - {step: prune_depth, label: lower, layers: 2}
    - {step: prune_width, label: narrow, heads: 0.5, ffn: 0.5, calibration: {text: parallel, examples: 12}}
    - {step: distill, label: recovered, teacher: fp32, on: each, text: parallel, steps: 3, batch_size: 4}
    - *onnx
    - *int8
"""
MORE = """\
  static: [*train, *onnx, {step: quantize_static, label: static, calibration: {text: parallel, examples: 12}}]
  weights: [*train, *onnx, {step: quantize_weights, label: weights, products: int8, embeddings: int8}]
  adapted: [{step: train, label: tlm, on: "tlm:parallel", steps: 3, batch_size: 4, max_length: 32}, *train]
"""
Candidates = Mapping[str, Artifact]  # by name, without the runtime
EVERY = ("xnli", pytest.param("udpos", marks=pytest.mark.slow))  # the latter with every quantization


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data folder with tagged words and pairs of texts in two languages, and text in three."""
    root = tmp_path_factory.mktemp("data")

    def write(name: str, text: str) -> None:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")

    for language in ("en", "de"):
        lines = TEXT[language]
        tagged = ["\n".join(f"{word}\t{TAGS[len(word)]}" for word in line.split()) for line in lines]
        pairs = [
            f"{one}\t{other}\t{task('xnli').labels[at % 3]}"
            for at, (one, other) in enumerate(zip(lines, lines[::-1], strict=True))
        ]
        for split in ("train", "dev", "test") if language == "en" else ("test",):
            write(f"xtreme/udpos/{split}-{language}.tsv", "\n\n".join(tagged) + "\n")
            write(f"xtreme/xnli/{split}-{language}.tsv", "\n".join(pairs) + "\n")
    for language, lines in TEXT.items():
        write(f"text/parallel/{language}.txt", "\n".join(lines) + "\n")
    return root


def planned(folder: Path, root: Path, base: str | Mapping[str, str], recipe: str = RECIPE) -> Prepared:
    (folder / "wordpiece.yaml").write_text(recipe)
    return prepare(Options(str(folder / "wordpiece.yaml"), base=base, data=str(root), store=folder / "store"))


@pytest.fixture(scope="module")
def candidates(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Candidates]:
    """Return a function: task -> the model of each candidate of its recipe."""

    @cache
    def of_task(name: str) -> Candidates:
        folder = tmp_path_factory.mktemp("run")
        recipe = RECIPE.replace("TASK", name) + MORE * (name == "udpos")
        bundles = made(planned(folder, root, str(write_bert(folder / "bert")), recipe))
        return {key.rpartition("/")[0]: bundle[task(name).trained_on] for key, bundle in bundles.items()}

    return of_task


def rows(artifact: Artifact, root: Path, name: str) -> tuple[list[np.ndarray], list[list[int]]]:
    """Return what an artifact answers to each sequence of a task in German, and the sequences."""
    runtime = "torch" if artifact.manifest.format == "torch" else "onnxruntime"
    answer, context = asked({task(name).trained_on: artifact}, runtime, root, name, "de")
    session = context.session(task(name).trained_on)
    sequences = answer.subset.encoded.input_ids
    found = [session.run(np.array([row]), np.ones((1, len(row)), np.int64)) for row in sequences]
    context.close()
    return found, sequences


@pytest.mark.parametrize("name", EVERY)
def test_every_step_works_on_it_and_no_stage_changes_what_it_must_not(
    candidates: Any, root: Path, name: str
) -> None:
    models = candidates(name)
    assert {*models} >= {
        "whole/fp32", "whole/onnx", "whole/int8", "small/trimmed", "small/lower", "small/narrow", "small/recovered",
        "small/onnx", "small/int8",
    }  # fmt: skip
    notes = models["small/trimmed"].manifest.notes
    assert notes["pieces"] < notes["pieces_before"]
    assert all(notes["audit"][language]["unchanged"] == 1.0 for language in ("en", "de"))
    assert notes["audit"]["zh"]["unknown_after"] > notes["audit"]["zh"]["unknown_before"]
    special = SpecialTokens.read(models["small/int8"].file("tokenizer.json"))
    assert (special.pad, special.separators) == (0, 1)

    found = {key: rows(model, root, name)[0] for key, model in models.items()}
    for one, other in zip(found["whole/fp32"], found["small/trimmed"], strict=True):
        assert np.array_equal(one, other)  # the same bits
    for torch_model, onnx_model in (("whole/fp32", "whole/onnx"), ("small/recovered", "small/onnx")):
        for one, other in zip(found[torch_model], found[onnx_model], strict=True):
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-4)
    if name == "udpos":
        assert "adapted/fp32" in models and {"static/static", "weights/weights"} <= {*models}
    flat = {key: np.concatenate([row.ravel() for row in answers]) for key, answers in found.items()}
    for key in {"whole/int8", "static/static", "weights/weights"} & {*flat}:
        assert np.abs(flat[key] - flat["whole/onnx"]).max() > 0
        assert np.corrcoef(flat[key], flat["whole/onnx"])[0, 1] > 0.99


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("candidate", ["whole/fp32", "small/trimmed"])
def test_what_is_exported_is_read_by_transformers_alone(
    candidates: Any, root: Path, tmp_path: Path, name: str, candidate: str
) -> None:
    artifact = candidates(name)[candidate]
    deploy(artifact, tmp_path)
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    kind = {"udpos": "TokenClassification", "xnli": "SequenceClassification"}[name]
    model = getattr(transformers, f"AutoModelFor{kind}").from_pretrained(tmp_path).eval()
    sentences = TEXT["de"]
    for at, (row, ids) in enumerate(zip(*rows(artifact, root, name), strict=True)):
        encoded = (
            tokenizer(sentences[at].split(), is_split_into_words=True, return_tensors="pt")
            if name == "udpos"
            else tokenizer(sentences[at], sentences[-1 - at], return_tensors="pt")
        )
        assert encoded["input_ids"][0].tolist() == ids
        with torch.inference_mode():
            np.testing.assert_allclose(row[0], model(**encoded).logits[0].numpy(), rtol=0, atol=1e-5)


def test_the_hub_s_layout_has_the_same_tokenizer(candidates: Any, tmp_path: Path) -> None:
    deploy(candidates("xnli")["small/int8"], tmp_path, "hub")
    assert (tmp_path / "onnx" / "model_quantized.onnx").is_file()
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path)
    special = SpecialTokens.read(tmp_path / "tokenizer.json")
    encoded = tokenizer("a cat", "the dogs")
    assert [*encoded] == ["input_ids", "attention_mask"]
    assert encoded["input_ids"][0] == special.bos == tokenizer.cls_token_id
    assert encoded["input_ids"].count(special.eos) == 2 and tokenizer.pad_token_id == special.pad == 0


TEXTS = """\
xpareto: 1
name: kept
tasks: [TASK]
languages: [en, de]
steps:
  - {step: export_onnx, label: onnx}
  - {step: quantize_dynamic, label: int8}
"""


def test_a_tagger_that_is_fine_tuned_answers_by_itself(root: Path, tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "tagger", "BertForTokenClassification", TAGS)
    bundles = made(planned(tmp_path, root, str(folder), TEXTS.replace("TASK", "udpos")))
    theirs = transformers.BertForTokenClassification.from_pretrained(folder).eval()
    for candidate in ("main/base/torch", "main/onnx/onnxruntime"):
        for row, ids in zip(*rows(bundles[candidate]["udpos"], root, "udpos"), strict=True):
            with torch.inference_mode():
                expected = theirs(torch.tensor([ids])).logits[0].numpy()
            np.testing.assert_allclose(row[0], expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("name", "model_class"),
    [("xnli", "BertForSequenceClassification"), ("xquad", "BertForQuestionAnswering")],
)
def test_a_head_that_was_fine_tuned_on_two_segments_is_refused(
    root: Path, tmp_path: Path, name: str, model_class: str
) -> None:
    folder = write_bert(tmp_path / "pairs", model_class, task(name).labels)
    with pytest.raises(
        InputError, match=rf"fine-tuned on two texts at a time.*answers to {name} would be others"
    ):
        planned(tmp_path, root, str(folder), TEXTS.replace("TASK", name))
