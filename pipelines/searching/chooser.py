"""What is tried next: of what Optuna proposes, the setting that promises most for what it costs to make.

Optuna's sampler is asked several times, on a copy of the study that nothing is told of. Each answer is a draw from
what the sampler takes for good (TPE: where good settings are dense beside others), so how often a setting is drawn is
its promise. What is tried is drawn by promise per expected second of making: what shares its beginning with finished
work costs only the rest.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from xpareto.pipelines.searching.quiet import quiet
from xpareto.pipelines.searching.space import Point, Space, point_key

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

Price = Callable[[Point], float | None]
"""Expected seconds of a point; None where it was tried, or cannot be made."""
SamplerName = Literal["tpe", "nsga2", "random"]
STARTUP = 10  # settings that are tried before the sampler learns from them
_LEAST = 0.05  # seconds: what costs nothing is not worth infinitely much
ROUNDS = 25  # of proposals in which nothing is new, before the space counts as exhausted


@dataclass(frozen=True)
class Chooser:
    """Chooses among the proposals of a sampler; equal trials and prices give the same choice.

    The chance of a setting is proportional to how often it is proposed, times its cost to the power of minus `thrift`:
    0 takes what the sampler proposes, 1 weighs promise per second, and a large one takes the cheapest.
    """

    space: Space
    directions: Sequence[Literal["minimize", "maximize"]]
    seed: int
    sampler: SamplerName = "tpe"
    proposals: int = 16
    thrift: float = 1.0

    def next(self, trials: Sequence[FrozenTrial], price: Price) -> Point | None:
        """Return the point to try after these trials; None where all that is proposed was tried.

        Values of the trials are such as the sampler shall see: costs as logarithms.
        """
        found: dict[str, tuple[Point, float, int]] = {}
        for attempt in range(ROUNDS):
            for point in self._proposed(trials, attempt):
                cost = price(point)
                if cost is not None:
                    key = point_key(point)
                    found[key] = (point, cost, found[key][2] + 1 if key in found else 1)
            if found:
                return self._drawn(list(found.values()), len(trials))
        return None

    def _proposed(self, trials: Sequence[FrozenTrial], attempt: int) -> list[Point]:
        import optuna

        with quiet():
            study = optuna.create_study(
                directions=list(self.directions), sampler=self._sampler(len(trials), attempt)
            )
            study.add_trials(trials)
            return [self.space.suggested(study.ask()) for _ in range(self.proposals)]

    def _sampler(self, count: int, attempt: int) -> BaseSampler:
        import optuna

        seed = random.Random(f"{self.seed} {count} {attempt}").randrange(2**32)
        # Where nothing that is proposed is new, the sampler has narrowed down to what was tried: any point may be next.
        if self.sampler == "random" or attempt > 1:
            return optuna.samplers.RandomSampler(seed=seed)
        if self.sampler == "nsga2":
            return optuna.samplers.NSGAIISampler(seed=seed, population_size=STARTUP)
        return optuna.samplers.TPESampler(
            seed=seed, n_startup_trials=STARTUP, multivariate=True, group=True, constant_liar=False
        )

    def _drawn(self, found: Sequence[tuple[Point, float, int]], count: int) -> Point:
        weights = [times * max(cost, _LEAST) ** -self.thrift for _, cost, times in found]
        draw = random.Random(f"{self.seed} {count} draw")
        return draw.choices([point for point, _, _ in found], weights)[0]
