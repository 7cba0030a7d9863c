"""What a probe process is asked to measure: one candidate, its tasks and data, as JSON.

Apart from `eval.probing.probe`, so that what such a process opens knows nothing of who started it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from xpareto.compress.core import InputError
from xpareto.eval.data import DataSpec


@dataclass(frozen=True)
class Ask:
    """One task to evaluate; `languages` None: all that it has, `limit` None: all examples behind the first `skip`.

    `trained_on` names the training set whose artifact answers; None: the task's own.
    """

    name: str
    languages: tuple[str, ...] | None = None
    split: str = "test"
    limit: int | None = None
    trained_on: str | None = None
    skip: int = 0


@dataclass(frozen=True)
class Job:
    """Everything that the measurement of one candidate depends on; JSON-able.

    `artifacts` maps a training set's name to the folder of its sealed artifact.

    Options and their defaults: seconds 2.0 (per timed window), latency_samples 64, token_budget
    1024, allow_modelled true, country none, batching bucketed, shapes, runtime {} (the runtime's settings).
    """

    run: str
    candidate: str
    runtime: str
    threads: int
    artifacts: Mapping[str, str]
    data: DataSpec
    tasks: tuple[Ask, ...]
    probes: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0

    def to_json(self) -> str:
        """Return the job as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False)

    @staticmethod
    def from_json(text: str) -> Job:
        """Return the job that `to_json` wrote."""
        raw = json.loads(text)
        raw["data"] = DataSpec(**raw["data"])
        raw["tasks"] = tuple(_ask(entry) for entry in raw["tasks"])
        raw["probes"] = tuple(raw["probes"])
        return Job(**raw)


def now() -> str:
    """Return the time as rows hold it: UTC, ISO 8601, seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def _ask(entry: Mapping[str, Any]) -> Ask:
    languages: Sequence[str] | None = entry.get("languages")
    try:
        return Ask(**{**entry, "languages": None if languages is None else tuple(languages)})
    except TypeError as error:
        raise InputError(f"A job's task holds name, languages, split, limit; found {entry}.") from error
