"""What got better or worse from one run to another, candidate by candidate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xpareto.compress.core import InputError, hint
from xpareto.eval.analyses.cost_changes import (
    cost_contrasts,
    lost_costs,
    pooled_cost_changes,
    ratios_in_one_block,
)
from xpareto.eval.analyses.documents import CandidateChanges, CommonChange, CostChange, Difference
from xpareto.eval.analyses.regressions import Changes, regressions, undetermined
from xpareto.eval.objectives import drawn_qualities
from xpareto.eval.results import (
    RunResults,
    TaskFacts,
    Unlearnt,
    counted,
    same_predictions,
    task_clusters,
    task_outcomes,
    task_tuning,
    within,
)
from xpareto.eval.statistics import (
    AVERAGE,
    NORMAL_FROM,
    Contrast,
    ScoreTable,
    Spread,
    TaskScores,
    Weights,
    contrasts,
    score_table,
    task_scores,
)


def diff(
    first: RunResults,
    second: RunResults,
    tolerance: float = 1.0,
    cost_tolerance: float = 5.0,
    resamples: int = 2000,
    strict: bool = False,
) -> Difference:
    """Return the differences of run B (`second`) from run A, both with the draws' seed of the first.

    Candidates match by name, and only tasks and languages count that both runs have, and that an uncompressed
    model of either has learnt (see eval.results.learnt). Where both answered
    the same examples the differences are paired. `tolerance` is in points, `cost_tolerance` in percent:
    less than that is no difference that counts (equivalence, by TOST), and a regression is what is shown
    to be worse (Holm within each family) and came out worse by more than that: of one candidate, or a cost of all
    together. A
    candidate that has no score any more, or lacks a cost that it had, is one as well; with `strict` so is
    what may be worse by more than that, as far as its interval tells. InputError where nothing matches.
    """
    common = _common_tasks(first, second)
    at_chance = within(_unlearnt_in_both(first, second), common)
    tasks = {name: facts.languages for name, facts in counted(common, at_chance).items()}
    names = _common_names(first, second)
    a, b = (_limited(results, tasks, tuple(common), names) for results in (first, second))
    paired = {name: _same_examples(a, b, name) for name in tasks}
    table = score_table(_scored(a, b, paired, resamples), tasks, 0, Weights())
    others = set(second.run_summary.objectives)
    qualities = [objective for name, objective in first.run_summary.objectives.items() if name in others]
    table = table.having(drawn_qualities(table, qualities))
    margin = math.log1p(cost_tolerance / 100)
    costs = cost_contrasts(a, b, names, margin)
    in_one_block = ratios_in_one_block(a, b, names, costs)
    changes = Changes(
        candidates=_changes(table, names, costs, in_one_block, tolerance),
        together=_where_calm(pooled_cost_changes(a, b, names, margin), costs),
        tolerance=tolerance,
        cost_margin=margin,
    )
    lost = {name: second.left_out[name] for name in sorted(first.names) if name in second.left_out}
    costs_lost = lost_costs(a, b, names)
    unproven = undetermined(changes)
    return Difference(
        runs=(first.run_summary.run.origins[0].run, second.run_summary.run.origins[0].run),
        tolerance=tolerance,
        cost_tolerance=cost_tolerance,
        cost_margin=margin,
        strict=strict,
        resamples=resamples,
        seed=first.seed,
        tasks=tasks,
        unlearnt=at_chance,
        paired=paired,
        only_in_a=_missing(first, second),
        only_in_b=_missing(second, first),
        lost=lost,
        lost_costs=costs_lost,
        together=changes.together,
        candidates=changes.candidates,
        same_machine=_machine(first) == _machine(second),
        bases={
            name: basis
            for name, basis in first.run_summary.bases.items()
            if name in costs or any(name in of_candidate for of_candidate in in_one_block.values())
        },
        undetermined=tuple(unproven),
        regressions=(*regressions(changes, lost, costs_lost), *(unproven if strict else ())),
    )


def _where_calm(
    together: Mapping[str, CommonChange], costs: Mapping[str, Mapping[str, CostChange]]
) -> dict[str, CommonChange]:
    """Return the changes of all candidates; where most were measured beside other work, nothing is made of one."""
    return {
        name: replace(common, verdict="undetermined", beyond=False)
        if common.verdict != "equivalent"
        and 2 * sum(change.disturbed > 0 for change in costs.get(name, {}).values()) > common.candidates
        else common
        for name, common in together.items()
    }


def _unlearnt_in_both(a: RunResults, b: RunResults) -> Unlearnt:
    """Return what neither run's uncompressed models have learnt; what one has learnt the other may have lost."""
    first, second = a.run_summary.unlearnt, b.run_summary.unlearnt
    return {
        name: tuple(code for code in codes if code in second.get(name, ())) for name, codes in first.items()
    }


def _common_tasks(a: RunResults, b: RunResults) -> dict[str, TaskFacts]:
    common = {}
    for name, codes in a.languages.items():
        other = b.tasks.get(name)
        if other is not None and other.split == a.tasks[name].split:
            both = tuple(code for code in codes if code in other.languages)
            if both:
                common[name] = replace(a.tasks[name], languages=both)
    if not common:
        raise InputError(
            f"The runs have no task with a split and a language in common: {', '.join(a.tasks)} in the first, "
            f"{', '.join(b.tasks)} in the second."
        )
    return common


def _common_names(a: RunResults, b: RunResults) -> list[str]:
    names = [name for name in a.names if name in b.names]
    if not names:
        near = hint(a.names[0], b.names)
        raise InputError(
            f"No candidate has the same name and scores in both runs.{near} In the first: {', '.join(a.names[:6])}; "
            f"in the second: {', '.join(b.names[:6])}."
        )
    return names


def _limited(
    results: RunResults, tasks: Mapping[str, tuple[str, ...]], priced: tuple[str, ...], names: Sequence[str]
) -> RunResults:
    facts = {name: replace(results.tasks[name], languages=codes) for name, codes in tasks.items()}
    return replace(results, tasks=facts, priced=priced, names=tuple(names))


def _missing(here: RunResults, there: RunResults) -> tuple[str, ...]:
    known = {candidate.name for candidate in there.run_summary.run.candidates}
    return tuple(c.name for c in here.run_summary.run.candidates if c.name not in known)


def _same_examples(a: RunResults, b: RunResults, name: str) -> bool:
    """Tell whether both runs answered the same examples of a task.

    By the fingerprints of its files where both runs wrote them down, else by the name of the data.
    """
    one, other = a.tasks[name], b.tasks[name]
    if one.limit != other.limit:
        return False
    if one.fingerprints and other.fingerprints:
        return all(one.fingerprints.get(code) == other.fingerprints.get(code) for code in one.languages)
    return a.run_summary.run.origins[0].data == b.run_summary.run.origins[0].data


def _scored(a: RunResults, b: RunResults, paired: Mapping[str, bool], draws: int) -> Iterator[TaskScores]:
    """Yield the scores of A's candidates followed by B's."""
    for name in a.tasks:
        sides = [
            (
                results,
                task_outcomes(results.folder, results.run_summary.run, results.tasks[name], results.names),
            )
            for results in (a, b)
        ]
        outcomes = [by_language for _, by_language in sides]
        tuning = [
            task_tuning(results.folder, results.tasks[name], results.names, by_language)
            for results, by_language in sides
        ]
        clusters = task_clusters(a.folder, a.tasks[name], a.names[0])
        models = [
            (results.folder, results.tasks[name], each) for results, _ in sides for each in results.names
        ]
        equal = all(outcomes[0][code].shape == outcomes[1][code].shape for code in outcomes[0])
        if paired[name] and equal and tuning[0] is None and tuning[1] is None:
            both = {code: np.concatenate([of_side[code] for of_side in outcomes]) for code in outcomes[0]}
            yield task_scores(
                a.tasks[name].task, both, a.seed, draws, clusters=clusters, normal_from=NORMAL_FROM,
                predictions=same_predictions(models, both),
            )  # fmt: skip
            continue
        # Mining sets its thresholds in draws of its own; equal names give both runs equal draws.
        parts = ("", "") if paired[name] and equal else ("a", "b")
        one, other = (
            task_scores(
                results.tasks[name].task, outcomes[at], a.seed, draws, tuning=tuning[at], part=parts[at],
                clusters=task_clusters(results.folder, results.tasks[name], results.names[0]), normal_from=NORMAL_FROM,
            )
            for at, (results, _) in enumerate(sides)
        )  # fmt: skip
        beside = one.beside(other)
        if paired[name] and equal:
            rows = {code: np.concatenate([of_side[code] for of_side in outcomes]) for code in outcomes[0]}
            beside = beside.tied(same_predictions(models, rows))
        yield beside


def _changes(
    table: ScoreTable,
    names: Sequence[str],
    costs: Mapping[str, Mapping[str, CostChange]],
    in_one_block: Mapping[str, Mapping[str, float]],
    margin: float,
) -> dict[str, CandidateChanges]:
    """Return what changed of every candidate; `costs` are by cost and candidate, `margin` in points."""
    count = len(names)
    a, b = table.points[:count], table.points[count:]
    noise = table.examples[count:] - table.examples[:count]
    added = np.concatenate([table.units.of([at, count + at]).variance(0)[1:] for at in range(count)])
    errors = np.sqrt(noise.var(axis=-1, ddof=1, dtype=np.float64) + added)

    def family(candidates: Sequence[int], places: Sequence[int], name: str) -> list[Contrast]:
        at = np.ix_(list(candidates), list(places))
        spread = Spread(errors[at].ravel(), np.zeros(errors[at].size), None)
        return contrasts(a[at].ravel(), b[at].ravel(), spread, margin, name)

    averages = family(range(count), [AVERAGE], "averages of all candidates")
    changes = {}
    for at, name in enumerate(names):
        tasks = family([at], table.task_places, f"tasks of {name}")
        languages = family([at], table.language_places, f"languages of {name}")
        places = [table.quality_places[quality] for quality in table.qualities]
        qualities = family([at], places, f"qualities of {name}")
        changes[name] = CandidateChanges(
            average=averages[at],
            tasks=dict(zip(table.tasks, tasks, strict=True)),
            languages=dict(zip(table.languages, languages, strict=True)),
            qualities=dict(zip(table.qualities, qualities, strict=True)),
            costs={cost: of_all[name] for cost, of_all in costs.items() if name in of_all},
            costs_in_one_block=in_one_block.get(name, {}),
        )
    return changes


def _machine(results: RunResults) -> tuple[Any, ...]:
    facts = results.run_summary.run.origins[0].environment
    return tuple(str(facts.get(name)) for name in ("cpu", "cores", "memory_bytes"))
