"""The trimmed model answers texts of kept tokens with the same bits, and holds nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer

from xpareto.compress.core.artifact import Artifact, Head, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, DataNeed, IncompatibleStep
from xpareto.compress.data.tokenizer_files import write_tokenizer_config
from xpareto.compress.models.checkpoint import load_model
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.compress.steps.trim_vocab import STEP

TEXT = {
    "en": ["the red house is big", "a small red bird sings", "the bird is in the house", "big birds sing"]
    * 3,
    "de": ["das rote haus ist groß", "ein kleiner roter vogel singt", "der vogel ist im haus"] * 4,
    "el": ["το κόκκινο σπίτι είναι μεγάλο", "ένα μικρό πουλί τραγουδά", ""] * 4,
    "zh": ["红房子很大", "一只小红鸟在唱歌", "鸟在房子里"] * 4,
}
LABELS = ("NOUN", "VERB", "X")
HEADS: list[Head] = ["encoder", "tagging", "classification", "qa", "choice", "mlm"]


class TextSupply:
    """A supply of the text above and of a shorter one."""

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        return TEXT if name == "parallel" else {"en": TEXT["en"][:2], "fr": ["la maison est rouge"]}


def context(folder: Path) -> Context:
    return Context(provider=TextSupply(), seed=0, threads=1, scratch=folder, progress=lambda *_: None)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Return a function head -> sealed random XLM-R with a tokenizer trained on the text."""
    import torch
    import transformers

    made: dict[Head, Artifact] = {}

    def build(head: Head) -> Artifact:
        if head in made:
            return made[head]
        folder = tmp_path_factory.mktemp(head)
        size = train_tokenizer(TEXT, 160, folder / "tokenizer.json")
        write_tokenizer_config(folder, {"added_tokens_decoder": {str(size - 1): {"content": "<mask>"}}})
        config = transformers.XLMRobertaConfig(
            vocab_size=size, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24,
            max_position_embeddings=66, type_vocab_size=1, pad_token_id=1, initializer_range=0.5,
        )  # fmt: skip
        labels = LABELS if head in ("tagging", "classification") else ()
        names = labels or (("score",) if head == "choice" else ())
        if names:
            config.id2label = dict(enumerate(names))
            config.label2id = {label: index for index, label in enumerate(names)}
        torch.manual_seed(3)
        model = {
            "tagging": transformers.XLMRobertaForTokenClassification,
            "classification": transformers.XLMRobertaForSequenceClassification,
            "choice": transformers.XLMRobertaForSequenceClassification,
            "mlm": transformers.XLMRobertaForMaskedLM,
            "qa": transformers.XLMRobertaForQuestionAnswering,
            "encoder": lambda config: transformers.XLMRobertaModel(config, add_pooling_layer=False),
        }[head](config)
        if head == "mlm":
            with torch.no_grad():
                model.lm_head.bias.normal_()
        model.save_pretrained(folder)
        layer = 1 if head == "encoder" else None
        made[head] = seal(
            folder, Manifest({}, "torch", head, labels=labels, layer=layer, training_set="udpos")
        )
        return made[head]

    return build


def trim(source: Artifact, target: Path, **fields: Any) -> Artifact:
    target.mkdir()
    made = STEP(**fields).apply(source, target, context(target))
    return seal(
        target,
        Manifest({}, made.format, made.head, made.labels, made.training_set, made.layer, notes=made.notes),
    )


def tokenizer(artifact: Artifact) -> Tokenizer:
    return Tokenizer.from_file(str(artifact.file("tokenizer.json")))


def kept_ids(source: Artifact, made: Artifact) -> np.ndarray:
    """Return the old id of each new one, by the pieces' names."""
    old, new = tokenizer(source), tokenizer(made)
    return np.array([old.token_to_id(new.id_to_token(at)) for at in range(new.get_vocab_size())])


@cache
def opened(path: Path, head: Head, labels: tuple[str, ...]) -> Any:
    return load_model(path, head, labels, keep_head=True)


def outputs(artifact: Artifact, ids: np.ndarray) -> list[np.ndarray]:
    """Return the head's outputs and every hidden state; 1 is <pad>."""
    import torch

    manifest = artifact.manifest
    model = opened(artifact.path, manifest.head, manifest.labels)
    with torch.inference_mode():
        found = model(
            input_ids=torch.from_numpy(ids),
            attention_mask=torch.from_numpy((ids != 1).astype(np.int64)),
            output_hidden_states=True,
        )
    names = {"qa": ("start_logits", "end_logits"), "encoder": ("last_hidden_state",)}
    own = [found[name].numpy() for name in names.get(manifest.head, ("logits",))]
    return [*own, *(state.numpy() for state in found.hidden_states)]


def padded(rows: Sequence[Sequence[int]]) -> np.ndarray:
    width = max(map(len, rows))
    return np.array([[*row, *([1] * (width - len(row)))] for row in rows])


@pytest.mark.parametrize("head", HEADS)
def test_texts_of_kept_tokens_get_the_same_bits(sources: Any, tmp_path: Path, head: Head) -> None:
    source = sources(head)
    made = trim(source, tmp_path / "made", languages=["en", "de"])
    kept = kept_ids(source, made)
    lines = [*TEXT["en"][:4], *TEXT["de"][:3]]
    old = [one.ids for one in tokenizer(source).encode_batch(lines)]
    new = [one.ids for one in tokenizer(made).encode_batch(lines)]
    assert [kept[row].tolist() for row in new] == old
    before, after = outputs(source, padded(old)), outputs(made, padded(new))
    if head == "mlm":
        # One product over fewer columns may be rounded otherwise; everything below it is the same.
        np.testing.assert_allclose(after[0], before[0][..., kept], rtol=0, atol=2e-6)
        before, after = before[1:], after[1:]
    assert len(before) == len(after) > 2
    for one, other in zip(before, after, strict=True):
        assert np.array_equal(one, other)
    assert (made.manifest.head, made.manifest.labels) == (head, source.manifest.labels)
    assert (made.manifest.training_set, made.manifest.layer) == ("udpos", source.manifest.layer)


@given(st.lists(st.text("thergdbius aofößκ红", min_size=1, max_size=14), min_size=1, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_of_kept_tokens_gets_the_same_bits(trimmed: Any, lines: list[str]) -> None:
    source, made, kept, before, after = trimmed
    old = [one.ids for one in before.encode_batch(lines)]
    new = [one.ids for one in after.encode_batch(lines)]
    whole = [at for at, row in enumerate(old) if set(row) <= set(kept.tolist())]
    for at in whole:
        assert kept[new[at]].tolist() == old[at]
    if whole:
        pairs = zip(
            outputs(source, padded([old[at] for at in whole])),
            outputs(made, padded([new[at] for at in whole])),
            strict=True,
        )
        assert all(np.array_equal(one, other) for one, other in pairs)


@pytest.fixture(scope="module")
def trimmed(sources: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    source = sources("tagging")
    made = trim(source, tmp_path_factory.mktemp("trimmed") / "made", languages=["en", "de"])
    return source, made, kept_ids(source, made), tokenizer(source), tokenizer(made)


def test_the_artifact_is_smaller_and_transformers_reads_it(sources: Any, tmp_path: Path) -> None:
    import transformers

    source = sources("mlm")
    made = trim(source, tmp_path / "made", languages=["en"])
    size = made.manifest.notes["pieces"]
    assert size < made.manifest.notes["pieces_before"] == tokenizer(source).get_vocab_size()
    assert json.loads(made.file("config.json").read_text())["vocab_size"] == size
    assert made.size_bytes < source.size_bytes
    model = transformers.XLMRobertaForMaskedLM.from_pretrained(made.path)
    assert model.get_input_embeddings().weight.shape == (size, 16)
    assert model.lm_head.decoder.weight is model.get_input_embeddings().weight
    assert model.lm_head.bias.shape == (size,)
    fast = transformers.AutoTokenizer.from_pretrained(made.path)
    assert fast("the red bird").input_ids == tokenizer(made).encode("the red bird").ids
    assert fast.mask_token_id == size - 1 and fast.pad_token_id == 1 and len(fast) == size
    decoder = json.loads(made.file("tokenizer_config.json").read_text())["added_tokens_decoder"]
    assert decoder == {str(size - 1): {"content": "<mask>"}}


def test_an_output_table_of_its_own_keeps_its_own_rows() -> None:
    import torch
    import transformers

    from xpareto.compress.vocabulary.rows import keep_rows, parameter_bytes

    config = transformers.XLMRobertaConfig(
        vocab_size=20, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8,
        max_position_embeddings=18, type_vocab_size=1, pad_token_id=1, tie_word_embeddings=False,
    )  # fmt: skip
    model = transformers.XLMRobertaForMaskedLM(config).eval()
    with torch.no_grad():
        model.lm_head.decoder.weight.normal_()
        model.lm_head.decoder.bias.normal_()
    kept = np.array([0, 1, 2, 3, 7, 11, 19])
    ids = torch.tensor([[0, 7, 11, 2]])
    with torch.inference_mode():
        before = model(ids).logits[..., kept].numpy()
        sizes = parameter_bytes(model)
        keep_rows(model, kept)
        after = model(torch.tensor([[0, 4, 5, 2]])).logits.numpy()
    np.testing.assert_allclose(after, before, rtol=0, atol=1e-6)
    saved = {name: size - parameter_bytes(model)[name] for name, size in sizes.items()}
    assert saved == {"embeddings": 13 * 8 * 4, "encoder": 0, "head": 13 * 8 * 4 + 2 * 13 * 4}


def test_the_notes_tell_what_each_language_lost(sources: Any, tmp_path: Path) -> None:
    notes = trim(sources("tagging"), tmp_path / "made", languages=["en", "de"]).manifest.notes
    audits = notes["audit"]
    assert set(audits) == {"en", "de", "el", "zh"} and set(notes["coverage"]) == {"en", "de"}
    for language in ("en", "de"):
        assert notes["coverage"][language] == audits[language]["unchanged"] == 1.0
        assert audits[language]["unknown_after"] == audits[language]["unknown_before"]
        assert audits[language]["fertility_after"] == audits[language]["fertility_before"]
    for language in ("el", "zh"):
        assert audits[language]["unchanged"] < 0.5
        assert audits[language]["unknown_after"] > 0.3 > audits[language]["unknown_before"]
    assert audits["el"]["texts"] == 8, "empty lines do not count"
    assert audits["zh"]["unit"] == "character" and audits["en"]["unit"] == "word"
    by_script = notes["pieces_by_script"]
    assert by_script["Greek"]["after"] == 0 < by_script["Greek"]["before"]
    assert by_script["Added"] == {"before": 5, "after": 5}
    assert sum(one["after"] for one in by_script.values()) == notes["pieces"]
    saved = (notes["pieces_before"] - notes["pieces"]) * 16 * 4
    assert notes["weight_bytes_saved"] == {"embeddings": saved, "encoder": 0, "head": 0}


def test_another_text_can_be_audited_than_the_one_counted(sources: Any, tmp_path: Path) -> None:
    step = STEP(audit="other", audit_lines=1)
    assert step.reads() == (DataNeed("text", "parallel"), DataNeed("text", "other"))
    notes = trim(sources("encoder"), tmp_path / "made", audit="other", audit_lines=1).manifest.notes
    assert {language: one["texts"] for language, one in notes["audit"].items()} == {"en": 1, "fr": 1}


def test_scripts_keep_every_text_that_is_written_in_them(sources: Any, tmp_path: Path) -> None:
    source = sources("encoder")
    made = trim(source, tmp_path / "made", text=None, scripts=["Latin"])
    notes = made.manifest.notes
    assert notes["audit"] == {} == notes["coverage"]
    assert notes["pieces_by_script"]["Latin"]["after"] == notes["pieces_by_script"]["Latin"]["before"]
    assert notes["pieces_by_script"]["Han"]["after"] == 0 == notes["pieces_by_script"]["Greek"]["after"]
    kept = kept_ids(source, made)
    line = "groß oder klein, 123! thirb gsoda"
    assert kept[tokenizer(made).encode(line).ids].tolist() == tokenizer(source).encode(line).ids
    assert STEP(text=None, scripts=["Latin"]).reads() == ()


def test_a_target_is_kept_to_and_characters_decide_what_becomes_unknown(sources: Any, tmp_path: Path) -> None:
    source = sources("encoder")
    sizes = {}
    for rule in ("all", "scripts", "seen", "none"):
        made = trim(source, tmp_path / rule, languages=["en"], coverage=0.4, characters=rule)
        sizes[rule] = made.manifest.notes["pieces"]
    assert (
        sizes["all"] > sizes["scripts"] > sizes["none"] and sizes["scripts"] >= sizes["seen"] > sizes["none"]
    )
    target = sizes["none"] + 3
    made = trim(source, tmp_path / "target", languages=["en"], pieces=target, characters="none")
    assert made.manifest.notes["pieces"] == target
    with pytest.raises(InputError, match=r"pieces: expected at least \d+.*found 6"):
        trim(source, tmp_path / "few", pieces=6)


def test_trimming_twice_and_before_or_after_a_head_gives_the_same_table(sources: Any, tmp_path: Path) -> None:
    """The order with training is free: rows move, whatever they hold."""
    once = trim(sources("mlm"), tmp_path / "once", languages=["en"])
    twice = trim(
        trim(sources("mlm"), tmp_path / "a", languages=["en", "de"]), tmp_path / "b", languages=["en"]
    )
    assert tokenizer(once).get_vocab() == tokenizer(twice).get_vocab()
    assert once.manifest.files["model.safetensors"] == twice.manifest.files["model.safetensors"]
    tagger = trim(sources("tagging"), tmp_path / "tagger", languages=["en"])
    assert tagger.manifest.files["tokenizer.json"] == once.manifest.files["tokenizer.json"]


def test_equal_input_gives_equal_bytes_and_leaves_the_source_alone(sources: Any, tmp_path: Path) -> None:
    source = sources("qa")
    one = trim(source, tmp_path / "one", coverage=0.9)
    assert one.digest == trim(source, tmp_path / "other", coverage=0.9).digest
    source.verify()


def test_a_trimmed_model_exports_and_onnxruntime_answers_alike(sources: Any, tmp_path: Path) -> None:
    import onnxruntime

    source = sources("tagging")
    made = trim(source, tmp_path / "made", languages=["en", "de"])
    (tmp_path / "onnx").mkdir()
    EXPORT().apply(made, tmp_path / "onnx", context(tmp_path / "onnx"))
    session = onnxruntime.InferenceSession(
        tmp_path / "onnx" / "model.onnx", providers=["CPUExecutionProvider"]
    )
    lines = TEXT["en"][:3]
    ids = padded([one.ids for one in tokenizer(made).encode_batch(lines)])
    (found,) = session.run(None, {"input_ids": ids, "attention_mask": (ids != 1).astype(np.int64)})
    old = padded([one.ids for one in tokenizer(source).encode_batch(lines)])
    np.testing.assert_allclose(found, outputs(source, old)[0], atol=1e-4)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"languages": ["fi"]}, 'the text parallel has no line in "fi".*It has: de, el, en, zh'),
        ({"min_count": 1000, "characters": "none"}, "nothing is kept but the [56] special tokens"),
    ],
)
def test_a_choice_that_the_data_cannot_give_is_refused(
    sources: Any, tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        trim(sources("encoder"), tmp_path / "made", **fields)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"text": None}, "give a text, or scripts"),
        ({"text": None, "scripts": ["Latin"], "languages": ["en"]}, "goes with a text"),
        ({"scripts": ["Latn"]}, 'unknown script "Latn". Did you mean "Latin"'),
        ({"coverage": 0.0}, "greater than 0"),
        ({"pieces": 4}, "greater than or equal to 5"),
        ({"characters": "some"}, "Input should be"),
    ],
)
def test_fields_out_of_range_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        STEP(**fields)


def test_it_follows_torch_only() -> None:
    state = ChainState("torch", "mlm")
    assert STEP().follow(state, {}) == state
    with pytest.raises(IncompatibleStep, match=r"given onnx\. Put it before the export"):
        STEP().follow(ChainState("onnx", "encoder"), {})
