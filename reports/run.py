"""A run folder, or several, read into one frozen value."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from compress.errors import InputError
from eval.records import Measurement, read_rows
from reports.making import Made, read_made
from reports.seal import changed_since_seal

SCHEMA = 1


@dataclass(frozen=True)
class TaskFacts:
    """One task as it was run; `languages` holds those with data, `missing` those without."""

    name: str
    languages: tuple[str, ...]
    missing: tuple[str, ...]
    metrics: tuple[str, ...]  # the mean of the first `scored_by` is the task's score
    group: str
    limit: int | None  # examples per language; None: all
    split: str
    scored_by: int = 1  # as in runs that do not say

    @property
    def score_metrics(self) -> tuple[str, ...]:
        """Return the metrics whose mean is the task's score."""
        return self.metrics[: self.scored_by]

    @property
    def score_name(self) -> str:
        """Return what the task's score is called.

        >>> TaskFacts("xquad", (), (), ("exact_match", "f1"), "qa", None, "test", 2).score_name
        'mean of exact_match and f1'
        """
        if self.scored_by == 1:
            return self.metrics[0]
        return f"mean of {' and '.join(self.score_metrics)}"


@dataclass(frozen=True)
class StepFacts:
    """One step of a candidate's chain with its fields."""

    step: str
    label: str
    version: int
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Candidate:
    """One point of the frontier: a setting of the recipe on a runtime."""

    name: str
    arm: str
    stage: str
    runtime: str
    seed: int
    settings: Mapping[str, Any]
    steps: tuple[StepFacts, ...]
    artifacts: Mapping[str, str]  # training set -> digest; those that could not be made are left out
    made_seconds: float | None
    run: str
    keys: tuple[str, ...] = ()  # of the work that made its artifacts, see Run.made


@dataclass(frozen=True)
class Origin:
    """One run folder: what it was asked and where it ran."""

    run: str
    recipe: str
    command: str
    recipe_text: str
    environment: Mapping[str, Any]
    synthetic: bool
    data: str
    base: str  # the checkpoint it started from; "": made from nothing
    description: str
    incomplete: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # training set -> absent parts
    changed: tuple[str, ...] = ()  # files that differ from the run's seal


@dataclass(frozen=True)
class Run:
    """Everything that a report is a function of."""

    origins: tuple[Origin, ...]
    tasks: Mapping[str, TaskFacts]
    objectives: tuple[str, ...]
    baseline: str
    candidates: tuple[Candidate, ...]
    rows: Mapping[str, tuple[Measurement, ...]] = field(repr=False)  # candidate -> its rows
    made: Mapping[str, Made] = field(default_factory=dict, repr=False)  # key -> the piece of work

    @property
    def synthetic(self) -> bool:
        """Does any of it rest on generated data?"""
        return any(origin.synthetic for origin in self.origins)

    @property
    def incomplete(self) -> Mapping[str, tuple[str, ...]]:
        """Return the training sets that lacked parts in any of the runs, with those parts."""
        found: dict[str, tuple[str, ...]] = {}
        for origin in self.origins:
            for name, parts in origin.incomplete.items():
                found[name] = tuple(dict.fromkeys((*found.get(name, ()), *parts)))
        return found

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
        found = {}
        for name, rows in self.rows.items():
            bases = {
                row.basis
                for row in rows
                if row.statistic == "energy"
                and row.component == "total"
                and row.status == "ok"
                and row.value is not None
            }
            found[name] = bases.pop() if len(bases) == 1 else None
        return found

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
        made={key: own for run in reversed(runs) for key, own in run.made.items()},
    )


def _read_one(folder: Path) -> Run:
    file = folder / "candidates.json"
    raw = _json_object(file)
    schema = raw.get("schema")
    if not isinstance(schema, int) or isinstance(schema, bool):
        raise InputError(f"{file}: schema: expected a whole number, found {schema!r}.")
    if schema > SCHEMA:
        raise InputError(
            f"{file}: schema: the run was written with schema {schema}; this xpareto reads up to {SCHEMA}."
            " Upgrade xpareto."
        )
    try:
        origin = Origin(
            run=str(raw["run"]),
            recipe=str(raw["recipe"]),
            command=str(raw["command"]),
            recipe_text=_text(folder / "recipe.yaml"),
            environment=_json_object(folder / "environment.json", optional=True),
            synthetic=bool(raw["synthetic"]),
            data=str(raw["data"]),
            base=str(raw.get("base") or ""),
            description=str(raw.get("description") or ""),
            incomplete={
                str(name): tuple(map(str, parts)) for name, parts in (raw.get("incomplete") or {}).items()
            },
            changed=changed_since_seal(folder),
        )
        candidates = tuple(_candidate(entry, origin.run) for entry in raw["candidates"])
        tasks = {str(name): _task(str(name), facts) for name, facts in raw["tasks"].items()}
        objectives = tuple(str(name) for name in raw["objectives"])
        baseline = str(raw["baseline"])
        made = read_made(folder, raw.get("made"))
    except KeyError as error:
        raise InputError(
            f"{file}: expected the field {error.args[0]!r}, found none. The run is damaged: repeat it."
        ) from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{file}: not a list of candidates ({error}). Repeat the run.") from error
    names = [candidate.name for candidate in candidates]
    if baseline not in names:
        raise InputError(f"{file}: baseline: {baseline!r} is none of the {len(names)} candidates.")
    if len(set(names)) < len(names):
        raise InputError(f"{file}: candidates: two candidates have the same name.")
    rows: dict[str, list[Measurement]] = {name: [] for name in names}
    for row in read_rows(folder / "measurements.jsonl"):
        if row.candidate in rows:  # an older recipe in the same folder may have had others
            rows[row.candidate].append(row)
    kept = {name: tuple(own) for name, own in rows.items()}
    return Run((origin,), tasks, objectives, baseline, candidates, kept, made)


def _candidate(raw: Mapping[str, Any], run: str) -> Candidate:
    seconds = raw.get("made_seconds")
    return Candidate(
        name=str(raw["name"]),
        arm=str(raw["arm"]),
        stage=str(raw["stage"]),
        runtime=str(raw["runtime"]),
        seed=int(raw["seed"]),
        settings=dict(raw.get("settings") or {}),
        steps=tuple(
            StepFacts(
                str(step["step"]), str(step.get("label") or ""), int(step["version"]), dict(step["fields"])
            )
            for step in raw["steps"]
        ),
        artifacts={str(name): str(digest) for name, digest in (raw.get("artifacts") or {}).items() if digest},
        made_seconds=None if seconds is None else float(seconds),
        run=run,
        keys=tuple(map(str, (raw.get("keys") or {}).values())),
    )


def _task(name: str, raw: Mapping[str, Any]) -> TaskFacts:
    missing = tuple(map(str, raw.get("missing") or ()))
    languages = tuple(str(code) for code in raw["languages"] if str(code) not in missing)
    limit = raw.get("limit")
    return TaskFacts(
        name,
        languages,
        missing,
        tuple(map(str, raw["metrics"])),
        str(raw.get("group") or ""),
        None if limit is None else int(limit),
        str(raw.get("split") or "test"),
        int(raw.get("scored_by") or 1),
    )


def _joined(one: TaskFacts, other: TaskFacts) -> TaskFacts:
    languages = tuple(dict.fromkeys((*one.languages, *other.languages)))
    missing = tuple(code for code in dict.fromkeys((*one.missing, *other.missing)) if code not in languages)
    limits = [limit for limit in (one.limit, other.limit) if limit is not None]
    return replace(one, languages=languages, missing=missing, limit=min(limits) if limits else None)


def _led_by_its_run(run: Run) -> Run:
    lead = run.origins[0].run + ": "
    return replace(
        run,
        baseline=lead + run.baseline,
        candidates=tuple(replace(candidate, name=lead + candidate.name) for candidate in run.candidates),
        rows={lead + name: rows for name, rows in run.rows.items()},
    )


def _json_object(file: Path, optional: bool = False) -> Mapping[str, Any]:
    try:
        raw = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if optional:
            return {}
        raise InputError(
            f"{file}: expected a finished run with this file, found none. The same command resumes a run."
        ) from error
    except OSError as error:
        raise InputError(f"{file}: expected a readable file, {error.strerror}.") from error
    except ValueError as error:
        raise InputError(f"{file}: expected JSON ({error}). The run is damaged: repeat it.") from error
    if not isinstance(raw, dict):
        raise InputError(f"{file}: expected a JSON object, found {type(raw).__name__}.")
    return raw


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace")
    except OSError:  # a report can do without it
        return ""
