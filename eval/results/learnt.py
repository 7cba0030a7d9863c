"""Which tasks and languages the uncompressed models of a run have learnt at all: one rule for every analysis.

Of a model at chance nothing can be lost, so that to lose nothing is no evidence; and what it cannot do hides,
in an average, what it can. A task in a language counts where an uncompressed model is shown to score more than
chance, and a point more: with less there is not a point to lose. It is shown by the lower end of the exact
interval of a share (Clopper and Pearson 1934), of a rank correlation of Fisher's z, one-sided at 97.5 %; chance is what
was measured on the gold (see eval.kinds.Kind.chance), in runs of earlier versions what the task declares.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from xpareto.eval.kinds import Kind
from xpareto.eval.metrics.correlation import CORRELATIONS, interval
from xpareto.eval.probes.accuracy import CHANCE
from xpareto.eval.results.cells import Cells, Score
from xpareto.eval.results.document import TaskFacts
from xpareto.eval.results.run import Run
from xpareto.eval.statistics import t_quantile
from xpareto.eval.tasks import KINDS

LEAST = 1.0  # points above chance
_TAIL = 0.025

Unlearnt = Mapping[str, tuple[str, ...]]  # task -> languages


def surely(score: Score, correlated: bool = False) -> float:
    """Return the least that a score in percent may be: the lower end of its exact interval, 0 of no examples.

    Of a correlation that of Fisher's z.

    >>> round(surely(Score(50.0, None, 100)), 1), surely(Score(0.0, None, 100))
    (39.8, 0.0)
    """
    from scipy.special import betaincinv  # a tenth of a second to import

    if correlated:
        return interval(score.value, score.examples, float(t_quantile(_TAIL, None)))[0]
    right = min(max(score.value / 100, 0.0), 1.0) * score.examples
    return 100 * float(betaincinv(right, score.examples - right + 1, _TAIL)) if right > 0 else 0.0


def unlearnt(run: Run, cells: Mapping[str, Cells], names: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Return the languages of each task in which none of some candidates is shown to have learnt it.

    Tasks without any are left out, and languages in which none of them has a score.
    """
    measured = {
        (row.task, row.language): row.value
        for name in names
        for row in run.rows[name]
        if row.probe == "accuracy" and row.statistic == CHANCE and row.value is not None
    }
    found = {}
    for facts in run.tasks.values():
        codes = []
        for code in facts.languages:
            of_models = (cells[name].get((facts.name, code)) for name in names)
            scores = [cell.score for cell in of_models if cell is not None and cell.score is not None]
            chance = measured.get((facts.name, code))
            correlated = {*facts.score_metrics} <= CORRELATIONS
            if scores and all(surely(x, correlated) <= _chance(facts, x, chance) + LEAST for x in scores):
                codes.append(code)
        if codes:
            found[facts.name] = tuple(codes)
    return found


def within(unlearnt: Unlearnt, tasks: Mapping[str, TaskFacts]) -> dict[str, tuple[str, ...]]:
    """Return of what is unlearnt the languages that some tasks have."""
    found = {
        name: tuple(code for code in facts.languages if code in unlearnt.get(name, ()))
        for name, facts in tasks.items()
    }
    return {name: codes for name, codes in found.items() if codes}


def counted(tasks: Mapping[str, TaskFacts], unlearnt: Unlearnt) -> dict[str, TaskFacts]:
    """Return the tasks with the languages that count; all of them where none is learnt, for want of others."""
    left = {
        name: replace(
            facts, languages=tuple(code for code in facts.languages if code not in unlearnt.get(name, ()))
        )
        for name, facts in tasks.items()
    }
    known = {name: facts for name, facts in left.items() if facts.languages or not tasks[name].languages}
    return known if any(facts.languages for facts in known.values()) else dict(tasks)


def nothing_learnt(tasks: Mapping[str, tuple[str, ...]], unlearnt: Unlearnt) -> bool:
    """Tell whether every language of every task is unlearnt.

    >>> nothing_learnt({"xnli": ("de", "en")}, {"xnli": ("en",)}), nothing_learnt({"xnli": ("en",)}, {"xnli": ("en",)})
    (False, True)
    """
    places = [(name, code) for name, codes in tasks.items() for code in codes]
    return bool(places) and all(code in unlearnt.get(name, ()) for name, code in places)


def _chance(facts: TaskFacts, score: Score, measured: float | None) -> float:
    if measured is not None:
        return measured
    if not facts.known:
        return 0.0
    declared = facts.task
    kind: Kind = KINDS.load(declared.kind)
    return kind.guessing(declared, score.examples)
