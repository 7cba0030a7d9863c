"""A run folder, or several, read into one frozen value: candidates with their rows."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from xpareto.compress.core import InputError
from xpareto.eval.records import Measurement, read_rows
from xpareto.eval.results.document import (
    Candidate,
    Provenance,
    RunHeader,
    TaskFacts,
    read_document,
    read_object,
)
from xpareto.eval.results.integrity import changed_since_seal
from xpareto.eval.results.provenance import basis_of, made_of_old_run

ROWS = "measurements.jsonl"


@dataclass(frozen=True, kw_only=True)
class Origin(RunHeader):
    """One run folder: what it was asked and where it ran."""

    recipe_text: str
    environment: Mapping[str, Any]
    changed: tuple[str, ...] = ()  # files that differ from the run's seal
    folder: str = ""  # as it was named when it was read, for commands that a report prints

    @cached_property
    def asked(self) -> frozenset[str]:
        """Return the objectives that the recipe names itself; none where it leaves them to the default."""
        try:
            recipe = YAML(typ="safe", pure=True).load(self.recipe_text)
        except YAMLError:  # a report can do without it
            return frozenset()
        named = recipe.get("objectives") if isinstance(recipe, dict) else None
        return frozenset(map(str, named)) if isinstance(named, list) else frozenset()


@dataclass(frozen=True)
class Run:
    """Everything that a report is a function of."""

    origins: tuple[Origin, ...]
    tasks: Mapping[str, TaskFacts]
    objectives: tuple[str, ...]
    baseline: str
    candidates: tuple[Candidate, ...]
    rows: Mapping[str, tuple[Measurement, ...]] = field(repr=False)  # candidate -> its rows
    made: Mapping[str, Provenance] = field(default_factory=dict, repr=False)  # key -> the piece of work

    @property
    def synthetic(self) -> bool:
        """Does any of it rest on generated data?"""
        return any(origin.synthetic for origin in self.origins)

    @cached_property
    def asked(self) -> frozenset[str]:
        """Return the objectives that a recipe of any of the runs names itself."""
        return frozenset().union(*(origin.asked for origin in self.origins))

    @property
    def incomplete(self) -> Mapping[str, tuple[str, ...]]:
        """Return the training sets that lacked parts in any of the runs, with those parts."""
        absent_parts: dict[str, tuple[str, ...]] = {}
        for origin in self.origins:
            for name, parts in origin.incomplete.items():
                absent_parts[name] = tuple(dict.fromkeys((*absent_parts.get(name, ()), *parts)))
        return absent_parts

    @property
    def brought(self) -> tuple[str, ...]:
        """Return the training sets whose tasks the base of any of the runs answers by heads that it came with."""
        return tuple(dict.fromkeys(name for origin in self.origins for name in origin.brought))

    @property
    def place(self) -> str:
        """Return the first run's folder as a shell takes it, from the working directory where it lies there."""
        folder, here = Path(self.origins[0].folder), Path.cwd()
        return shlex.quote(str(folder.relative_to(here) if folder.is_relative_to(here) else folder))

    @property
    def changed(self) -> Mapping[str, tuple[str, ...]]:
        """Return the runs whose files differ from their seal, with those files."""
        return {origin.run: origin.changed for origin in self.origins if origin.changed}

    def candidate(self, name: str) -> Candidate:
        """Return the candidate of that name; the name must be one of this run's."""
        return self._by_name[name]

    @cached_property
    def energy_bases(self) -> Mapping[str, str | None]:
        """Return what each candidate's energy rests on; None where it has none, or more than one."""
        by_candidate = {}
        for name, rows in self.rows.items():
            bases = {
                basis_of(row.basis, row.instrument)
                for row in rows
                if row.statistic == "energy"
                and row.component == "total"
                and row.status == "ok"
                and row.value is not None
            }
            by_candidate[name] = bases.pop() if len(bases) == 1 else None
        return by_candidate

    @cached_property
    def _by_name(self) -> Mapping[str, Candidate]:
        return {candidate.name: candidate for candidate in self.candidates}


def read_runs(folders: Sequence[Path]) -> Run:
    """Read run folders into one Run.

    Of several folders the first gives the baseline, and each candidate's name is led by its run's.
    InputError for a folder that is no run, is damaged, or was written by a newer xpareto.
    """
    if not folders:
        raise InputError("Expected at least one run folder, found none. See: xpareto report --help")
    runs = [_read_one(folder) for folder in folders]
    if len(runs) == 1:
        return runs[0]
    ids = [run.origins[0].run for run in runs]
    twice = sorted({name for name in ids if ids.count(name) > 1})
    if twice:
        raise InputError(f"The run {twice[0]} was given twice. Name each run folder once.")
    runs = [_led_by_its_run(run) for run in runs]
    tasks: dict[str, TaskFacts] = {}
    for run in runs:
        for name, facts in run.tasks.items():
            tasks[name] = _joined(tasks[name], facts) if name in tasks else facts
    return Run(
        origins=tuple(run.origins[0] for run in runs),
        tasks=tasks,
        objectives=tuple(dict.fromkeys(name for run in runs for name in run.objectives)),
        baseline=runs[0].baseline,
        candidates=tuple(candidate for run in runs for candidate in run.candidates),
        rows={name: rows for run in runs for name, rows in run.rows.items()},
        made={key: work for run in reversed(runs) for key, work in run.made.items()},
    )


def _read_one(folder: Path) -> Run:
    document = read_document(folder)
    header = {name: getattr(document, name) for name in RunHeader.__dataclass_fields__}
    origin = Origin(
        **header,
        recipe_text=_text(folder / "recipe.yaml"),
        environment=read_object(folder / "environment.json", optional=True),
        changed=changed_since_seal(folder),
        folder=str(folder),
    )
    rows: dict[str, list[Measurement]] = {candidate.name: [] for candidate in document.candidates}
    for row in read_rows(folder / ROWS):
        if row.candidate in rows:  # an older recipe in the same folder may have had others
            rows[row.candidate].append(row)
    return Run(
        (origin,),
        document.tasks,
        document.objectives,
        document.baseline,
        document.candidates,
        {name: tuple(kept) for name, kept in rows.items()},
        made_of_old_run(folder) if document.made is None else document.made,
    )


def _joined(one: TaskFacts, other: TaskFacts) -> TaskFacts:
    languages = tuple(dict.fromkeys((*one.languages, *other.languages)))
    missing = tuple(code for code in dict.fromkeys((*one.missing, *other.missing)) if code not in languages)
    withheld = {
        code: why for code, why in {**one.withheld, **other.withheld}.items() if code not in languages
    }
    limits = [limit for limit in (one.limit, other.limit) if limit is not None]
    return replace(
        one, languages=languages, missing=missing, limit=min(limits) if limits else None, withheld=withheld
    )


def _led_by_its_run(run: Run) -> Run:
    lead = run.origins[0].run + ": "
    return replace(
        run,
        baseline=lead + run.baseline,
        candidates=tuple(replace(candidate, name=lead + candidate.name) for candidate in run.candidates),
        rows={lead + name: rows for name, rows in run.rows.items()},
    )


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # a report can do without it
        return ""
