"""trim_vocab on a BERT's WordPiece: every option means what it means on a Unigram."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests.tiny_bert import write_bert
from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.special_tokens import SpecialTokens
from xpareto.compress.core.step import Context
from xpareto.compress.models.checkpoint import import_checkpoint, load_model
from xpareto.compress.steps.trim_vocab import STEP

TEXT = {
    "en": ["a cat sees the dogs of my house", "many birds sing over a wide green field"] * 3,
    "de": ["eine katze sieht die hunde meines hauses", "das haus der katze ist weit und grün"] * 3,
    "ru": ["кошка спит"] * 6,
    "zh": ["猫看见我家的狗", "鸟看见猫的田野"] * 3,
}


class Texts:
    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        return TEXT


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """A masked LM, uncased as most BERTs with few letters are."""
    folder, target = tmp_path_factory.mktemp("bert"), tmp_path_factory.mktemp("source")
    made = import_checkpoint(write_bert(folder, lower=True), target)
    return seal(target, Manifest({}, "torch", made.head, step="base"))


@pytest.fixture(scope="module")
def trim(source: Artifact, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Artifact]:
    """Return a function: fields of the step -> what it makes of the source (or of `of`)."""

    def made(of: Artifact | None = None, **fields: Any) -> Artifact:
        target = tmp_path_factory.mktemp("trimmed")
        context = Context(Texts(), 0, 1, target, lambda *_: None)  # type: ignore[arg-type]
        result = STEP(**fields).apply(of or source, target, context)
        return seal(target, Manifest({}, "torch", result.head, notes=result.notes))

    return made


def tokenizer(artifact: Artifact) -> Tokenizer:
    return Tokenizer.from_file(str(artifact.file("tokenizer.json")))


def pieces(artifact: Artifact) -> set[str]:
    return {*tokenizer(artifact).get_vocab()}


def kept_ids(source: Artifact, made: Artifact) -> np.ndarray:
    """Return the old id of each new one, by the pieces' names."""
    old, new = tokenizer(source), tokenizer(made)
    return np.array([old.token_to_id(new.id_to_token(at)) for at in range(new.get_vocab_size())])


@pytest.fixture(scope="module")
def german(source: Artifact, trim: Callable[..., Artifact]) -> tuple[Artifact, np.ndarray, Any, Any]:
    made = trim(languages=["de"])
    models = [load_model(one.path, "mlm", keep_head=True) for one in (source, made)]
    return made, kept_ids(source, made), *models


@given(st.lists(st.text("einkatzsghud ümro", max_size=12), min_size=1, max_size=4))
@settings(max_examples=40)
def test_a_text_of_kept_pieces_gets_the_same_bits(source: Artifact, german: Any, lines: list[str]) -> None:
    made, kept, whole, small = german
    both = [tokenizer(one) for one in (source, made)]
    for line in [*lines, *TEXT["de"][:2]]:
        old, new = (one.encode(line).ids for one in both)
        if 1 in old or not {*old} <= {*kept.tolist()}:  # see tokenizer_json.py for what was [UNK]
            continue
        assert kept[new].tolist() == old
        with torch.inference_mode():
            before = whole.base_model(torch.tensor([old])).last_hidden_state
            after = small.base_model(torch.tensor([new])).last_hidden_state
        assert torch.equal(before, after)


def test_transformers_reads_what_is_left(source: Artifact, german: Any) -> None:
    made, kept, whole, _ = german
    fast = transformers.AutoTokenizer.from_pretrained(made.path)
    assert fast("Das HAUS", "der Katze").input_ids == tokenizer(made).encode("Das HAUS", "der Katze").ids
    assert (fast.pad_token_id, fast.mask_token, len(fast)) == (0, "[MASK]", len(kept))
    model = transformers.AutoModelForMaskedLM.from_pretrained(made.path).eval()
    ids = torch.tensor([fast(TEXT["de"][0]).input_ids])
    with torch.inference_mode():
        expected = whole(torch.from_numpy(kept)[ids]).logits[..., kept]
        torch.testing.assert_close(model(ids).logits, expected, rtol=0, atol=1e-5)
    special = SpecialTokens.read(made.file("tokenizer.json"))
    assert special.separators == 1 and special.size == len(kept)
    assert json.loads(made.file("config.json").read_text())["vocab_size"] == len(kept)


def test_the_notes_tell_what_each_language_lost(german: Any) -> None:
    notes = german[0].manifest.notes
    assert notes["coverage"] == {"de": 1.0} and notes["audit"]["de"]["unchanged"] == 1.0
    assert notes["audit"]["de"]["unknown_after"] == notes["audit"]["de"]["unknown_before"]
    for language in ("ru", "zh"):
        audited = notes["audit"][language]
        assert audited["unchanged"] == 0 and audited["unknown_after"] > audited["unknown_before"]
    by_script = notes["pieces_by_script"]
    assert by_script["Added"] == {"before": 5, "after": 5}
    assert by_script["Han"]["after"] == by_script["Cyrillic"]["after"] == 0 < by_script["Han"]["before"]
    assert sum(one["after"] for one in by_script.values()) == notes["pieces"]


def test_characters_are_kept_with_and_without_the_mark(
    source: Artifact, trim: Callable[..., Artifact]
) -> None:
    whole, kept = pieces(source), {}
    for rule in ("all", "scripts", "seen", "none"):
        kept[rule] = pieces(trim(languages=["de"], coverage=0.3, characters=rule))
    letters = {piece for piece in whole if len(piece.removeprefix("##")) == 1}
    assert letters <= kept["all"]
    latin = {piece for piece in letters if piece.removeprefix("##").isascii()} | {"##ö", "ü", "##ü"} & letters
    assert latin <= kept["scripts"] and not {"猫", "##猫", "к", "##к"} & kept["scripts"]
    assert {"##q", "##m"} & letters <= kept["scripts"]
    assert len(kept["all"]) > len(kept["scripts"]) >= len(kept["seen"]) > len(kept["none"])
    assert {piece for piece in kept["seen"] if piece in letters} >= {"e", "##e"}


def test_scripts_keep_what_is_written_in_them(source: Artifact, trim: Callable[..., Artifact]) -> None:
    made = trim(text=None, scripts=["Cyrillic"])
    kept = kept_ids(source, made)
    for line in ("кошка спит, кит!", "спитко"):
        old = tokenizer(source).encode(line).ids
        assert kept[tokenizer(made).encode(line).ids].tolist() == old
    assert made.manifest.notes["pieces_by_script"]["Latin"]["after"] == 0
    assert {".", "##."} & pieces(source) <= pieces(made)


def test_a_number_of_pieces_a_coverage_and_a_least_count_are_kept_to(
    source: Artifact, trim: Callable[..., Artifact]
) -> None:
    least = trim(languages=["en"], coverage=0.3, characters="none").manifest.notes["pieces"]
    made = trim(languages=["en"], pieces=least + 4, characters="none")
    assert made.manifest.notes["pieces"] == least + 4 and made.manifest.notes["coverage"]["en"] > 0.3
    # with scripts and no text, the lower ids come first
    some = trim(text=None, scripts=["Latin"], characters="none", pieces=20)
    kept = kept_ids(source, some).tolist()
    everything = sorted(kept_ids(source, trim(text=None, scripts=["Latin"], characters="none")).tolist())
    assert kept == everything[:20]
    often = trim(languages=["en"], min_count=5, characters="none")
    counts = np.bincount([at for line in TEXT["en"] for at in tokenizer(source).encode(line).ids])
    assert {at for at in kept_ids(source, often).tolist() if at > 4} == {
        at for at, count in enumerate(counts.tolist()) if count >= 5 and at > 4
    }
    with pytest.raises(InputError, match=r"pieces: expected at least \d+.*found 5"):
        trim(pieces=5)


def test_trimming_twice_gives_the_same(trim: Callable[..., Artifact]) -> None:
    once = trim(languages=["en"])
    twice = trim(of=trim(languages=["en", "de"]), languages=["en"])
    assert once.manifest.files == twice.manifest.files
