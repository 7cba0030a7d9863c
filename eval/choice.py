"""The variant to deploy: the best one among those that meet every limit, and what keeps the others out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MAX_DROP, WORST_DROP = "max_drop", "worst_language_drop"


@dataclass(frozen=True)
class Drop:
    """Points lost against the baseline, and the most that they can be (see eval.uncertain.simultaneous)."""

    value: float
    upper: float
    language: str = ""  # whose upper end it is, of the worst language


@dataclass(frozen=True)
class Option:
    """One system that may be deployed. What is not known is left out of `costs`, which holds what the
    limits are set on: the worst of the tasks. `aims` is what can be preferred, less is better.
    """

    name: str
    score: float
    drops: Mapping[str, Drop]  # MAX_DROP, WORST_DROP
    costs: Mapping[str, float]
    aims: Mapping[str, float]


@dataclass(frozen=True)
class Violation:
    """A limit that is not met: by how much, in its unit, and as a share of the limit.

    `found` None: there is no measurement, or none that is a finite number, so nobody can say that the limit
    is met.
    """

    limit_name: str
    limit: float
    found: float | None
    excess: float
    share: float
    language: str = ""


@dataclass(frozen=True)
class Decision:
    """`ranked` holds those that meet every limit, the best first; `rejected` the limits that others break.

    `nearest` is the one that misses by least where nothing fits: fewest limits, then the smallest
    largest share.
    """

    ranked: tuple[str, ...]
    rejected: Mapping[str, tuple[Violation, ...]]
    nearest: str | None

    @property
    def chosen(self) -> str | None:
        return self.ranked[0] if self.ranked else None


def decide(
    options: Sequence[Option],
    limits: Mapping[str, float],
    prefer: str,
    floors: Mapping[str, float],
    point_estimates: bool = False,
) -> Decision:
    """Return the decision. A drop meets its limit when its upper end does, else its value alone.

    The best one has the least of the preferred cost. Costs within the noise floor of the least (a
    logarithm: see eval.cost_noise) are equal to it; of these the better score counts, then the smaller
    size, then the name. With `prefer` "score" the score comes first, then the latency.
    """
    broken = {option.name: _violations(option, limits, point_estimates) for option in options}
    fitting = [option for option in options if not broken[option.name]]
    rejected = {name: found for name, found in broken.items() if found}
    nearest = min(
        rejected,
        key=lambda name: (len(rejected[name]), max(v.share for v in rejected[name]), name),
        default=None,
    )
    return Decision(tuple(_ranked(fitting, prefer, floors)), rejected, None if fitting else nearest)


def _violations(option: Option, limits: Mapping[str, float], point_estimates: bool) -> tuple[Violation, ...]:
    found = []
    for name, limit in limits.items():
        drop = option.drops.get(name)
        if drop is not None:
            value: float | None = drop.value if point_estimates else drop.upper
            scale = max(limit, 1.0)  # a share of no drop at all says nothing
            language = drop.language
        else:
            value, scale, language = option.costs.get(name), limit, ""
        if value is None or not math.isfinite(value):
            found.append(Violation(name, limit, None, math.inf, math.inf))
        elif not value <= limit:
            found.append(Violation(name, limit, value, value - limit, (value - limit) / scale, language))
    return tuple(found)


def _ranked(options: Sequence[Option], prefer: str, floors: Mapping[str, float]) -> list[str]:
    if prefer == "score":
        order = sorted(options, key=lambda o: (-o.score, o.aims.get("latency", math.inf), o.name))
        return [option.name for option in order]
    left = sorted(options, key=lambda o: (o.aims.get(prefer, math.inf), o.name))
    ranked: list[str] = []
    while left:
        least = left[0].aims.get(prefer, math.inf)
        reach = least * math.exp(floors.get(prefer, 0.0))
        equal = [option for option in left if option.aims.get(prefer, math.inf) <= reach]
        best = min(equal, key=lambda o: (-o.score, o.aims.get("size", math.inf), o.name))
        ranked.append(best.name)
        left.remove(best)
    return ranked
