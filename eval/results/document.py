"""candidates.json: what a run tells of itself and its candidates, typed; written and read here alone.

`RunDocument` is the file, `run_schema` its JSON schema. Rows are in measurements.jsonl, one Measurement
a line (see eval.records.measurement). A run that an older xpareto wrote is completed as it is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, TypeAdapter, ValidationError, WithJsonSchema

from xpareto.compress.core import (
    InputError,
    enumerated,
    hint,
    plain_name,
    plain_path,
    read_json,
    refused,
    replace_json,
)
from xpareto.eval.records import Measurement
from xpareto.eval.results.integrity import resuming
from xpareto.eval.tasks import KINDS, TASKS, Task, task, task_of

SCHEMA = 1  # of candidates.json; fields that are only added do not raise it
DOCUMENT = "candidates.json"
UNAVAILABLE = "unavailable"
_REPEAT = "The run is damaged: repeat it."

_Text = Annotated[  # "" in memory is null in the file
    str,
    BeforeValidator(lambda text: text or ""),
    PlainSerializer(lambda text: text or None, return_type=str | None),
]
# In the file null for a training set whose artifact could not be made.
_Artifacts = Annotated[
    Mapping[str, str],
    WithJsonSchema(
        {"type": "object", "additionalProperties": {"anyOf": [{"type": "string"}, {"type": "null"}]}}
    ),
]


@dataclass(frozen=True)
class TaskFacts:
    """One task as it was run; `languages` holds those that have scores, `missing` those without data."""

    name: str
    languages: tuple[str, ...]
    missing: tuple[str, ...]
    metrics: Annotated[tuple[str, ...], Field(min_length=1)]  # the mean of the first `scored_by` is its score
    group: str
    limit: int | None  # examples per language; None: all
    split: str
    scored_by: Annotated[int, Field(ge=1)] = 1  # as in runs that do not say
    fingerprints: Mapping[str, str] = field(default_factory=dict)  # language -> of its data
    withheld: Mapping[str, str] = field(default_factory=dict)  # language that has data but no gold -> why
    declared: Mapping[str, Any] | None = None  # fields of eval.tasks.Task, where the recipe declares it
    skip: Annotated[int, Field(ge=0)] = 0  # examples at the beginning of each language that were left out

    @property
    def known(self) -> bool:
        """Is the task declared or built in, and not of an extension that is not installed here?"""
        return self.declared is not None or self.name in TASKS.names

    @property
    def task(self) -> Task:
        """Return the declaration; InputError where it is not `known`."""
        return task(self.name) if self.declared is None else task_of(self.declared)

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
    artifacts: _Artifacts  # training set -> digest; those that could not be made are left out
    made_seconds: float | None
    run: str
    keys: Mapping[str, str] = field(
        default_factory=dict
    )  # training set -> the work that made it, see Run.made
    learnt: Mapping[str, tuple[str, ...]] = field(
        default_factory=dict
    )  # own training set -> languages of its labels

    @property
    def unmade(self) -> tuple[str, ...]:
        """Return the training sets whose artifact could not be made."""
        return tuple(name for name in self.keys if name not in self.artifacts)


@dataclass(frozen=True)
class Provenance:
    """One piece of work: a step done for one training set; `seconds` is None where nobody wrote it down.

    `cpu_seconds` is the processor time over all cores; `basis` of the energy is measured, modelled or
    unavailable, and `instrument` what it rests on.
    """

    step: str
    label: str
    parent: str | None
    seconds: float | None
    cpu_seconds: float | None = None
    energy_j: float | None = None
    basis: Annotated[str, Field(alias="energy_basis")] = UNAVAILABLE
    instrument: Annotated[str, Field(alias="energy_instrument")] = ""
    tokens: int | None = None  # that a training was shown, padding aside; None: no training, or not known


@dataclass(frozen=True, kw_only=True)
class RunHeader:
    """What a run was asked, and with what."""

    run: str
    recipe: str
    command: str
    synthetic: bool
    data: str
    base: _Text = ""  # the checkpoint it started from; "": made from nothing
    description: str = ""
    incomplete: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # training set -> absent parts
    # training sets whose tasks the base answers by heads that it was given with
    brought: tuple[str, ...] = ()
    xpareto: str = ""  # the version that wrote it; "": older runs do not say


@dataclass(frozen=True, kw_only=True)
class RunDocument(RunHeader):
    """What candidates.json holds of one run: all that its rows do not tell."""

    tasks: Mapping[str, TaskFacts]
    objectives: tuple[str, ...]
    baseline: str
    candidates: tuple[Candidate, ...]
    made: Mapping[str, Provenance] | None = None  # key -> the piece of work; None: an older run
    schema: int = SCHEMA

    def candidate(self, name: str) -> Candidate:
        """Return the candidate of that name; InputError with a near miss where there is none."""
        by_name = {candidate.name: candidate for candidate in self.candidates}
        if name not in by_name:
            raise InputError(
                f'{self.run}: no candidate "{name}".{hint(name, by_name)} Its candidates: {", ".join(by_name)}.'
            )
        return by_name[name]

    def begun(self, start: str) -> Candidate:
        """Return the candidate of that name, or the only one whose name begins so; InputError for none or several."""
        names = [candidate.name for candidate in self.candidates]
        matches = [name for name in names if start and name.startswith(start)]
        if start in names or len(matches) != 1:
            if start not in names and matches:
                raise InputError(
                    f'{self.run}: "{start}" begins the names of {enumerated(matches, 6)}. Give more of the one.'
                )
            return self.candidate(start)
        return self.candidate(matches[0])


def write_document(folder: Path, document: RunDocument) -> None:
    """Write candidates.json, with the version of xpareto that writes it."""
    written = _adapter().dump_python(
        replace(document, schema=SCHEMA, xpareto=version("xpareto")), mode="json", by_alias=True
    )
    for entry in written["candidates"]:
        entry["artifacts"] = {
            name: entry["artifacts"].get(name) for name in {**entry["keys"], **entry["artifacts"]}
        }
    lead = {name: written[name] for name in ("schema", "xpareto", *RunHeader.__dataclass_fields__)}
    replace_json(folder / DOCUMENT, lead | written)


def read_document(folder: Path) -> RunDocument:
    """Read candidates.json; InputError where it lacks, is damaged, or this xpareto does not read its schema."""
    file = folder / DOCUMENT
    raw = read_object(file)
    check_schema(raw, file, SCHEMA)
    try:
        document = _adapter().validate_python(_completed(raw))
    except ValidationError as error:
        raise InputError(f"{file}: {_told(error)}") from error
    except KeyError as error:
        raise InputError(f"{file}: {_lacks(error.args[0])}") from error
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"{file}: expected what a run writes of its candidates ({error}). {_REPEAT}"
        ) from error
    _check_names(document, file)
    names = [candidate.name for candidate in document.candidates]
    if document.baseline not in names:
        raise InputError(
            f"{file}: baseline: {document.baseline!r} is none of the {len(names)} candidates. {_REPEAT}"
        )
    if len(set(names)) < len(names):
        raise InputError(f"{file}: candidates: two candidates have the same name. {_REPEAT}")
    return document


def _check_names(document: RunDocument, file: Path) -> None:
    """Refuse names that would lead out of the folders that are made of them, of a run, an export or a report."""
    for at, candidate in enumerate(document.candidates):
        where = f"{file}: candidates.{at}"
        plain_path(candidate.name, f"{where}.name")
        for field_name in ("artifacts", "keys"):
            for training_set in getattr(candidate, field_name):
                plain_name(training_set, f"{where}.{field_name}")
    for name, facts in document.tasks.items():
        plain_name(name, f"{file}: tasks")
        _check_declared(facts, f"{file}: tasks.{name}.declared")


def _check_declared(facts: TaskFacts, where: str) -> None:
    if facts.declared is None:
        return
    try:
        found = facts.task
    except ValidationError as error:
        raise InputError(f"{where}: {_told(error)}") from error
    known = (facts.name, tuple(name for name in facts.metrics if name in KINDS.load(found.kind).units))
    if (found.name, found.metrics) != known:
        raise InputError(f"{where}: expected a declaration of {facts.name} with its metrics. {_REPEAT}")


def run_schema() -> dict[str, Any]:
    """Return the JSON schema of candidates.json, made from the types."""
    return _adapter().json_schema(by_alias=True, mode="serialization")


def row_schema() -> dict[str, Any]:
    """Return the JSON schema of one line of measurements.jsonl, made from the type."""
    return TypeAdapter(Measurement).json_schema(mode="serialization")


@cache
def _adapter() -> TypeAdapter[RunDocument]:
    return TypeAdapter(RunDocument)


def check_schema(raw: Mapping[str, Any], file: Path, newest: int) -> None:
    """InputError where a file of a run has no schema, or one above the newest that this xpareto reads."""
    schema, writer = raw.get("schema"), raw.get("xpareto")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < 1:
        found = "none" if schema is None else repr(schema)
        raise InputError(
            f"{file}: schema: expected a whole number from 1 to {newest}, found {found}. {_REPEAT}"
        )
    if schema > newest:
        raise InputError(
            f"{file}: schema: expected at most {newest}, found {schema}. A newer xpareto wrote this run"
            f"{f', {writer}' if writer else ''}; upgrade this one, {version('xpareto')}, to read it."
        )


def _completed(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with what older runs leave out, and without artifacts that were not made."""
    run = str(raw["run"])
    return {
        **raw,
        "description": raw.get("description") or "",
        "incomplete": raw.get("incomplete") or {},
        "tasks": {name: _task(name, facts) for name, facts in raw["tasks"].items()},
        "candidates": [_candidate(entry, run) for entry in raw["candidates"]],
    }


def _candidate(entry: Mapping[str, Any], run: str) -> dict[str, Any]:
    artifacts = entry.get("artifacts") or {}
    return {
        "settings": {},
        "made_seconds": None,
        **entry,
        "artifacts": {name: digest for name, digest in artifacts.items() if digest},
        "keys": entry.get("keys") or dict.fromkeys(artifacts, ""),
        "run": run,
    }


def _task(name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
    missing = facts.get("missing") or ()
    return {
        "group": "",
        "limit": None,
        "split": "test",
        **facts,
        "name": name,
        "missing": missing,
        "languages": [code for code in facts["languages"] if code not in missing],
    }


def _told(error: ValidationError) -> str:
    first = error.errors()[0]
    if first["type"] == "missing":
        return _lacks(str(first["loc"][-1]))
    place = ".".join(str(part) for part in first["loc"])
    return f"{place}: {refused(first)}. {_REPEAT}"


def _lacks(name: str) -> str:
    return f"expected the field {name!r}, found none. {_REPEAT}"


def read_object(file: Path, optional: bool = False) -> Mapping[str, Any]:
    """Return the object in one of a run's JSON files; {} for none where it is optional, else InputError."""
    if file.exists():
        return read_json(file, _REPEAT)
    if optional:
        return {}
    raise InputError(f"{file}: expected a finished run with this file, found none. {resuming(file.parent)}")
