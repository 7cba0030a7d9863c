"""Make the comparisons that the source study's claims speak of, and collect what is known of the claims."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.analyses import (
    ENGLISH,
    MULTILINGUAL,
    MULTITASK,
    NONE,
    TEXT,
    arms_by_kind,
    checks,
    claim_status,
    serves_as_dev,
)
from xpareto.eval.analyses.documents import ArmComparison, BestArm, ClaimStatus
from xpareto.eval.results import read_runs
from xpareto.pipelines.runs.agenda import Agenda, Console
from xpareto.pipelines.runs.compare_arms import best_of_run, compare_run, write_best, write_comparison
from xpareto.pipelines.storage import RunFolder
from xpareto.reports.comparisons import FILE

# What the claims compare: the kind of arm A, and of arm B.
PAIRS = ((NONE, ENGLISH), (ENGLISH, MULTITASK), (TEXT, ENGLISH), (MULTILINGUAL, ENGLISH))


def compare_for_claims(
    runs: Sequence[RunFolder], console: Console, margin: float, resamples: int, seed: int
) -> list[Path]:
    """Make every comparison that a claim speaks of, and the best arm per task; return the files.

    A run that scored dev splits with the models of another serves that one to choose on, and is not
    compared itself. InputError when no run has arms that a claim speaks of.
    """
    read = {run: read_runs([run.path]) for run in runs}
    dev_of = {
        run: other
        for run in runs
        for other in runs
        if other is not run and serves_as_dev(read[run], read[other])
    }
    files: list[Path] = []
    for run in runs:
        if run in dev_of.values():
            continue
        kinds = arms_by_kind(read[run])
        pairs = [(a, b) for one, other in PAIRS for a in kinds.get(one, ()) for b in kinds.get(other, ())]
        several = bool(kinds.get(NONE)) and len(kinds.get(ENGLISH, ())) > 1
        agenda = Agenda(console, {"comparison": len(pairs), "best arm": int(several)})
        for a, b in pairs:
            with agenda.piece("comparison", f"comparison of {a} and {b} in {run.name}"):
                files += write_comparison(run, compare_run(run, a, b, margin, resamples, seed))
        if several:
            (reference, *_), singles = kinds[NONE], kinds[ENGLISH]
            with agenda.piece("best arm", f"best arm for each task in {run.name}"):
                document = best_of_run(run, reference, singles, dev_of.get(run), margin, resamples, seed)
                files += write_best(run, document)
    if not files:
        raise InputError(
            "No run has arms that a claim compares: none, one English task, several, text, translated. "
            "Run the recipe stilts."
        )
    return files


def claims_of(runs: Sequence[RunFolder], command: str) -> ClaimStatus:
    """Return what is known of the claims, from the comparisons beside the runs' reports."""
    compared = [comparison for run in runs for comparison in comparisons(run.path)]
    best = [BestArm.read(file) for run in runs if (file := run.path / "report" / f"{FILE}.json").is_file()]
    facts = checks([read_runs([run.path]) for run in runs])
    return claim_status(compared, best, facts, [run.name for run in runs], command)


def comparisons(run: Path) -> list[ArmComparison]:
    """Return the comparisons that were made of a run, in the order of their names."""
    return [ArmComparison.read(file) for file in sorted((run / "report").glob("compare-*.json"))]
