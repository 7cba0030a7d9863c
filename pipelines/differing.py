"""`xpareto diff`: what got better or worse from one run to another, candidate by candidate."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from compress.errors import InputError, hint
from eval.contrast_scores import TaskScores, task_scores
from eval.inference import Spread
from eval.resampling import NORMAL_FROM
from eval.score_table import AVERAGE, ScoreTable, Weights, score_table
from eval.task import task
from eval.verdict import Contrast, contrasts
from pipelines.cost_changes import cost_changes_together, cost_contrasts, lost_costs
from pipelines.evidence import Evidence, read_evidence
from pipelines.outcomes import task_clusters, task_outcomes, task_tuning
from pipelines.regressions import AVERAGE_NAME, COSTS, LANGUAGES, TASKS, regressions, undetermined
from pipelines.runfolder import RunFolder

SCHEMA = 2  # 1: the ratios of costs of which more is better were A's over B's


def diff_runs(
    first: RunFolder,
    second: RunFolder,
    tolerance: float = 1.0,
    cost_tolerance: float = 5.0,
    resamples: int = 2000,
    seed: int = 0,
    strict: bool = False,
) -> dict[str, Any]:
    """Return the differences of run B (`second`) from run A as one JSON document.

    Candidates match by name, and only tasks and languages count that both runs have. Where both answered
    the same examples the differences are paired. `tolerance` is in points, `cost_tolerance` in percent:
    less than that is no difference that counts (equivalence, by TOST), and a regression is what is shown
    to be worse (Holm within each family) by more than that: of one candidate, or a cost of all together. A
    candidate that has no score any more, or lacks a cost that it had, is one as well; with `strict` so is
    what may be worse by more than that, as far as its interval tells. InputError where nothing matches.
    """
    _check_numbers(tolerance, cost_tolerance, resamples, seed)
    runs = read_evidence(first.path, seed=seed), read_evidence(second.path, seed=seed)
    tasks = _common_tasks(*runs)
    names = _common_names(*runs)
    a, b = (_limited(own, tasks, names) for own in runs)
    paired = {name: _same_examples(a, b, first, second, name) for name in tasks}
    table = score_table(_scored(a, b, paired, resamples), {name: tasks[name] for name in tasks}, 0, Weights())
    found = _score_contrasts(table, names, tolerance)
    margin = math.log1p(cost_tolerance / 100)
    costs = cost_contrasts(a, b, names, margin)
    lost = sorted(name for name in runs[0].names if name in runs[1].left_out)
    document = {
        "schema": SCHEMA,
        "runs": [own.study.run.origins[0].run for own in runs],
        "tolerance": tolerance,
        "cost_tolerance": cost_tolerance,
        "cost_margin": margin,
        "strict": strict,
        "resamples": resamples,
        "seed": seed,
        "tasks": {name: list(codes) for name, codes in tasks.items()},
        "paired": paired,
        "only_in_a": _missing(runs[0], runs[1]),
        "only_in_b": _missing(runs[1], runs[0]),
        "lost": {name: runs[1].left_out[name] for name in lost},
        "lost_costs": lost_costs(a, b, names),
        "together": cost_changes_together(a, b, names, margin),
        "candidates": {
            name: {**found[name], COSTS: {cost: own[name] for cost, own in costs.items() if name in own}}
            for name in names
        },
        "same_machine": _machine(runs[0]) == _machine(runs[1]),
    }
    unproven = undetermined(document)
    document["undetermined"] = unproven
    document["regressions"] = regressions(document) + (unproven if strict else [])
    return document


def _check_numbers(tolerance: float, cost_tolerance: float, resamples: int, seed: int) -> None:
    if not 0 < tolerance < 100:
        raise InputError(f"--tolerance: expected points above 0 and below 100, found {tolerance:g}.")
    if not 0 < cost_tolerance < 1000:
        raise InputError(f"--cost-tolerance: expected percent above 0, found {cost_tolerance:g}.")
    if not 100 <= resamples <= 100_000:
        raise InputError(f"--resamples: expected 100 to 100000 draws, found {resamples}.")
    if seed < 0:
        raise InputError(f"--seed: expected a whole number from 0 on, found {seed}.")


def _common_tasks(a: Evidence, b: Evidence) -> dict[str, tuple[str, ...]]:
    found = {}
    for name, codes in a.languages.items():
        other = b.tasks.get(name)
        if other is not None and other.split == a.tasks[name].split:
            both = tuple(code for code in codes if code in other.languages)
            if both:
                found[name] = both
    if not found:
        raise InputError(
            f"The runs have no task with a split and a language in common: {', '.join(a.tasks)} in the first, "
            f"{', '.join(b.tasks)} in the second."
        )
    return found


def _common_names(a: Evidence, b: Evidence) -> list[str]:
    names = [name for name in a.names if name in b.names]
    if not names:
        near = hint(a.names[0], b.names)
        raise InputError(
            f"No candidate has the same name and scores in both runs.{near} In the first: {', '.join(a.names[:6])}; "
            f"in the second: {', '.join(b.names[:6])}."
        )
    return names


def _limited(evidence: Evidence, tasks: Mapping[str, tuple[str, ...]], names: Sequence[str]) -> Evidence:
    facts = {name: replace(evidence.tasks[name], languages=codes) for name, codes in tasks.items()}
    return replace(evidence, tasks=facts, names=tuple(names))


def _missing(here: Evidence, there: Evidence) -> list[str]:
    known = {candidate.name for candidate in there.study.run.candidates}
    return [c.name for c in here.study.run.candidates if c.name not in known]


def _same_examples(a: Evidence, b: Evidence, first: RunFolder, second: RunFolder, name: str) -> bool:
    """Tell whether both runs answered the same examples of a task.

    By the fingerprints of its files where both runs wrote them down, else by the name of the data.
    """
    one, other = a.tasks[name], b.tasks[name]
    if one.limit != other.limit:
        return False
    files = [run.read_json("candidates.json")["tasks"][name].get("fingerprints") for run in (first, second)]
    if all(files):
        return all(files[0].get(code) == files[1].get(code) for code in one.languages)
    return a.study.run.origins[0].data == b.study.run.origins[0].data


def _scored(a: Evidence, b: Evidence, paired: Mapping[str, bool], draws: int) -> Iterator[TaskScores]:
    """Yield the scores of A's candidates followed by B's."""
    for name in a.tasks:
        sides = [
            (own, task_outcomes(own.folder, own.study.run, own.tasks[name], own.names)) for own in (a, b)
        ]
        outcomes = [found for _, found in sides]
        tuning = [task_tuning(own.folder, own.tasks[name], own.names, found) for own, found in sides]
        clusters = task_clusters(a.folder, a.tasks[name], a.names[0])
        equal = all(outcomes[0][code].shape == outcomes[1][code].shape for code in outcomes[0])
        if paired[name] and equal and tuning[0] is None and tuning[1] is None:
            both = {code: np.concatenate([own[code] for own in outcomes]) for code in outcomes[0]}
            yield task_scores(task(name), both, a.seed, draws, clusters=clusters, normal_from=NORMAL_FROM)
            continue
        # Mining sets its thresholds in draws of its own; equal names give both runs equal draws.
        parts = ("", "") if paired[name] and equal else ("a", "b")
        one, other = (
            task_scores(
                task(name), outcomes[at], a.seed, draws, tuning=tuning[at], part=parts[at],
                clusters=task_clusters(own.folder, own.tasks[name], own.names[0]), normal_from=NORMAL_FROM,
            )
            for at, (own, _) in enumerate(sides)
        )  # fmt: skip
        yield replace(
            one,
            examples=tuple(min(x, y) for x, y in zip(one.examples, other.examples, strict=True)),
            points=np.concatenate([one.points, other.points]),
            draws=np.concatenate([one.draws, other.draws]),
        )


def _score_contrasts(table: ScoreTable, names: Sequence[str], margin: float) -> dict[str, dict[str, Any]]:
    count = len(names)
    a, b = table.points[:count], table.points[count:]
    noise = table.examples[count:] - table.examples[:count]
    errors = np.sqrt(noise.var(axis=-1, ddof=1, dtype=np.float64) + table.floor)

    def family(candidates: Sequence[int], places: Sequence[int], name: str) -> list[Contrast]:
        at = np.ix_(list(candidates), list(places))
        spread = Spread(errors[at].ravel(), np.zeros(errors[at].size), None)
        return contrasts(a[at].ravel(), b[at].ravel(), spread, margin, name)

    averages = family(range(count), [AVERAGE], "averages of all candidates")
    found = {}
    for at, name in enumerate(names):
        tasks = family([at], table.task_places, f"tasks of {name}")
        languages = family([at], table.language_places, f"languages of {name}")
        found[name] = {
            AVERAGE_NAME: asdict(averages[at]),
            TASKS: {task: asdict(own) for task, own in zip(table.tasks, tasks, strict=True)},
            LANGUAGES: {code: asdict(own) for code, own in zip(table.languages, languages, strict=True)},
        }
    return found


def _machine(evidence: Evidence) -> tuple[Any, ...]:
    facts = evidence.study.run.origins[0].environment
    return tuple(str(facts.get(name)) for name in ("cpu", "cores", "memory_bytes"))
