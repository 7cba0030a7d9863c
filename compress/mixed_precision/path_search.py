"""Choose a precision for every group: least cost under a bound on a measured drop.

Pure search; what an assignment does to the model is a function that is given. Three stages: a path of
optimal assignments by predicted harm, the cheapest of the path that keeps the bound as measured, then
changes of single groups, ranked anew after each. A last, held-out measurement accepts the result or
sends it back for repair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

Assignment = Mapping[str, str]  # group -> precision
Table = Mapping[str, Mapping[str, float]]  # group -> precision -> number

_REPAIRS = 4  # single changes that are measured before one of them is made


@dataclass(frozen=True)
class Reading:
    """What an assignment does on a sample: points lost and divergence of the predictions, by language."""

    drop: Mapping[str, float]
    divergence: Mapping[str, float]

    @property
    def worst(self) -> float:
        """The drop of the language that loses most."""
        return max(self.drop.values())

    @property
    def worst_language(self) -> str:
        """That language; of several, the one whose predictions diverge most."""
        return max(self.drop, key=lambda name: (self.drop[name], self.divergence[name], name))

    @property
    def rank(self) -> tuple[float, float]:
        """By which the less harmful of two assignments comes first."""
        return self.worst, max(self.divergence.values())

    def notes(self) -> dict[str, Any]:
        """Return the drop by language and where it is worst, as plain data for a manifest."""
        return {
            "worst_language": self.worst_language,
            "worst_language_drop": round(self.worst, 4),
            "drop": {name: round(value, 4) for name, value in self.drop.items()},
        }


@dataclass
class SearchOutcome:
    """The outcome: the assignment, what it did on both samples, and how it was come by."""

    assignment: Assignment
    selection: Reading
    acceptance: Reading
    met: bool
    measured: int = 0  # assignments measured on the selection sample
    accepted_after: int = 0  # looks at the acceptance sample
    steps: list[str] = field(default_factory=list)  # what was changed after the path, in words

    def notes(self, bound: float) -> dict[str, Any]:
        """Return the outcome under a bound on the drop as plain data for a manifest."""
        return {
            "precisions": dict(self.assignment),
            "met": self.met,
            "max_drop": bound,
            "selection": self.selection.notes(),
            "acceptance": self.acceptance.notes(),
            "measured": self.measured,
            "acceptance_looks": self.accepted_after,
            "changes": self.steps,
        }


def rounded(table: Table) -> dict[str, dict[str, float]]:
    """Return a table to four significant digits, for a manifest.

    >>> rounded({"embeddings": {"int8": 0.123456}})
    {'embeddings': {'int8': 0.1235}}
    """
    return {
        group: {name: float(f"{value:.4g}") for name, value in row.items()} for group, row in table.items()
    }


def cost_of(assignment: Assignment, costs: Table) -> float:
    """Return the cost of an assignment: the sum over its groups."""
    return sum(costs[group][precision] for group, precision in assignment.items())


def useful(costs: Mapping[str, float], harms: Mapping[str, float]) -> list[str]:
    """Return the precisions on the lower convex hull of (harm, cost), from the cheapest on.

    >>> useful({"a": 1.0, "b": 2.0, "c": 4.0, "d": 3.5}, {"a": 8.0, "b": 4.0, "c": 0.0, "d": 3.9})
    ['a', 'b', 'c']
    """
    order = sorted(costs, key=lambda name: (costs[name], harms[name], name))
    better: list[str] = []
    for name in order:
        if not better or harms[name] < harms[better[-1]]:
            better.append(name)
    hull: list[str] = []
    for name in better:
        while len(hull) >= 2 and _gain(hull[-2], hull[-1], costs, harms) <= _gain(
            hull[-1], name, costs, harms
        ):
            hull.pop()
        hull.append(name)
    return hull


def optimal_path(costs: Table, harms: Table) -> list[dict[str, str]]:
    """Return assignments from the cheapest to the least harmful, each one change from the one before.

    The upgrades on all groups' hulls in the order of harm avoided per cost: each assignment has the
    least cost of all that harm no more in sum (the vertices of the linear multiple-choice knapsack,
    Sinha & Zoltners 1979).
    """
    hulls = {group: useful(costs[group], harms[group]) for group in costs}
    now = {group: hull[0] for group, hull in hulls.items()}
    upgrades = sorted(
        (
            (-_gain(lower, upper, costs[group], harms[group]), group, place)
            for group, hull in hulls.items()
            for place, (lower, upper) in enumerate(pairwise(hull))
        ),
    )
    path = [dict(now)]
    for _, group, place in upgrades:
        now[group] = hulls[group][place + 1]
        path.append(dict(now))
    return path


def search(
    costs: Table,
    harms: Table,
    exact: str,
    select: Callable[[Assignment], Reading],
    accept: Callable[[Assignment], Reading],
    bound: float,
    tries: int,
) -> SearchOutcome:
    """Return the cheapest assignment found whose worst drop is at most `bound` on both samples.

    `exact` is the precision that harms nothing. `harms` are predicted for one group alone. `tries`
    bounds how many cheaper single changes are measured after the path. `met` is false where only the
    all-exact assignment keeps the bound: then the one with the least drop on the acceptance sample is
    returned. (Accuracy control with re-ranking as in NNCF, and with a guard for every language.)
    """
    seen: dict[tuple[tuple[str, str], ...], Reading] = {}

    def measured(assignment: Assignment) -> Reading:
        key = tuple(sorted(assignment.items()))
        if key not in seen:
            seen[key] = select(assignment)
        return seen[key]

    steps: list[str] = []
    path = optimal_path(costs, harms)
    now = _cheapest_on_path(path, measured, bound)
    now = _filled(now, costs, harms, measured, bound, tries, steps)
    looks, best = 0, None
    while any(precision != exact for precision in now.values()):
        reading = accept(now)
        looks += 1
        if max(reading.worst, measured(now).worst) <= bound:  # a repair for the one can cost the other
            return SearchOutcome(now, measured(now), reading, True, len(seen), looks, steps)
        if best is None or reading.rank < best.acceptance.rank:
            best = SearchOutcome(dict(now), measured(now), reading, False)
        now = _repaired(now, costs, harms, measured, steps)
    if best is None:
        # Nothing but the exact model kept the bound on the selection sample; tell what was nearest to it.
        tried = [dict(key) for key in seen if any(precision != exact for _, precision in key)]
        nearest = min(tried, key=lambda one: (measured(one).rank, cost_of(one, costs)), default=now)
        best = SearchOutcome(nearest, measured(nearest), accept(nearest), False)
        looks += 1
    best.measured, best.accepted_after, best.steps = len(seen), looks, steps
    return best


def _gain(lower: str, upper: str, costs: Mapping[str, float], harms: Mapping[str, float]) -> float:
    """Return the harm that an upgrade avoids per cost."""
    return (harms[lower] - harms[upper]) / max(costs[upper] - costs[lower], 1e-12)


def _cheapest_on_path(
    path: list[dict[str, str]], measured: Callable[[Assignment], Reading], bound: float
) -> dict[str, str]:
    """Return the first assignment of the path that keeps the bound, by bisection; the last at the latest."""
    low, high = 0, len(path) - 1
    while low < high:
        middle = (low + high) // 2
        if measured(path[middle]).worst <= bound:
            high = middle
        else:
            low = middle + 1
    return dict(path[high])


def _filled(
    now: dict[str, str],
    costs: Table,
    harms: Table,
    measured: Callable[[Assignment], Reading],
    bound: float,
    tries: int,
    steps: list[str],
) -> dict[str, str]:
    """Return the assignment after cheaper single changes that keep the bound, ranked anew after each."""
    refused: set[tuple[str, str]] = set()
    while tries > 0:
        ranked = sorted(
            (
                (harms[group][to] - harms[group][now[group]]) / (costs[group][now[group]] - costs[group][to]),
                group,
                to,
            )
            for group in costs
            for to in costs[group]
            if costs[group][to] < costs[group][now[group]] and (group, to) not in refused
        )
        if not ranked:
            break
        _, group, to = ranked[0]
        tries -= 1
        if measured({**now, group: to}).worst <= bound:
            steps.append(f"{group}: {now[group]} -> {to} (cheaper, keeps the bound)")
            now = {**now, group: to}
        else:
            refused.add((group, to))
    return now


def _repaired(
    now: dict[str, str],
    costs: Table,
    harms: Table,
    measured: Callable[[Assignment], Reading],
    steps: list[str],
) -> dict[str, str]:
    """Return the assignment after the upgrade of one group that helps most, as measured anew."""
    ranked = sorted(_upgrades(now, costs, harms))[:_REPAIRS]
    _, group, to = min(((measured({**now, group: to}).rank, -gain), group, to) for gain, group, to in ranked)
    steps.append(f"{group}: {now[group]} -> {to} (repair)")
    return {**now, group: to}


def _upgrades(now: Assignment, costs: Table, harms: Table) -> Iterator[tuple[float, str, str]]:
    """Yield (predicted harm, negative where avoided, group, precision) of each group's next better precision."""
    for group, precision in now.items():
        better = [to for to in harms[group] if harms[group][to] < harms[group][precision]]
        if better:
            to = max(better, key=lambda name: (_gain(precision, name, costs[group], harms[group]), name))
            yield harms[group][to] - harms[group][precision], group, to
