"""A frontier with its uncertainty: who is on it, who dominates whom, how much it holds, where its knee is."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.eval.pareto.dominance import ConfidenceSet, confidence_set, dominance, level_of_pairs
from xpareto.eval.pareto.frontier import Frontier
from xpareto.eval.pareto.hypervolume import hypervolume
from xpareto.eval.pareto.knee import knees
from xpareto.eval.statistics import LEVEL, Noise, Spread, Uncertain, t_quantile

_TAIL = 0.025
_STEP = 10.0


@dataclass(frozen=True)
class Cost:
    """One cost of those systems that have it: their places, logarithms (less is better), and its noise.

    `twin` is the logarithm of the cost of the baseline's A/A control over the baseline's, None without one.
    """

    systems: tuple[int, ...]
    values: Uncertain
    noise: Noise
    twin: float | None = None

    def beside(self) -> Spread:
        """Return how sure each cost is beside the others, (n,), where what a block does to all cancels."""
        spread = self.values.spread()
        return Spread(spread.examples[:, 0], spread.seeds[:, 0], spread.df)

    @property
    def known(self) -> bool:
        """Tell whether anything is known of its noise: it was measured in more blocks than one, or counted."""
        return self.noise.basis != "unknown"

    def over(self, one: int, other: int) -> tuple[float, float | None]:
        """Return the logarithm of one system's cost over another's, and half the width of its interval.

        The latter is None where nothing is known of the noise. ValueError where either has no cost.
        """
        logs = self.values.less(self.systems.index(other))
        at = self.systems.index(one)
        half = float(logs.spread().half_width(LEVEL)[at, 0]) if self.known or one == other else None
        return float(logs.points[at, 0]), half

    def alone(self) -> Spread:
        """Return how sure each cost is by itself, (n,), where nothing cancels what a block does to all."""
        beside = self.beside()
        if self.noise.shared_df is None or beside.df is None:
            return beside
        shared = np.full(len(self.systems), self.noise.shared)
        return Spread(beside.seeds, shared, self.noise.shared_df, beside.one_df)


@dataclass(frozen=True)
class Volume:
    """A hypervolume in points x octaves, as measured, and its interval.

    Of candidates that are alike the luckiest stands on the frontier, so that noise makes one look larger:
    `bias` is by how much (the draws' median less the value), and the interval reaches farther down than up.
    """

    value: float
    low: float
    high: float
    bias: float


@dataclass(frozen=True)
class UncertainFrontier:
    """The frontier of the score against some costs; arrays are by place among `systems`.

    `membership` is the share of draws in which nothing dominates the system, `beyond_noise` the same
    where only leads above the noise floor count (epsilon-dominance). `confidence` is the set that nothing
    significantly dominates, `within_floors` the same where being worse by less than the noise floors is
    forgiven: what is in the first alone may be better, by less than two trainings or two measurements of
    one thing differ. `knee` is the share of draws in
    which it is the knee, which has no meaning with several costs (None), as hypervolumes have none here.
    """

    systems: tuple[int, ...]
    on: np.ndarray  # (n,) bool, as measured
    membership: np.ndarray  # (n,)
    beyond_noise: np.ndarray  # (n,)
    probability: np.ndarray  # (n, n): that the first dominates the second
    confidence: ConfidenceSet
    within_floors: ConfidenceSet
    knee: int | None  # as measured; None without one
    knee_shares: np.ndarray | None  # (n,)
    knee_none: float | None  # share of draws without a knee
    volume: Volume | None
    volumes: Mapping[str, Volume]  # by arm


def score_floor(scores: Uncertain, arms: Sequence[str]) -> float:
    """Return the points by which two trainings of one recipe differ by chance in 95 of 100 cases.

    It is the A/A noise of training, 0 with one seed, where it is not known. Systems are compared seed by
    seed, so that with several arms what a seed does to all of them is taken out: the floor is that of the
    residuals of arms x seeds (randomised blocks), an arm being the mean of its systems, which share a
    training. `scores` is (n, 1).
    """
    if scores.df is None:
        return 0.0
    names = list(dict.fromkeys(arms))
    inside = [[at for at, arm in enumerate(arms) if arm == name] for name in names]
    trained = np.stack([scores.repeats[places, 0].mean(axis=0) for places in inside])  # (arms, seeds)
    if len(names) == 1:
        return float(t_quantile(_TAIL, scores.df)) * math.sqrt(2 * float((trained**2).sum()))
    residual = trained - trained.mean(axis=0)
    variance = float((residual**2).sum()) / (len(names) - 1)
    return float(t_quantile(_TAIL, scores.df * (len(names) - 1))) * math.sqrt(2 * variance)


def single_level(
    scores: Uncertain, costs: Sequence[Cost], arms: Sequence[str], rng: np.random.Generator, draws: int
) -> float:
    """Return the level of one interval at which the confidence sets of all frontiers hold together.

    Those are the frontiers of `scores` (n, 1) against each of the costs and against any of them at once.
    Of two copies of one candidate, each frontier alone would call 5 in 100 different; a reader who looks
    at four of them would meet up to 20. Where several arms were trained with several seeds, half of the
    error is left for what their trainings differ by (see Spread.joint_half_width).
    """
    anywhere = sorted({at for cost in costs for at in cost.systems})
    trained = scores.df is not None and len({arms[at] for at in anywhere}) > 1
    level = (1 + LEVEL) / 2 if trained else LEVEL
    return level_of_pairs([scores.of(anywhere), *(cost.values for cost in costs)], rng, draws, level)


def uncertain_frontier(
    scores: Uncertain,
    costs: Sequence[Cost],
    baseline: int,
    arms: Sequence[str],
    single: float,
    rng: np.random.Generator,
    draws: int,
) -> UncertainFrontier | None:
    """Return the frontier of `scores` (n, 1), in percent, against the costs; None where no system has all.

    None, too, where nothing is known of the noise of one of them: then nothing is shown to dominate.

    `single` is the level of one interval of the confidence sets: see `single_level`.
    Hypervolumes and knees are those of the score against one cost, in octaves of the baseline's: the
    reference point was fixed before any experiment (see eval.pareto.hypervolume).
    """
    known = [at for at in range(len(arms)) if all(at in cost.systems for cost in costs)]
    if not known or not costs or not all(cost.known for cost in costs):
        return None
    score = scores.of(known)
    turned = Uncertain(-score.points, -score.examples, -score.repeats, score.df)
    cost_values = [cost.values.of([cost.systems.index(at) for at in known]) for cost in costs]
    objectives = [turned, *cost_values]
    known_arms = [arms[at] for at in known]
    floors = [score_floor(score, known_arms), *(cost.noise.floor or 0.0 for cost in costs)]
    drawn = np.concatenate([values.drawn(rng, draws) for values in objectives], axis=1)
    plain, beyond = dominance(drawn), dominance(drawn, floors)
    points = np.concatenate([values.points for values in objectives], axis=1)
    lower = ["min"] * points.shape[1]
    volume: Volume | None = None
    volumes: dict[str, Volume] = {}
    knee, shares, none = None, None, None
    if len(costs) == 1 and baseline in known:
        there = cost_values[0].points[known.index(baseline), 0]
        octaves, octave_draws = (points[:, 1] - there) / math.log(2), (drawn[:, 1] - there) / math.log(2)
        percent, percent_draws = -points[:, 0], -drawn[:, 0]
        volume = _volume(percent, octaves, percent_draws, octave_draws)
        for arm in dict.fromkeys(arms[at] for at in known):
            inside = [place for place, at in enumerate(known) if arms[at] == arm]
            volumes[arm] = _volume(
                percent[inside], octaves[inside], percent_draws[inside], octave_draws[inside]
            )
        (here,) = knees(percent[None], octaves[None])
        knee = int(here) if here >= 0 else None
        knee_draws = knees(percent_draws.T, octave_draws.T)
        shares = np.bincount(knee_draws[knee_draws >= 0], minlength=len(known)) / draws
        none = float((knee_draws < 0).mean())
    return UncertainFrontier(
        tuple(known),
        Frontier.of(points, lower).mask,  # type: ignore[arg-type]
        plain.membership,
        beyond.membership,
        plain.probability,
        confidence_set(objectives, single, groups=known_arms),
        confidence_set(objectives, single, floors, groups=known_arms),
        knee,
        shares,
        none,
        volume,
        volumes,
    )


def _volume(
    scores: np.ndarray, octaves: np.ndarray, score_draws: np.ndarray, octave_draws: np.ndarray
) -> Volume:
    """Return the volume of (n,) scores and octaves with draws (n, draws) of both.

    The volume has no derivative where candidates tie, and the bootstrap fails there (Fang and Santos 2019,
    "Inference on directionally differentiable functions"). So the lower end is that of the numerical delta
    method (Hong and Li 2018): noise that is STEP times as large lets all tie that the noise cannot tell
    apart, and what it does to the volume is divided by STEP. The upper end is that of the draws, moved onto
    the value. With up to 20 candidates, alike or not, such intervals cover in 95 to 99 % of cases.
    """
    value = float(hypervolume(scores, octaves))
    volume_draws = hypervolume(score_draws.T, octave_draws.T)
    far = hypervolume(
        (scores[:, None] + _STEP * (score_draws - scores[:, None])).T,
        (octaves[:, None] + _STEP * (octave_draws - octaves[:, None])).T,
    )
    low, middle, high = (float(q) for q in np.quantile(volume_draws, [_TAIL, 0.5, 1 - _TAIL]))
    below = float(np.quantile(far - value, 1 - _TAIL)) / _STEP
    return Volume(value, value - max(below, middle - low), value + high - middle, middle - value)
