from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from pydantic import ValidationError

from xpareto.compress.core.artifact import Artifact, Manifest, seal, sha256_file
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, DataNeed, IncompatibleStep, StepResult
from xpareto.compress.data.batching import epochs
from xpareto.compress.data.tokenizer_files import write_tokenizer_config
from xpareto.compress.heads.table import HEADS as SPECS
from xpareto.compress.models.checkpoint import load_model, save_model
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer
from xpareto.compress.steps.train import STEP, Train
from xpareto.compress.training.embedding_subset import Remap, compact_rows
from xpareto.compress.training.loop import Schedule, fit
from xpareto.compress.training.validation import dev_score

HEADS: dict[str, Any] = {"tags": "tagging", "pairs": "classification", "empty": "tagging", "mute": "tagging"}


@dataclass
class Rows:
    input_ids: list[list[int]]
    labels: list[Any]
    options: list[int] | None = None
    metric: Any = None


class Sets:
    """Tagging by the parity of the id, and classes by whether the first id is even."""

    def head(self, name: str) -> Any:
        return HEADS[name]

    def labels(self, name: str) -> tuple[str, ...]:
        return ("even", "odd")

    def text(self, name: str) -> dict[str, list[str]]:
        return {}

    def examples(self, name: str, split: str, tokenizer: Path, max_length: int, limit: int | None) -> Rows:
        assert tokenizer.name == "tokenizer.json"
        inner = [[5 + (i * k) % 20 for k in range(1, 4 + i % 4)] for i in range(1, 81)]
        inner = (inner[:60] if split == "train" else inner[60:])[:limit]
        if name == "empty":
            inner = []
        ids = [[0, *row, 2] for row in inner]
        if name == "pairs":
            return Rows(ids, [row[0] % 2 for row in inner])
        return Rows(ids, [[-100, *(-100 if name == "mute" else x % 2 for x in row), -100] for row in inner])


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("base")
    text = {"en": ["a cat sees the dogs of my house", "many birds sing over a wide green field"]}
    size = train_tokenizer(text, 60, folder / "tokenizer.json")
    write_tokenizer_config(folder)
    config = transformers.XLMRobertaConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=34, type_vocab_size=1, bos_token_id=0, pad_token_id=1, eos_token_id=2,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    save_model(transformers.XLMRobertaForMaskedLM(config), folder, folder)
    return seal(folder, Manifest({}, "torch", "mlm"))


def train(base: Artifact, target: Path, seed: int = 0, **fields: Any) -> StepResult:
    target.mkdir()
    context = Context(Sets(), seed, 1, target, lambda done, total, what: None)  # type: ignore[arg-type]
    return Train(**{"learning_rate": 1e-2, "batch_size": 16, **fields}).apply(base, target, context)


def test_training_learns_and_the_artifact_answers_so(base: Artifact, tmp_path: Path) -> None:
    made = train(base, tmp_path / "a", on="tags", epochs=15, patience=0)
    assert (made.format, made.head, made.labels, made.training_set) == (
        "torch", "tagging", ("even", "odd"), "tags",
    )  # fmt: skip
    assert made.notes["examples"] == 60 and made.notes["epochs"] == 16.0  # ceil(60 / 16) batches, 15 times
    assert made.notes["best_dev"] > 95
    dev = Sets().examples("tags", "dev", base.file("tokenizer.json"), 32, None)
    model = load_model(tmp_path / "a", "tagging", made.labels, keep_head=True)
    with torch.inference_mode():
        assert dev_score(model, "tagging", dev) == pytest.approx(made.notes["best_dev"])
    assert json.dumps(dict(made.notes))


def test_equal_seeds_give_equal_bytes_and_other_seeds_other_ones(base: Artifact, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(base, tmp_path / name, seed, on="pairs", max_steps=3, dropout=0.1)
    a, b, c = (sha256_file(tmp_path / name / "model.safetensors") for name in "abc")
    assert a == b != c


def test_intermediate_training_changes_the_body_that_target_training_starts_from(
    base: Artifact, tmp_path: Path
) -> None:
    made = train(base, tmp_path / "a", on="pairs", max_steps=3)
    middle = seal(tmp_path / "a", Manifest({}, made.format, made.head, made.labels))
    train(middle, tmp_path / "b", on="tags", max_steps=1, learning_rate=1e-12)
    train(base, tmp_path / "c", on="tags", max_steps=1, learning_rate=1e-12)
    key = "roberta.encoder.layer.0.output.dense.weight"
    a = load_model(tmp_path / "a", "classification", made.labels, keep_head=True).state_dict()[key]
    b, c = (
        load_model(tmp_path / name, "tagging", ("even", "odd"), keep_head=True).state_dict()[key]
        for name in "bc"
    )
    assert torch.allclose(a, b, atol=1e-7) and not torch.allclose(a, c, atol=1e-4)


@pytest.mark.parametrize("layers", [0, 1])
def test_frozen_parts_keep_their_bits_while_the_rest_learns(
    layers: int, base: Artifact, tmp_path: Path
) -> None:
    train(base, tmp_path / "a", on="pairs", max_steps=3, freeze=layers)
    before = load_model(base.path, "classification", ("even", "odd")).state_dict()
    after = load_model(tmp_path / "a", "classification", ("even", "odd"), keep_head=True).state_dict()
    frozen = ("roberta.embeddings.", *(f"roberta.encoder.layer.{number}." for number in range(layers)))
    assert all(torch.equal(before[key], after[key]) for key in before if key.startswith(frozen))
    moving = [key for key in before if not key.startswith(frozen) and key.endswith("dense.weight")]
    assert moving and not any(torch.equal(before[key], after[key]) for key in moving)


def test_the_encoder_branch_keeps_the_weights_and_records_the_layer(base: Artifact, tmp_path: Path) -> None:
    made = train(base, tmp_path / "a", on="encoder", layer=1)
    assert (made.head, made.training_set, made.layer) == ("encoder", "encoder", 1)
    ids = torch.tensor([[0, 7, 8, 2]])
    plain = transformers.AutoModel.from_pretrained(tmp_path / "a", add_pooling_layer=False).eval()
    whole = transformers.AutoModelForMaskedLM.from_pretrained(base.path).eval()
    with torch.inference_mode():
        expected = whole.roberta(input_ids=ids).last_hidden_state
        assert torch.equal(plain(input_ids=ids).last_hidden_state, expected)


def test_training_a_compact_table_equals_training_the_whole_one(base: Artifact) -> None:
    rows = Sets().examples("tags", "train", base.file("tokenizer.json"), 32, 20)
    remap = Remap([range(4), *rows.input_ids], 60)
    results = []
    for compact in (False, True):
        model = load_model(base.path, "tagging", ("even", "odd"))
        plan, options = Schedule(6, 1e-3), {"seed": 0, "threads": 1, "progress": lambda *told: None}
        if compact:
            with compact_rows(model, remap):
                fit(
                    model,
                    epochs(remap(rows.input_ids), rows.labels, 8, 0, 1),
                    SPECS["tagging"].loss,
                    plan,
                    **options,
                )
        else:
            fit(model, epochs(rows.input_ids, rows.labels, 8, 0, 1), SPECS["tagging"].loss, plan, **options)
        results.append(model.state_dict())
    assert len(remap.kept) < results[0]["roberta.embeddings.word_embeddings.weight"].shape[0]
    for key, value in results[0].items():
        assert torch.allclose(value, results[1][key], atol=1e-5), key
    before = load_model(base.path, "tagging", ("even", "odd")).get_input_embeddings().weight
    unseen = np.setdiff1d(np.arange(len(before)), remap.kept)
    for result in results:  # no decay and no moment moves a row that no batch shows
        assert torch.equal(result["roberta.embeddings.word_embeddings.weight"][unseen], before[unseen])


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"on": "empty"}, "training set empty: expected training examples, found none"),
        ({"on": "mute"}, "training set mute: expected labels, found none"),
        ({"on": "encoder", "layer": 3}, r"layer: expected 0 \(embeddings\) to 2 .*found 3"),
        ({"on": "pairs", "freeze": 3}, r"freeze: expected 0 \(embeddings\) to 2 .*found 3"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    fields: dict[str, Any], message: str, base: Artifact, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train(base, tmp_path / "a", **fields)


def test_a_chain_is_checked_before_anything_runs() -> None:
    assert STEP is Train
    torch_flow = ChainState("torch", "mlm")
    assert Train(on="each").follow(torch_flow, HEADS) == ChainState("torch", None, forked=True)
    assert Train(on="pairs").follow(torch_flow, HEADS).head == "classification"
    assert Train(on="encoder").follow(torch_flow, HEADS).head == "encoder"
    with pytest.raises(IncompatibleStep, match=r"train takes torch, but it is given onnx\. Put it before"):
        Train(on="each").follow(ChainState("onnx", "mlm"), HEADS)
    with pytest.raises(IncompatibleStep, match="nothing comes before it"):
        Train(on="each").follow(ChainState(), HEADS)
    with pytest.raises(IncompatibleStep, match='Did you mean "pairs"'):
        Train(on="pair").follow(torch_flow, HEADS)
    with pytest.raises(IncompatibleStep, match="forked already"):
        Train(on="each").follow(ChainState("torch", forked=True), HEADS)


def test_each_forks_into_one_step_per_training_set_and_only_named_sets_are_read() -> None:
    branches = Train(on="each", epochs=2).branches(["tags", "encoder"])
    assert branches == {"tags": Train(on="tags", epochs=2), "encoder": Train(on="encoder")}
    layers = Train(on="each", layer=3, per_set={"encoder": {"layer": 2}}).branches(["encoder"])
    assert layers == {"encoder": Train(on="encoder", layer=2)}
    assert Train(on="tags").branches(["tags"]) is None
    assert Train(on="tags").reads() == (DataNeed("training", "tags"), DataNeed("metric", "tags"))
    assert Train(on="tags", dev_metric="accuracy").reads() == (DataNeed("training", "tags"),)
    assert Train(on="encoder").reads() == ()


def test_weights_are_chosen_by_the_sets_own_metric_where_it_has_one(
    base: Artifact, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, seen = Sets.examples, []

    def scored(self: Sets, *given: Any) -> Rows:
        rows = plain(self, *given)

        def metric(outputs: list[Any]) -> float:
            seen.append([output.shape for output in outputs])
            return float(10 - len(seen))  # the first is the best

        rows.metric = metric
        return rows

    monkeypatch.setattr(Sets, "examples", scored)
    made = train(base, tmp_path / "own", on="tags", epochs=3, patience=0)
    assert made.notes["best_dev"] == 9.0 and made.notes["best_step"] == 4  # of twelve, in three epochs
    dev = Sets().examples("tags", "dev", base.file("tokenizer.json"), 32, None)
    assert seen[0] == [(len(row), 2) for row in dev.input_ids]
    share = train(base, tmp_path / "share", on="tags", epochs=3, patience=0, dev_metric="accuracy")
    assert share.notes["best_step"] > 4 and len(seen) == 3


def test_a_field_that_came_later_is_written_only_where_it_says_something() -> None:
    assert "dev_metric" not in Train(on="tags").as_json()
    other = Train(on="tags", dev_metric="accuracy")
    assert Train.from_json(other.as_json()) == other and Train.from_json(Train(on="tags").as_json())


def test_unknown_keys_and_wrong_types_are_refused() -> None:
    for fields in ({"rate": 1}, {"epochs": "3"}, {"epochs": 0}, {"batch_size": 1.5}):
        with pytest.raises(ValidationError):
            Train(on="each", **fields)  # type: ignore[arg-type]


def test_the_automatic_rate_is_that_of_the_models_width(base: Artifact, tmp_path: Path) -> None:
    train(base, tmp_path / "auto", on="tags", max_steps=2, learning_rate="auto")
    train(base, tmp_path / "told", on="tags", max_steps=2, learning_rate=2e-5 * (768 / 16) ** 2.2)
    one, other = (sha256_file(tmp_path / name / "model.safetensors") for name in ("auto", "told"))
    assert one == other
    with pytest.raises(ValidationError):
        Train(on="tags", learning_rate="quick")  # type: ignore[arg-type]


def test_a_training_counts_the_tokens_that_it_showed_and_may_be_as_long_as_so_many(
    base: Artifact, tmp_path: Path
) -> None:
    by_steps = train(base, tmp_path / "steps", on="tags", steps=5, patience=0)
    rows = Sets().examples("tags", "train", base.file("tokenizer.json"), 32, None)
    assert by_steps.notes["tokens"] > 5 * 16 * min(map(len, rows.input_ids))
    four_epochs = train(base, tmp_path / "epochs", on="tags", epochs=4, patience=0)
    assert four_epochs.notes["tokens"] >= 4 * sum(map(len, rows.input_ids))
    equal = train(base, tmp_path / "tokens", on="tags", tokens=by_steps.notes["tokens"], patience=0)
    assert equal.notes["steps"] == 5 and equal.notes["tokens"] == by_steps.notes["tokens"]
    for name in ("model.safetensors",):
        assert sha256_file(tmp_path / "tokens" / name) == sha256_file(tmp_path / "steps" / name)
    with pytest.raises(ValidationError, match="steps say how long"):
        Train(on="tags", steps=3, tokens=100)
