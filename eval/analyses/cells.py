"""What every task and language loses, what answers changed and how outputs drift, of each system of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import NormalDist
from typing import Any

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.analyses.documents import Cells, DriftEntry, Estimate, FlipCounts
from xpareto.eval.analyses.rounding import digits, short
from xpareto.eval.kinds import Kind
from xpareto.eval.results import OUTCOMES, RunResults, System, task_logits, task_predictions, task_vectors
from xpareto.eval.statistics import (
    DRIFTS,
    NONE,
    Drift,
    Flips,
    ScoreTable,
    Spread,
    Vectors,
    divergence,
    flips,
    generator,
    repeated,
    shrunken_spread,
    vector_drift,
)
from xpareto.eval.tasks import KINDS

FlipTable = Mapping[str, tuple[FlipCounts, ...]]  # by language or task: one entry per system


def cells(table: ScoreTable, results: RunResults, systems: Sequence[System], base: int) -> Cells:
    """Return the drops of task x language, means over the seeds, each compared with the baseline's.

    The level of a single interval is that of the examples (max-t); with several seeds it is the larger
    one that holds whatever their correlation is (Sidak 1967), and an error is what gives the half width
    at that level: examples and seeds together, the latter shrunken over the cells but for what a seed does
    to all of them.
    """
    by_seed = results.members(systems)
    members = [list(places.values()) for places in by_seed]
    points = np.stack([table.cell_points[places].mean(axis=0) for places in members])
    examples = np.stack([np.sqrt((table.cell_errors[places] ** 2).mean(axis=0)) for places in members])
    levels = np.array([float(table.cell_levels[places].max()) for places in members])
    seeds = sorted({seed for places in by_seed for seed in places})
    values = np.full((len(systems), len(table.cells), len(seeds)), np.nan)
    for at, places in enumerate(by_seed):
        for seed, place in places.items():
            partner = by_seed[base].get(seed)
            if partner is not None:
                values[at, :, seeds.index(seed)] = table.cell_points[place] - table.cell_points[partner]
    _, repeats, df = repeated(values)
    spread = shrunken_spread(Spread(examples, np.sqrt((repeats**2).sum(axis=-1)), df), repeats)
    if df is not None:
        levels = np.maximum(levels, spread.joint_level ** (1 / len(table.cells)))
    half = np.stack([spread.of(at).joint_half_width(level) for at, level in enumerate(levels)])
    errors = half / np.array([[NormalDist().inv_cdf((1 + level) / 2)] for level in levels])
    errors[base] = 0.0
    return Cells(
        places=tuple(table.cells),
        drops=tuple(tuple(short(x) for x in row) for row in points[base] - points),
        errors=tuple(tuple(short(x) for x in row) for row in errors),
        levels=tuple(round(level, 5) for level in levels.tolist()),
    )


def flip_tables(
    results: RunResults, systems: Sequence[System], base: int
) -> tuple[FlipTable, FlipTable] | None:
    """Return the flips by language and by task; None where predictions were not kept.

    Seeds are compared with the baseline's of that seed.
    """
    languages = sorted({code for codes in results.languages.values() for code in codes})
    by_language = {code: [NONE] * len(systems) for code in languages}
    by_task = {name: [NONE] * len(systems) for name in results.tasks}
    partners = systems[base].candidates
    for task_name, facts in results.tasks.items():
        kind: Kind = KINDS.load(facts.task.kind)
        outcomes = results.outcomes(task_name)
        predictions = {name: task_predictions(results.folder, facts, name) for name in results.names}
        if any(kept is None or set(facts.languages) - set(kept) for kept in predictions.values()):
            return None
        for at, system in enumerate(systems):
            for seed, candidate in system.candidates.items():
                partner = partners.get(seed, results.baseline)
                for code in facts.languages:
                    before, after = (
                        ((predictions[model] or {})[code], outcomes[code][results.names.index(model)])
                        for model in (partner, candidate)
                    )
                    counts = flips(facts.task, kind, before, after)
                    by_language[code][at] += counts
                    by_task[task_name][at] += counts
    return _table(by_language), _table(by_task)


def drift_entries(
    results: RunResults, systems: Sequence[System], base: int, draws: int
) -> tuple[DriftEntry, ...]:
    """Return by task and language how far each system's outputs lie from the baseline's of the same seed.

    Nothing for tasks of which no outputs were kept; InputError where they are not of the same texts.
    """
    entries: list[DriftEntry] = []
    for name, facts in results.tasks.items():
        vectors = {model: task_vectors(results.folder, facts, model) for model in results.names}
        logits = {model: task_logits(results.folder, facts, model) for model in results.names}
        for kept in (vectors, logits):
            for code in kept[results.baseline]:
                try:
                    entry = _drift_entry(results, systems, base, kept, draws, (name, code))
                except ValueError as error:
                    raise InputError(
                        f"{results.folder / OUTCOMES}: {name} in {code}: {error}. Repeat the run."
                    ) from error
                entries += [entry] if entry.values else []
    return tuple(entries)


def _drift_entry(
    results: RunResults,
    systems: Sequence[System],
    base: int,
    kept: Mapping[str, Mapping[str, Any]],
    draws: int,
    place: tuple[str, str],
) -> DriftEntry:
    name, code = place
    reference = kept[results.baseline][code]
    compare: Callable[..., Mapping[str, Drift]]
    if isinstance(reference, Vectors):
        compare, texts, queries = vector_drift, reference.unit, reference.nearest
    else:
        compare, texts, queries = divergence, reference, None
    found: list[Mapping[str, Drift]] = []
    for system in systems:
        partners = systems[base].candidates
        models = [
            (partners.get(seed, results.baseline), candidate) for seed, candidate in system.candidates.items()
        ]
        known = all(code in kept[model] for both in models for model in both)
        pairs = [(kept[before][code], kept[after][code]) for before, after in models] if known else []
        found.append(compare(pairs, generator(results.seed, "drift", name, code), draws))
    return DriftEntry(
        task=name,
        language=code,
        texts=0 if texts is None else len(texts),
        queries=0 if queries is None else len(queries),
        values={
            statistic: tuple(
                Estimate(*map(digits, drifts[statistic])) if statistic in drifts else None for drifts in found
            )
            for statistic in DRIFTS
            if any(statistic in drifts for drifts in found)
        },
    )


def _table(rows: Mapping[str, Sequence[Flips]]) -> FlipTable:
    return {
        name: tuple(FlipCounts(flip.examples, flip.changed, flip.lost, flip.won) for flip in row)
        for name, row in rows.items()
    }
