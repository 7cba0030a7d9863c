"""The way from the baseline to a candidate, through the candidates that were measured in between."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xpareto.eval.results import SCORE, Candidate, RunSummary


@dataclass(frozen=True)
class Stop:
    """One measured candidate on the way; `added` and `removed` are the steps since the stop before.

    More than one step means that nothing between them was measured.
    """

    candidate: str
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    runtime: str = ""  # the runtime it changed to; "": that of the stop before


def waterfalls(run_summary: RunSummary) -> dict[str, tuple[Stop, ...]]:
    """Return the way to every candidate with a score, the baseline first.

    In between come candidates of the same seed whose steps are those of the goal with some left out,
    one after the other, on the baseline's runtime or, from some stop on, on the goal's. Of all such ways
    the one with the most stops is taken, of equal ones that which takes the steps in their order, in
    the goal's arm if it can. Where the baseline's own steps are not among the goal's (another training),
    the first stop after it names what was removed too.
    """
    run = run_summary.run
    scored = [
        candidate for candidate in run.candidates if run_summary.value(candidate.name, SCORE) is not None
    ]
    if run_summary.value(run.baseline, SCORE) is None:
        return {}
    known: dict[str, int] = {}
    chains = {candidate.name: _chain(candidate, known) for candidate in scored}
    return {goal.name: _way(goal, _start(goal, run_summary), scored, chains) for goal in scored}


def _start(goal: Candidate, run_summary: RunSummary) -> Candidate:
    """Return the baseline with the goal's seed where there is one."""
    base = run_summary.run.candidate(run_summary.run.baseline)
    if goal.seed == base.seed:
        return base
    for candidate in run_summary.run.candidates:
        same = (candidate.arm, candidate.stage, candidate.runtime, candidate.settings, candidate.run) == (
            base.arm, base.stage, base.runtime, base.settings, base.run
        )  # fmt: skip
        if same and candidate.seed == goal.seed and run_summary.value(candidate.name, SCORE) is not None:
            return candidate
    return base


def _chain(candidate: Candidate, known: dict[str, int]) -> tuple[int, ...]:
    """Return the steps as numbers, equal where steps do equal work; a label changes nothing."""
    texts = (
        json.dumps([step.step, step.version, step.fields], sort_keys=True, default=str)
        for step in candidate.steps
    )
    return tuple(known.setdefault(text, len(known)) for text in texts)


def _way(
    goal: Candidate, base: Candidate, scored: Sequence[Candidate], chains: Mapping[str, tuple[int, ...]]
) -> tuple[Stop, ...]:
    if goal.name == base.name:
        return (Stop(base.name),)
    runtimes = (base.runtime, goal.runtime)
    between = [
        candidate
        for candidate in scored
        if candidate.seed == goal.seed
        and candidate.runtime in runtimes
        and candidate.name not in (base.name, goal.name)
        and within(chains[candidate.name], chains[goal.name])
    ]
    # A stop on the goal's runtime is later than one with the same steps on the baseline's.
    between.sort(
        key=lambda candidate: (len(chains[candidate.name]), candidate.runtime == goal.runtime, candidate.name)
    )
    related = within(chains[base.name], chains[goal.name])

    def rank(way: Sequence[Candidate]) -> tuple[int, int, int]:
        shared = sum(_shared(chains[stop.name], chains[goal.name]) for stop in way)
        return len(way), shared, sum(stop.arm == goal.arm for stop in way)

    best: dict[str, tuple[Candidate, ...]] = {}
    for candidate in (*between, goal):
        ways = [
            best[before.name]
            for before in between
            if before.name in best and _follows(before, candidate, chains, goal.runtime)
        ]
        if candidate is goal or not related or _follows(base, candidate, chains, goal.runtime):
            ways.append((base,))
        if ways:
            best[candidate.name] = (*max(ways, key=rank), candidate)
    way = best[goal.name]
    stops = [Stop(base.name)]
    for before, after in itertools.pairwise(way):
        stops.append(
            Stop(
                after.name,
                _missing(after, before, chains),
                _missing(before, after, chains),
                after.runtime if after.runtime != before.runtime else "",
            )
        )
    return tuple(stops)


def _follows(
    before: Candidate, after: Candidate, chains: Mapping[str, tuple[int, ...]], last_runtime: str
) -> bool:
    """Does a stop lie between another and the goal? It has more steps, or the goal's runtime."""
    here, there = chains[before.name], chains[after.name]
    if before.runtime != after.runtime and after.runtime != last_runtime:
        return False
    return within(here, there) and (len(here) < len(there) or before.runtime != after.runtime)


def _shared(one: Sequence[int], other: Sequence[int]) -> int:
    """Return how many steps two chains share from their start."""
    return next(
        (at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )


def within(part: Sequence[int], whole: Sequence[int]) -> bool:
    """Are the items of `part` all in `whole`, in their order?

    >>> within([1, 3], [1, 2, 3]), within([3, 1], [1, 2, 3])
    (True, False)
    """
    rest = iter(whole)
    return all(item in rest for item in part)


def _missing(one: Candidate, other: Candidate, chains: Mapping[str, tuple[int, ...]]) -> tuple[str, ...]:
    """Return the names of the steps of one candidate that the other lacks."""
    left = list(chains[other.name])
    names = []
    for step, number in zip(one.steps, chains[one.name], strict=True):
        if number in left:
            left.remove(number)
        else:
            names.append(f"{step.step} ({step.label})" if step.label not in ("", step.step) else step.step)
    return tuple(names)
