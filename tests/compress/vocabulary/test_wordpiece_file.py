"""Words of kept pieces are split as before; a word that could not be read may be, and nothing else changes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from tests.tiny_bert import SPECIAL, vocabulary, write_tokenizer
from xpareto.compress.vocabulary.tokenizer_json import TokenizerFile, WordPieceFile

LETTERS = "abé語"
UNKNOWN = "z"


def data_of(pieces: list[str], **changes: Any) -> dict[str, Any]:
    names = list(dict.fromkeys([*SPECIAL, *pieces]))
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    normalizer = {
        "type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": False, "strip_accents": None,
        "lowercase": False,
    }  # fmt: skip
    return {
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [{"id": at, "content": name, **flags} for at, name in enumerate(SPECIAL)],
        "normalizer": normalizer, "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {
            "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": {name: at for at, name in enumerate(names)},
        },
        **changes,
    }  # fmt: skip


def opened(data: dict[str, Any]) -> WordPieceFile:
    return WordPieceFile(data, Path("tokenizer.json"))


def loaded(data: Any) -> Tokenizer:
    return Tokenizer.from_str(json.dumps(data))


parts = st.text(LETTERS, min_size=1, max_size=4)
vocabularies = st.lists(st.one_of(parts, parts.map(lambda part: f"##{part}")), min_size=1, max_size=24)
texts = st.lists(st.text(LETTERS + UNKNOWN + " ", max_size=10), min_size=1, max_size=6)


@given(vocabularies, texts, texts, st.data())
@settings(max_examples=200)
def test_a_text_whose_pieces_are_all_kept_is_split_as_before(
    pieces: list[str], kept_texts: list[str], others: list[str], data: st.DataObject
) -> None:
    full = opened(data_of(pieces))
    before = loaded(full.data)
    ids = {at for text in kept_texts for at in before.encode(text).ids}
    more = data.draw(st.sets(st.integers(0, len(full.tokens) - 1)))
    kept = np.array(sorted(ids | more | set(full.needed().tolist())))
    after = loaded(full.keeping(kept))
    for text in [*kept_texts, *others]:
        old = before.encode(text).ids
        if set(old) <= set(kept.tolist()) and full.unknown not in old:
            assert kept[after.encode(text).ids].tolist() == old


def greedy(word: str, pieces: set[str]) -> list[str]:
    """Return the split of a word by the longest piece at each place; [UNK] where none goes on (slow oracle)."""
    found, at = [], 0
    while at < len(word):
        fits = [end for end in range(at + 1, len(word) + 1) if ("##" if at else "") + word[at:end] in pieces]
        if not fits:
            return ["[UNK]"]
        found.append(("##" if at else "") + word[at : fits[-1]])
        at = fits[-1]
    return found


@given(vocabularies, parts, st.data())
def test_what_is_left_splits_by_the_longest_piece(pieces: list[str], word: str, data: st.DataObject) -> None:
    full = opened(data_of(pieces))
    more = data.draw(st.sets(st.integers(0, len(full.tokens) - 1)))
    made = full.keeping(np.array(sorted(more | set(full.needed().tolist()))))
    encoding = loaded(made).encode(word, add_special_tokens=False)
    assert encoding.tokens == greedy(word, {*made["model"]["vocab"]} - {*SPECIAL})


def test_a_word_in_a_dead_end_is_read_once_what_led_there_is_gone() -> None:
    """The one case in which a text changes whose tokens are all kept: it was [UNK]."""
    full = opened(data_of(["a", "ab", "##ba"]))
    assert loaded(full.data).encode("aba", add_special_tokens=False).tokens == ["[UNK]"]
    kept = np.union1d(full.needed(), [full.tokens.index(piece) for piece in ("a", "##ba")])
    assert loaded(full.keeping(kept)).encode("aba", add_special_tokens=False).tokens == ["a", "##ba"]


def test_every_place_that_names_an_id_follows() -> None:
    names = ["a", "##a", "b", "##b", "ab", "語"]
    data = data_of(names)
    data["added_tokens"].append({**data["added_tokens"][0], "id": 11, "content": "<extra>", "special": False})
    full = opened(data)
    assert full.tokens == [*SPECIAL, *names, "<extra>"]
    made = full.keeping(np.union1d(full.needed(), [6, 9]))
    assert made["model"]["vocab"] == {**{name: at for at, name in enumerate(SPECIAL)}, "##a": 5, "ab": 6}
    assert [token["id"] for token in made["added_tokens"]] == [0, 1, 2, 3, 4, 7]
    after = loaded(made)
    assert after.encode("aba <extra>", "ab").ids == [2, 6, 5, 7, 3, 6, 3] and after.get_vocab_size() == 8
    for name in ("normalizer", "pre_tokenizer", "decoder", "post_processor"):
        assert made[name] == data[name]


def test_special_tokens_that_stand_late_take_the_processors_ids_along() -> None:
    data = data_of(["a", "b"])
    data["model"]["vocab"] = {"[UNK]": 0, "a": 1, "b": 2, "[PAD]": 3, "[CLS]": 4, "[SEP]": 5, "[MASK]": 6}
    for token in data["added_tokens"]:
        token["id"] = data["model"]["vocab"][token["content"]]
    data["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 5], "cls": ["[CLS]", 4]}
    made = opened(data).keeping(np.array([0, 2, 3, 4, 5, 6]))
    assert loaded(made).encode("b a", "b").ids == [3, 1, 0, 4, 1, 4]


def test_a_saved_bert_tokenizer_is_told_by_its_pieces(tmp_path: Path) -> None:
    pieces = vocabulary()
    write_tokenizer(tmp_path, pieces)
    file = tmp_path / "tokenizer.json"
    full = TokenizerFile.read(file)
    assert isinstance(full, WordPieceFile) and full.tokens == pieces and full.unknown == 1
    assert full.needed().tolist() == [0, 1, 2, 3, 4]
    assert full.letters(pieces.index("##ö")) == "ö" and full.letters(pieces.index("猫")) == "猫"
    by_rank = sorted(range(len(pieces)), key=full.rank)
    assert by_rank == list(range(len(pieces)))
    data = json.loads(file.read_text("utf-8"))
    data["model"].pop("type")  # as tokenizers' first versions wrote it
    file.write_text(json.dumps(data), "utf-8")
    assert isinstance(TokenizerFile.read(file), WordPieceFile)
