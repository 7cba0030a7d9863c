"""Which units to keep: how many of each layer under a budget, then which of them together."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xpareto.compress.core import InputError

_STEPS = 1 << 14  # of cost, where costs share no common measure
_MOST_STEPS = 1 << 17


def search(importance: Sequence[np.ndarray], costs: Sequence[np.ndarray], budget: float) -> list[int]:
    """Return how many units each group keeps, so that the least importance is lost within the budget.

    A group is the heads, or the neurons, of one layer. importance[g] (units,) is what losing each unit
    costs in quality; of k units kept, they are the k most important ones. costs[g] (units + 1,) is what
    the group costs with 0, 1, ... units kept, in any unit and of any form: FLOPs, parameters, or
    measured milliseconds, which need not be linear; inf forbids a number. InputError when even the
    cheapest choice exceeds the budget.

    The multiple-choice knapsack by dynamic programming. Exact where costs are whole numbers with a
    common measure, as FLOPs and parameters are; else costs are rounded up to 1/16384 of the budget, so
    that it always holds, and what the rounding leaves over is spent on the best single additions. Kwon
    et al. 2022 (arXiv 2204.09656, algorithm 1) solve the case of linear costs, ZipLM (arXiv 2302.04089,
    section 3.3) that of a latency table.

    >>> search([np.array([3.0, 1.0]), np.array([2.0, 5.0])], [np.arange(3), np.arange(3)], 2)
    [1, 1]
    """
    order = [np.sort(np.asarray(scores, dtype=np.float64))[::-1] for scores in importance]
    # lost[g][k]: the importance that is lost when the k best units stay
    lost = [np.concatenate([[0.0], np.cumsum(scores[::-1])])[::-1] for scores in order]
    floor = sum(float(np.min(cost)) for cost in costs)
    if not floor <= budget:
        raise InputError(
            f"the budget of {budget:.6g} lies below {floor:.6g}, the cost of the smallest shape. Ask for less."
        )
    extra = [np.asarray(cost, dtype=np.float64) - np.min(cost) for cost in costs]
    room = budget - floor
    most = sum(float(np.max(cost[np.isfinite(cost)])) for cost in extra)
    if most <= room:
        return [int(np.flatnonzero(np.isfinite(cost))[-1]) for cost in extra]
    steps, room_steps = _in_steps(extra, room)
    kept = _knapsack(lost, steps, room_steps)
    _spend(kept, lost, extra, room)
    return kept


def uniform(counts: Sequence[int], share: float, multiple: int = 1) -> list[int]:
    """Return the share of each count, rounded to the nearest allowed number: at least one where share > 0.

    >>> uniform([12, 12], 0.5), uniform([24, 3], 0.4, 8), uniform([0, 4], 1.0)
    ([6, 6], [8, 3], [0, 4])
    """
    return [_nearest(count, share * count, multiple) if share and count else 0 for count in counts]


def allowed(count: int, multiple: int) -> np.ndarray:
    """Return which numbers of units may stay, (count + 1,) bool: multiples, none and all.

    >>> allowed(5, 2).nonzero()[0].tolist()
    [0, 2, 4, 5]
    """
    numbers = np.arange(count + 1)
    return (numbers % multiple == 0) | (numbers == count)


def best(scores: np.ndarray, count: int) -> list[int]:
    """Return the indices of the `count` highest scores, ascending; ties go to the lower index."""
    return sorted(np.argsort(-np.asarray(scores), kind="stable")[:count].tolist())


def rearrange(gradients: np.ndarray, kept: Sequence[int]) -> list[int]:
    """Return as many units to keep, exchanged so that what is pruned hurts less together.

    gradients (examples, units) are those of the loss in the units' masks. To second order, pruning the
    set P costs 1/2 sum over examples of (sum over P of g)^2: the Fisher block of the layer (Kwon et al.
    2022, equation 12), where a diagonal one sees every unit alone. Greedy exchange as in their
    algorithm 2: in rising order of importance every kept unit is offered, and of the pruned ones and it
    the one whose return helps most is kept. The cost never rises.

    >>> rearrange(np.array([[1.0, -1.0, 0.9, 0.2]]), kept=[0, 1])
    [0, 3]
    """
    scores = np.square(gradients).sum(axis=0)
    gram = gradients.T.astype(np.float64) @ gradients.astype(np.float64)
    units = gradients.shape[1]
    pruned = np.ones(units, dtype=bool)
    pruned[list(kept)] = False
    if not pruned.any() or pruned.all():
        return sorted(kept)
    reach = gram[:, pruned].sum(axis=1)  # of each unit with all that is pruned
    for unit in sorted(kept, key=lambda at: (scores[at], at)):
        pruned[unit] = True
        reach += gram[:, unit]
        # Without unit j, the cost total - 2 reach[j] + gram[j, j] is what remains.
        change = np.where(pruned, np.diag(gram) - 2 * reach, np.inf)
        back = unit if change[unit] <= change.min() else int(change.argmin())
        pruned[back] = False
        reach -= gram[:, back]
    return np.flatnonzero(~pruned).tolist()


def _in_steps(costs: Sequence[np.ndarray], room: float) -> tuple[list[np.ndarray], int]:
    """Return costs as whole steps, -1 where they do not fit, and how many steps the room has."""
    fits = [cost <= room for cost in costs]
    finite = np.concatenate([cost[fit] for cost, fit in zip(costs, fits, strict=True)])
    whole = np.rint(finite).astype(np.int64)
    measure = int(np.gcd.reduce(whole)) if np.array_equal(whole, finite) else 0
    if measure and room // measure <= _MOST_STEPS:
        size, steps = float(measure), int(room // measure)
    else:
        size, steps = (room or 1.0) / _STEPS, _STEPS
    cost_steps = []
    for cost, fit in zip(costs, fits, strict=True):
        step = np.full(cost.shape, -1, dtype=np.int64)
        step[fit] = np.ceil(cost[fit] / size - 1e-9).astype(np.int64)
        cost_steps.append(step)
    return cost_steps, steps


def _knapsack(lost: Sequence[np.ndarray], steps: Sequence[np.ndarray], room: int) -> list[int]:
    """Return the choice per group of least total loss whose steps add up to at most `room`."""
    best_loss = np.zeros(room + 1)
    choices = []
    for loss, step in zip(lost, steps, strict=True):
        next_loss = np.full(room + 1, np.inf)
        choice = np.zeros(room + 1, dtype=np.int32)
        for number in np.flatnonzero((step >= 0) & (step <= room)):
            at = int(step[number])
            candidate = best_loss[: room + 1 - at] + loss[number]
            better = candidate < next_loss[at:]
            next_loss[at:][better] = candidate[better]
            choice[at:][better] = number
        best_loss = next_loss
        choices.append(choice)
    at, kept = int(np.argmin(best_loss)), []
    for choice, step in zip(reversed(choices), reversed(steps), strict=True):
        kept.append(int(choice[at]))
        at -= int(step[kept[-1]])
    return kept[::-1]


def _spend(kept: list[int], lost: Sequence[np.ndarray], costs: Sequence[np.ndarray], room: float) -> None:
    """Add units, in place, while any fits: first the one that saves most loss per cost."""
    left = room - sum(float(cost[number]) for cost, number in zip(costs, kept, strict=True))
    while True:
        offers = []
        for group, number in enumerate(kept):
            price = costs[group] - costs[group][number]
            fits = price <= left  # false where inf
            fits[: number + 1] = False
            if fits.any():
                gain = (lost[group][number] - lost[group]) / np.maximum(price, 1e-12 * room)
                more = int(np.where(fits, gain, -np.inf).argmax())
                offers.append((float(gain[more]), -group, more, float(price[more])))
        if not offers:
            return
        _, group, more, paid = max(offers)
        kept[-group] = more
        left -= paid


def _nearest(count: int, wanted: float, multiple: int) -> int:
    numbers = np.flatnonzero(allowed(count, multiple))[1:]
    return int(numbers[np.abs(numbers - wanted).argmin()])
