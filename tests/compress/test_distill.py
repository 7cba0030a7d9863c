"""A student learns what its teacher computes, whatever the head, the width, the vocabulary and the data."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from compress.artifact import Artifact, Head, Manifest, seal, sha256_file
from compress.checkpoint import load_model, save_model, write_tokenizer_config
from compress.step import Context, Made
from compress.steps.distill import Distill
from compress.tokenizer_training import train_tokenizer

LINES = {
    "en": ["a cat sees the dogs of my house", "many birds sing over a wide green field", "the cat sleeps"],
    "de": [
        "eine katze sieht die hunde meines hauses",
        "viele vögel singen über dem feld",
        "die katze schläft",
    ],
}
HEADS: dict[str, Head] = {"tags": "tagging", "pairs": "classification", "spans": "qa", "options": "choice"}
LABELS = {"tags": ("even", "odd"), "pairs": ("no", "maybe", "yes"), "spans": (), "options": ()}
CLASSES = {
    "tagging": transformers.XLMRobertaForTokenClassification,
    "classification": transformers.XLMRobertaForSequenceClassification,
    "qa": transformers.XLMRobertaForQuestionAnswering,
    "choice": transformers.XLMRobertaForSequenceClassification,
    "mlm": transformers.XLMRobertaForMaskedLM,
}


class Rows:
    def __init__(self, ids: list[list[int]], labels: list[Any], options: list[int] | None = None) -> None:
        self.input_ids, self.labels, self.options = ids, labels, options


class Sets:
    """Labels that follow from the ids, in every shape."""

    def head(self, name: str) -> Head:
        return HEADS[name.partition("@")[0]]

    def labels(self, name: str) -> tuple[str, ...]:
        return LABELS[name.partition("@")[0]]

    def text(self, name: str) -> dict[str, list[str]]:
        return {"parallel": LINES, "empty": {"en": [""]}, "uneven": {**LINES, "fr": ["un chat"]}}[name]

    def examples(self, name: str, split: str, tokenizer: Path, max_length: int, limit: int | None) -> Rows:
        inner = [[5 + (i * k) % 20 for k in range(1, 4 + i % 4)] for i in range(1, 41)]
        inner = (inner[:30] if split == "train" else inner[30:])[:limit]
        ids = [[0, *row, 2] for row in inner]
        match self.head(name):
            case "tagging":
                return Rows(ids, [[-100, *(x % 2 for x in row), -100] for row in inner])
            case "classification":
                return Rows(ids, [row[0] % 3 for row in inner])
            case "qa":
                return Rows(ids, [[1, len(row)] for row in inner])
            case _:
                counts = [2 + at % 2 for at in range(len(ids) // 3)]
                return Rows(ids[: sum(counts)], [at % 2 for at in range(len(counts))], counts)


Build = Callable[..., Artifact]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Return a function: training set, or mlm, or encoder -> sealed tiny model of random weights."""

    def make(
        name: str, *, layers: int = 4, width: int = 16, seed: int = 3, layer: int | None = None
    ) -> Artifact:
        folder = tmp_path_factory.mktemp(name)
        size = train_tokenizer(LINES, 60, folder / "tokenizer.json")
        write_tokenizer_config(folder)
        config = transformers.XLMRobertaConfig(
            vocab_size=size, hidden_size=width, num_hidden_layers=layers, num_attention_heads=2,
            intermediate_size=32, max_position_embeddings=34, type_vocab_size=1, bos_token_id=0, pad_token_id=1,
            eos_token_id=2, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, initializer_range=0.2,
        )  # fmt: skip
        head: Head = HEADS.get(name, name)  # type: ignore[arg-type, call-overload]
        labels = LABELS.get(name, ())
        count = {"choice": 1, "qa": 2}.get(head, max(2, len(labels)))
        config.id2label = dict(enumerate(labels or map(str, range(count))))
        torch.manual_seed(seed)
        model = (
            transformers.XLMRobertaModel(config, add_pooling_layer=False)
            if head == "encoder"
            else CLASSES[head](config)
        )
        save_model(model, folder, folder)
        trained_on = None if head == "mlm" else name
        return seal(folder, Manifest({}, "torch", head, labels, trained_on, layer))

    return make


@pytest.fixture(scope="module")
def sources(build: Build) -> dict[str, Artifact]:
    return {name: build(name) for name in (*HEADS, "mlm", "encoder")}


def distill(
    source: Artifact, target: Path, seed: int = 0, earlier: Artifact | None = None, **fields: Any
) -> Made:
    target.mkdir(parents=True, exist_ok=True)
    told = lambda done, total, what: None  # noqa: E731
    context = Context(Sets(), seed, 1, target / "scratch", told, teacher=earlier)  # type: ignore[arg-type]
    plain = {"student": {"layers": 2}, "steps": 3, "batch_size": 8, "precision": "fp32", "max_length": 16}
    return Distill(**plain | fields).apply(source, target, context)


def sealed(target: Path, made: Made) -> Artifact:
    manifest = Manifest(
        {}, made.format, made.head, made.labels, made.training_set, made.layer, notes=made.notes
    )
    return seal(target, manifest)


BODY = {"hidden": {}, "attention": {}, "minilm": {}, "relations": {"heads": 4}}


@pytest.mark.parametrize("name", [*HEADS, "mlm", "encoder"])
def test_every_head_learns_by_every_objective_it_has(
    name: str, sources: dict[str, Artifact], tmp_path: Path
) -> None:
    source = sources[name]
    data: dict[str, Any] = {"on": name} if name in HEADS else {"text": "parallel"}
    answers = (
        {} if name == "encoder" else {"logits": {}, "labels": {"weight": 0.01}}
    )  # the teacher is no good
    made = distill(source, tmp_path / "a", steps=40, learning_rate=5e-3, **data, **BODY, **answers)
    assert (made.format, made.head, made.labels) == ("torch", source.manifest.head, source.manifest.labels)
    assert made.training_set == source.manifest.training_set
    parts = made.notes["parts"]
    assert set(parts) == {*BODY, *answers}
    learned = [told["after"] < 0.9 * told["before"] for part, told in parts.items() if part != "labels"]
    assert all(learned), parts
    assert made.notes["teacher"] == source.digest and made.notes["layer_pairs"]["hidden"] == [
        [0, 0], [1, 2], [2, 4],
    ]  # fmt: skip
    assert json.dumps(dict(made.notes))
    again = load_model(tmp_path / "a", made.head, made.labels, keep_head=True)
    assert len(again.base_model.encoder.layer) == 2  # type: ignore[arg-type, union-attr]


@pytest.mark.parametrize("name", [*HEADS, "mlm", "encoder"])
def test_the_objectives_of_a_recipe_that_names_none_suit_the_head(
    name: str, sources: dict[str, Artifact], tmp_path: Path
) -> None:
    made = distill(sources[name], tmp_path / "a", **({"on": name} if name in HEADS else {}))
    expected = {"logits", "hidden"} if name in HEADS else {"relations", "hidden"}
    assert set(made.notes["parts"]) == expected


def test_equal_seeds_give_equal_bytes_and_other_seeds_other_ones(
    sources: dict[str, Artifact], tmp_path: Path
) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        distill(sources["tags"], tmp_path / name, seed, on="tags", text="parallel", dropout=0.1)
    a, b, c = (sha256_file(tmp_path / name / "model.safetensors") for name in "abc")
    assert a == b != c


def test_a_student_of_another_width_learns_through_projections_that_are_not_saved(
    sources: dict[str, Artifact], tmp_path: Path
) -> None:
    student = {"layers": 2, "hidden_size": 8, "heads": 4, "ffn": 12}
    made = distill(sources["mlm"], tmp_path / "a", student=student, hidden={}, relations={}, steps=40)
    assert made.notes["relation_heads"] == 1  # 16 numbers for each of the teacher's
    assert all(told["after"] < told["before"] for told in made.notes["parts"].values())
    model = load_model(tmp_path / "a", "mlm", keep_head=True)
    config = model.config
    assert (config.hidden_size, config.num_attention_heads, config.intermediate_size) == (8, 4, 12)
    assert made.notes["parameters"] == sum(weight.numel() for weight in model.parameters())
    plain = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path / "a")
    assert plain.config.num_hidden_layers == 2


def test_text_needs_no_labels_in_any_language_and_tells_its_languages(
    sources: dict[str, Artifact], tmp_path: Path
) -> None:
    made = distill(sources["tags"], tmp_path / "a", text="parallel", logits={}, steps=40)
    assert made.notes["languages"] == ["de", "en"] and made.notes["examples"] == 6
    assert made.notes["parts"]["logits"]["after"] < 0.5 * made.notes["parts"]["logits"]["before"]
    assert made.notes["best_dev"] is None
    made = distill(sources["tags"], tmp_path / "b", text="parallel", text_languages=["de"], dev="tags")
    assert made.notes["languages"] == ["de"] and made.notes["best_dev"] is not None


def test_dev_scores_choose_the_weights_where_the_set_has_dev_examples(
    sources: dict[str, Artifact], tmp_path: Path
) -> None:
    made = distill(sources["tags"], tmp_path / "a", on="tags", labels={}, steps=60, learning_rate=1e-2)
    assert made.notes["best_dev"] == max(score for _, score in made.notes["dev"]) > 90


def test_recovery_learns_from_the_model_before_the_cut(
    sources: dict[str, Artifact], build: Build, tmp_path: Path
) -> None:
    cut = sealed(tmp_path / "cut", distill(sources["tags"], tmp_path / "cut", on="tags", steps=1))
    made = distill(
        cut, tmp_path / "a", earlier=sources["tags"], student=None, teacher="fp32", on="tags", steps=40
    )
    assert made.notes["teacher"] == sources["tags"].digest
    assert made.notes["layer_pairs"]["hidden"] == [[0, 0], [1, 2], [2, 4]]
    assert made.notes["parts"]["logits"]["after"] < 0.5 * made.notes["parts"]["logits"]["before"]
