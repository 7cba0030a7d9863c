"""A cut model computes what the whole one computes with those layers, and holds nothing else."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, DataNeed, IncompatibleStep
from xpareto.compress.data.batching import Rows
from xpareto.compress.models.checkpoint import load_model
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.compress.steps.prune_depth import STEP

LAYERS, VOCAB, TOKENS = 4, 97, 24
LABELS = ("NOUN", "VERB", "X")
SPECIALS = ("<s>", "<pad>", "</s>", "<unk>")
HEADS: tuple[Head, ...] = ("encoder", "tagging", "classification", "choice", "mlm", "qa")


class Texts:
    """A supply of one text in two languages, and of one tagging set."""

    def text(self, name: str) -> Any:
        return {
            language: [
                " ".join(f"t{(at * step) % 90 + 4}" for at in range(1, 9)) for step in range(first, 40)
            ]
            for language, first in (("de", 1), ("sw", 3))
        }

    def examples(self, name: str, split: str, tokenizer: Path, longest: int, limit: int | None) -> Rows:
        ids = [[0, number, number + 9, 2] for number in range(4, 40)]
        return Rows(ids, [[-100, number % 3, number % 2, -100] for number in range(36)])


def context(folder: Path, ticks: list[Any] | None = None) -> Context:
    def note(*what: Any) -> None:
        if ticks is not None:
            ticks.append(what)

    return Context(provider=Texts(), seed=0, threads=1, scratch=folder, progress=note)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function (head, layer) -> sealed random XLM-R of four layers."""
    import torch
    import transformers

    def build(head: Head, layer: int | None = None, idle: int | None = None) -> Artifact:
        """`idle`: a layer that adds nothing to what it is given, and so only normalises it again."""
        folder = tmp_path_factory.mktemp(head)
        config = transformers.XLMRobertaConfig(
            vocab_size=VOCAB, hidden_size=16, num_hidden_layers=LAYERS, num_attention_heads=2,
            intermediate_size=24, max_position_embeddings=TOKENS + 2, type_vocab_size=1, pad_token_id=1,
            initializer_range=0.5,
        )  # fmt: skip
        labels = LABELS if head in ("tagging", "classification") else ()
        if labels:
            config.id2label = dict(enumerate(labels))
            config.label2id = {label: index for index, label in enumerate(labels)}
        if head == "choice":
            config.id2label, config.label2id = {0: "score"}, {"score": 0}
        torch.manual_seed(3)
        model = {
            "tagging": transformers.XLMRobertaForTokenClassification,
            "mlm": transformers.XLMRobertaForMaskedLM,
            "qa": transformers.XLMRobertaForQuestionAnswering,
            "classification": transformers.XLMRobertaForSequenceClassification,
            "choice": transformers.XLMRobertaForSequenceClassification,
            "encoder": lambda config: transformers.XLMRobertaModel(config, add_pooling_layer=False),
        }[head](config)
        if idle is not None:
            layer_of = model.base_model.encoder.layer[idle]
            for part in (layer_of.attention.output.dense, layer_of.output.dense):
                torch.nn.init.zeros_(part.weight)
                torch.nn.init.zeros_(part.bias)
        model.save_pretrained(folder)
        vocab = [*([name, 0.0] for name in SPECIALS), *([f"t{index}", -1.0] for index in range(4, VOCAB - 1))]
        vocab.append(["<mask>", -1.0])
        unigram = {"type": "Unigram", "unk_id": 3, "vocab": vocab}
        tokenizer = {"version": "1.0", "added_tokens": [], "model": unigram}
        (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
        (folder / "tokenizer_config.json").write_text("{}")
        name = {"encoder": "encoder", "tagging": "udpos"}.get(head)
        manifest = Manifest({}, "torch", head, labels=labels, layer=layer, training_set=name)
        return seal(folder, manifest)

    return build


def cut(source: Artifact, target: Path, **fields: Any) -> Artifact:
    target.mkdir()
    made = STEP(**fields).apply(source, target, context(target))
    return seal(
        target,
        Manifest({}, made.format, made.head, made.labels, made.training_set, made.layer, notes=made.notes),
    )


def states(artifact: Artifact, head: Head) -> list[np.ndarray]:
    import torch

    model = load_model(artifact.path, head, artifact.manifest.labels, keep_head=True)
    generator = np.random.default_rng(1)
    ids = torch.from_numpy(generator.integers(4, VOCAB, (3, 9)))
    mask = torch.ones_like(ids)
    mask[1, 5:] = 0
    with torch.inference_mode():
        found = model(input_ids=ids, attention_mask=mask, output_hidden_states=True)
    return [state.numpy() for state in found.hidden_states]


@pytest.mark.parametrize("head", ["encoder", "tagging", "mlm", "qa"])
@pytest.mark.parametrize("layers", [1, 3, 4])
def test_the_last_state_of_the_cut_model_is_that_state_of_the_whole(
    sources: Any, tmp_path: Path, head: Head, layers: int
) -> None:
    source = sources(head)
    made = cut(source, tmp_path / "cut", layers=layers)
    whole, part = states(source, head), states(made, head)
    assert len(part) == layers + 1
    for one, other in zip(part, whole, strict=False):
        assert np.abs(one - other).max() == 0.0
    assert (made.manifest.head, made.manifest.labels) == (head, source.manifest.labels)


def test_the_weights_of_upper_layers_are_gone_and_the_others_are_the_same(
    sources: Any, tmp_path: Path
) -> None:
    source = sources("tagging")
    made = cut(source, tmp_path / "cut", layers=2)
    before = load_file(source.file("model.safetensors"))
    after = load_file(made.file("model.safetensors"))
    assert set(after) == {name for name in before if "layer.2." not in name and "layer.3." not in name}
    assert all((after[name] == before[name]).all() for name in after)
    assert made.size_bytes < source.size_bytes
    assert json.loads(made.file("config.json").read_text())["num_hidden_layers"] == 2
    assert made.manifest.notes["layers_before"] == 4
    removed = sum(array.size for name, array in before.items() if name not in after)
    assert made.manifest.notes["parameters"] == made.manifest.notes["parameters_before"] - removed


@pytest.mark.parametrize(
    ("layer", "layers", "kept", "read"),
    [
        (2, "exit", 2, None),
        (None, "exit", 4, None),
        (3, 2, 2, None),
        (2, 2, 2, None),
        (1, 3, 3, 1),
        (0, 3, 3, 0),
        (3, [0, 2, 3], 3, 2),
        (2, [0, 3], 2, 1),
        (2, [0, 1], 2, None),
        (None, [1, 3], 2, None),
    ],
)
def test_which_layers_stay_and_where_the_encoder_is_read(
    sources: Any, tmp_path: Path, layer: int | None, layers: Any, kept: int, read: int | None
) -> None:
    made = cut(sources("encoder", layer), tmp_path / "cut", layers=layers)
    assert json.loads(made.file("config.json").read_text())["num_hidden_layers"] == kept
    assert made.manifest.layer == read


def test_equal_input_gives_equal_bytes(sources: Any, tmp_path: Path) -> None:
    source = sources("encoder", 2)
    one, other = cut(source, tmp_path / "one", layers=EXIT), cut(source, tmp_path / "other", layers=EXIT)
    assert one.digest == other.digest


EXIT = "exit"


def test_a_cut_encoder_exports_to_onnx_and_answers_as_the_exit_of_the_whole(
    sources: Any, tmp_path: Path
) -> None:
    import onnxruntime

    source = sources("encoder", 2)
    made = cut(source, tmp_path / "cut", layers=EXIT)
    (tmp_path / "onnx").mkdir()
    EXPORT().apply(made, tmp_path / "onnx", context(tmp_path / "onnx"))
    session = onnxruntime.InferenceSession(
        tmp_path / "onnx" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    assert [output.name for output in session.get_outputs()] == ["last_hidden_state"]
    ids = np.random.default_rng(1).integers(4, VOCAB, (3, 9))
    mask = np.ones_like(ids)
    mask[1, 5:] = 0
    (found,) = session.run(None, {"input_ids": ids, "attention_mask": mask})
    np.testing.assert_allclose(found, states(source, "encoder")[2], atol=1e-4)


@pytest.mark.parametrize(
    ("layer", "layers", "message"),
    [
        (None, 5, "expected 1 to 4.*found 5"),
        (0, "exit", "at least one layer"),
        (None, [0, 4], "from 0 to 3.*found 4"),
        (2, [2, 3], "hidden state 2.*none of the layers below it stays.*Keep one of 0 to 1"),
    ],
)
def test_a_depth_that_the_model_has_not_is_refused(
    sources: Any, tmp_path: Path, layer: int | None, layers: Any, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        cut(sources("encoder", layer), tmp_path / "cut", layers=layers)


@pytest.mark.parametrize(
    "fields",
    [
        {}, {"layers": 0}, {"layers": "top"}, {"layers": 1, "only": []}, {"layers": []}, {"layers": [1, 0]},
        {"layers": [1, 1]}, {"layers": [0], "by": "top"}, {"layers": "exit", "by": "loss"},
        {"layers": 2, "calibration": {"examples": 9}}, {"layers": 2, "by": "middle"},
    ],
)  # fmt: skip
def test_fields_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        STEP(**fields)


def test_it_follows_torch_and_names_branches_only_after_the_fork() -> None:
    torch, forked = ChainState("torch", "mlm"), ChainState("torch", None, forked=True)
    assert STEP(layers=1).follow(torch, {}) == torch
    assert STEP(layers=1, only=["encoder"]).follow(forked, {}) == forked
    with pytest.raises(IncompatibleStep, match="no models per training set"):
        STEP(layers=1, only=["encoder"]).follow(torch, {})
    with pytest.raises(IncompatibleStep, match="given onnx"):
        STEP(layers=1).follow(ChainState("onnx", "encoder"), {})
    assert [STEP(layers=1, only=["encoder"]).acts_on(name) for name in ("encoder", "mnli")] == [True, False]


@pytest.mark.parametrize(
    ("by", "kept"), [("bottom", [0, 1]), ("top", [2, 3]), ("spread", [1, 3]), ("ends", [0, 3])]
)
def test_layers_by_position_are_those_of_the_whole_model(
    sources: Any, tmp_path: Path, by: str, kept: list[int]
) -> None:
    source = sources("tagging")
    made = cut(source, tmp_path / "cut", layers=2, by=by)
    assert made.manifest.notes["kept"] == kept
    before = load_file(source.file("model.safetensors"))
    after = load_file(made.file("model.safetensors"))
    for new, old in enumerate(kept):
        names = [name for name in before if f"layer.{old}." in name]
        assert names and all(
            (after[name.replace(f"layer.{old}.", f"layer.{new}.")] == before[name]).all() for name in names
        )
    named = cut(source, tmp_path / "named", layers=kept)
    assert named.digest == made.digest


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("by", ["influence", "loss"])
@pytest.mark.parametrize("idle", [0, 2])
def test_a_layer_that_does_nothing_goes_first(
    sources: Any, tmp_path: Path, head: Head, by: str, idle: int
) -> None:
    source = sources(head, idle=idle)
    made = cut(source, tmp_path / "cut", layers=3, by=by, calibration={"examples": 12})
    assert made.manifest.notes["kept"] == [at for at in range(LAYERS) if at != idle]
    assert made.manifest.notes["calibration"]["examples"] == {"de": 6, "sw": 6}
    again = cut(source, tmp_path / "again", layers=3, by=by, calibration={"examples": 12})
    assert again.digest == made.digest
    np.testing.assert_allclose(states(made, head)[-1], states(source, head)[-1], atol=1e-3)


@pytest.mark.parametrize("by", ["influence", "loss"])
def test_layers_above_the_one_that_is_read_go_first(sources: Any, tmp_path: Path, by: str) -> None:
    source = sources("encoder", 2)
    made = cut(source, tmp_path / "cut", layers=2, by=by, calibration={"examples": 12})
    assert (made.manifest.notes["kept"], made.manifest.layer) == ([0, 1], None)
    part, whole = states(made, "encoder"), states(source, "encoder")
    assert np.abs(part[2] - whole[2]).max() == 0.0


def test_the_loss_on_labels_is_that_of_the_cut_model(sources: Any, tmp_path: Path) -> None:
    import torch

    from xpareto.compress.data.batching import collate

    source = sources("tagging")
    made = cut(source, tmp_path / "cut", layers=3, by="loss", calibration={"on": "udpos", "examples": 9})
    ((dropped, loss),) = made.manifest.notes["dropped"]
    assert made.manifest.notes["kept"] == [at for at in range(LAYERS) if at != dropped]
    rows, losses = Texts().examples("udpos", "train", tmp_path, 24, None), {}
    order = np.random.default_rng([0, zlib.crc32(b"en")]).permutation(36)[:9]
    batch = collate(rows.input_ids, rows.labels, order.tolist(), 1)
    for at in range(LAYERS):
        without = cut(source, tmp_path / f"without{at}", layers=[k for k in range(LAYERS) if k != at])
        model = load_model(without.path, "tagging", LABELS, keep_head=True)
        with torch.inference_mode():
            logits = model(
                input_ids=torch.from_numpy(batch["input_ids"]),
                attention_mask=torch.from_numpy(batch["attention_mask"]),
            ).logits
        losses[at] = float(
            torch.nn.functional.cross_entropy(
                logits.flatten(0, 1), torch.from_numpy(batch["labels"]).flatten()
            )
        )
    assert min(losses, key=losses.get) == dropped
    assert loss == pytest.approx(losses[dropped], rel=1e-5)


def test_labels_of_another_training_set_are_refused(sources: Any, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"trained on encoder.*no loss on udpos.*only"):
        cut(sources("encoder"), tmp_path / "cut", layers=3, by="loss", calibration={"on": "udpos"})


def test_progress_counts_the_losses_that_are_taken(sources: Any, tmp_path: Path) -> None:
    ticks: list[Any] = []
    step = STEP(layers=2, by="loss", calibration={"examples": 4})
    (tmp_path / "cut").mkdir()
    step.apply(sources("encoder"), tmp_path / "cut", context(tmp_path, ticks))
    assert [(done, total) for done, total, _ in ticks] == [(at, 7) for at in range(7)]


def test_what_is_read_enters_the_key() -> None:
    assert STEP(layers=2).reads() == () == STEP(layers=2, by="top").reads()
    assert STEP(layers=2, by="loss").reads() == (DataNeed("text", "parallel"),)
    step = STEP(layers=2, by="influence", calibration={"on": "udpos"})
    assert step.reads() == (DataNeed("training", "udpos"),)
    with pytest.raises(IncompatibleStep, match="prune_depth: calibration: on"):
        STEP(layers=2, by="loss", calibration={"on": "udpo"}).follow(
            ChainState("torch"), {"udpos": "tagging"}
        )
