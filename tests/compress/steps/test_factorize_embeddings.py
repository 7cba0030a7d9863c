"""Factorised embeddings: the best product of the rank, in every head, through export and int8."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from safetensors.numpy import load_file

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, DataNeed, IncompatibleStep
from xpareto.compress.data.tokenizer_files import write_tokenizer_config
from xpareto.compress.models.checkpoint import load_model
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.compress.steps.factorize_embeddings import STEP
from xpareto.compress.steps.quantize_dynamic import STEP as QUANTIZE
from xpareto.compress.steps.trim_vocab import STEP as TRIM
from xpareto.eval.roofline.file_bytes import onnx_components

TEXT = {
    "en": ["the red house is big", "a small red bird sings", "the bird is in the house"] * 4,
    "de": ["das rote haus ist groß", "ein kleiner roter vogel singt", "der vogel ist im haus"] * 4,
}
HIDDEN = 16
TABLE = "roberta.embeddings.word_embeddings."


class TextSupply:
    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        return TEXT


def context(folder: Path) -> Context:
    return Context(provider=TextSupply(), seed=0, threads=1, scratch=folder, progress=lambda *_: None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function head -> sealed random XLM-R."""
    import torch
    import transformers

    def build(head: Head) -> Artifact:
        folder = tmp_path_factory.mktemp(head)
        size = train_tokenizer(TEXT, 90, folder / "tokenizer.json")
        write_tokenizer_config(folder)
        labels = ("X", "Y", "Z") if head == "tagging" else ()
        config = transformers.XLMRobertaConfig(
            vocab_size=size, hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=2,
            intermediate_size=24, max_position_embeddings=34, type_vocab_size=1, pad_token_id=1,
            initializer_range=0.5, id2label=dict(enumerate(labels)),
        )  # fmt: skip
        torch.manual_seed(3)
        model = {
            "tagging": transformers.XLMRobertaForTokenClassification,
            "mlm": transformers.XLMRobertaForMaskedLM,
            "encoder": lambda config: transformers.XLMRobertaModel(config, add_pooling_layer=False),
        }[head](config)
        if head == "mlm":
            with torch.no_grad():
                model.lm_head.bias.normal_()
        model.save_pretrained(folder)
        return seal(folder, Manifest({}, "torch", head, labels=labels, training_set="udpos"))

    return build


def applied(step: Any, source: Artifact, target: Path) -> Artifact:
    target.mkdir()
    made = step.apply(source, target, context(target))
    return seal(
        target,
        Manifest({}, made.format, made.head, made.labels, made.training_set, made.layer, notes=made.notes),
    )


def batch(vocab: int) -> tuple[np.ndarray, np.ndarray]:
    ids = np.random.default_rng(1).integers(4, vocab, (3, 9))
    mask = np.ones_like(ids)
    ids[1, 5:], mask[1, 5:] = 1, 0
    return ids, mask


def output(model: Any, head: Head, vocab: int) -> np.ndarray:
    import torch

    ids, mask = map(torch.from_numpy, batch(vocab))
    with torch.inference_mode():
        found = model(input_ids=ids, attention_mask=mask)
    return np.asarray(found["last_hidden_state" if head == "encoder" else "logits"])


@pytest.mark.parametrize("head", ["encoder", "tagging", "mlm"])
def test_the_model_computes_what_the_whole_one_does_with_the_product_as_its_table(
    sources: Any, tmp_path: Path, head: Head
) -> None:
    import torch

    source = sources(head)
    made = applied(STEP(rank=5), source, tmp_path / "made")
    weights = load_file(made.file("model.safetensors"))
    prefix = TABLE.removeprefix("roberta.") if head == "encoder" else TABLE
    lookup, projection = weights[f"{prefix}lookup.weight"], weights[f"{prefix}projection.weight"]
    vocab = len(lookup)
    assert lookup.shape == (vocab, 5) and projection.shape == (HIDDEN, 5)
    assert not any(array.shape == (vocab, HIDDEN) for array in weights.values()), "the whole table is gone"
    whole = load_model(source.path, head, source.manifest.labels, keep_head=True)
    with torch.no_grad():
        whole.get_input_embeddings().weight.copy_(torch.from_numpy(lookup @ projection.T))
    part = load_model(made.path, head, made.manifest.labels, keep_head=True)
    np.testing.assert_allclose(output(part, head, vocab), output(whole, head, vocab), atol=2e-5)
    assert (made.manifest.head, made.manifest.training_set) == (head, "udpos")


@pytest.mark.parametrize("head", ["encoder", "mlm"])
def test_at_the_full_rank_nothing_changes(sources: Any, tmp_path: Path, head: Head) -> None:
    source = sources(head)
    made = applied(STEP(rank=1.0), source, tmp_path / "made")
    vocab = json.loads(made.file("config.json").read_text())["vocab_size"]
    whole, part = (load_model(one.path, head, keep_head=True) for one in (source, made))
    table = whole.get_input_embeddings().weight.detach().numpy()
    np.testing.assert_allclose(part.get_input_embeddings().weight.detach().numpy(), table, atol=1e-5)
    np.testing.assert_allclose(output(part, head, vocab), output(whole, head, vocab), atol=5e-5)


def test_without_a_text_the_product_is_the_truncated_decomposition(sources: Any, tmp_path: Path) -> None:
    source = sources("encoder")
    made = applied(STEP(rank=0.25, text=None), source, tmp_path / "made")
    assert made.manifest.notes["rank"] == 4
    table = load_file(source.file("model.safetensors"))["embeddings.word_embeddings.weight"]
    left, values, right = np.linalg.svd(table, full_matrices=False)
    best = (left[:, :4] * values[:4]) @ right[:4]
    product = load_model(made.path, "encoder").get_input_embeddings().weight.detach().numpy()
    np.testing.assert_allclose(product, best, atol=1e-5)
    error = np.linalg.norm(best - table) / np.linalg.norm(table)
    assert made.manifest.notes["relative_error"] == pytest.approx(error, abs=1e-5)
    assert made.manifest.notes["energy"] == pytest.approx(1 - error**2, abs=1e-5)


def test_tokens_of_the_text_are_kept_better_than_without_it(sources: Any, tmp_path: Path) -> None:
    from tokenizers import Tokenizer

    source = sources("encoder")
    ids = Tokenizer.from_file(str(source.file("tokenizer.json"))).encode_batch(TEXT["de"])
    seen = sorted({at for one in ids for at in one.ids[1:-1]})
    table = load_file(source.file("model.safetensors"))["embeddings.word_embeddings.weight"]
    errors = {}
    for name, fields in (("text", {"languages": ["de"]}), ("none", {"text": None})):
        made = applied(STEP(rank=4, **fields), source, tmp_path / name)
        product = load_model(made.path, "encoder").get_input_embeddings().weight.detach().numpy()
        errors[name] = np.square(product - table)[seen].sum()
    assert errors["text"] < errors["none"]
    assert STEP(rank=4).reads() == (DataNeed("text", "parallel"),) and STEP(rank=4, text=None).reads() == ()


def test_energy_sets_the_rank(sources: Any, tmp_path: Path) -> None:
    notes = applied(STEP(energy=0.6), sources("encoder"), tmp_path / "made").manifest.notes
    assert 1 < notes["rank"] < HIDDEN and notes["energy"] >= 0.6


def test_export_looks_up_the_small_table_and_int8_rows_are_taken_of_it(sources: Any, tmp_path: Path) -> None:
    import onnx
    import onnxruntime

    source = sources("tagging")
    made = applied(STEP(rank=4), source, tmp_path / "made")
    exported = applied(EXPORT(), made, tmp_path / "onnx")
    model = onnx.load(exported.file("model.onnx"))
    vocab = json.loads(made.file("config.json").read_text())["vocab_size"]
    tables = {one.name: tuple(one.dims) for one in model.graph.initializer}
    looked_up = [
        tables[node.input[0]]
        for node in model.graph.node
        if node.op_type == "Gather" and node.input[1] == "input_ids"
    ]
    assert looked_up == [(vocab, 4)] and (vocab, HIDDEN) not in tables.values()
    embeddings = onnx_components(exported.file("model.onnx"))["embeddings"]
    others = 4 * HIDDEN * (34 + 1 + 2) + 8 * 34  # positions, the token type, a layer norm; int64 type ids
    assert embeddings == pytest.approx(4 * (vocab * 4 + 4 * HIDDEN) + others, abs=64)

    int8 = applied(QUANTIZE(), exported, tmp_path / "int8")
    small = onnx_components(int8.file("model.onnx"))["embeddings"]
    saved = sum(3 * rows * width - 4 * rows for rows, width in ((vocab, 4), (34, HIDDEN)))
    assert embeddings - small >= saved  # of words and positions: one byte for four, and a scale per row
    assert int8.manifest.notes["quantized_nodes"]["Gather"] == 2
    feed = dict(zip(("input_ids", "attention_mask"), batch(vocab), strict=True))
    whole = output(load_model(made.path, "tagging", made.manifest.labels, keep_head=True), "tagging", vocab)
    for artifact, tolerance in ((exported, 1e-4), (int8, 0.3 * np.abs(whole).max())):
        session = onnxruntime.InferenceSession(
            artifact.file("model.onnx"), providers=["CPUExecutionProvider"]
        )
        np.testing.assert_allclose(session.run(None, feed)[0], whole, atol=tolerance)


def test_it_may_be_trimmed_before_and_after(sources: Any, tmp_path: Path) -> None:
    source = sources("mlm")
    fields = {"languages": ["en"]}
    first = applied(TRIM(**fields), applied(STEP(rank=6, text=None), source, tmp_path / "a"), tmp_path / "b")
    vocab = first.manifest.notes["pieces"]
    model = load_model(first.path, "mlm", keep_head=True)
    assert model.get_input_embeddings().weight.shape == (vocab, HIDDEN)
    assert output(model, "mlm", vocab).shape == (3, 9, vocab)
    second = applied(STEP(rank=6, text=None), applied(TRIM(**fields), source, tmp_path / "c"), tmp_path / "d")
    assert load_model(second.path, "mlm", keep_head=True).get_input_embeddings().weight.shape[0] == vocab


def test_it_may_be_done_twice_to_a_lower_rank(sources: Any, tmp_path: Path) -> None:
    source = sources("encoder")
    twice = applied(
        STEP(rank=3, text=None), applied(STEP(rank=9, text=None), source, tmp_path / "a"), tmp_path / "b"
    )
    once = applied(STEP(rank=3, text=None), source, tmp_path / "c")
    one, other = (load_model(made.path, "encoder").get_input_embeddings().weight for made in (once, twice))
    np.testing.assert_allclose(one.detach().numpy(), other.detach().numpy(), atol=1e-5)


def test_equal_input_gives_equal_bytes(sources: Any, tmp_path: Path) -> None:
    source = sources("tagging")
    one, other = (applied(STEP(rank=4), source, tmp_path / name) for name in ("one", "other"))
    assert one.digest == other.digest
    assert one.manifest.notes["weight_bytes"]["embeddings"] < source.size_bytes
    source.verify()


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"rank": 17}, "expected at most 16.*found 17"), ({"rank": 2, "languages": ["fi"]}, 'no line in "fi"')],
)
def test_what_the_model_or_the_text_cannot_give_is_refused(
    sources: Any, tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        applied(STEP(**fields), sources("encoder"), tmp_path / "made")


@pytest.mark.parametrize(
    "fields",
    [{}, {"rank": 4, "energy": 0.9}, {"rank": 0}, {"rank": 1.5}, {"energy": 0.0},
     {"rank": 4, "text": None, "languages": ["en"]}, {"rank": 4, "spread": 0.0}],
)  # fmt: skip
def test_fields_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        STEP(**fields)


def test_it_follows_torch_only() -> None:
    state = ChainState("torch", "mlm")
    assert STEP(rank=4).follow(state, {}) == state
    with pytest.raises(IncompatibleStep, match="given onnx"):
        STEP(rank=4).follow(ChainState("onnx", "encoder"), {})
