"""The best span against a plain version of BERT's loops, ties included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.eval.encoding.qa_answers import best_answers, n_best
from xpareto.eval.encoding.qa_windows import Windows


def slow_best(logits: list[float], count: int) -> list[int]:
    return [place for place, _ in sorted(enumerate(logits), key=lambda pair: -pair[1])[:count]]


def slow_answers(
    windows: Windows, owners: np.ndarray, logits: list[np.ndarray], threshold: float
) -> list[str]:
    """Return the answers by the loops of BERT's run_squad.py, one pair after another."""
    found = []
    for owner, context in enumerate(windows.contexts):
        best: tuple[float, str] = (-np.inf, "")
        null = np.inf
        for window in np.flatnonzero(owners == owner):
            rows, base, shift = logits[window], windows.base[window], windows.shift[window]
            null = min(null, float(rows[0, 0] + rows[0, 1]))
            for start in slow_best(rows[:, 0].tolist(), 20):
                for end in slow_best(rows[:, 1].tolist(), 20):
                    if not windows.can_start[base + start] or not windows.can_end[base + end]:
                        continue
                    if end < start or end - start + 1 > 30:
                        continue
                    score = float(rows[start, 0] + rows[end, 1])
                    if score > best[0]:
                        first = windows.offsets[shift + start, 0]
                        best = score, context[first : windows.offsets[shift + end, 1]]
        found.append("" if windows.unanswerable and null - best[0] > threshold else best[1])
    return found


def made(random: np.random.Generator, questions: int, spread: int, unanswerable: bool) -> Any:
    """Return windows with random flags over contexts of distinct words, and logits of few values."""
    owners, base, shift, flags, logits, contexts, offsets = [], [0], [], [], [], [], []
    table = 0
    for owner in range(questions):
        words = [f"{owner}.{number}" for number in range(int(random.integers(1, 60)))]
        ends = np.cumsum([len(word) + 1 for word in words]) - 1
        offsets.append(np.stack([ends - [len(word) for word in words], ends], axis=1))
        contexts.append(" ".join(words))
        for _ in range(int(random.integers(1, 4))):
            first = int(random.integers(0, len(words)))
            shown = int(random.integers(1, len(words) - first + 1))
            row = random.integers(-spread, spread + 1, size=(5 + shown, 2)).astype(np.float32)
            row *= random.choice([np.float32(1.0), np.float32(-1.0)])  # -0.0, too
            can_end = np.zeros(len(row), bool)
            can_end[4 : 4 + shown] = random.random(shown) < 0.9
            flags.append((can_end & (random.random(len(row)) < 0.6), can_end))
            owners.append(owner)
            shift.append(table + first - 4)
            base.append(base[-1] + len(row))
            logits.append(row)
        table += len(words)
    starts, ends = (np.concatenate(side) for side in zip(*flags, strict=True))
    windows = Windows(
        np.array(shift),
        np.array(base[:-1]),
        starts,
        ends,
        np.concatenate(offsets),
        tuple(contexts),
        unanswerable,
    )
    return windows, np.array(owners), logits


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 3, 1000]), st.booleans(), st.sampled_from([0.0, 2.0, -1.5]))
def test_answers_are_those_of_bert_s_loops(
    seed: int, spread: int, unanswerable: bool, threshold: float
) -> None:
    windows, owners, logits = made(np.random.default_rng(seed), 6, spread, unanswerable)
    found = best_answers(windows, owners, n_best(logits), threshold)
    assert found == slow_answers(windows, owners, logits, threshold)


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([1, 1000]))
def test_the_best_twenty_are_sorted_stably(seed: int, spread: int) -> None:
    random = np.random.default_rng(seed)
    logits = [random.integers(-spread, spread + 1, (int(size), 2)).astype(np.float32) for size in
              random.integers(1, 50, 5)]  # fmt: skip
    for rows, kept in zip(logits, n_best(logits), strict=True):
        count = min(20, len(rows))
        for side in (0, 1):
            places = slow_best(rows[:, side].tolist(), count)
            assert kept[1 : 1 + count, 2 * side].astype(int).tolist() == places
            assert kept[1 : 1 + count, 2 * side + 1].tolist() == rows[places, side].tolist()
        assert (kept[1 + count :, 1::2] == -np.inf).all()
        assert kept[0].tolist() == [0, rows[0, 0], 0, rows[0, 1]]


def test_an_answer_is_thirty_tokens_long_at_most_and_may_lie_in_any_window() -> None:
    words = [f"w{number}" for number in range(40)]
    ends = np.cumsum([len(word) + 1 for word in words]) - 1
    offsets = np.stack([ends - [len(word) for word in words], ends], axis=1)
    flags = np.array(([False] * 4 + [True] * 40 + [False]) * 2)
    windows = Windows(np.array([-4, -4]), np.array([0, 45]), flags, flags, offsets, (" ".join(words),), False)
    owners = np.array([0, 0])
    for last, text in ((4 + 29, " ".join(words[:30])), (4 + 30, " ".join(words[1:31]))):
        logits = [np.zeros((45, 2), np.float32) for _ in range(2)]
        logits[1][[4, last], [0, 1]] = 9
        logits[1][5, 0] = 8
        assert best_answers(windows, owners, n_best(logits)) == [text]


def test_no_allowed_pair_gives_no_answer() -> None:
    nothing = np.zeros(6, bool)
    windows = Windows(np.array([0]), np.array([0]), nothing, nothing, np.zeros((6, 2), int), ("abc",), False)
    assert best_answers(windows, np.array([0]), n_best([np.ones((6, 2), np.float32)])) == [""]


@pytest.mark.parametrize(("null", "answer"), [(3.0, "w"), (5.0, "")])
def test_the_weakest_window_decides_that_there_is_no_answer(null: float, answer: str) -> None:
    flags = np.array([False, True, False] * 2)
    windows = Windows(np.array([-1, -1]), np.array([0, 3]), flags, flags, np.array([[0, 1]]), ("w",), True)
    first = np.array([[9, 9], [2, 2], [0, 0]], np.float32)
    second = np.array([[null, 0], [1, 1], [0, 0]], np.float32)
    assert best_answers(windows, np.array([0, 0]), n_best([first, second])) == [answer]
