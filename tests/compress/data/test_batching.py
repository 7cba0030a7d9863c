from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.data.batching import IGNORED, Epochs, Rows, collate, epochs, grouped_order, sorted_order

LENGTHS = st.lists(st.integers(1, 60), min_size=1, max_size=200)

PAD = 1


@given(LENGTHS, st.integers(1, 9), st.integers(0, 99))
def test_every_example_is_in_exactly_one_batch(lengths: list[int], size: int, seed: int) -> None:
    for batches in (grouped_order(lengths, size, seed), sorted_order(lengths, size)):
        assert sorted(index for batch in batches for index in batch) == list(range(len(lengths)))
        assert max(map(len, batches)) <= size


def test_grouping_wastes_far_less_padding_than_a_plain_shuffle() -> None:
    lengths = np.random.default_rng(0).integers(2, 100, 1600)

    def padded(batches: list[list[int]]) -> int:
        return sum(len(batch) * max(lengths[index] for index in batch) for batch in batches)

    shuffled = np.random.default_rng(1).permutation(1600).reshape(-1, 16).tolist()
    real = int(lengths.sum())
    assert padded(grouped_order(lengths.tolist(), 16, 0)) - real < 0.1 * (padded(shuffled) - real)


def test_the_order_depends_on_the_seed_and_on_nothing_else() -> None:
    lengths = list(range(1, 50))
    assert grouped_order(lengths, 4, 3) == grouped_order(lengths, 4, 3)
    assert grouped_order(lengths, 4, 3) != grouped_order(lengths, 4, 4)


def test_a_batch_is_padded_to_its_own_longest_with_no_loss_on_the_padding() -> None:
    batch = collate([[0, 5, 2], [0, 2], [0] * 9], [[-100, 1, -100], [-100, -100], [1] * 9], [0, 1], PAD)
    assert batch["input_ids"].tolist() == [[0, 5, 2], [0, 2, PAD]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]
    assert batch["labels"].tolist() == [[-100, 1, -100], [-100, -100, IGNORED]]


def test_class_labels_stay_one_per_example() -> None:
    assert collate([[0, 2], [0, 5, 2]], [1, 0], [1, 0], PAD)["labels"].tolist() == [0, 1]


def test_two_epochs_hold_every_example_twice_in_another_order() -> None:
    ids = [[0, value, 2] for value in range(10, 22)]
    batches = list(map(epochs(ids, list(range(12)), 4, seed=0, pad_id=PAD).batch, range(6)))
    first = [label for batch in batches[:3] for label in batch["labels"].tolist()]
    second = [label for batch in batches[3:] for label in batch["labels"].tolist()]
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


@given(st.integers(1, 7), st.integers(0, 9), st.integers(0, 60))
def test_a_batch_is_a_function_of_its_number_and_the_seed(size: int, seed: int, number: int) -> None:
    ids = [[0, *range(5, 6 + row % 4), 2] for row in range(20)]
    straight, jumping = (
        Epochs(Rows(ids, list(range(20))), size, seed, PAD),
        Epochs(Rows(ids, list(range(20))), size, seed, PAD),
    )
    last = [straight.batch(at) for at in range(number + 1)][-1]
    assert jumping.batch(number)["labels"].tolist() == last["labels"].tolist()


def test_spans_have_two_labels_each() -> None:
    batch = collate([[0, 5, 2], [0, 5, 6, 2]], [(1, 1), (0, 0)], [1, 0], PAD)
    assert batch["labels"].tolist() == [[0, 0], [1, 1]]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=12), st.integers(1, 4), st.integers(0, 9))
def test_questions_come_whole_with_their_own_options_and_once_an_epoch(
    options: list[int], size: int, seed: int
) -> None:
    rows, labels = [], []
    for question, count in enumerate(options):
        rows += [[0, *[10 + question] * (1 + option), 2] for option in range(count)]
        labels.append(question % count)
    batches = Epochs(Rows(rows, labels, options), size, seed, PAD)
    seen = []
    for number in range(batches.per_epoch):
        batch = batches.batch(number)
        for ids, mask, label in zip(
            batch["input_ids"], batch["attention_mask"], batch["labels"], strict=True
        ):
            real = [
                row[kept.astype(bool)].tolist() for row, kept in zip(ids, mask, strict=True) if kept.any()
            ]
            question = real[0][1] - 10
            assert real == [[0, *[10 + question] * (1 + option), 2] for option in range(options[question])]
            assert label == labels[question]
            seen.append(question)
    assert sorted(seen) == list(range(len(options)))
