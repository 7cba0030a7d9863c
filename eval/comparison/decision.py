"""The variant to deploy: the best one among those that meet every limit, and what keeps the others out."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

MAX_DROP, WORST_DROP = "max_drop", "worst_language_drop"
SCORE = "score"
Better = Callable[[str, str], bool]


@dataclass(frozen=True)
class Drop:
    """Points lost against the baseline, and the most that they can be (see eval.statistics.estimates.simultaneous)."""

    value: float
    upper: float
    language: str = ""  # whose upper end it is, of the worst language


@dataclass(frozen=True)
class Option:
    """One system that may be deployed. What is not known is left out of `costs`, which holds what the
    limits are set on: the worst of the tasks. `aims` is what can be preferred, less is better. `uppers` is
    the most that a cost can be; one that is missing there has no known noise, as counts have none.
    `qualities`, other than the score, can be preferred too: more is better.
    """

    name: str
    score: float
    drops: Mapping[str, Drop]  # MAX_DROP, WORST_DROP
    costs: Mapping[str, float]
    aims: Mapping[str, float]
    uppers: Mapping[str, float] = field(default_factory=dict)
    qualities: Mapping[str, float] = field(default_factory=dict)

    def quality(self, name: str) -> float:
        """Return the score, or another quality."""
        return self.score if name == SCORE else self.qualities[name]


@dataclass(frozen=True)
class Violation:
    """A limit that is not met: by how much, in its unit, and as a share of the limit.

    `found` is what was judged, the upper end or the value. None: there is no measurement, or none that is
    a finite number, so nobody can say that the limit is met. `value` is as measured, `upper` None where it
    is not known.
    """

    limit_name: str
    limit: float
    found: float | None
    excess: float
    share: float
    language: str = ""
    value: float | None = None
    upper: float | None = None


@dataclass(frozen=True)
class Decision:
    """`ranked` holds those that meet every limit, the best first; `rejected` the limits that others break.

    `nearest` is the one that misses by least where nothing fits: fewest limits, then the smallest
    largest share, then the best score. `unmeasured` are the limits that no option has a measurement for: they
    tell none from another, and where nothing else is broken there is no nearest one.
    """

    ranked: tuple[str, ...]
    rejected: Mapping[str, tuple[Violation, ...]]
    nearest: str | None
    unmeasured: tuple[str, ...] = ()

    @property
    def chosen(self) -> str | None:
        return self.ranked[0] if self.ranked else None


def decide(
    options: Sequence[Option],
    limits: Mapping[str, float],
    prefer: str,
    floors: Mapping[str, float],
    point_estimates: bool = False,
    better: Better | None = None,
) -> Decision:
    """Return the decision. A limit is met when the upper end of the drop or cost meets it, with
    `point_estimates`, and where no upper end is known, when its value does.

    The best one has the least of the preferred cost. Costs within the noise floor of the least (a
    logarithm: see eval.statistics.block_noise) are equal to it; of these the better score counts, then the smaller
    size (with `prefer` "size" the latency), then the score as measured, then the name. A score equals the
    best one unless `better` says that the best is better, by more than noise; without it every point
    counts. With `prefer` "score" the score comes first, then the latency, then the size; with another
    quality that one takes the score's place, and `better` is of it.
    """
    broken = {option.name: _violations(option, limits, point_estimates) for option in options}
    fitting = [option for option in options if not broken[option.name]]
    rejected = {name: violations for name, violations in broken.items() if violations}
    unmeasured = tuple(name for name in limits if options and not any(_judged(o, name)[0] for o in options))
    ranked = tuple(_ranked(fitting, prefer, floors, better or _by_points(options, prefer)))
    return Decision(
        ranked, rejected, None if fitting else _nearest(options, rejected, unmeasured), unmeasured
    )


def _nearest(
    options: Sequence[Option], rejected: Mapping[str, Sequence[Violation]], unmeasured: Sequence[str]
) -> str | None:
    scores = {option.name: option.score for option in options}
    telling = {
        name: [violation for violation in violations if violation.limit_name not in unmeasured]
        for name, violations in rejected.items()
    }
    if not all(telling.values()):  # some break no limit that was measured, and none of these is nearer
        return None
    return min(
        telling,
        key=lambda name: (
            any(violation.found is None for violation in telling[name]),
            len(telling[name]),
            max(violation.share for violation in telling[name]),
            -scores[name],
            name,
        ),
        default=None,
    )


def _judged(option: Option, limit: str) -> tuple[tuple[float, float | None] | None, str]:
    """Return (value, upper end or None) of what a limit is set on, or None, and the language."""
    drop = option.drops.get(limit)
    if drop is not None:
        return (drop.value, drop.upper), drop.language
    value = option.costs.get(limit)
    return (None if value is None else (value, option.uppers.get(limit))), ""


def _violations(option: Option, limits: Mapping[str, float], point_estimates: bool) -> tuple[Violation, ...]:
    broken = []
    for name, limit in limits.items():
        known, language = _judged(option, name)
        value, upper = known if known is not None else (math.nan, None)
        judged = value if point_estimates or upper is None else upper
        if not math.isfinite(judged):
            broken.append(Violation(name, limit, None, math.inf, math.inf))
        elif not judged <= limit:
            scale = max(limit, 1.0) if name in option.drops else limit  # a share of no drop says nothing
            excess = judged - limit
            broken.append(Violation(name, limit, judged, excess, excess / scale, language, value, upper))
    return tuple(broken)


def order_of_aims(prefer: str, quality: bool) -> tuple[str, str, str]:
    """Return what ranks the options, one after another; `quality`: is a quality preferred?

    >>> order_of_aims("size", False), order_of_aims("score", True)
    (('size', 'score', 'latency'), ('score', 'latency', 'size'))
    """
    if quality:
        return prefer, "latency", "size"
    return prefer, SCORE, "latency" if prefer == "size" else "size"


def _is_quality(prefer: str, options: Sequence[Option]) -> bool:
    return prefer == SCORE or any(prefer in option.qualities for option in options)


def _by_points(options: Sequence[Option], prefer: str) -> Better:
    quality = prefer if _is_quality(prefer, options) else SCORE
    values = {option.name: option.quality(quality) for option in options}
    return lambda one, other: values[one] > values[other]


def _ranked(options: Sequence[Option], prefer: str, floors: Mapping[str, float], better: Better) -> list[str]:
    order = order_of_aims(prefer, _is_quality(prefer, options))
    left = list(options)
    ranked: list[str] = []
    while left:
        equal = left
        for aim in order:
            equal = _equal_best(equal, aim, floors.get(aim, 0.0), better)
        best = min(equal, key=lambda o: (-o.score, o.name))
        ranked.append(best.name)
        left.remove(best)
    return ranked


def _equal_best(options: Sequence[Option], aim: str, floor: float, better: Better) -> list[Option]:
    """Return the best in one respect and what noise cannot tell from it."""
    if _is_quality(aim, options):
        top = max(options, key=lambda o: o.quality(aim))
        return [option for option in options if option is top or not better(top.name, option.name)]
    least = min(_aim(option, aim) for option in options)
    return [option for option in options if _aim(option, aim) <= least * math.exp(floor)]


def _aim(option: Option, aim: str) -> float:
    value = option.aims.get(aim, math.inf)
    return math.inf if math.isnan(value) else value
