"""Training on mixtures, text, spans and choices, with a supply that is written here."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from pydantic import ValidationError

from xpareto.compress.core.artifact import Artifact, Manifest, seal, sha256_file
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.special_tokens import SpecialTokens
from xpareto.compress.core.step import ChainState, Context, DataNeed, IncompatibleStep, StepResult
from xpareto.compress.data.mlm import MaskedBatches, encode_lines
from xpareto.compress.data.tokenizer_files import write_tokenizer_config
from xpareto.compress.heads import mlm
from xpareto.compress.models.checkpoint import load_model, read_checkpoint, save_model
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer
from xpareto.compress.steps.train import Train
from xpareto.compress.training.validation import dev_score

HEADS: dict[str, Any] = {
    "anli": "classification", "mnli": "classification", "qqp": "classification", "squad_v1": "qa",
    "squad_v2": "qa", "hellaswag": "choice", "ccg": "tagging", "cosmosqa": "choice",
    "commonsenseqa": "choice", "plain": "classification",
}  # fmt: skip
NINE = [name for name in HEADS if name != "plain"]
SIZES = {"anli": 90, "mnli": 80, "qqp": 70, "squad_v1": 40, "squad_v2": 50, "hellaswag": 30, "ccg": 30,
         "cosmosqa": 20, "commonsenseqa": 12, "plain": 24, "mnli@de": 60, "plain@de": 8}  # fmt: skip
LINES = [
    ("a cat sees the dogs of my house", "eine katze sieht die hunde meines hauses"),
    ("many birds sing over a wide green field", "viele vögel singen über einem weiten grünen feld"),
    ("the house of the cat is wide and green", "das haus der katze ist weit und grün"),
    ("my dogs sing over the house", "meine hunde singen über dem haus"),
]
TEXTS = {
    "parallel": {
        "en": [en for en, _ in LINES],
        "de": [de for _, de in LINES],
        "sw": ["paka", "", "", "mbwa"],
    },
    "english": {"en": [en for en, _ in LINES]},
    "uneven": {"en": ["one", "two"], "de": ["eins"]},
    "hollow": {"en": ["", ""]},
}


@dataclass
class Rows:
    input_ids: list[list[int]]
    labels: list[Any]
    options: list[int] | None = None
    metric: Any = None


class Nine:
    """Tiny examples of every shape of answer; dev splits have 8 examples, "plain" has none."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, int]] = []

    def head(self, name: str) -> Any:
        return HEADS[name]

    def labels(self, name: str) -> tuple[str, ...]:
        return {"classification": ("even", "odd"), "tagging": ("even", "odd")}.get(HEADS[name], ())

    def text(self, name: str) -> dict[str, list[str]]:
        return TEXTS[name]

    def examples(self, name: str, split: str, tokenizer: Path, max_length: int, limit: int | None) -> Rows:
        self.asked.append((name, split, max_length))
        own = name.partition("@")[0]
        count = SIZES[name] if split == "train" else 0 if own == "plain" else 8
        first = 0 if split == "train" else 500
        inner = [[5 + (i * k) % 20 for k in range(1, 4 + i % 4)] for i in range(first + 1, first + count + 1)]
        inner = inner[:limit]
        rows = [[0, *row, 2] for row in inner]
        if HEADS[own] == "classification":
            return Rows(rows, [row[0] % 2 for row in inner])
        if HEADS[own] == "tagging":
            return Rows(rows, [[-100, *(x % 2 for x in row), -100] for row in inner])
        if HEADS[own] == "qa":  # the answer goes from the first even id to the next token
            found = []
            for row in inner:
                at = next((at for at, x in enumerate(row, 1) if x % 2 == 0), 0)
                found.append((at, min(at + 1, len(row)) if at else 0))
            return Rows(rows, found)
        options = [2 + number % 4 for number in range(len(inner))]  # the right option holds the id 30
        golds = [row[0] % count for row, count in zip(inner, options, strict=True)]
        rows = [
            [0, *row, 30 if option == gold else 31, 2]
            for row, gold, count in zip(inner, golds, options, strict=True)
            for option in range(count)
        ]
        return Rows(rows, golds, options)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    folder = tmp_path_factory.mktemp("base")
    size = train_tokenizer(
        {"en": [en for en, _ in LINES], "de": [de for _, de in LINES]}, 90, folder / "tokenizer.json"
    )
    write_tokenizer_config(folder)
    config = transformers.XLMRobertaConfig(
        vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=66, type_vocab_size=1, bos_token_id=0, pad_token_id=1, eos_token_id=2,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    torch.manual_seed(0)
    save_model(transformers.XLMRobertaForMaskedLM(config), folder, folder)
    return seal(folder, Manifest({}, "torch", "mlm"))


def train(
    base: Artifact, target: Path, seed: int = 0, provider: Nine | None = None, **fields: Any
) -> StepResult:
    target.mkdir()
    context = Context(provider or Nine(), seed, 1, target, lambda done, total, what: None)  # type: ignore[arg-type]
    return Train(**{"learning_rate": 1e-2, "batch_size": 8, **fields}).apply(base, target, context)


def sealed(folder: Path, made: StepResult) -> Artifact:
    return seal(folder, Manifest({}, made.format, made.head, made.labels))


def states(folder: Path, ids: list[int]) -> torch.Tensor:
    """Return the last hidden states of a checkpoint as plain transformers computes them."""
    model = transformers.XLMRobertaModel.from_pretrained(folder, add_pooling_layer=False).eval()
    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids])).last_hidden_state


@pytest.mark.parametrize(
    "on",
    [NINE, [name for name in NINE if name != "ccg"], [name for name in NINE if name not in ("anli", "qqp")]],
    ids=["nine", "eight", "seven"],
)
def test_the_mixtures_of_the_source_study_run_and_give_one_encoder(
    on: list[str], base: Artifact, tmp_path: Path
) -> None:
    made = train(base, tmp_path / "a", on=on, steps=30, patience=0)
    assert (made.head, made.labels, made.training_set) == ("encoder", (), "+".join(on))
    assert read_checkpoint(tmp_path / "a").head == "encoder"
    sources = made.notes["members"]
    assert list(sources) == on == list(made.notes["dev_by_task"])
    assert sum(data_source["batches"] for data_source in sources.values()) == made.notes["steps"]
    total = sum(SIZES[name] for name in on)
    assert [sources[name]["rate"] for name in on] == pytest.approx([SIZES[n] / total for n in on], abs=1e-5)
    mean = sum(made.notes["dev_by_task"].values()) / len(on)
    assert made.notes["best_dev"] == pytest.approx(mean, abs=1e-3)
    assert not torch.equal(states(tmp_path / "a", [0, 7, 8, 2]), states(base.path, [0, 7, 8, 2]))
    assert json.dumps(dict(made.notes))


def test_a_mixture_learns_all_its_tasks(base: Artifact, tmp_path: Path) -> None:
    on = ["mnli", "squad_v1", "hellaswag", "ccg"]
    made = train(base, tmp_path / "a", on=on, sampling="uniform", steps=160, patience=0)
    first, last = made.notes["dev"][0][1], made.notes["best_dev"]
    assert last > max(70, first)
    assert made.notes["dev_by_task"]["ccg"] > 80 and made.notes["dev_by_task"]["hellaswag"] > 70


def test_the_cap_the_temperature_and_uniform_sampling_reach_the_batches(
    base: Artifact, tmp_path: Path
) -> None:
    found = {}
    for name, fields in {
        "cap": {"cap": 20},
        "temperature": {"sampling": "temperature", "temperature": 3.0},
        "uniform": {"sampling": "uniform"},
    }.items():
        made = train(base, tmp_path / name, on=["mnli", "cosmosqa"], max_steps=2, **fields)
        found[name] = [data_source["rate"] for data_source in made.notes["members"].values()]
    assert found["cap"] == found["uniform"] == [0.5, 0.5]
    ratio = 4 ** (1 / 3)
    assert found["temperature"][0] == pytest.approx(ratio / (1 + ratio), abs=1e-5)


def test_the_length_of_a_mixture_is_its_epochs_over_the_capped_total_or_max_steps(
    base: Artifact, tmp_path: Path
) -> None:
    long = train(base, tmp_path / "a", on=["mnli", "cosmosqa"], epochs=2, cap=30, patience=0)
    assert long.notes["steps"] == 2 * 7  # ceil((30 + 20) / 8) batches a pass
    short = train(base, tmp_path / "b", on=["mnli", "cosmosqa"], epochs=2, cap=30, max_steps=5)
    assert short.notes["steps"] == 5
    exact = train(base, tmp_path / "c", on="plain", epochs=1, steps=9)
    assert exact.notes["steps"] == 9 and exact.notes["epochs"] == 3.0


def test_equal_seeds_give_equal_bytes_and_other_seeds_other_ones(base: Artifact, tmp_path: Path) -> None:
    on = ["mnli", "squad_v2", "mlm:parallel"]
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        train(base, tmp_path / name, seed, on=on, max_steps=6, dropout=0.1)
    a, b, c = (sha256_file(tmp_path / name / "model.safetensors") for name in "abc")
    assert a == b != c


@pytest.mark.parametrize(("on", "head", "least"), [("squad_v1", "qa", 60), ("hellaswag", "choice", 85)])
def test_spans_and_choices_are_target_sets_too(
    on: str, head: Any, least: float, base: Artifact, tmp_path: Path
) -> None:
    provider = Nine()
    made = train(base, tmp_path / "a", provider=provider, on=on, epochs=25, patience=0)
    assert (made.head, made.training_set) == (head, on) and made.notes["best_dev"] >= least
    model = load_model(tmp_path / "a", head, keep_head=True)
    with torch.inference_mode():
        dev = provider.examples(on, "dev", base.file("tokenizer.json"), 64, None)
        assert dev_score(model, head, dev) == pytest.approx(made.notes["best_dev"])


def test_the_length_of_an_example_suits_its_head_unless_it_is_given(base: Artifact, tmp_path: Path) -> None:
    from xpareto.compress.training.multitask import TaskHead
    from xpareto.compress.training.reading import Reading

    reading = Reading(Path("tokenizer.json"), 512, None, None, None, None, True)
    assert reading.length(TaskHead("a", "qa")) == 384
    assert reading.length(TaskHead("a", "choice")) == 256
    assert {reading.length(TaskHead("a", head)) for head in ("tagging", "mlm")} == {128}
    given = Reading(Path("tokenizer.json"), 100, 256, None, None, None, True)
    assert given.length(TaskHead("a", "qa")) == 100  # no more than the model takes
    provider = Nine()
    train(base, tmp_path / "a", provider=provider, on=["mnli", "squad_v1"], max_steps=1, max_length=40)
    assert {length for _, _, length in provider.asked} == {40}


def lm_loss(folder: Path, text: str, translation: float) -> float:
    model = load_model(folder, "mlm", keep_head=True)
    lines = encode_lines(
        {name: rows for name, rows in TEXTS[text].items() if name != "sw"}, folder / "tokenizer.json"
    )
    batches = MaskedBatches(
        lines, batch_size=16, max_length=64, special=SpecialTokens.read(folder / "tokenizer.json"),
        share=0.15, translation=translation, seed=99,
    )  # fmt: skip
    with torch.inference_mode():
        losses = [
            mlm.SPEC.loss(model, {name: torch.from_numpy(rows) for name, rows in batches.batch(at).items()})
            for at in range(4)
        ]
    return float(torch.stack(losses).mean())


@pytest.mark.parametrize(("kind", "translation"), [("mlm", 0.0), ("tlm", 1.0)])
def test_more_language_modelling_lowers_the_masked_loss_on_its_text(
    kind: str, translation: float, base: Artifact, tmp_path: Path
) -> None:
    made = train(base, tmp_path / "a", on=f"{kind}:parallel", text_languages=["en", "de"], steps=40)
    assert (made.head, made.training_set) == ("mlm", f"{kind}:parallel")
    assert made.notes["best_dev"] is None and made.notes["examples"] == 8
    before = lm_loss(base.path, "parallel", translation)
    assert lm_loss(tmp_path / "a", "parallel", translation) < before - 0.4


def test_the_lm_head_that_is_there_goes_on_and_is_fresh_where_there_is_none(
    base: Artifact, tmp_path: Path
) -> None:
    still = {"on": "mlm:english", "max_steps": 1, "learning_rate": 1e-12}
    train(base, tmp_path / "a", **still)
    assert lm_loss(tmp_path / "a", "english", 0.0) == pytest.approx(
        lm_loss(base.path, "english", 0.0), abs=1e-4
    )
    bare = sealed(tmp_path / "b", train(base, tmp_path / "b", on="encoder"))
    train(bare, tmp_path / "c", **still)
    key = "lm_head.dense.weight"
    kept, fresh = (load_model(tmp_path / name, "mlm", keep_head=True).state_dict()[key] for name in "ac")
    assert torch.allclose(kept, load_model(base.path, "mlm", keep_head=True).state_dict()[key], atol=1e-6)
    assert not torch.allclose(fresh, kept, atol=1e-3)


def test_a_mixture_with_text_keeps_its_lm_head_and_an_encoder_that_retrieval_can_read(
    base: Artifact, tmp_path: Path
) -> None:
    on = ["mnli", "squad_v1", "mlm:parallel", "tlm:parallel"]
    fields = {"on": on, "text_languages": ["en", "de"], "sampling": "uniform", "steps": 60}
    made = train(base, tmp_path / "a", **fields, patience=0)
    assert made.head == "mlm" == read_checkpoint(tmp_path / "a").head
    assert set(made.notes["dev_by_task"]) == {"mnli", "squad_v1"}  # text has no dev split
    assert made.notes["members"]["tlm:parallel"]["examples"] == 8
    model = load_model(tmp_path / "a", "mlm", keep_head=True)
    assert model.lm_head.decoder.weight is model.roberta.embeddings.word_embeddings.weight
    assert lm_loss(tmp_path / "a", "parallel", 0.0) < lm_loss(base.path, "parallel", 0.0) - 0.3
    encoder = train(sealed(tmp_path / "a", made), tmp_path / "b", on="encoder", layer=1)
    assert (encoder.head, encoder.layer) == ("encoder", 1)
    found = states(tmp_path / "b", [0, 7, 8, 2])
    assert found.isfinite().all() and torch.equal(found, states(tmp_path / "a", [0, 7, 8, 2]))


def test_languages_are_trained_on_together_under_one_head_and_judged_in_english(
    base: Artifact, tmp_path: Path
) -> None:
    provider = Nine()
    made = train(
        base, tmp_path / "a", provider=provider, on="mnli", languages=["en", "de"], epochs=2, patience=0
    )
    assert (made.head, made.training_set) == ("classification", "mnli")
    assert made.notes["examples"] == 140 and made.notes["steps"] == 2 * 18
    assert [(name, split) for name, split, _ in provider.asked] == [
        ("mnli", "train"), ("mnli@de", "train"), ("mnli", "dev"),
    ]  # fmt: skip
    mixed = train(base, tmp_path / "b", on=["mnli", "mnli@de"], sampling="uniform", max_steps=4)
    assert (mixed.head, mixed.labels) == ("classification", ("even", "odd"))
    assert list(mixed.notes["members"]) == ["mnli", "mnli@de"]
    german = train(base, tmp_path / "c", on="plain@de", max_steps=2)
    assert german.notes["examples"] == 8 and german.notes["best_dev"] is None


def test_training_set_heads_share_one_body_and_are_listed_once(base: Artifact) -> None:
    from xpareto.compress.training.multitask import TaskHead, multitask_model

    tasks = [TaskHead("mnli", "classification", ("a", "b")), TaskHead("mlm", "mlm"), TaskHead("q", "qa")]
    model = multitask_model(base.path, tasks, seed=0, dropout=None, keep_lm_head=True)
    names = [name for name, _ in model.named_parameters()]
    plain = [name for name, _ in load_model(base.path, "encoder").named_parameters()]
    assert [name for name in names if name.startswith("body.")] == [f"body.{name}" for name in plain]
    assert all(one.roberta is model.body for one in model.models)
    alone = load_model(base.path, "classification", ("a", "b"), seed=0)
    ids = torch.tensor([[0, 7, 8, 2]])
    with torch.inference_mode():
        assert torch.equal(model.models[0](input_ids=ids).logits, alone(input_ids=ids).logits)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"on": "mlm:hollow"}, "mlm:hollow holds no line"),
        ({"on": "tlm:uneven"}, "same number of lines.*de 1, en 2.*use mlm:uneven"),
        ({"on": "tlm:english"}, "two languages or more"),
        ({"on": "tlm:parallel", "text_languages": ["en"]}, "two languages or more"),
        ({"on": "mlm:parallel", "text_languages": ["ed"]}, 'no line in "ed".*It has: de, en, sw'),
    ],
)
def test_text_that_cannot_serve_is_refused(
    fields: dict[str, Any], message: str, base: Artifact, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        train(base, tmp_path / "a", **fields)


def test_what_a_chain_carries_after_a_mixture() -> None:
    state = ChainState("torch", "mlm")
    for on, head in (
        (["mnli", "squad_v1"], "encoder"),
        (["mnli", "mnli@de"], "classification"),
        ("mnli@de", "classification"),
        (["mnli", "mlm:parallel"], "mlm"),
        ("tlm:parallel", "mlm"),
    ):
        assert Train(on=on).follow(state, HEADS).head == head
    with pytest.raises(IncompatibleStep, match='Did you mean "squad_v1"'):
        Train(on=["mnli", "squad_v3"]).follow(state, {"mnli": "classification", "squad_v1": "qa"})
    with pytest.raises(
        IncompatibleStep, match=r'per_set: unknown training set "udops"\. Did you mean "udpos"'
    ):
        Train(on="each", per_set={"udops": {"epochs": 1}}).follow(state, {"udpos": "tagging"})


def test_all_that_is_read_enters_the_key() -> None:
    needs = Train(on=["mnli", "squad_v1", "mlm:bible", "tlm:bible"], languages=["en", "de"]).reads()
    assert needs == (
        DataNeed("training", "mnli"), DataNeed("training", "mnli@de"), DataNeed("training", "squad_v1"),
        DataNeed("training", "squad_v1@de"), DataNeed("text", "bible"), DataNeed("metric", "mnli"),
        DataNeed("metric", "squad_v1"),
    )  # fmt: skip
    read = DataNeed("training", "mnli@de"), DataNeed("training", "mnli")
    assert Train(on="mnli@de", dev_metric="accuracy").reads() == read


def test_each_training_set_may_have_fields_of_its_own() -> None:
    step = Train(
        on="each", epochs=2, languages=["en", "de"],
        per_set={"udpos": {"epochs": 10, "languages": ["en"]}, "squad_v1": {"batch_size": 16}},
    )  # fmt: skip
    assert step.branches(["mnli", "udpos", "squad_v1", "encoder", "squad_v1@de"]) == {
        "mnli": Train(on="mnli", epochs=2, languages=["en", "de"]),
        "udpos": Train(on="udpos", epochs=10, languages=["en"]),
        "squad_v1": Train(on="squad_v1", epochs=2, languages=["en", "de"], batch_size=16),
        "encoder": Train(on="encoder"),
        "squad_v1@de": Train(on="squad_v1@de", epochs=2, batch_size=16),
    }


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"on": "each", "per_set": {"udpos": {"epohcs": 1}}}, 'udpos: unknown field "epohcs". Did you mean "epochs"'),
        ({"on": "each", "per_set": {"udpos": {"epochs": 0}}}, "udpos.epochs: expected a number above 0, found 0"),
        ({"on": "each", "per_set": {"udpos": {"on": "mnli"}}}, 'unknown field "on"'),
        ({"on": "mnli", "per_set": {"udpos": {"epochs": 1}}}, "goes with `on: each`"),
        ({"on": "encoder", "languages": ["de"]}, "goes with labelled training sets"),
        ({"on": "mlm:parallel", "languages": ["de"]}, "use text_languages"),
        ({"on": ["mnli@de", "qqp"], "languages": ["fr"]}, "named by @ already"),
        ({"on": "mnli", "languages": ["de", "de"]}, "each language once"),
        ({"on": ["mnli", "mnli"]}, "mnli stands twice"),
        ({"on": "mnli", "sampling": "unifrom"}, "proportional"),
    ],
)  # fmt: skip
def test_fields_that_do_not_go_together_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Train(**fields)


class Killed(Exception):
    """What a kill looks like from inside."""


def test_a_mixture_that_was_killed_goes_on_to_the_same_bytes(base: Artifact, tmp_path: Path) -> None:
    step = Train(
        on=["mnli", "squad_v1", "hellaswag", "mlm:english"], steps=40, batch_size=8, learning_rate=1e-2,
        dropout=0.1, patience=0,
    )  # fmt: skip

    def run(name: str, scratch: str, last: int | None = None) -> StepResult:
        def progress(done: int, total: int, what: str) -> None:
            if done == last:
                raise Killed

        (tmp_path / name).mkdir()
        context = Context(Nine(), 3, 1, tmp_path / scratch, progress, save_minutes=1e-9)  # type: ignore[arg-type]
        return step.apply(base, tmp_path / name, context)

    straight = run("a", "s")
    with pytest.raises(Killed):
        run("b", "t", last=20)
    resumed = run("c", "t")
    assert sha256_file(tmp_path / "a/model.safetensors") == sha256_file(tmp_path / "c/model.safetensors")
    assert straight.notes == resumed.notes


def test_batches_of_every_shape_may_be_worked_on_in_parts(base: Artifact, tmp_path: Path) -> None:
    fields = {"on": ["squad_v1", "hellaswag", "ccg", "tlm:parallel"], "steps": 12, "patience": 0}
    found = [
        train(base, tmp_path / str(parts), accumulate=parts, sampling="uniform", **fields) for parts in (1, 3)
    ]
    one, three = ([loss for _, loss in made.notes["loss"]] for made in found)
    assert three == pytest.approx(one, rel=1e-3)
