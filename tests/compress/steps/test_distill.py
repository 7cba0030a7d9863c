"""A student learns what its teacher computes, whatever the head, the width, the vocabulary and the data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from pydantic import ValidationError
from safetensors.torch import load_file

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal, sha256_file
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, DataNeed, IncompatibleStep, StepResult
from xpareto.compress.data.tokenizer_files import write_tokenizer_config
from xpareto.compress.models.checkpoint import load_model, save_model
from xpareto.compress.models.heterogeneous_config import Shape
from xpareto.compress.models.heterogeneous_layers import reshape, shape_of
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer
from xpareto.compress.steps.distill import STEP, Distill

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
        self.input_ids, self.labels, self.options, self.metric = ids, labels, options, None


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
) -> StepResult:
    target.mkdir(parents=True, exist_ok=True)
    told = lambda done, total, what: None  # noqa: E731
    context = Context(Sets(), seed, 1, target / "scratch", told, teacher=earlier)  # type: ignore[arg-type]
    plain = {"student": {"layers": 2}, "steps": 3, "batch_size": 8, "precision": "fp32", "max_length": 16}
    return Distill(**plain | fields).apply(source, target, context)


def sealed(target: Path, made: StepResult) -> Artifact:
    manifest = Manifest(
        {}, made.format, made.head, made.labels, made.training_set, made.layer, notes=made.notes
    )
    return seal(target, manifest)


class Killed(Exception):
    pass


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
    assert made.notes["parts"]["logits"]["after"] < 0.8 * made.notes["parts"]["logits"]["before"]


def test_a_distillation_that_was_killed_goes_on_to_the_same_bytes(
    sources: dict[str, Artifact], tmp_path: Path
) -> None:
    step = Distill(
        student={"layers": 2, "hidden_size": 8, "heads": 2, "ffn": 16},  # type: ignore[arg-type]
        on="tags", text="parallel", hidden={}, logits={}, steps=24, batch_size=8, dropout=0.1, epochs=1.0,  # type: ignore[arg-type]
    )  # fmt: skip

    def run(target: str, scratch: str, fatal: int | None) -> dict[str, Any]:
        def progress(done: int, total: int, what: str) -> None:
            if fatal is not None and done >= fatal:
                raise Killed

        (tmp_path / target).mkdir()
        context = Context(Sets(), 3, 1, tmp_path / scratch, progress, save_minutes=1e-9)  # type: ignore[arg-type]
        return dict(step.apply(sources["tags"], tmp_path / target, context).notes)

    whole = run("whole", "s1", None)
    with pytest.raises(Killed):
        run("killed", "s2", 10)
    gone_on = run("gone-on", "s2", None)
    a, b = (sha256_file(tmp_path / name / "model.safetensors") for name in ("whole", "gone-on"))
    assert a == b
    assert {name: value for name, value in whole.items() if name != "tokens_per_second"} == {
        name: value for name, value in gone_on.items() if name != "tokens_per_second"
    }


def test_a_batch_may_be_worked_on_in_parts_and_with_recomputed_activations(
    sources: dict[str, Artifact], tmp_path: Path
) -> None:
    plain = {"on": "options", "steps": 3, "hidden": {}, "relations": {}, "logits": {}, "labels": {}}
    whole = distill(sources["options"], tmp_path / "a", **plain)
    parts = distill(sources["options"], tmp_path / "b", **plain, accumulate=3, gradient_checkpointing=True)
    one, three = ([loss for _, loss in made.notes["loss"]] for made in (whole, parts))
    assert three == pytest.approx(one, rel=1e-3)


@pytest.mark.slow  # starts three interpreters; the gradient of shares is tested in test_teaching
def test_two_processes_distil_what_one_distils(sources: dict[str, Artifact], tmp_path: Path) -> None:
    from tests.compress.steps import scaled_distillation

    script, root = Path(__file__).with_name("scaled_distillation.py"), str(Path(__file__).parents[3])
    launch = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "--main_process_port", "0", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
    ]  # fmt: skip
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [*launch, str(script), str(sources["tags"].path), str(tmp_path / "two")],
        env=environment, capture_output=True, text=True, timeout=300, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    scaled_distillation.main(sources["tags"].path, tmp_path / "one")
    assert {path.name for path in tmp_path.glob("process-*")} == {
        "process-0-of-1", "process-0-of-2", "process-1-of-2",
    }  # fmt: skip
    one, two = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "two"))
    assert np.asarray(two) == pytest.approx(np.asarray(one), rel=1e-3)
    a, b = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert all(torch.allclose(value, b[name], atol=1e-3) for name, value in a.items())


def test_an_uneven_student_learns_from_what_it_was(sources: dict[str, Artifact], tmp_path: Path) -> None:
    """Fewer heads and neurons per layer, one layer without heads, low-rank embeddings."""
    source = sources["tags"]
    model: Any = load_model(source.path, "tagging", source.manifest.labels, keep_head=True)
    reshape(model, Shape((1, 2, 0, 1), (8, 32, 4, 0), 8, embedding_rank=4))
    save_model(model, source.path, tmp_path / "pruned")
    uneven = seal(tmp_path / "pruned", replace(source.manifest, files={}, digest=""))
    fields = {"student": None, "teacher": "fp32", "on": "tags", "hidden": {}, "relations": {}, "steps": 40}
    made = distill(uneven, tmp_path / "a", earlier=source, **fields)
    assert all(told["after"] < told["before"] for told in made.notes["parts"].values())
    again: Any = load_model(tmp_path / "a", "tagging", made.labels, keep_head=True)
    assert shape_of(again) == Shape((1, 2, 0, 1), (8, 32, 4, 0), 8, embedding_rank=4)
    with pytest.raises(InputError, match="layer 3 of the student has no attention heads left"):
        distill(uneven, tmp_path / "b", earlier=source, **fields | {"relations": {"student_layer": 3}})
    made = distill(uneven, tmp_path / "c", student={"layers": 2, "hidden_size": 8, "heads": 2, "ffn": 8})
    narrow: Any = load_model(tmp_path / "c", "tagging", made.labels, keep_head=True)
    assert shape_of(narrow) == Shape((2, 2), (8, 8), 4)


def test_two_steps_in_a_row_are_a_teacher_assistant(sources: dict[str, Artifact], tmp_path: Path) -> None:
    assistant = sealed(tmp_path / "a", distill(sources["mlm"], tmp_path / "a", student={"layers": 3}))
    made = distill(assistant, tmp_path / "b", student={"layers": 1})
    assert made.notes["teacher"] == assistant.digest and made.notes["taken_layers"] == [2]


def trimmed(source: Artifact, target: Path, dropped: set[str]) -> Artifact:
    """Return the artifact without some pieces: its tokenizer and tables have fewer rows, other ids."""
    target.mkdir()
    tokenizer = json.loads(source.file("tokenizer.json").read_text())
    vocab = tokenizer["model"]["vocab"]
    kept = [at for at, (piece, _) in enumerate(vocab) if piece not in dropped]
    new = {old: at for at, old in enumerate(kept)}
    tokenizer["model"]["vocab"] = [vocab[at] for at in kept]
    specials = [
        token for token in tokenizer["added_tokens"] if token["id"] in new or token["id"] >= len(vocab)
    ]
    for token in specials:
        token["id"] = new.get(token["id"], len(kept) + token["id"] - len(vocab))
    tokenizer["added_tokens"] = specials
    rows = kept + list(range(len(vocab), 1 + max(token["id"] for token in specials) - len(kept) + len(vocab)))
    (target / "tokenizer.json").write_text(json.dumps(tokenizer, ensure_ascii=False))
    (target / "tokenizer_config.json").write_text(source.file("tokenizer_config.json").read_text())
    manifest = source.manifest
    model: Any = load_model(source.path, manifest.head, manifest.labels, keep_head=True)
    table = model.get_input_embeddings().weight.detach()[rows]
    model.set_input_embeddings(torch.nn.Embedding.from_pretrained(table, freeze=False, padding_idx=1))
    model.config.vocab_size = len(rows)
    save_model(model, target, target)
    return seal(target, replace(manifest, files={}, digest=""))


@pytest.mark.parametrize(("share", "layers"), [(0.5, 2), (0.75, 3), (0.01, 1)])
def test_a_student_may_have_a_share_of_the_layers(
    sources: dict[str, Artifact], tmp_path: Path, share: float, layers: int
) -> None:
    distill(sources["mlm"], tmp_path / "a", student={"layers": share}, steps=1, learning_rate="auto")
    assert json.loads((tmp_path / "a" / "config.json").read_text())["num_hidden_layers"] == layers


def test_a_student_with_a_trimmed_vocabulary_hears_the_teacher_under_its_own_ids(
    sources: dict[str, Artifact], tmp_path: Path
) -> None:
    source = sources["tags"]
    vocab = json.loads(source.file("tokenizer.json").read_text())["model"]["vocab"]
    long = {piece for piece, _ in vocab[4:] if len(piece) > 2}
    small = trimmed(source, tmp_path / "small", long)
    assert len(long) > 4 and small.size_bytes < source.size_bytes
    fields = {"student": None, "teacher": "base", "text": "parallel", "logits": {}, "hidden": {}}
    made = distill(small, tmp_path / "a", earlier=source, **fields)
    # The same pieces, the same weights: nothing is left to learn.
    assert [told["before"] for told in made.notes["parts"].values()] == pytest.approx([0, 0], abs=1e-5)
    with pytest.raises(InputError, match=r"the teacher's tokenizer lacks .* of the student's .* trim_vocab"):
        distill(source, tmp_path / "b", earlier=small, **fields)


@pytest.mark.parametrize(
    ("name", "fields", "message"),
    [
        ("tags", {"on": "pairs"}, "pairs has the head classification .* student is a model of tags with the head"),
        ("mlm", {"text": "empty"}, "text: empty holds no line"),
        ("mlm", {"text_languages": ["fr"]}, 'has no line in "fr"'),
        ("mlm", {"text": "uneven", "translation": 0.5}, "has not the same number of lines"),
        ("mlm", {"student": {"layers": 5}}, "expected at most 4, the layers of the source, found 5"),
        ("mlm", {"student": {"hidden_size": 32}}, "hidden_size: expected at most 16.*found 32"),
        ("mlm", {"student": {"hidden_size": 9}}, r"expected a multiple of heads \(2\), found 9"),
        ("mlm", {"student": {"take": [2, 1]}}, "different layers of 0 to 3 in rising order"),
        ("encoder", {"logits": {}}, "the model is a bare encoder"),
        ("tags", {"text": "parallel", "labels": {}}, "labels: a text has none"),
        ("options", {"text": "parallel"}, "a multiple-choice model reads questions"),
        ("mlm", {"student": None, "teacher": "x"}, "is what the step is given, so there is nothing to learn"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_is_refused(
    name: str, fields: dict[str, Any], message: str, sources: dict[str, Artifact], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        distill(sources[name], tmp_path / "a", **fields)


def test_a_teacher_of_other_labels_is_refused_before_its_weights_are_read(
    sources: dict[str, Artifact], tmp_path: Path
) -> None:
    fields = {"student": None, "teacher": "x", "text": "parallel"}
    with pytest.raises(
        InputError, match="expected the student's head tagging with the labels even, odd, found"
    ):
        distill(sources["tags"], tmp_path / "a", earlier=sources["pairs"], **fields)
    made = distill(sources["tags"], tmp_path / "b", earlier=sources["mlm"], **fields, relations={})
    assert made.notes["teacher"] == sources["mlm"].digest


def test_a_retrieval_layer_moves_with_the_depth(build: Build, tmp_path: Path) -> None:
    source = build("encoder", layer=2)
    assert distill(source, tmp_path / "a", student={"layers": 2}, steps=1).layer == 1
    assert (
        distill(source, tmp_path / "b", student=None, teacher="x", earlier=build("mlm"), steps=1).layer == 2
    )


FORKED = ChainState(
    "torch",
    None,
    forked=True,
    earlier={"base": ChainState("torch", "mlm"), "fp32": ChainState("torch", None, forked=True)},
)


@pytest.mark.parametrize(
    ("fields", "state", "message"),
    [
        ({}, ChainState("onnx", "mlm"), "takes torch, but it is given onnx"),
        ({"teacher": "fp3"}, FORKED, 'labelled "fp3". Did you mean "fp32"'),
        ({"on": "each"}, ChainState("torch", "mlm"), "go with models per training set"),
        ({"only": ["tags"]}, ChainState("torch", "mlm"), "go with models per training set"),
        ({"on": "tags"}, ChainState("torch", "mlm"), "tags needs the head tagging, but what comes before it has mlm"),
        ({"on": "tagz"}, ChainState("torch", "mlm"), 'unknown training set "tagz". Did you mean "tags"'),
        ({"on": "encoder"}, ChainState("torch", "mlm"), "expected a labelled training set, found encoder"),
        ({"on": "tags"}, FORKED, r"Say `on: each`, or add `only: \[tags\]`"),
        ({"teacher": "base", "logits": {}}, FORKED, "base has the head mlm, .* cannot be learned"),
        ({"teacher": "base", "on": "each"}, FORKED, "base has the head mlm"),  # logits are its default
        ({"logits": {}}, ChainState("torch", "encoder"), "the model is a bare encoder"),
        ({"labels": {}}, ChainState("torch", "tagging"), "labels: a text has none"),
    ],
)  # fmt: skip
def test_a_chain_that_cannot_be_is_refused_before_anything_runs(
    fields: dict[str, Any], state: ChainState, message: str
) -> None:
    with pytest.raises(IncompatibleStep, match=message):
        Distill(**{"student": {"layers": 2}, **fields}).follow(state, HEADS | {"encoder": "encoder"})


def test_the_plan_learns_what_the_step_reads_and_where_it_acts() -> None:
    assert STEP is Distill
    each = Distill(student={"layers": 2}, on="each", text="parallel", dev="each")  # type: ignore[arg-type]
    assert each.follow(FORKED, HEADS) == FORKED
    own = each.within("tags")
    needs = DataNeed("training", "tags"), DataNeed("metric", "tags"), DataNeed("text", "parallel")
    assert own.reads() == needs
    assert each.within("encoder").reads() == (DataNeed("text", "parallel"),)
    labelled = Distill(student={"layers": 2}, on="each")  # type: ignore[arg-type]
    assert labelled.text is None and labelled.acts_on("tags") and not labelled.acts_on("encoder")
    german = Distill(student={"layers": 2}, on="pairs", languages=["en", "de"])  # type: ignore[arg-type]
    assert german.reads()[:2] == (DataNeed("training", "pairs"), DataNeed("training", "pairs@de"))
    with pytest.raises(IncompatibleStep, match="leave it out by `only`"):
        Distill(student={"layers": 2}, logits={}).within("encoder", "encoder")  # type: ignore[arg-type]
    with pytest.raises(IncompatibleStep, match="a multiple-choice model reads questions"):
        each.within("options", "choice")
    with pytest.raises(IncompatibleStep, match="labels: a text has none"):
        Distill(teacher="fp32", labels={}).within("tags", "tagging")  # type: ignore[arg-type]
    assert Distill(teacher="fp32").learns_from() == "fp32"
    assert Distill(student={"layers": 2}).learns_from() is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "a student that is its own teacher learns nothing"),
        ({"teacher": "x", "text": None}, "needs data"),
        ({"teacher": "x", "on": "tags", "translation": 0.5}, "go with a text"),
        ({"teacher": "x", "languages": ["de"]}, "languages go with the labelled set"),
        ({"teacher": "x", "on": "tags@de", "languages": ["de"]}, "named by @ already"),
        ({"teacher": "x", "hidden": {"layers": "every"}}, "uniform"),
        ({"teacher": "x", "rate": 1}, "rate"),
    ],
)
def test_fields_that_do_not_go_together_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Distill(**fields)


def test_a_step_is_the_same_after_a_round_trip() -> None:
    for fields in (
        {"student": {"layers": 2}},
        {"teacher": "x", "on": "tags"},
        {"teacher": "x", "hidden": {}},
    ):
        step = Distill(**fields)  # type: ignore[arg-type]
        assert Distill.model_validate_json(step.model_dump_json()) == step
