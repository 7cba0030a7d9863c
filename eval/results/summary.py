"""What the rows of a run say of each candidate, computed once for every form of report."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from xpareto.eval.objectives import OBJECTIVES, Objective, Role
from xpareto.eval.results.cells import Cell, Score, average, cells, task_score
from xpareto.eval.results.document import TaskFacts
from xpareto.eval.results.frontiers import frontier_names
from xpareto.eval.results.learnt import Unlearnt, counted, nothing_learnt, unlearnt
from xpareto.eval.results.provenance import MODELLED, with_basis
from xpareto.eval.results.run import Run
from xpareto.eval.results.uncompressed_model import uncompressed, uncompressed_models

SCORE = "score"
ENERGY = "energy_j"
MADE = "made"  # the statistic of a step's failure row


@dataclass(frozen=True)
class Failure:
    """One thing that failed."""

    candidate: str
    probe: str
    task: str
    language: str
    statistic: str
    error: str

    @property
    def what(self) -> str:
        """Return the probe or step, with the statistic where that says more."""
        return self.probe if self.statistic in ("", self.probe, MADE) else f"{self.probe}: {self.statistic}"


@dataclass(frozen=True)
class RunSummary:
    """A run and everything that is derived from its rows.

    `bases` says what those objectives rest on of which it is not plain, such as energy: measured or modelled.
    The titles of these objectives say it, too, so that it stands wherever a figure of them does.

    Averages and qualities rest on the tasks and languages that are `counted`: not on those that no
    uncompressed model has learnt (see eval.results.learnt), `unlearnt`, whose scores are shown all the same.
    """

    run: Run
    objectives: Mapping[str, Objective]
    values: Mapping[str, Mapping[str, float | None]]  # candidate -> objective -> value
    cells: Mapping[str, Mapping[tuple[str, str], Cell]]
    failures: tuple[Failure, ...]
    frontiers: Mapping[tuple[str, str], tuple[str, ...]] = field(repr=False)  # pair -> candidates on it
    bases: Mapping[str, str] = field(default_factory=dict)
    counted: Mapping[str, TaskFacts] = field(default_factory=dict)
    unlearnt: Unlearnt = field(default_factory=dict)

    @property
    def nothing_learnt(self) -> bool:
        """Have the uncompressed models learnt no task in any language?"""
        return nothing_learnt({name: facts.languages for name, facts in self.counted.items()}, self.unlearnt)

    @property
    def costs(self) -> tuple[str, ...]:
        """Return the objectives that are costs, have a value of any candidate, and rank (see `ranks`)."""
        return tuple(name for name in self._known("cost") if ranks(name, self.bases.get(name, ""), self.run))

    @property
    def qualities(self) -> tuple[str, ...]:
        """Return the objectives that are qualities, other than the score, and have a value of any candidate."""
        return tuple(name for name in self._known("quality") if name != SCORE)

    @property
    def shown(self) -> tuple[str, ...]:
        """Return what tables and charts show: the score, further qualities and costs."""
        return (SCORE, *self.qualities, *self.costs)

    def _known(self, role: Role) -> tuple[str, ...]:
        return tuple(
            name
            for name, objective in self.objectives.items()
            if objective.role == role and any(values[name] is not None for values in self.values.values())
        )

    def value(self, candidate: str, objective: str) -> float | None:
        """Return one number, None where there is no measurement."""
        return self.values[candidate].get(objective)

    def ratio(self, candidate: str, objective: str) -> float | None:
        """Return the candidate's value over the baseline's."""
        return self._over(candidate, self.run.baseline, objective)

    def uncompressed(self, candidate: str) -> str:
        """Return the uncompressed model in the candidate's runtime (see eval.results.uncompressed_model)."""
        return uncompressed(self.run, self.run.candidate(candidate)).name

    def compression_ratio(self, candidate: str, objective: str) -> float | None:
        """Return the candidate's cost over that of the uncompressed model in its runtime."""
        return self._over(candidate, self.uncompressed(candidate), objective)

    def runtime_ratio(self, candidate: str, objective: str) -> float | None:
        """Return the cost of the uncompressed model in the candidate's runtime over the baseline's.

        Times `compression_ratio` it is `ratio`.
        """
        return self._over(self.uncompressed(candidate), self.run.baseline, objective)

    def _over(self, one: str, other: str, objective: str) -> float | None:
        here, there = self.value(one, objective), self.value(other, objective)
        return None if here is None or not there else here / there

    def gain(self, candidate: str, quality: str = SCORE) -> float | None:
        """Return the score, or another quality, less the baseline's, in points."""
        here, there = self.value(candidate, quality), self.value(self.run.baseline, quality)
        return None if here is None or there is None else here - there

    def change(self, candidate: str, task: str, language: str) -> float | None:
        """Return one cell's score less the baseline's, in points."""
        here = self.cells[candidate].get((task, language))
        there = self.cells[self.run.baseline].get((task, language))
        if here is None or there is None or here.score is None or there.score is None:
            return None
        return here.score.value - there.score.value

    def worst(self, candidate: str) -> tuple[str, str, float] | None:
        """Return the task, the language and the points of the largest loss (or the least gain)."""
        changes = [
            (change, task, language)
            for task, language in self.cells[candidate]
            if task in self.counted
            and language in self.counted[task].languages
            and (change := self.change(candidate, task, language)) is not None
        ]
        if not changes:
            return None
        change, task, language = min(changes)
        return task, language, change

    def on_frontier(self, candidate: str) -> tuple[str, ...]:
        """Return the costs for which the candidate is on the frontier of score against that cost."""
        return tuple(cost for cost in self.costs if candidate in self.frontiers.get((cost, SCORE), ()))

    def task_score(self, candidate: str, task: str) -> Score | None:
        """Return one task's mean over its languages that count; over all, where the task counts nowhere."""
        return task_score(self.cells[candidate], self.counted.get(task, self.run.tasks[task]))

    def average(self, candidate: str, retrieval: bool = True) -> Score | None:
        """Return the mean over tasks, with or without retrieval."""
        return average(self.cells[candidate], self.counted, retrieval)

    def failed(self, candidate: str) -> bool:
        """Has the candidate no score, or did anything of it fail?"""
        return any(failure.candidate == candidate for failure in self.failures)

    def failures_of(self, candidate: str) -> tuple[Failure, ...]:
        """Return what failed of one candidate."""
        return tuple(failure for failure in self.failures if failure.candidate == candidate)


def summarize(run: Run, count_unlearnt: bool = False) -> RunSummary:
    """Return what the rows of a run say; `count_unlearnt`: tasks at chance count as well.

    InputError for an objective that is not in the catalogue.
    """
    objectives: dict[str, Objective] = {name: OBJECTIVES.load(name) for name in run.objectives}
    if SCORE not in objectives:
        objectives = {SCORE: OBJECTIVES.load(SCORE), **objectives}
    cells_of = {c.name: cells(run.rows[c.name], run.tasks) for c in run.candidates}
    at_chance = unlearnt(run, cells_of, uncompressed_models(run))
    tasks = run.tasks if count_unlearnt else counted(run.tasks, at_chance)
    failures = _failures(run)
    values = {
        candidate.name: {
            name: comparable(objective, candidate.name, run, cells_of[candidate.name], failures, tasks)
            for name, objective in objectives.items()
        }
        for candidate in run.candidates
    }
    _on_one_basis(values, run)
    bases = {}
    for name, objective in objectives.items():
        basis = cost_basis(objective, run, [own for own, known in values.items() if known[name] is not None])
        if basis:
            bases[name] = basis
    ranking = [name for name in objectives if ranks(name, bases.get(name, ""), run)]
    return RunSummary(
        run=run,
        objectives={name: titled(objective, bases.get(name, "")) for name, objective in objectives.items()},
        values=values,
        cells=cells_of,
        failures=failures,
        frontiers={
            (x, y): frontier_names(values, objectives[x], objectives[y])
            for x, y in itertools.permutations(ranking, 2)
        },
        bases=bases,
        counted=tasks,
        unlearnt=at_chance,
    )


def ranks(objective: str, basis: str, run: Run) -> bool:
    """Tell whether candidates are weighed by an objective: on frontiers, in dominance, answers and diffs.

    What is modelled is a formula's word, near a constant times another cost, so it ranks nothing unless the
    recipe names it among its objectives. Tables of it stay, with its basis.
    """
    return objective in run.asked or not basis.startswith(MODELLED)


def titled(objective: Objective, basis: str) -> Objective:
    """Return the objective with its basis in its title, such as `Modelled energy per example`."""
    if not basis:
        return objective
    title = with_basis(objective.title[:1].lower() + objective.title[1:], basis)
    return replace(objective, title=title[:1].upper() + title[1:])


def cost_basis(objective: Objective, run: Run, names: Iterable[str]) -> str:
    """Return what an objective rests on of the named candidates where that is not plain: measured or modelled.

    "" for clocks, counts and scores. An objective is modelled where rows that are have a value of it.
    """
    if objective.name == ENERGY:
        return next((basis for name in names if (basis := run.energy_bases[name])), "")
    modelled = ([row for row in run.rows[name] if row.basis == MODELLED] for name in names)
    return MODELLED if any(objective.reduce(rows) is not None for rows in modelled) else ""


def on_the_basis(run: Run, candidate: str) -> bool:
    """Tell whether a candidate's energy has the baseline's basis; measured where the baseline has none.

    Measured and modelled joules never stand on one frontier, nor under one limit.
    """
    known = set(run.energy_bases.values()) - {None}
    kept = run.energy_bases[run.baseline] or "measured"
    return len(known) < 2 or run.energy_bases[candidate] == kept


def _on_one_basis(values: Mapping[str, dict[str, float | None]], run: Run) -> None:
    """Take the energy from candidates whose basis is another than the baseline's."""
    for name, by_objective in values.items():
        if ENERGY in by_objective and not on_the_basis(run, name):
            by_objective[ENERGY] = None


def comparable(
    objective: Objective,
    candidate: str,
    run: Run,
    candidate_cells: Mapping[tuple[str, str], Cell],
    failures: Sequence[Failure],
    tasks: Mapping[str, TaskFacts],
) -> float | None:
    """Return the objective's value, None where it would rest on less than the other candidates' do.

    A quality rests on the languages of `tasks`; a mean over fewer compares with none. Whether a cost rests
    on a probe is seen from its rows: without them it has no value.
    """
    rows = run.rows[candidate]
    if objective.role == "quality":
        if average(candidate_cells, tasks) is None:
            return None
        places = {(name, code) for name, facts in tasks.items() for code in facts.languages}
        return objective.reduce([row for row in rows if (row.task, row.language) in places])
    for probe in {failure.probe for failure in failures if failure.candidate == candidate}:
        if objective.reduce([row for row in rows if row.probe != probe]) is None:
            return None
    return objective.reduce(rows)


def _failures(run: Run) -> tuple[Failure, ...]:
    """Return what failed and was not made good since: only a probe's newest repeat counts."""
    failures: list[Failure] = []
    for candidate in run.candidates:
        rows = run.rows[candidate.name]
        newest: dict[str, int] = {}
        for row in rows:
            newest[row.probe] = max(newest.get(row.probe, 0), row.repeat)
        failed: dict[tuple[str, ...], Failure] = {}
        for row in rows:
            place = (row.probe, row.task, row.language, row.statistic, row.component, row.artifact)
            failed.pop(place, None)  # a later row replaces it
            if row.status == "failed" and row.repeat == newest[row.probe]:
                why = row.error or "no reason given"
                what = (row.candidate, row.probe, row.task, row.language, row.statistic)
                failed[place] = Failure(*what, why)
        made = any(row.artifact and row.status == "ok" for row in rows)
        failures += [failure for failure in failed.values() if not (made and failure.statistic == MADE)]
    return tuple(dict.fromkeys(failures))


def matched(candidates: Sequence[str], run: Run) -> dict[tuple[object, ...], dict[str, str]]:
    """Return, for each variant (stage, runtime, settings, seed), its candidate in every arm."""
    by_variant: dict[tuple[object, ...], dict[str, str]] = {}
    for name in candidates:
        candidate = run.candidate(name)
        variant = (
            candidate.stage,
            candidate.runtime,
            repr(sorted(candidate.settings.items())),
            candidate.seed,
        )
        by_variant.setdefault(variant, {}).setdefault(candidate.arm, name)
    return by_variant
