"""Plans of points: an ordinary recipe in which every point is an arm, so that what they share is one node."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xpareto.compress.core import InputError
from xpareto.pipelines.planning import Candidate, Node, Plan, Prepared, make_plan
from xpareto.pipelines.recipe import ARMS, Located, check, label_of
from xpareto.pipelines.searching.space import Point, Space, point_key

BASELINE = "baseline"  # the arm of the uncompressed model
_DROPPED = ("search", "sweep")


@dataclass(frozen=True)
class Planned:
    """The work of one point: its nodes, parents before children; `identity` is equal where the models are.

    `refused` says why it cannot be made; it then has no nodes.
    """

    nodes: tuple[Node, ...] = ()
    identity: str = ""
    refused: str = ""


@dataclass
class TrialPlans:
    """Plans the points of a search on what the recipe starts from; each point once."""

    ready: Prepared  # the recipe as it stands
    space: Space
    _planned: dict[str, Planned] = field(default_factory=dict)

    def planned(self, point: Point) -> Planned:
        """Return the work of a point, or why it is none."""
        key = point_key(point)
        if key not in self._planned:
            self._planned[key] = self._plan(point)
        return self._planned[key]

    def _plan(self, point: Point) -> Planned:
        try:
            plan = self.prepared({"t": point}, baseline=False).plan
        except InputError as error:
            return Planned(refused=str(error))
        ends = plan.candidates[-1].artifacts
        identity = " ".join(f"{name}={key}" for name, key in sorted(ends.items()))
        return Planned(tuple(plan.nodes.values()), identity)

    def prepared(
        self,
        points: Mapping[str, Point],
        baseline: bool = True,
        tasks: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> Prepared:
        """Return a plan in which every point is an arm with one candidate, behind the uncompressed model.

        `tasks`: keys of tasks that are other than in the recipe.
        """
        arms = {BASELINE: self.baseline_chain()} if baseline else {}
        arms |= {name: self._ending(self.space.chain(point)) for name, point in points.items()}
        value = {key: one for key, one in self.space.value.items() if key not in _DROPPED}
        value |= {"arms": arms, "steps": [ARMS]}
        for name, changed in (tasks or {}).items():
            value["tasks"] = [_changed(item, name, changed) for item in value["tasks"]]
        checked = check(Located(self.ready.checked.recipe.name, value, {}))
        return replace(self.ready, checked=checked, plan=make_plan(checked, self.ready.start))

    def baseline_chain(self) -> list[dict[str, Any]]:
        """Return the chain of the recipe's first candidate, as it stands."""
        first = self.baseline
        chain: list[dict[str, Any]] = []
        if first.steps:
            for item in self.space.items(first.arm):
                chain.append({**item, "candidate": False})
                if label_of(item) == first.stage:
                    break
            chain[-1]["candidate"] = True
        return chain

    @property
    def baseline(self) -> Candidate:
        """Return the recipe's first candidate."""
        plan = self.ready.plan
        return next(one for one in plan.candidates if one.name == plan.baseline)

    @staticmethod
    def _ending(chain: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return a chain of which the last step that is there alone gives a candidate."""
        there = [at for at, item in enumerate(chain) if item.get("enabled", True)]
        last = there[-1] if there else -1
        return [{**item, "candidate": at == last} for at, item in enumerate(chain)]


def _changed(item: Any, name: str, changed: Mapping[str, Any]) -> Any:
    own = {"task": item} if isinstance(item, str) else item
    return {**own, **changed} if own["task"] == name else item


def candidate_of(plan: Plan, arm: str) -> Candidate:
    """Return the candidate of an arm, on the first runtime that opens its format; InputError where it has none.

    Two points that lead to the very same models are one candidate, which has the name of the first.
    """
    found = [one for one in plan.candidates if one.arm == arm]
    if not found:
        raise InputError(
            f"{arm}: expected a candidate of its own, found models that another setting gives, too."
        )
    return found[0]
