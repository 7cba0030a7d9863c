"""What is tried next: of what Optuna proposes, the setting that promises most for what it costs to make.

Optuna's samplers are asked many times, on copies of the study that nothing is told of: TPE, which proposes where good
settings are dense beside others, and for most a random one, so that no part of the space is out of sight. Of these is
tried the one of the greatest expected improvement of the hypervolume (see `promise`) for its expected seconds of making
(as Snoek et al. 2012 divide by cost): what shares its beginning with finished work costs only the rest. Several are
chosen one after the other, each knowing those that are chosen and not tried yet (`promise`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from xpareto.eval.objectives import Objective
from xpareto.pipelines.searching.directions import directions
from xpareto.pipelines.searching.promise import Promise
from xpareto.pipelines.searching.quiet import quiet
from xpareto.pipelines.searching.space import Point, Space, point_key

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

Price = Callable[[Point], float | None]
"""Expected seconds of a point; None where it was tried, or cannot be made."""
SamplerName = Literal["tpe", "random"]
STARTUP = 10  # settings that are tried before TPE learns from them
ROUNDS = 25  # of proposals in which nothing is new, before the space counts as exhausted
_START = (
    3.0  # power of the cost by which the first settings are drawn: what is cheap teaches as much, for less
)
_LEAST = 0.05  # seconds: what costs nothing is not worth infinitely much
_PART = 8  # one proposal in so many is TPE's


@dataclass(frozen=True)
class Chooser:
    """Chooses among the proposals of a sampler; equal trials and prices give the same choice.

    What is promised is divided by its cost to the power of `thrift`: 0 asks not what it costs, 1 weighs promise per
    second. It is below 1, for what begins a chain makes others cheaper (see tests/bench/search_replay.py). With one
    proposal the sampler is by itself. The first `startup` settings are drawn by cost alone, cheap ones most.
    """

    space: Space
    objectives: Sequence[Objective]
    seed: int
    sampler: SamplerName = "tpe"
    proposals: int = 256
    thrift: float = 0.75
    startup: int = 4

    def next(
        self, trials: Sequence[FrozenTrial], price: Price, pending: Sequence[Point] = ()
    ) -> Point | None:
        """Return the point to try after these trials; None where all that is proposed was tried.

        Values of the trials are such as the sampler shall see: costs as logarithms. `pending` are at work beside it.
        """
        found: dict[str, tuple[Point, float]] = {}
        for attempt in range(ROUNDS):
            with quiet():
                proposed = self._proposed(trials, len(trials) + len(pending), attempt)
            for point in proposed:
                cost = price(point)
                if cost is not None:
                    found[point_key(point)] = (point, cost)
            if found:
                return self._best(list(found.values()), trials, pending)
        return None

    def _proposed(self, trials: Sequence[FrozenTrial], number: int, attempt: int) -> list[Point]:
        import optuna

        learnt = -(-self.proposals // _PART) if self.sampler == "tpe" and len(trials) >= STARTUP else 0
        seed = random.Random(f"{self.seed} {number} {attempt}").randrange(2**32)
        tpe = optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP, multivariate=True, group=True, constant_liar=False
        )
        anywhere = optuna.samplers.RandomSampler(seed=seed)
        points: list[Point] = []
        for sampler, count in ((tpe, learnt), (anywhere, self.proposals - learnt)):
            study = optuna.create_study(directions=directions(self.objectives), sampler=sampler)
            study.add_trials(trials if sampler is tpe else [])
            points += [self.space.suggested(study.ask()) for _ in range(count)]
        return points

    def _best(
        self,
        found: Sequence[tuple[Point, float]],
        trials: Sequence[FrozenTrial],
        pending: Sequence[Point],
    ) -> Point:
        """Return the setting that promises most per second; before anything can be learnt, one by its cost alone."""
        costs = np.array([max(cost, _LEAST) for _, cost in found])
        points = [point for point, _ in found]
        draw = np.random.default_rng([self.seed, len(trials) + len(pending)])
        if len(points) == 1:
            return points[0]
        if len(trials) < self.startup:
            weights = (costs / costs.min()) ** (-_START * self.thrift)
            return points[int(draw.choice(len(points), p=weights / weights.sum()))]
        gains = self._promise(trials).improvements(points, draw, pending)
        if not gains.any():
            return points[0]
        return points[int(np.argmax(gains * costs**-self.thrift))]

    def _promise(self, trials: Sequence[FrozenTrial]) -> Promise:
        import optuna

        points = [self.space.suggested(optuna.trial.FixedTrial(trial.params)) for trial in trials]
        limits = sorted({name for trial in trials for name in trial.constraints})
        return Promise(
            self.space,
            self.objectives,
            points,
            np.array([trial.values for trial in trials]),
            np.array([[trial.constraints.get(name, 0.0) for name in limits] for trial in trials]).reshape(
                len(trials), len(limits)
            ),
        )
