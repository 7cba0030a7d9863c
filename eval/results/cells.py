"""The scores of every candidate by task and language, with the interval that rows alone allow."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from xpareto.eval.metrics.correlation import CORRELATIONS, interval
from xpareto.eval.probes.accuracy import CLASS, RECALL
from xpareto.eval.records import Measurement
from xpareto.eval.results.document import TaskFacts

INTERVAL = (
    "± is the 95 % interval of one score by itself, not of a difference: binomial (Agresti-Coull variance, "
    "normal approximation), from the number of examples per language, with languages and tasks taken as "
    "independent. For tagging a sentence counts as one trial, which likely makes it too wide; for question "
    "answering the mean of exact match and F1 is taken for the share of right answers, as micro F1, macro F1 and "
    "Matthews' correlation are, for which it may be too narrow; intervals of differences are not. Of rank "
    "correlations it is Fisher's z. It covers the choice of test examples only, not training."
)
_Z = 1.959963984540054  # the 97.5 % point of the normal distribution


@dataclass(frozen=True)
class Score:
    """A score in percent; `half` is half the width of its 95 % interval, None where there is none."""

    value: float
    half: float | None
    examples: int


@dataclass(frozen=True)
class Cell:
    """What is known of one candidate on one task in one language."""

    status: str  # ok, failed, missing
    score: Score | None = None
    error: str = ""


Cells = Mapping[tuple[str, str], Cell]  # (task, language) ->


def cells(rows: Iterable[Measurement], tasks: Mapping[str, TaskFacts]) -> dict[tuple[str, str], Cell]:
    """Return the newest result of each task and language in the metrics that make the task's score."""
    newest: dict[tuple[str, str], dict[str, Measurement]] = {}
    fallback: dict[tuple[str, str], Cell] = {}
    for row in rows:
        facts = tasks.get(row.task)
        if row.probe != "accuracy" or facts is None or not row.language:
            continue
        place = (row.task, row.language)
        if row.statistic in facts.score_metrics:
            newest.setdefault(place, {})[row.statistic] = row
        elif row.status != "ok" or row.value is None:  # the whole language failed
            fallback[place] = Cell(row.status, error=row.error)
    return fallback | {place: _cell(by_metric, tasks[place[0]]) for place, by_metric in newest.items()}


def _cell(by_metric: Mapping[str, Measurement], facts: TaskFacts) -> Cell:
    """Return the mean of the metrics that make the score; the first that is not ok, or lacks, instead."""
    values = []
    for metric in facts.score_metrics:
        row = by_metric.get(metric)
        if row is None:
            return Cell("missing", error=f"no {metric}")
        if row.status != "ok" or row.value is None:
            return Cell(row.status, error=row.error)
        values.append(row.value)
    correlated = {*facts.score_metrics} <= CORRELATIONS
    return Cell("ok", scored(fmean(values), min(row.examples for row in by_metric.values()), correlated))


def scored(percent: float, examples: int, correlated: bool = False) -> Score:
    """Return a score with its interval from the number of examples.

    The variance is that of Agresti and Coull (1998): two successes and two failures are added, so that
    a perfect score does not look certain. Of a correlation it is half of the width that Fisher's z gives.

    >>> round(scored(50.0, 96).half, 2)
    9.8
    >>> scored(50.0, 0).half is None
    True
    """
    if examples <= 0:
        return Score(percent, None, 0)
    if correlated:
        low, high = interval(percent, examples, _Z)
        return Score(percent, (high - low) / 2, examples)
    share = (min(max(percent / 100, 0.0), 1.0) * examples + 2) / (examples + 4)
    return Score(percent, 100 * _Z * math.sqrt(share * (1 - share) / (examples + 4)), examples)


@dataclass(frozen=True)
class Recall:
    """A candidate's recall of a class; `change` from the baseline's, `beyond` what both intervals explain.

    Both answered the same examples, so the interval of the change is narrower than the two tell.
    """

    score: Score
    change: float | None = None
    beyond: bool = False


@dataclass(frozen=True)
class ClassRecalls:
    """Of each class of a task (of each tag, over words) the share of its examples that a candidate finds."""

    classes: tuple[str, ...]  # the commonest first
    counts: Mapping[
        str, Mapping[tuple[str, str], tuple[int, int]]
    ]  # candidate -> (class, language) -> found, examples

    def of(self, candidate: str, label: str, baseline: str, language: str | None = None) -> Recall | None:
        """Return the recall of a class in one language, or (None) of all its examples; None where it has none."""
        score, base = (self._score(name, label, language) for name in (candidate, baseline))
        if score is None or base is None or candidate == baseline:
            return None if score is None else Recall(score)
        change = score.value - base.value
        return Recall(score, change, abs(change) > math.hypot(score.half or 0.0, base.half or 0.0))

    def _score(self, candidate: str, label: str, language: str | None) -> Score | None:
        counts = self.counts.get(candidate, {})
        picked = [
            count for (name, code), count in counts.items() if name == label and language in (None, code)
        ]
        found, examples = (sum(column) for column in zip(*picked, strict=True)) if picked else (0, 0)
        return scored(100.0 * found / examples, examples) if examples else None


def class_recalls(rows: Mapping[str, Iterable[Measurement]]) -> dict[str, ClassRecalls]:
    """Return by task the recall of each class, from the newest rows of each candidate; none for tasks without."""
    counts: dict[str, dict[str, dict[tuple[str, str], tuple[int, int]]]] = {}
    for candidate, of_candidate in rows.items():
        for row in of_candidate:
            if (row.probe, row.statistic) == ("accuracy", RECALL) and row.value is not None:
                place = row.component.removeprefix(CLASS), row.language
                found = round(row.value * row.examples / 100), row.examples
                counts.setdefault(row.task, {}).setdefault(candidate, {})[place] = found
    recalls = {}
    for task, by_candidate in counts.items():
        sizes: dict[str, int] = {}
        for (label, _), (_, examples) in next(iter(by_candidate.values())).items():
            sizes[label] = sizes.get(label, 0) + examples
        classes = sorted(sizes, key=lambda label: (-sizes[label], label))
        recalls[task] = ClassRecalls(tuple(classes), by_candidate)
    return recalls


def mean(scores: Sequence[Score]) -> Score | None:
    """Return the unweighted mean of independent scores, None of none.

    >>> mean([Score(40.0, 3.0, 10), Score(60.0, 4.0, 20)])
    Score(value=50.0, half=2.5, examples=30)
    """
    if not scores:
        return None
    halves = [score.half for score in scores if score.half is not None]
    known = len(halves) == len(scores)
    half = math.hypot(*halves) / len(halves) if known else None
    return Score(fmean(score.value for score in scores), half, sum(score.examples for score in scores))


def task_score(scored_cells: Cells, facts: TaskFacts) -> Score | None:
    """Return the mean over all the task's languages; None unless every one of them has a score."""
    scores = []
    for language in facts.languages:
        cell = scored_cells.get((facts.name, language))
        if cell is None or cell.score is None:
            return None  # a mean over fewer languages would not compare with the others
        scores.append(cell.score)
    return mean(scores)


def average(scored_cells: Cells, tasks: Mapping[str, TaskFacts], retrieval: bool = True) -> Score | None:
    """Return the mean over tasks, with or without those that retrieve; None unless all have a score."""
    wanted = [facts for facts in tasks.values() if retrieval or facts.group != "retrieval"]
    scores = [task_score(scored_cells, facts) for facts in wanted if facts.languages]
    known = [score for score in scores if score is not None]
    return mean(known) if len(known) == len(scores) else None
