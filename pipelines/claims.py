"""Collect what is known of the source study's claims: comparisons of runs, catalogues, chains of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compress.errors import InputError
from eval.results.document import Candidate
from eval.task import TASKS, TRAINING_SETS
from pipelines.best import best_of_run, serves_as_dev, write_best
from pipelines.comparison import compare_run, write_comparison
from pipelines.run import Console
from pipelines.runfolder import RunFolder
from reports.best_arm import FILE, read_best
from reports.claims import (
    ENGLISH,
    MULTILINGUAL,
    MULTITASK,
    NONE,
    TEXT,
    Finding,
    claims_markdown,
    trained_on,
)
from reports.compared import read_comparison
from reports.run import Run, read_runs

# XTREME's own list (Hu et al. 2020, table 1): group and number of languages.
XTREME = {
    "xnli": ("classification", 15), "pawsx": ("classification", 7), "udpos": ("tagging", 33),
    "panx": ("tagging", 40), "xquad": ("qa", 11), "mlqa": ("qa", 7), "tydiqa": ("qa", 9),
    "bucc2018": ("retrieval", 4), "tatoeba": ("retrieval", 36),
}  # fmt: skip
# The nine intermediate tasks of the study's second version and their shape of answer.
INTERMEDIATE = {
    "anli": "classify", "mnli": "classify", "qqp": "classify", "squad_v1": "span", "squad_v2": "span",
    "hellaswag": "choose", "ccg": "tag", "cosmosqa": "choose", "commonsenseqa": "choose",
}  # fmt: skip


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
        kinds = _arms(read[run])
        pairs = [(a, b) for one, other in PAIRS for a in kinds.get(one, ()) for b in kinds.get(other, ())]
        for place, (a, b) in enumerate(pairs, start=1):
            console.progress(place, len(pairs), f"comparing {a} and {b}")
            files += write_comparison(run, compare_run(run, a, b, margin, resamples, seed))
        if kinds.get(NONE) and len(kinds.get(ENGLISH, ())) > 1:
            console.progress(1, 1, "choosing the best arm for each task")
            (reference, *_), singles = kinds[NONE], kinds[ENGLISH]
            document = best_of_run(run, reference, singles, dev_of.get(run), margin, resamples, seed)
            files += write_best(run, document)
    if not files:
        raise InputError(
            "No run has arms that a claim compares: none, one English task, several, text, translated. "
            "Run the recipe stilts."
        )
    return files


def _arms(run: Run) -> dict[str, list[str]]:
    """Return a run's arms by what kind of intermediate training they have, in its order."""
    found: dict[str, list[str]] = {}
    for arm in dict.fromkeys(candidate.arm for candidate in run.candidates):
        one = next(candidate for candidate in run.candidates if candidate.arm == arm)
        found.setdefault(_kind(one)[0], []).append(arm)
    return found


def claims_of(runs: Sequence[RunFolder], command: str) -> str:
    """Return the table of claims as Markdown, from the comparisons beside the runs' reports."""
    documents = [document for run in runs for document in comparisons(run.path)]
    best = [read_best(file) for run in runs if (file := run.path / "report" / f"{FILE}.json").is_file()]
    facts = {"xtreme": _xtreme(), "intermediate": _intermediate(), **_chains([run.path for run in runs])}
    return claims_markdown(documents, best, facts, [run.name for run in runs], command)


def comparisons(run: Path) -> list[dict[str, Any]]:
    """Return the comparisons that were made of a run, in the order of their names."""
    return [read_comparison(file) for file in sorted((run / "report").glob("compare-*.json"))]


def _xtreme() -> list[Finding]:
    """Return how the catalogue of tasks differs from XTREME's list, or that it does not."""
    wrong = []
    for name, (group, languages) in XTREME.items():
        if name not in TASKS.names:
            wrong.append(f"{name} is missing")
            continue
        declared = TASKS.load(name)
        if (declared.group, len(declared.languages)) != (group, languages):
            wrong.append(
                f"{name}: expected {group} in {languages} languages, "
                f"declared {declared.group} in {len(declared.languages)}"
            )
    if wrong:
        return [Finding("fails", "; ".join(wrong))]
    return [Finding("holds", "all nine tasks are declared with XTREME’s groups and numbers of languages")]


def _intermediate() -> list[Finding]:
    wrong = [
        f"{name}: {'missing' if name not in TRAINING_SETS.names else TRAINING_SETS.load(name).kind}"
        for name, kind in INTERMEDIATE.items()
        if name not in TRAINING_SETS.names or TRAINING_SETS.load(name).kind != kind
    ]
    if wrong:
        return [Finding("fails", "; ".join(wrong))]
    return [Finding("holds", "all nine training sets are declared, each with its shape of answer")]


def _chains(runs: Sequence[Path]) -> Mapping[str, list[Finding]]:
    phases: list[Finding] = []
    kinds: list[Finding] = []
    for folder in runs:
        found = read_runs([folder])
        origin = found.origins[0]
        trained = [candidate for candidate in found.candidates if _kind(candidate)[1]]
        whole = [candidate for candidate in trained if _three_phases(candidate, origin.base)]
        if trained:
            phases.append(
                Finding(
                    "holds" if len(whole) == len(trained) else "fails",
                    f"{len(whole)} of {len(trained)} candidates with an intermediate task: {origin.run}",
                )
            )
        present = {_kind(candidate)[0] for candidate in trained}
        if {ENGLISH, MULTITASK} <= present:
            kinds.append(Finding("holds", f"both were trained in {origin.run}"))
    return {"phases": phases, "single-and-multi": kinds}


def _kind(candidate: Candidate) -> tuple[str, tuple[str, ...]]:
    steps = [
        {"on": step.fields.get("on"), "languages": step.fields.get("languages")}
        for step in candidate.steps
        if step.step == "train"
    ]
    return trained_on(steps)


def _three_phases(candidate: Candidate, base: str) -> bool:
    """Does the chain go from a base, or its making, over an intermediate task to the target?"""
    names = [step.step for step in candidate.steps]
    trains = [step.fields.get("on") for step in candidate.steps if step.step == "train"]
    return bool(base or names[:1] == ["pretrain"]) and trains[-1:] == ["each"] and len(trains) > 1
