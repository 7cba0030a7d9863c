"""Windows on contexts against BERT's own loops, and the way back to the characters in every script."""

from __future__ import annotations

import itertools
import math
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.encoding.qa_windows import cut, encode_questions, token_span, training_windows
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.tasks import Answer, Question

TEXTS = {
    "en": "The  quick brown fox,\njumps over 12 lazy dogs (in 1999).",
    "ru": "Быстрая лиса прыгает через 12 собак.",
    "ar": "الثعلب السريع يقفز فوق الكلب\u200f الكسول.",
    "hi": "तेज़ लोमड़ी कुत्ते के ऊपर कूदती है।",
    "zh": "敏捷的狐狸跳过了懒狗。它在1999年。",
    "th": "\ufeffสุนัขจิ้งจอกกระโดดข้ามสุนัข",
    "el": "Η γρήγορη αλεπού πηδάει.",
    "emoji": "a😀b e\u0301te\u0301\u00a0\u3000😀 x  ",
}
Make = Callable[[Sequence[str]], Path]


def slow_cut(tokens: int, room: int, stride: int) -> list[tuple[int, list[bool]]]:
    """Return the same by the loops of run_squad.py and XTREME's processors/squad.py."""
    spans: list[tuple[int, int]] = []
    start = 0
    while start < tokens:
        length = min(tokens - start, room)
        spans.append((start, length))
        if start + length == tokens:
            break
        start += min(length, stride)
    found = []
    for number, (start, length) in enumerate(spans):
        flags = []
        for position in range(start, start + length):
            best_score, best_span = -math.inf, -1
            for index, (first, size) in enumerate(spans):
                end = first + size - 1
                if first <= position <= end:
                    score = min(position - first, end - position) + 0.01 * size
                    if score > best_score:
                        best_score, best_span = score, index
            flags.append(best_span == number)
        found.append((start, flags))
    return found


@given(st.integers(1, 120), st.integers(1, 40), st.integers(1, 40))
def test_windows_and_their_best_tokens_are_those_of_bert(tokens: int, room: int, stride: int) -> None:
    stride = min(stride, room)
    assert [(start, best.tolist()) for start, best in cut(tokens, room, stride)] == slow_cut(
        tokens, room, stride
    )


def test_every_token_is_best_in_one_window_and_official_windows_advance_by_128() -> None:
    windows = cut(1000, 320, 128)
    assert [start for start, _ in windows] == [0, 128, 256, 384, 512, 640, 768]
    shown = np.concatenate([start + np.flatnonzero(best) for start, best in windows])
    assert sorted(shown.tolist()) == list(range(1000))


@pytest.mark.parametrize("name", TEXTS)
def test_every_token_of_the_context_leads_back_to_its_characters(name: str, unigram: Make) -> None:
    text = TEXTS[name]
    tokenizer = TextEncoder(unigram([text]))
    encoded = encode_questions([Question("1", "a?", text, None)], tokenizer, 64)
    windows = encoded.windows
    assert windows is not None and len(encoded.input_ids) == 1
    (ids,) = encoded.input_ids
    pieces = []
    for position in np.flatnonzero(windows.can_end[: len(ids)]):
        start, end = windows.offsets[windows.shift[0] + position]
        pieces.append(text[start:end])
        assert pieces[-1] == pieces[-1].strip() != ""
    assert "".join(pieces) == "".join(text.split())  # nothing lost, nothing twice
    lead = ids.index(tokenizer.eos) + 2
    assert not windows.can_end[:lead].any() and not windows.can_end[len(ids) - 1]
    assert (windows.can_start <= windows.can_end).all()


@pytest.mark.parametrize(
    "text", ["½ of the ﬁve ① ㍿ cafés", "Ⅷ．１９９９年 ｶﾞ", "x\u00adyz …", "cafe\u0301 \u1112\u1161\u11ab"]
)
def test_characters_stay_those_of_the_text_where_the_tokenizer_rewrites_it(
    text: str, unigram: Make, tmp_path: Path
) -> None:
    from tokenizers import Tokenizer, normalizers

    raw = Tokenizer.from_file(str(unigram([unicodedata.normalize("NFKC", text)])))
    raw.normalizer = normalizers.NFKC()
    raw.save(str(tmp_path / "tokenizer.json"))
    tokenizer = TextEncoder(tmp_path / "tokenizer.json")
    windows = encode_questions([Question("1", "a", text, None)], tokenizer, 64).windows
    assert windows is not None
    tokens = [windows.offsets[windows.shift[0] + position] for position in np.flatnonzero(windows.can_end)]
    shown = "".join(text[start:end] for start, end in tokens)
    assert shown.replace("\u00ad", "") == "".join(text.split()).replace("\u00ad", "")
    assert all(one[1] <= other[0] for one, other in itertools.pairwise(tokens))


def test_a_sequence_is_question_and_context_between_special_tokens(unigram: Make) -> None:
    tokenizer = TextEncoder(unigram(["abcd efgh"]))
    long = " ".join(["abcd"] * 100)
    encoded = encode_questions([Question("1", long, "efgh " * 600, None)], tokenizer, 384)
    asked, shown = (tokenizer.spans([text])[text][0] for text in (long, "efgh " * 600))
    room = 384 - 4 - 64
    starts = range(0, len(shown) - room + 128, 128)
    b, e = tokenizer.bos, tokenizer.eos
    assert encoded.input_ids == [[b, *asked[:64], e, e, *shown[at : at + room], e] for at in starts]
    assert max(map(len, encoded.input_ids)) == 384
    assert encoded.owners == [0] * len(encoded.input_ids)


def test_windows_of_a_short_model_overlap_and_leave_half_to_the_context(unigram: Make) -> None:
    tokenizer = TextEncoder(unigram(["abcd"]))
    encoded = encode_questions([Question("1", "abcd " * 50, "abcd " * 50, None)], tokenizer, 40)
    assert max(map(len, encoded.input_ids)) == 40
    windows = encoded.windows
    assert windows is not None
    tokens = set()
    for ids, base, shift in zip(encoded.input_ids, windows.base, windows.shift, strict=True):
        tokens |= set((shift + np.flatnonzero(windows.can_end[base : base + len(ids)])).tolist())
    assert len(tokens) == len(windows.offsets)
    with pytest.raises(InputError, match="question answering needs at least 6 tokens, found 5"):
        encode_questions([Question("1", "abcd", "abcd", None)], tokenizer, 5)


@pytest.mark.parametrize("name", TEXTS)
def test_training_labels_hold_the_first_answer_in_every_window_that_shows_it(
    name: str, unigram: Make
) -> None:
    text = " ".join([TEXTS[name].strip()] * 4)
    tokenizer = TextEncoder(unigram([text]))
    plain = encode_questions([Question("1", "a", text, None)], tokenizer, 48)
    assert plain.windows is not None
    starts = [int(at) for at in range(0, len(text) - 6, 5) if not text[at].isspace()]
    for start in starts:
        answer = text[start : start + 5].strip()
        found = training_windows([Question("1", "a", text, (Answer(answer, start),))], tokenizer, 48)
        assert found.input_ids == plain.input_ids
        shown = 0
        for window, label in enumerate(found.labels):
            assert isinstance(label, list)
            if label == [0, 0]:
                continue
            shown += 1
            first, last = (plain.windows.shift[window] + position for position in label)
            held = text[plain.windows.offsets[first, 0] : plain.windows.offsets[last, 1]]
            assert answer in held and len(held) <= len(answer) + 8  # widened to whole tokens at most
        assert shown


def test_questions_without_an_answer_point_at_the_beginning(unigram: Make) -> None:
    tokenizer = TextEncoder(unigram(["abcd"]))
    found = training_windows([Question("1", "abcd", "abcd abcd", ())], tokenizer, 32)
    assert found.labels == [[0, 0]]
    with pytest.raises(InputError, match="withheld"):
        training_windows([Question("1", "abcd", "abcd", None)], tokenizer, 32)


def test_an_answer_of_characters_without_a_token_has_no_span() -> None:
    offsets = np.array([[0, 2], [4, 6]])
    assert token_span(offsets, np.array([True, True]), 2, 4) is None
    assert token_span(offsets, np.array([True, True]), 1, 5) == (0, 1)
