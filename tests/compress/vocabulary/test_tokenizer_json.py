"""Texts whose pieces are all kept are split as before; everything that names an id follows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from xpareto.compress.core.errors import InputError
from xpareto.compress.vocabulary.tokenizer_json import UnigramFile

SPECIAL = ["<s>", "<pad>", "</s>", "<unk>"]
LETTERS = "abé語"
UNKNOWN = "z"


def tokenizer_data(pieces: list[tuple[str, float]], **changes: Any) -> dict[str, Any]:
    vocab = [[name, 0.0] for name in SPECIAL] + [list(pair) for pair in pieces] + [["<mask>", 0.0]]
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    added = [{"id": at, "content": name, **flags} for at, name in enumerate(SPECIAL)]
    added.append({"id": len(vocab) - 1, "content": "<mask>", **flags})
    template = [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "</s>", "type_id": 0}}]  # fmt: skip
    special = {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]},
               "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}  # fmt: skip
    pair = [*template, {"SpecialToken": {"id": "</s>", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}},
            {"SpecialToken": {"id": "</s>", "type_id": 0}}]  # fmt: skip
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": {"type": "NFKC"},
        "pre_tokenizer": {
            "type": "Metaspace",
            "replacement": "▁",
            "prepend_scheme": "always",
            "split": True,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": template,
            "pair": pair,
            "special_tokens": special,
        },
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True},
        "model": {"type": "Unigram", "unk_id": 3, "byte_fallback": False, "vocab": vocab},
        **changes,
    }


def opened(data: dict[str, Any]) -> UnigramFile:
    return UnigramFile(data, Path("tokenizer.json"))


def loaded(data: dict[str, Any]) -> Tokenizer:
    return Tokenizer.from_str(json.dumps(data))


# Few different scores, so that many ways to split a text are equally good, and some far below the others.
scores = st.sampled_from([-1.0, -2.0, -3.0, -12.0, -12.0, -100.0])
words = st.text(LETTERS, min_size=1, max_size=4)
vocabularies = st.dictionaries(
    st.one_of(words, words.map(lambda word: f"▁{word}"), st.sampled_from(["▁", *LETTERS])),
    scores,
    min_size=1,
    max_size=24,
)
texts = st.lists(st.text(LETTERS + UNKNOWN + " ", max_size=10), min_size=1, max_size=6)


@given(vocabularies, texts, texts, st.data())
@settings(max_examples=150, deadline=None)
def test_a_text_whose_tokens_are_all_kept_is_split_as_before(
    vocabulary: dict[str, float], kept_texts: list[str], others: list[str], data: st.DataObject
) -> None:
    full = opened(tokenizer_data(list(vocabulary.items())))
    before = loaded(dict(full.data))
    ids = {at for text in kept_texts for at in before.encode(text).ids}
    more = data.draw(st.sets(st.integers(0, len(full.tokens) - 1)))
    kept = np.array(sorted(ids | more | set(full.needed().tolist())))
    after = loaded(full.keeping(kept))
    for text in [*kept_texts, *others]:
        old = before.encode(text).ids
        if set(old) <= set(kept.tolist()):
            assert kept[after.encode(text).ids].tolist() == old


def best_splits(word: str, vocabulary: dict[str, float]) -> tuple[float, list[list[str]]]:
    """Return the best score of any split and all splits that have it, by trying every split (slow oracle)."""
    unknown = min([0.0, *vocabulary.values()]) - 10.0
    found: list[tuple[float, list[str]]] = []
    for cuts in range(1 << (len(word) - 1)):
        ends = [at + 1 for at in range(len(word) - 1) if cuts >> at & 1] + [len(word)]
        pieces = [word[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]
        if all(piece in vocabulary or len(piece) == 1 for piece in pieces):
            found.append((sum(vocabulary.get(piece, unknown) for piece in pieces), pieces))
    best = max(score for score, _ in found)
    return best, [pieces for score, pieces in found if abs(score - best) < 1e-9]


@given(vocabularies, st.text(LETTERS, min_size=1, max_size=7), st.data())
@settings(max_examples=100, deadline=None)
def test_the_split_after_trimming_is_one_that_trying_all_splits_finds_best(
    vocabulary: dict[str, float], word: str, data: st.DataObject
) -> None:
    full = opened(tokenizer_data(list(vocabulary.items())))
    more = data.draw(st.sets(st.integers(0, len(full.tokens) - 1)))
    kept = np.array(sorted(more | set(full.needed().tolist())))
    made = full.keeping(kept)
    left = {piece: score for piece, score in made["model"]["vocab"] if piece not in (*SPECIAL, "<mask>")}
    encoding = loaded(made).encode(word, add_special_tokens=False)
    marked = f"▁{word}"
    found = [marked[start:end] for start, end in _spans(encoding.tokens, marked)]
    splits = [_fused(split, left) for split in best_splits(marked, left)[1]]
    assert found in splits


def _spans(tokens: list[str], text: str) -> list[tuple[int, int]]:
    at, spans = 0, []
    for token in tokens:
        assert text.startswith(token, at)
        spans.append((at, at + len(token)))
        at += len(token)
    return spans


def _fused(pieces: list[str], vocabulary: dict[str, float]) -> list[str]:
    """Return the pieces with neighbouring unknown characters made one, as the tokenizer has them."""
    found: list[str] = []
    open_ = False
    for piece in pieces:
        unknown = piece not in vocabulary
        if unknown and open_:
            found[-1] += piece
        else:
            found.append(piece)
        open_ = unknown
    return found


def test_without_the_lowest_score_a_kept_split_would_change() -> None:
    """What the kept lowest piece is for: the unknown score hangs on it."""
    pieces = [("▁", -1.0), ("ab", -10.0), ("cd", -10.0), ("ef", -10.0), ("bcdef", -5.0), ("a", -100.0)]
    full = opened(tokenizer_data(pieces))
    before = loaded(dict(full.data))
    assert before.encode("abcdef", add_special_tokens=False).tokens == ["▁", "ab", "cd", "ef"]
    ids = [full.tokens.index(piece) for piece in ("▁", "ab", "cd", "ef", "bcdef")]
    needed = full.needed()
    assert full.tokens.index("a") in needed.tolist()
    careful = loaded(full.keeping(np.union1d(needed, ids)))
    assert careful.encode("abcdef", add_special_tokens=False).tokens == ["▁", "ab", "cd", "ef"]
    careless = np.union1d(np.setdiff1d(needed, [full.tokens.index("a")]), ids)
    changed = loaded(full.keeping(careless)).encode("abcdef", add_special_tokens=False).tokens
    assert changed != ["▁", "ab", "cd", "ef"]


def test_every_place_that_names_an_id_follows() -> None:
    data = tokenizer_data([("▁", -2.0), ("a", -3.0), ("b", -9.0), ("▁ab", -4.0)])
    data["padding"] = {"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": None,
                       "pad_id": 1, "pad_type_id": 0, "pad_token": "<pad>"}  # fmt: skip
    full = opened(data)
    kept = np.union1d(full.needed(), [4, 7])
    made = full.keeping(kept)
    assert [piece for piece, _ in made["model"]["vocab"]] == [*SPECIAL, "▁", "b", "▁ab", "<mask>"]
    assert dict(map(tuple, made["model"]["vocab"]))["▁ab"] == -4.0
    assert {token["content"]: token["id"] for token in made["added_tokens"]}["<mask>"] == 7
    assert made["padding"] is None  # whoever reads the model's texts pads them
    for name in ("normalizer", "pre_tokenizer", "decoder", "truncation", "version"):
        assert made[name] == data[name]
    tokenizer = loaded(made)
    assert tokenizer.get_vocab_size() == 8 and tokenizer.token_to_id("<mask>") == 7
    assert tokenizer.encode("ab", "b").ids == [0, 6, 2, 2, 4, 5, 2]
    assert full.data["added_tokens"][-1]["id"] == 8, "the tokenizer read is left as it was"


def test_special_tokens_that_stand_late_take_the_processors_ids_along() -> None:
    data = tokenizer_data([("▁", -2.0), ("a", -3.0), ("b", -9.0)])
    data["post_processor"] = {
        "type": "RobertaProcessing", "sep": ["<mask>", 7], "cls": ["<s>", 0], "trim_offsets": True,
        "add_prefix_space": True,
    }  # fmt: skip
    made = opened(data).keeping(np.array([0, 1, 2, 3, 6, 7]))
    assert made["post_processor"]["sep"] == ["<mask>", 5]
    nested = {"type": "Sequence", "processors": [dict(data["post_processor"])]}
    made = opened(data | {"post_processor": nested}).keeping(np.array([0, 1, 2, 3, 6, 7]))
    assert made["post_processor"]["processors"][0]["sep"] == ["<mask>", 5]


def test_added_tokens_outside_the_pieces_are_numbered_after_them() -> None:
    data = tokenizer_data([("▁", -2.0), ("a", -3.0), ("b", -9.0)])
    flags = dict(data["added_tokens"][0])
    data["added_tokens"].append({**flags, "id": 8, "content": "<extra>", "special": False})
    full = opened(data)
    assert full.tokens[8] == "<extra>"
    made = full.keeping(np.union1d(full.needed(), [4]))
    tokenizer = loaded(made)
    assert tokenizer.token_to_id("<extra>") == tokenizer.get_vocab_size() - 1 == 7
    assert tokenizer.encode("<extra>", add_special_tokens=False).ids == [7]


def test_a_tokenizer_that_falls_back_on_bytes_keeps_them_all() -> None:
    pieces = [(f"<0x{byte:02X}>", -8.0) for byte in range(256)] + [("▁", -2.0), ("a", -3.0), ("語", -7.0)]
    data = tokenizer_data(pieces)
    data["model"]["byte_fallback"] = True
    full = opened(data)
    assert set(range(4, 260)) <= set(full.needed().tolist())
    after = loaded(full.keeping(np.union1d(full.needed(), [260])))
    assert after.encode("語", add_special_tokens=False).tokens == ["▁", "<0xE8>", "<0xAA>", "<0x9E>"]
    data["model"]["byte_fallback"] = False
    assert len(opened(data).needed()) == 6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model": {"type": "BPE", "vocab": {}, "merges": []}}, "expected a Unigram tokenizer.*found BPE"),
        ({"model": {"type": "WordLevel", "vocab": {}}}, "found WordLevel"),
        ({"model": {"vocab": {}, "merges": []}}, "found BPE"),
        ({"model": None}, "found None"),
    ],
)
def test_another_kind_of_tokenizer_is_refused(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(tokenizer_data([("a", -1.0)]) | change))
    with pytest.raises(InputError, match=message):
        UnigramFile.read(file)


def test_a_file_that_is_no_tokenizer_or_has_an_unknown_processor_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer.json"
    file.write_text("{")
    with pytest.raises(InputError, match=r"expected a tokenizer\.json"):
        UnigramFile.read(file)
    data = tokenizer_data([("a", -1.0)], post_processor={"type": "Strange"})
    with pytest.raises(InputError, match=r"post_processor: expected TemplateProcessing.*found Strange"):
        opened(data).keeping(np.arange(6))
    data = tokenizer_data([("a", -1.0), ("b", -2.0)])
    data["post_processor"]["special_tokens"]["<s>"]["ids"] = [4]
    with pytest.raises(InputError, match="id 4 is set around texts, but it is no added token"):
        opened(data).keeping(np.array([0, 1, 2, 3, 5, 6]))


@pytest.mark.real
def test_real_texts_of_kept_pieces_are_split_as_before() -> None:
    shared = Path(__file__).parents[4] / "shared"
    file, text = shared / "models/mini-xlmr/tokenizer.json", shared / "data/text/parallel"
    if not file.is_file() or not text.is_dir():
        pytest.skip("no ../shared/models/mini-xlmr and ../shared/data/text beside the repository")
    full, before = UnigramFile.read(file), Tokenizer.from_file(str(file))
    lines = {
        at: (text / f"{at}.txt").read_text("utf-8").splitlines()[:600] for at in ("en", "de", "th", "zh")
    }
    old = {at: [one.ids for one in before.encode_batch(rows)] for at, rows in lines.items()}
    used = {piece for at in ("en", "th") for row in old[at][:300] for piece in row}
    kept = np.union1d(full.needed(), sorted(used))
    after = loaded(full.keeping(kept))
    same = 0
    for at, rows in lines.items():
        for line, ids in zip(rows, old[at], strict=True):
            if set(ids) <= set(kept.tolist()):
                assert kept[after.encode(line).ids].tolist() == ids
                same += 1
    assert same > 600
