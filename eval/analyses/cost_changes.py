"""What the costs of two runs say of each other: candidate by candidate, of all together, and what was lost.

What a block of measurements does to all candidates cancels within a run and not between two. The interval of
one candidate's change holds it; that of its change beside the others' does without (see
eval.comparison.relative_change).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from xpareto.eval.analyses.documents import CommonChange, CostChange, RelativeChange
from xpareto.eval.comparison import Logs, pooled_change, relative_changes
from xpareto.eval.objectives import Objective
from xpareto.eval.pareto import Cost
from xpareto.eval.results import RunResults, System
from xpareto.eval.statistics import Contrast, Spread, contrasts

NOTICEABLE_LOAD = 0.1  # share of the cores' time, as the default of measure.max_foreign_load


def lost_costs(a: RunResults, b: RunResults, names: Sequence[str]) -> dict[str, dict[str, str]]:
    """Return by candidate the costs that A has measured and B has not, or not in all those tasks, and why."""
    lost: dict[str, dict[str, str]] = {}
    for cost in a.run_summary.costs:
        for name in names:
            if a.run_summary.value(name, cost) is not None:
                why = _lost(a, b, name, a.run_summary.objectives[cost])
                if why:
                    lost.setdefault(name, {})[cost] = why
    return lost


def _bases(*runs: RunResults, cost: str) -> tuple[str, ...]:
    """Return what a cost rests on in each run, where that is not plain."""
    return tuple(run.run_summary.bases.get(cost, "") for run in runs)


def _lost(a: RunResults, b: RunResults, name: str, objective: Objective) -> str:
    if objective.name not in b.run_summary.objectives:
        return "the second run has no such objective"
    if b.run_summary.value(name, objective.name) is None:
        rows = b.run_summary.run.rows[name]
        for failure in b.run_summary.failures_of(name):
            if objective.reduce([row for row in rows if row.probe != failure.probe]) is None:
                where = f" on {failure.task}" if failure.task else ""
                return f"{failure.probe} failed{where}: {failure.error.splitlines()[0]}"
        return "not measured"
    basis, other = _bases(a, b, cost=objective.name)
    if basis != other:
        return f"{basis} in the first run and {other} in the second, which do not compare"
    less = sorted(_covered(a, name, objective) - _covered(b, name, objective))
    return f"not measured on {', '.join(less)}" if less else ""


def _covered(results: RunResults, name: str, objective: Objective) -> set[str]:
    """Return the tasks that a candidate's cost rests on, "" for what belongs to none."""
    rows = results.rows(name)
    return {
        task
        for task in {row.task for row in rows}
        if objective.reduce([row for row in rows if row.task == task]) is not None
    }


def _comparable(a: RunResults, b: RunResults, names: Sequence[str]) -> dict[str, list[str]]:
    """Return by cost the candidates that have it in both runs, from the same tasks."""
    return {
        cost: [
            name
            for name in names
            if a.run_summary.value(name, cost) is not None
            and b.run_summary.value(name, cost) is not None
            and _covered(a, name, a.run_summary.objectives[cost])
            == _covered(b, name, a.run_summary.objectives[cost])
        ]
        for cost in a.run_summary.costs
        if cost in b.run_summary.costs and len(set(_bases(a, b, cost=cost))) == 1
    }


def cost_contrasts(
    a: RunResults, b: RunResults, names: Sequence[str], margin: float
) -> dict[str, dict[str, CostChange]]:
    """Return per cost and candidate the contrast of logarithms, and the ratio of B's to A's.

    A cost that either run measured in one block has none. `margin` is a logarithm: see
    eval.analyses.documents.difference.
    """
    changes = {}
    for name, candidates in _comparable(a, b, names).items():
        systems = [System(candidate, "", {0: candidate}) for candidate in candidates]
        objective = a.run_summary.objectives[name]
        one, other = (run.cost(objective, systems) for run in (a, b))
        if one is not None and other is not None and one.known and other.known:
            told = changes_of(one, other, objective, margin)
            changes[name] = {
                candidates[at]: _beside_other_work(change, a, b, candidates[at])
                if objective.timed
                else change
                for at, change in told.items()
            }
    return changes


def _beside_other_work(change: CostChange, a: RunResults, b: RunResults, candidate: str) -> CostChange:
    load = max(_foreign_load(a, candidate), _foreign_load(b, candidate))
    if load <= NOTICEABLE_LOAD or change.verdict == "equivalent":
        return change
    return replace(change, verdict="undetermined", disturbed=load)


def _foreign_load(results: RunResults, candidate: str) -> float:
    """Return the share of the cores' time that other work took, the median over blocks (none told: 0)."""
    rows = results.run_summary.run.rows[candidate]
    blocks = {row.repeat for row in rows if row.probe in ("cost", "latency")}
    loads = {row.repeat: row.value for row in rows if row.statistic == "kept_load" and row.value is not None}
    return float(np.median([loads.get(block, 0.0) for block in blocks | set(loads)])) if loads else 0.0


def changes_of(one: Cost, other: Cost, objective: Objective, margin: float) -> dict[int, CostChange]:
    """Return by place the changes of a cost from one run to another, of the systems that have it in both."""
    known = [at for at in one.systems if at in other.systems]
    if not known:
        return {}
    logs = [cost.values.of([cost.systems.index(at) for at in known]) for cost in (one, other)]
    errors = np.sqrt(sum((side.repeats**2).sum(axis=-1)[:, 0] for side in logs))
    more_is_better = objective.sense == "max"
    sign = -1 if more_is_better else 1  # such a cost comes as the inverse (see RunResults.cost)
    before, after = (sign * side.points[:, 0] for side in logs)
    family = f"{objective.name} of all candidates"
    listed = contrasts(before, after, _between(one, other, errors), margin, family, good=-sign)
    family += ", beside the others"
    relative = relative_changes(after - before, errors, _df(one, other), margin, family, good=-sign)
    return {
        at: CostChange(
            **_ratios(contrast, objective),
            noise=(one.noise.basis, other.noise.basis),
            beside=_relative(relative[place], contrast, objective) if relative else None,
        )
        for place, (at, contrast) in enumerate(zip(known, listed, strict=True))
    }


def ratios_in_one_block(
    a: RunResults, b: RunResults, names: Sequence[str], told: Mapping[str, Mapping[str, CostChange]]
) -> dict[str, dict[str, float]]:
    """Return by candidate and cost the ratio of B's to A's, as measured, where `told` holds no contrast."""
    ratios: dict[str, dict[str, float]] = {}
    for name, candidates in _comparable(a, b, names).items():
        for candidate in candidates:
            before, after = (run.run_summary.value(candidate, name) for run in (a, b))
            if before and after and candidate not in told.get(name, {}):
                ratios.setdefault(candidate, {})[name] = after / before
    return ratios


def _between(one: Cost, other: Cost, errors: np.ndarray) -> Spread:
    """Return the spread of changes: the candidates' own noise, and what blocks did to all, in both runs.

    The latter's degrees of freedom are Welch's (1947), rounded down, since machines are not alike noisy in
    both runs.
    """
    shares = [(cost.noise.shared**2, cost.noise.shared_df) for cost in (one, other) if cost.noise.shared_df]
    variance = sum(share for share, _ in shares)
    if not variance:
        return Spread(np.zeros(len(errors)), errors, _df(one, other))
    df = math.floor(variance**2 / sum(share**2 / share_df for share, share_df in shares) + 1e-9)
    return Spread(errors, np.full(len(errors), math.sqrt(variance)), max(1, df), _df(one, other))


def _relative(relative: Contrast, alone: Contrast, objective: Objective) -> RelativeChange:
    good = 1 if objective.sense == "max" else -1
    least = min(-good * change.difference for change in (relative, alone))
    worse = relative.verdict == "worse" and least > relative.margin
    return RelativeChange(**_ratios(relative, objective), beyond=worse)


def pooled_cost_changes(
    a: RunResults, b: RunResults, names: Sequence[str], margin: float
) -> dict[str, CommonChange]:
    """Return per measured cost the mean change of all candidates that have it (see eval.comparison.common_change).

    What is counted, such as bytes, has no noise that a mean could make smaller, and is left out.
    """
    logs = {}
    for name, candidates in _comparable(a, b, names).items():
        objective = a.run_summary.objectives[name]
        blocks = _blocks(a, b, candidates, objective)
        if blocks is not None:
            logs[name] = Logs(*blocks, good=1 if objective.sense == "max" else -1)
    return {
        name: CommonChange(
            **_ratios(change.contrast, a.run_summary.objectives[name]),
            beyond=change.beyond,
            candidates=change.candidates,
            blocks=change.blocks,
            noise="blocks",
            drift=math.exp(change.drift),
        )
        for name, change in pooled_change(logs, margin).items()
    }


def _blocks(
    a: RunResults, b: RunResults, names: Sequence[str], objective: Objective
) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the logarithms of a cost in both runs, (candidates, blocks), of those that have equal blocks.

    Blocks that most candidates lack in either run are left out, then candidates that lack one of the rest.
    """
    sides = [[run.blocks(name, objective) for name in names] for run in (a, b)]
    if any(exact for side in sides for _, exact in side):
        return None
    pairs = list(zip(*[[values for values, _ in side] for side in sides], strict=True))
    counts: dict[int, int] = {}
    for one, other in pairs:
        for repeat in set(one) & set(other):
            counts[repeat] = counts.get(repeat, 0) + 1
    shared = sorted(repeat for repeat, count in counts.items() if 2 * count > len(names))
    whole = [pair for pair in pairs if all(repeat in side for side in pair for repeat in shared)]
    if not shared or not whole:
        return None
    one, other = (np.log([[pair[at][repeat] for repeat in shared] for pair in whole]) for at in (0, 1))
    return one, other


def _ratios(contrast: Contrast, objective: Objective) -> dict[str, Any]:
    """Return the fields of a RatioContrast: a contrast of logarithms, and the ratio of B's cost to A's."""
    return {
        **vars(contrast),
        "ratio": math.exp(contrast.difference),
        "ratio_low": math.exp(contrast.low),
        "ratio_high": math.exp(contrast.high),
        "sense": objective.sense,
    }


def _df(one: Cost, other: Cost) -> int | None:
    known = [cost.values.df for cost in (one, other) if cost.values.df is not None]
    return min(known) if known else None
