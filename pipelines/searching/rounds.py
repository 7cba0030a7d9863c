"""Rounds of screening: what settings score on a part of the examples, each round on more of them and for fewer."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from xpareto.compress.core import Artifact
from xpareto.eval.objectives import Objective, declared_limits, language_scores
from xpareto.eval.records import Measurement
from xpareto.eval.results import COST, RunResults, read_run_results, write_document
from xpareto.pipelines.planning import Candidate, Prepared, Workload
from xpareto.pipelines.recipe import groups, taken
from xpareto.pipelines.runs import Launch, Measuring, results_of
from xpareto.pipelines.storage import RunFolder

SCORES = "accuracy"  # the probe whose rows scores and outcomes of examples are


@dataclass(frozen=True)
class Means:
    """What measures a candidate, and in how many threads."""

    launch: Launch
    threads: int


@dataclass(frozen=True)
class Round:
    """One round: its examples, and the folder that keeps what was measured on them."""

    number: int
    folder: RunFolder
    work: tuple[Workload, ...]
    scores: Measuring
    costs: Measuring
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @staticmethod
    def open(
        number: int, folder: Path, ready: Prepared, work: tuple[Workload, ...], scores: Means, costs: Means
    ) -> Round:
        """Return a round that goes on with what its folder has."""
        run = RunFolder(folder / f"round-{number + 1}")
        (run.path / "outcomes").mkdir(parents=True, exist_ok=True)
        run.check_measured()
        run.drop_unfinished()
        recipe = ready.checked.recipe
        settings = recipe.measure.model_copy(update={"retries": 0, "blocks": 1})
        first, second = (
            Measuring(
                run, ready.store, ready.start, work, settings, means.threads, recipe.runtime_settings,
                launch=means.launch,
            )
            for means in (scores, costs)
        )  # fmt: skip
        return Round(number, run, work, first, second)

    @property
    def examples(self) -> int:
        """Return how many examples of each language it looks at, at most."""
        return max((item.limit or 0 for item in self.work), default=0)

    def score(
        self, candidate: Candidate, bundle: Mapping[str, Artifact], begins: Callable[[str], None]
    ) -> float:
        """Score a candidate, unless that is done; return the seconds. Several threads may."""
        return self._measure(self.scores, candidate, bundle, SCORES, begins)

    def cost(
        self, candidate: Candidate, bundle: Mapping[str, Artifact], begins: Callable[[str], None]
    ) -> float:
        """Measure what a candidate costs, unless that is done or the recipe asks for none; return the seconds."""
        if not set(groups()[COST]) & set(self.costs.settings.probes):
            return 0.0
        return self._measure(self.costs, candidate, bundle, COST, begins)

    def take_costs(self, candidate: str, known: Sequence[Measurement]) -> None:
        """Take the costs of a candidate from another round's rows."""
        if known and (candidate, COST, 0) not in self.folder.finished():
            self.folder.add_rows(list(known), candidate=candidate, probe=COST, seconds=0.0)

    def _measure(
        self,
        by: Measuring,
        candidate: Candidate,
        bundle: Mapping[str, Artifact],
        group: str,
        begins: Callable[[str], None],
    ) -> float:
        with self._lock:
            done = (candidate.name, group, 0) in self.folder.finished()
        if done:
            return 0.0
        rows, kept = by.rows_of(candidate, bundle, group, 0, begins)
        seconds = float(rows[-1].value or 0.0)
        with self._lock:  # rows of one candidate stay together
            self.folder.add_rows(rows, kept, candidate=candidate.name, probe=group, seconds=seconds)
        return seconds

    def rows(self, candidate: str) -> list[Measurement]:
        """Return what was measured of a candidate."""
        return [row for row in self.folder.rows() if row.candidate == candidate]

    def cost_rows(self, candidate: str) -> list[Measurement]:
        """Return the rows of a candidate's costs, closed by their terminator."""
        remembered = set(taken("remembered"))
        return [row for row in self.rows(candidate) if row.probe not in remembered]

    def results(self, prepared: Prepared, command: str) -> RunResults:
        """Return the results of all candidates of a plan, which were measured; InputError where there are none."""
        store = prepared.store
        ends = {key for one in prepared.plan.candidates for key in one.artifacts.values()}
        found = {key: store.find(key, verify=False) for key in ends}
        document = results_of(
            self.folder.name,
            command,
            prepared.checked.recipe,
            prepared.start,
            prepared.plan,
            self.work,
            store,
            {key: artifact for key, artifact in found.items() if artifact is not None},
        )
        write_document(self.folder.path, document)
        return read_run_results(self.folder.path, count_unlearnt=True)


def values_of(rows: Sequence[Measurement], objectives: Sequence[Objective]) -> list[float] | None:
    """Return a candidate's value of each objective; None where it lacks one, or a probe failed."""
    if any(row.status == "failed" for row in rows):
        return None
    values = [objective.reduce(rows) for objective in objectives]
    return None if any(value is None for value in values) else [float(value or 0.0) for value in values]


def excesses(
    rows: Sequence[Measurement], baseline: Sequence[Measurement], limits: Mapping[str, float]
) -> dict[str, float]:
    """Return by limit how much more a candidate has than it allows, as measured; a limit without a measure is left out.

    Drops are points lost against the baseline on the same examples.
    """
    over = {}
    for name, most in limits.items():
        objective, limit = declared_limits()[name]
        if limit.measure is not None:
            found = limit.measure.reduce(rows)
        elif limit.by_language:
            found = max(_language_drops(rows, baseline), default=None)
        else:
            here, there = objective.reduce(rows), objective.reduce(baseline)
            found = None if here is None or there is None else there - here
        if found is not None:
            over[name] = found - most
    return over


def _language_drops(rows: Sequence[Measurement], baseline: Sequence[Measurement]) -> list[float]:
    """Return the points lost in each language, the mean over the tasks that have it."""
    here, there = language_scores(rows), language_scores(baseline)
    by_language: dict[str, list[float]] = {}
    for place, score in here.items():
        if place in there:
            by_language.setdefault(place[1], []).append(there[place] - score)
    return [fmean(drops) for drops in by_language.values()]
