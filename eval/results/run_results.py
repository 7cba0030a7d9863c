"""What a finished run knows of its candidates: outcomes of test examples, and costs in blocks."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from statistics import fmean, geometric_mean

import numpy as np

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.objectives import Objective, Sense, drawn_qualities
from xpareto.eval.pareto import Cost
from xpareto.eval.records import Measurement
from xpareto.eval.results.blocks import CONTROL
from xpareto.eval.results.document import TaskFacts
from xpareto.eval.results.learnt import Unlearnt, counted, nothing_learnt, within
from xpareto.eval.results.old_runs import with_percentiles
from xpareto.eval.results.outcomes import same_predictions, task_clusters, task_outcomes, task_tuning
from xpareto.eval.results.pairing import variant_of
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import ENERGY, RunSummary, comparable, on_the_basis, summarize
from xpareto.eval.statistics import (
    LEVEL,
    NORMAL_FROM,
    ScoreTable,
    TaskScores,
    Weights,
    cost_noise,
    generator,
    score_table,
    spread_over_pairs,
    task_scores,
)
from xpareto.eval.tasks import Task

FOLD = "fold"


@dataclass(frozen=True)
class System:
    """What stands on the frontier: candidates that differ in their training seed alone."""

    name: str
    arm: str
    candidates: Mapping[int, str]  # seed -> candidate


@dataclass(frozen=True)
class Part:
    """Which examples of each language to take: one of `folds` equal parts, or all but it."""

    fold: int
    folds: int
    inside: bool


@dataclass(frozen=True)
class RunResults:
    """The candidates of a run that have a score in every task and language, and what they rest on.

    `tasks` hold the languages whose scores count, `priced` names the tasks whose costs do: one that no
    uncompressed model has learnt, see `unlearnt`, still has to be answered.
    """

    folder: Path
    run_summary: RunSummary
    names: tuple[str, ...]
    tasks: Mapping[str, TaskFacts]
    left_out: Mapping[str, str]
    priced: tuple[str, ...]
    unlearnt: Unlearnt
    seed: int = 0
    _held: dict[str, Mapping[str, np.ndarray]] = field(default_factory=dict, repr=False)
    _same: dict[str, Mapping[str, list[int]]] = field(default_factory=dict, repr=False)
    _rows: dict[str, tuple[Measurement, ...]] = field(default_factory=dict, repr=False)

    @property
    def baseline(self) -> str:
        return self.run_summary.run.baseline

    @cached_property
    def languages(self) -> Mapping[str, tuple[str, ...]]:
        """Return the languages of each task."""
        return {name: facts.languages for name, facts in self.tasks.items()}

    @property
    def nothing_learnt(self) -> bool:
        """Is no task learnt in any language, so that nothing can be said of what is lost?"""
        return nothing_learnt(self.languages, self.unlearnt)

    def systems(self, by_seed: bool) -> tuple[System, ...]:
        """Return each candidate for itself (`by_seed`), or those of one arm and variant together."""
        by_key: dict[str, System] = {}
        for name in self.names:
            candidate = self.run_summary.run.candidate(name)
            key = name if by_seed else f"{candidate.arm}/{variant_of(candidate)}"
            held = dict(by_key[key].candidates) if key in by_key else {}
            by_key[key] = System(key, candidate.arm, {**held, candidate.seed: name})
        return tuple(by_key.values())

    def members(self, systems: Sequence[System]) -> list[dict[int, int]]:
        """Return each system's candidates as places among `names`, by seed."""
        return [
            {seed: self.names.index(name) for seed, name in system.candidates.items()} for system in systems
        ]

    def outcomes(self, name: str) -> Mapping[str, np.ndarray]:
        """Return one task's outcomes per language, (candidates, examples, columns)."""
        return task_outcomes(self.folder, self.run_summary.run, self.tasks[name], self.names)

    def table(
        self,
        draws: int,
        weights: Weights,
        part: Part | None = None,
        keep: bool = False,
        qualities: Sequence[Objective] = (),
    ) -> ScoreTable:
        """Return the scores of all candidates with `draws` draws of the test examples.

        A threshold of mining is set again in every draw of the whole, and taken as it was in a part.
        `part` takes some of the examples only; `keep` holds the outcomes for the next call. The run's
        objectives that are qualities are in it, and `qualities` beside them.
        """
        scored = self._scored(draws, part, keep)
        table = score_table(scored, self.languages, self._partners(), weights)
        asked = (*self.run_summary.objectives.values(), *qualities)
        return table.having(drawn_qualities(table, asked))

    def quality_changes(
        self, table: ScoreTable, systems: Sequence[System], base: int
    ) -> dict[str, list[list[float]]]:
        """Return by quality other than the score, for every system, its change from the baseline.

        A change is [points, low, high], paired by test example and by seed; each interval holds by itself
        at LEVEL. The baseline, at the place `base`, changes by 0.
        """
        scores = table.systems(self.members(systems))
        arms = [system.arm for system in systems]
        changes = {}
        for name in table.qualities:
            quality = scores.take([table.quality_places[name]])
            half = spread_over_pairs(quality, base, arms).half_width(LEVEL)[:, 0]
            half[base] = 0.0
            gains = quality.less(base).points[:, 0]
            changes[name] = [
                [float(gain), float(gain - end), float(gain + end)]
                for gain, end in zip(gains, half, strict=True)
            ]
        return changes

    def _partners(self) -> list[int]:
        """Return the place of the baseline that each candidate is compared with: that of its seed, if any."""
        base = next(
            system for system in self.systems(by_seed=False) if self.baseline in system.candidates.values()
        )
        seeds = [self.run_summary.run.candidate(name).seed for name in self.names]
        return [self.names.index(base.candidates.get(seed, self.baseline)) for seed in seeds]

    def _scored(self, draws: int, part: Part | None, keep: bool) -> Iterator[TaskScores]:
        for name, facts in self.tasks.items():
            outcomes = self._held.get(name)
            if outcomes is None:
                outcomes = self.outcomes(name)
                if keep:
                    self._held[name] = {
                        code: array.astype(np.float32, copy=False) for code, array in outcomes.items()
                    }
            clusters = task_clusters(self.folder, facts, self.names[0])
            tuning = task_tuning(self.folder, facts, self.names, outcomes) if part is None else None
            if name not in self._same:
                models = [(self.folder, facts, candidate) for candidate in self.names]
                self._same[name] = same_predictions(models, outcomes)
            if part is not None:
                taken = _taken(facts.task, outcomes, clusters, part, self.seed)
                outcomes = {code: array[:, taken[code]] for code, array in outcomes.items()}
                if clusters is not None:
                    clusters = {code: array[taken[code]] for code, array in clusters.items()}
            yield task_scores(
                facts.task,
                outcomes,
                self.seed,
                draws,
                tuning=tuning,
                clusters=clusters,
                normal_from=NORMAL_FROM,
                predictions=self._same[name],
            )

    def rows(self, candidate: str) -> tuple[Measurement, ...]:
        """Return a candidate's rows on the tasks that count, and those that belong to no task but to a
        model that such a task is answered with."""
        if candidate not in self._rows:
            every = self.run_summary.run.rows[candidate]
            models = {row.artifact for row in every if row.task in self.priced and row.artifact}
            self._rows[candidate] = tuple(
                row
                for row in every
                if row.task in self.priced or (not row.task and (not row.artifact or row.artifact in models))
            )
        return self._rows[candidate]

    def blocks(self, candidate: str, objective: Objective) -> tuple[dict[int, float], bool]:
        """Return a candidate's cost in each block, nothing where it has none, and whether it is a count.

        Where its probe failed in a task that counts, what is left of its rows is no cost of them all.
        Joules on another basis than the baseline's compare with nothing.
        """
        by_block, exact = _by_block(objective, self.rows(candidate))
        failures = [
            failure
            for failure in self.run_summary.failures
            if not failure.task or failure.task in self.priced
        ]
        cells = self.run_summary.cells[candidate]
        known = comparable(objective, candidate, self.run_summary.run, cells, failures, self.tasks)
        alone = objective.name == ENERGY and not on_the_basis(self.run_summary.run, candidate)
        return ({} if known is None or alone else by_block), exact

    def cost(self, objective: Objective, systems: Sequence[System]) -> Cost | None:
        """Return the cost of those systems that have it; None where none has.

        Rows of equal `repeat` are one block, in which the baseline's A/A control was measured too. Where
        there is one block only and every system has several seeds, each seed's model was measured for
        itself, and the seeds are the blocks.
        """
        blocks: list[dict[int, float]] = []
        seeded: list[dict[int, float]] = []
        exact = True
        for system in systems:
            by_repeat: dict[int, list[float]] = {}
            by_seed: dict[int, float] = {}
            for seed, name in system.candidates.items():
                cost_by_repeat, counted = self.blocks(name, objective)
                exact = exact and counted
                for repeat, value in cost_by_repeat.items():
                    by_repeat.setdefault(repeat, []).append(value)
                if cost_by_repeat:
                    by_seed[seed] = geometric_mean(cost_by_repeat.values())
            whole = len(by_seed) == len(system.candidates)
            blocks.append(
                {repeat: geometric_mean(of_seeds) for repeat, of_seeds in by_repeat.items()} if whole else {}
            )
            seeded.append(by_seed if whole else {})
        known = [at for at, of_system in enumerate(blocks) if of_system]
        if not known:
            return None
        several = all(len(blocks[at]) > 1 for at in known)
        by_block = several or not all(len(seeded[at]) > 1 for at in known)
        source = [(blocks if by_block else seeded)[at] for at in known]
        base = [p for p, at in enumerate(known) if self.baseline in systems[at].candidates.values()]
        control = _by_block(objective, self._control_rows())[0] if base and by_block and not exact else {}
        columns = sorted({key for of_system in source for key in of_system})
        ratio = _twin(control, source[base[0]], objective.sense) if control else None
        if set(columns) <= set(control):  # one more copy tells more of the noise
            source.append(control)
        values = np.array([[of_system.get(key, np.nan) for key in columns] for of_system in source])
        logs, noise = cost_noise(1.0 / values if objective.sense == "max" else values, exact)
        return Cost(tuple(known), logs.of(range(len(known))), noise, ratio)

    def _control_rows(self) -> tuple[Measurement, ...]:
        """Return the rows of the baseline's A/A control as if they were a candidate's."""
        lead = f"{CONTROL}_"
        return tuple(
            replace(row, probe="cost", statistic=row.statistic.removeprefix(lead))
            for row in self.rows(self.baseline)
            if row.probe == CONTROL and row.statistic.startswith(lead)
        )


def read_run_results(
    folder: Path,
    tasks: Sequence[str] = (),
    languages: Sequence[str] = (),
    seed: int = 0,
    count_unlearnt: bool = False,
) -> RunResults:
    """Return the results of a run on the named tasks and languages (all where none are named).

    Of these only what an uncompressed model has learnt counts (see eval.results.learnt), all where that is
    nothing, or with `count_unlearnt`. InputError where the baseline has no score: nothing compares with that.
    """
    run_summary = summarize(with_percentiles(read_runs([folder]), folder), count_unlearnt)
    asked = {}
    for name, facts in run_summary.run.tasks.items():
        codes = tuple(code for code in facts.languages if not languages or code in languages)
        if codes and (not tasks or name in tasks):
            asked[name] = replace(facts, languages=codes)
    if not asked:
        hidden = [name for name, facts in run_summary.run.tasks.items() if facts.withheld]
        why = (
            f" The gold labels of {', '.join(hidden)} are withheld: evaluate what has gold." if hidden else ""
        )
        raise InputError(f"{folder}: no task of this run has scores in the languages that were named.{why}")
    chosen = asked if count_unlearnt else counted(asked, run_summary.unlearnt)
    wanted = [(name, code) for name, facts in chosen.items() for code in facts.languages]
    left_out = {}
    for candidate in run_summary.run.candidates:
        cells = run_summary.cells[candidate.name]
        absent = [place for place in wanted if place not in cells or cells[place].score is None]
        if absent:
            places = [f"{name} in {code}" for name, code in absent]
            left_out[candidate.name] = f"it failed, or has no score: {enumerated(places)}"
    names = tuple(c.name for c in run_summary.run.candidates if c.name not in left_out)
    if run_summary.run.baseline not in names:
        why = left_out[run_summary.run.baseline]
        raise InputError(f"{folder}: the baseline {run_summary.run.baseline} cannot be compared with: {why}.")
    at_chance = {} if count_unlearnt else within(run_summary.unlearnt, asked)
    return RunResults(folder, run_summary, names, chosen, left_out, tuple(asked), at_chance, seed)


def _by_block(objective: Objective, rows: Sequence[Measurement]) -> tuple[dict[int, float], bool]:
    """Return the objective in each block, above zero, and whether it rests on counts alone."""
    exact = objective.reduce([row for row in rows if row.basis != "exact"]) is None
    if not exact and objective.blocks is not None:
        return dict(objective.blocks(rows)), False
    value = objective.reduce(rows)
    return ({0: value} if value and value > 0 else {}), exact


def _twin(control: Mapping[int, float], base: Mapping[int, float], sense: Sense) -> float | None:
    """Return the logarithm of what the control costs over the baseline, over the blocks that have both."""
    logs = [math.log(value / base[block]) for block, value in control.items() if block in base]
    return (-fmean(logs) if sense == "max" else fmean(logs)) if logs else None


def _taken(
    task: Task,
    outcomes: Mapping[str, np.ndarray],
    clusters: Mapping[str, np.ndarray] | None,
    part: Part,
    seed: int,
) -> dict[str, np.ndarray]:
    """Return which examples a part holds, per language; versions of one example stay together."""
    in_part = {}
    shared = task.parallel and len({array.shape[1] for array in outcomes.values()}) == 1
    for code, array in outcomes.items():
        if clusters is not None:
            numbers = (clusters[code].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(33)
            folds = (numbers % np.uint64(part.folds)).astype(np.int64)
        else:
            rng = generator(seed, FOLD, task.name, *([] if shared else [code]))
            folds = rng.permutation(array.shape[1]) % part.folds
        in_part[code] = (folds == part.fold) if part.inside else (folds != part.fold)
    return in_part
