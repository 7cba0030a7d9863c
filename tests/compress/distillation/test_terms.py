"""Every loss equals its definition, worked out in plain loops, and padding has no part in it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.distillation.terms import (
    attention_mse,
    cross_entropy_rows,
    distribution_kl,
    hidden_cosine,
    hidden_mse,
    mean_by_row,
    relation_kl,
    scores,
    soft_cross_divergence,
)

Matrix = list[list[float]]


def softmax(row: list[float]) -> list[float]:
    top = max(row)
    powers = [math.exp(value - top) for value in row]
    return [power / sum(powers) for power in powers]


def slow_kl(teacher: list[float], student: list[float]) -> float:
    pairs = zip(softmax(teacher), softmax(student), strict=True)
    return sum(p * (math.log(p) - math.log(q)) for p, q in pairs if p > 0)


def slow_scores(left: Matrix, right: Matrix, heads: int) -> list[Matrix]:
    """One head after the other, one pair of tokens after the other."""
    width = len(left[0]) // heads
    found = []
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        found.append(
            [
                [sum(a * b for a, b in zip(q[own], k[own], strict=True)) / math.sqrt(width) for k in right]
                for q in left
            ]
        )
    return found


def slow_distributions(teacher: list[Matrix], student: list[Matrix]) -> float:
    losses = [
        slow_kl(teacher[head][token], student[head][token])
        for head in range(len(teacher))
        for token in range(len(teacher[0]))
    ]
    return sum(losses) / len(losses)


def slow_minilm_v2(teacher: Matrix, student: Matrix, heads: int) -> float:
    """Wang et al. 2021, section 3.1, for one kind of relation of one sequence without padding."""
    return slow_distributions(slow_scores(teacher, teacher, heads), slow_scores(student, student, heads))


def some(seed: int, *shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def lengths_mask(lengths: list[int], longest: int) -> torch.Tensor:
    return torch.arange(longest)[None, :] < torch.tensor(lengths)[:, None]


sizes = st.lists(st.integers(1, 5), min_size=1, max_size=3)


@settings(deadline=None)
@given(st.integers(0, 10_000), sizes, st.sampled_from([1, 2, 4]), st.sampled_from([4, 8, 12]))
def test_minilm_v2_relations_equal_the_slow_oracle(
    seed: int, lengths: list[int], heads: int, width: int
) -> None:
    longest = max(lengths)
    teacher, student = some(seed, len(lengths), longest, 8), some(seed + 1, len(lengths), longest, width)
    found = relation_kl(teacher, student, heads, lengths_mask(lengths, longest))
    slow = [
        slow_minilm_v2(teacher[row, :length].tolist(), student[row, :length].tolist(), heads)
        for row, length in enumerate(lengths)
    ]
    assert found.tolist() == pytest.approx(slow, abs=1e-5)


@settings(deadline=None)
@given(st.integers(0, 10_000), sizes)
def test_minilm_attention_and_value_relation_equal_the_slow_oracle(seed: int, lengths: list[int]) -> None:
    longest, heads = max(lengths), 2
    shape = (len(lengths), longest)
    mask = lengths_mask(lengths, longest)
    teacher = [some(seed + at, *shape, 8) for at in range(3)]
    student = [some(seed + 3 + at, *shape, 4) for at in range(3)]
    found = distribution_kl(scores(*teacher[:2], heads), scores(*student[:2], heads), mask)
    found = found + relation_kl(teacher[2], student[2], heads, mask)
    for row, length in enumerate(lengths):
        (tq, tk, tv), (sq, sk, sv) = (
            [one[row, :length].tolist() for one in side] for side in (teacher, student)
        )
        slow = slow_distributions(slow_scores(tq, tk, heads), slow_scores(sq, sk, heads))
        slow += slow_distributions(slow_scores(tv, tv, heads), slow_scores(sv, sv, heads))
        assert found[row].item() == pytest.approx(slow, abs=1e-5)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(2, 6), st.sampled_from([1.0, 2.0, 5.0]))
def test_soft_logits_equal_the_definition(seed: int, rows: int, classes: int, temperature: float) -> None:
    teacher, student = some(seed, rows, classes), some(seed + 1, rows, classes)
    found = soft_cross_divergence(teacher, student, temperature)
    slow = [
        temperature**2 * slow_kl([x / temperature for x in one], [x / temperature for x in other])
        for one, other in zip(teacher.tolist(), student.tolist(), strict=True)
    ]
    assert found.tolist() == pytest.approx(slow, abs=1e-4)


def test_a_class_that_a_row_has_not_takes_no_part_and_no_gradient() -> None:
    teacher, student = some(0, 2, 4), some(1, 2, 4).requires_grad_()
    absent = torch.tensor([[False, False, True, True], [False, False, False, True]])
    masked = student.masked_fill(absent, float("-inf"))
    found = soft_cross_divergence(teacher.masked_fill(absent, float("-inf")), masked, 2.0)
    short = soft_cross_divergence(teacher[:1, :2], student[:1, :2], 2.0)
    assert found[0].item() == pytest.approx(short.item(), abs=1e-6)
    found.sum().backward()
    assert student.grad is not None and student.grad.isfinite().all()
    assert not student.grad[absent].any() and student.grad[~absent].any()


@settings(deadline=None)
@given(st.integers(0, 10_000), sizes)
def test_hidden_losses_equal_the_definition(seed: int, lengths: list[int]) -> None:
    longest, width = max(lengths), 6
    teacher, student = (some(seed + at, len(lengths), longest, width) for at in range(2))
    mask = lengths_mask(lengths, longest)
    squared, cosine = hidden_mse(teacher, student, mask), hidden_cosine(teacher, student, mask)
    for row, length in enumerate(lengths):
        pairs = list(zip(teacher[row, :length].tolist(), student[row, :length].tolist(), strict=True))
        slow = sum((a - b) ** 2 for one, other in pairs for a, b in zip(one, other, strict=True))
        assert squared[row].item() == pytest.approx(slow / (length * width), abs=1e-5)
        angles = [
            1 - sum(a * b for a, b in zip(one, other, strict=True)) / (math.hypot(*one) * math.hypot(*other))
            for one, other in pairs
        ]
        assert cosine[row].item() == pytest.approx(sum(angles) / length, abs=1e-5)


@settings(deadline=None)
@given(st.integers(0, 10_000), sizes, st.sampled_from([1, 2]))
def test_attention_scores_and_their_distance_equal_the_definition(
    seed: int, lengths: list[int], heads: int
) -> None:
    longest = max(lengths)
    queries, keys = some(seed, len(lengths), longest, 8), some(seed + 1, len(lengths), longest, 8)
    others = some(seed + 2, len(lengths), longest, 4)
    teacher, student = scores(queries, keys, heads), scores(others, others, heads)
    found = attention_mse(teacher, student, lengths_mask(lengths, longest))
    for row, length in enumerate(lengths):
        one = slow_scores(queries[row, :length].tolist(), keys[row, :length].tolist(), heads)
        other = slow_scores(others[row, :length].tolist(), others[row, :length].tolist(), heads)
        slow = sum(
            (one[head][q][k] - other[head][q][k]) ** 2
            for head in range(heads)
            for q in range(length)
            for k in range(length)
        )
        assert found[row].item() == pytest.approx(slow / (heads * length**2), abs=1e-4)


def test_the_mean_by_row_and_the_cross_entropy_leave_out_what_is_not_wanted() -> None:
    logits, labels = some(0, 4, 3), torch.tensor([2, -100, 0, 1])
    losses = cross_entropy_rows(logits, labels)
    slow = [0.0 if at == -100 else -math.log(softmax(logits[i].tolist())[at]) for i, at in enumerate(labels)]
    assert losses.tolist() == pytest.approx(slow, abs=1e-6)
    found = mean_by_row(losses, torch.tensor([0, 0, 2, 0]), labels != -100, 3)
    assert found.tolist() == pytest.approx([(slow[0] + slow[3]) / 2, 0.0, slow[2]], abs=1e-6)


LOSSES: dict[str, Callable[..., torch.Tensor]] = {
    "hidden": hidden_mse,
    "cosine": hidden_cosine,
    "attention": lambda t, s, mask: attention_mse(scores(t, t * 2, 2), scores(s, s * 2, 2), mask),
    "minilm": lambda t, s, mask: distribution_kl(scores(t, t * 2, 2), scores(s, s * 2, 2), mask),
    "relations": lambda t, s, mask: relation_kl(t, s, 2, mask),
}


@pytest.mark.parametrize("name", LOSSES)
def test_padding_changes_neither_the_loss_nor_the_gradient_and_gets_none(name: str) -> None:
    loss: Any = LOSSES[name]
    teacher, student = some(0, 2, 7, 8), some(1, 2, 7, 8)
    mask = lengths_mask([4, 7], 7)
    alone = student[:1, :4].clone().requires_grad_()
    batched = student.clone().requires_grad_()
    short = loss(teacher[:1, :4], alone, mask[:1, :4])
    found = loss(teacher, batched, mask)
    assert found[0].item() == pytest.approx(short.item(), abs=1e-6)
    found[0].backward()
    short.sum().backward()
    assert alone.grad is not None and batched.grad is not None
    assert torch.allclose(batched.grad[0, :4], alone.grad[0], atol=1e-6)
    assert not batched.grad[0, 4:].any() and batched.grad.isfinite().all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_student_equal_to_its_teacher_has_no_loss(name: str) -> None:
    states = some(0, 2, 5, 8)
    assert LOSSES[name](states, states, lengths_mask([3, 5], 5)).tolist() == pytest.approx([0, 0], abs=1e-6)
