"""Which settings are tried next, several at a time, within what is left of the budget."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial

from xpareto.pipelines.execution import ExpectedCosts
from xpareto.pipelines.recipe import Search
from xpareto.pipelines.searching.chooser import Chooser
from xpareto.pipelines.searching.space import Point
from xpareto.pipelines.searching.study import Study
from xpareto.pipelines.searching.trial_plans import TrialPlans
from xpareto.pipelines.storage import Store

EXHAUSTED = "no setting that was not tried fits the space and what is left of the budget"


@dataclass
class Proposals:
    """Proposes settings after what a study has; what was chosen and is not tried yet counts as expected."""

    search: Search
    plans: TrialPlans
    study: Study
    costs: ExpectedCosts
    store: Store
    _made: set[str] = field(default_factory=set)  # keys of which the store has a record

    def next(self, most: int) -> list[Point]:
        """Return up to `most` settings to try together; none where nothing is left to try."""
        budget, spent = self.search.budget, self.study.spent()
        if budget.candidates is not None:
            most = min(most, budget.candidates - spent.candidates)
        self._made = self.store.recorded()
        chosen: list[Point] = []
        while len(chosen) < most:
            point = self._next(chosen)
            if point is None:
                break
            chosen.append(point)
        return chosen

    def spent(self) -> str | None:
        """Return what of the budget is spent; None while there is some of all."""
        budget, spent = self.search.budget, self.study.spent()
        if budget.candidates is not None and spent.candidates >= budget.candidates:
            return f"the budget of {budget.candidates} candidates is spent"
        if budget.hours is not None and spent.hours >= budget.hours:
            return f"the budget of {budget.hours:g} hours is spent"
        if budget.joules is not None and spent.joules >= budget.joules:
            return f"the budget of {budget.joules:g} J is spent"
        return None

    def _next(self, chosen: Sequence[Point]) -> Point | None:
        begun = {node.key: node for point in chosen for node in self.plans.planned(point).nodes}
        seconds = self.costs.of_all(begun.values(), self._made.__contains__)
        price = partial(self._price, seen=self._identities(chosen), begun=set(begun), begun_seconds=seconds)
        if not chosen and not self.study.tried():
            point = self.plans.space.as_it_stands()
            if point is not None and price(point) is not None:
                return point
        chooser = Chooser(self.plans.space, self.study.objectives, self.search.seed)
        return chooser.next(self.study.seen(), price, chosen)

    def _identities(self, chosen: Sequence[Point]) -> set[str]:
        """Return the models that need no trial: those that were tried or are chosen, and the baseline's."""
        points = [*self.study.every_point(), *chosen]
        baseline = self.plans.baseline.artifacts
        return {
            *(self.plans.planned(point).identity for point in points),
            " ".join(f"{name}={key}" for name, key in sorted(baseline.items())),
        }

    def _price(self, point: Point, seen: set[str], begun: set[str], begun_seconds: float) -> float | None:
        """Return the expected seconds of making a setting; None where it needs no trial, or does not fit the budget.

        What those that are chosen already make costs nothing more.
        """
        planned = self.plans.planned(point)
        if planned.refused or planned.identity in seen:
            return None
        seconds = self.costs.of_all(planned.nodes, lambda key: key in begun or key in self._made)
        hours = self.search.budget.hours
        if hours is not None and begun_seconds + seconds > (hours - self.study.spent().hours) * 3600:
            return None
        return seconds
