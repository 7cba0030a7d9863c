from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.probing.batches import pad, plan_batches, run_all
from xpareto.eval.runtimes._runtime import RUNTIMES, Session
from xpareto.eval.tasks import KINDS

BROKEN = 1_000_000
SEQUENCES = st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=12), max_size=25)


class Summing(Session):
    """Answers with the sum of the ids that are not masked, per sequence, and counts its work."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, int]] = []

    def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        assert input_ids.dtype == attention_mask.dtype == np.int64
        self.shapes.append(input_ids.shape)
        return (input_ids * attention_mask).sum(axis=1, dtype=np.float32)


def keep(answer: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    return [np.array([value, length]) for value, length in zip(answer, lengths, strict=True)]


@given(st.lists(st.integers(1, 200), max_size=60), st.integers(1, 500))
def test_batches_hold_every_sequence_once_within_the_budget(lengths: list[int], budget: int) -> None:
    batches = plan_batches(lengths, budget)
    assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[index] for index in batch)
        assert len(batch) == 1 or longest * len(batch) <= budget
    ordered = [lengths[index] for batch in batches for index in batch]
    assert ordered == sorted(lengths, reverse=True)


@given(SEQUENCES, st.integers(1, 60))
def test_every_sequence_gets_its_own_answer_in_order(sequences: list[list[int]], budget: int) -> None:
    found = run_all(Summing(), sequences, keep, budget, pad_id=1)
    assert [array.tolist() for array in found] == [[sum(ids), len(ids)] for ids in sequences]


class Lanes(Summing):
    """Answers in as many threads at once, each of which must have entered its lane."""

    def __init__(self, lanes: int) -> None:
        super().__init__()
        self.lanes = lanes
        self.entered: set[int] = set()
        self.left = 0

    def enter_lane(self) -> None:
        self.entered.add(threading.get_ident())

    def leave_lanes(self) -> None:
        self.left += 1

    def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
        assert threading.get_ident() in self.entered
        if (input_ids == BROKEN).any():
            raise InputError("broken")
        return super().run(input_ids, attention_mask)


@settings(deadline=None, max_examples=25)
@given(SEQUENCES, st.integers(2, 4))
def test_lanes_give_the_same_answers(sequences: list[list[int]], lanes: int) -> None:
    session = Lanes(lanes)
    found = run_all(session, sequences, keep, 20, pad_id=1)
    assert [array.tolist() for array in found] == [[sum(ids), len(ids)] for ids in sequences]
    assert len(session.entered) <= lanes and session.left == 1


def test_an_error_in_a_lane_is_raised_and_the_lanes_are_left() -> None:
    session = Lanes(2)
    with pytest.raises(InputError, match="broken"):
        run_all(session, [[3], [4, 5], [BROKEN]], keep, 3, pad_id=1)
    assert session.left == 1


def test_torch_gives_the_same_bits_in_any_number_of_lanes(torch_artifact: Any) -> None:
    artifact = torch_artifact("classification", ("a", "b", "c"))
    generator = np.random.default_rng(0)
    sequences = [generator.integers(3, 20, size).tolist() for size in generator.integers(2, 12, 60)]
    answers = []
    for threads in (1, 2):
        session = RUNTIMES.load("torch").open(artifact, threads)
        session.lanes = 2 if threads == 2 else 1
        reduce = KINDS.load("classify").reduce
        answers.append(np.stack(run_all(session, sequences, reduce, 40, pad_id=1)))
        session.close()
    assert np.array_equal(*answers)


def test_equal_sequences_are_run_once() -> None:
    session = Summing()
    run_all(session, [[3, 4], [5], [3, 4], [3, 4]], keep, pad_id=1)
    assert sum(rows for rows, _ in session.shapes) == 2


def test_sorting_by_length_leaves_little_padding() -> None:
    generator = np.random.default_rng(0)
    lengths = np.clip(generator.lognormal(3.3, 0.6, 2000), 3, 128).astype(int)
    padded = sum(len(batch) * int(lengths[batch].max()) for batch in plan_batches(lengths))
    unsorted = sum(8 * int(lengths[start : start + 8].max()) for start in range(0, 2000, 8))
    assert padded < 1.05 * lengths.sum()
    assert unsorted > 1.5 * lengths.sum()  # what batches in the order of the file cost


@given(st.lists(st.lists(st.integers(2, 9), min_size=1, max_size=7), min_size=1, max_size=6))
def test_padding_agrees_with_a_plain_loop(sequences: list[list[int]]) -> None:
    ids, mask, lengths = pad(sequences, pad_id=1)
    longest = max(map(len, sequences))
    assert ids.tolist() == [row + [1] * (longest - len(row)) for row in sequences]
    assert mask.tolist() == [[1] * len(row) + [0] * (longest - len(row)) for row in sequences]
    assert lengths.tolist() == [len(row) for row in sequences]


def test_a_reduction_that_loses_a_sequence_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        run_all(Summing(), [[3], [4]], lambda answer, lengths: keep(answer, lengths)[:1], pad_id=1)
