"""One tidy row per fact. Failures are rows too."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Literal, get_args

from xpareto.compress.core import InputError, append_text, parse_json, read_file, shortened

SCHEMA = 1
LOAD = "foreign_load"  # the statistic of rows that tell what else used the cores while a probe timed
ENERGY_WINDOW = "energy_window"  # the statistic of rows that tell how long counters were read, in seconds
# What a measurement of energy by counters rests on at least, as is usual in the field: a shorter window
# is mostly noise. An inference is one example answered.
LEAST_WINDOW_SECONDS, LEAST_INFERENCES = 30.0, 200
_MOST_COUNT = 1 << 53  # whole numbers that a float still tells apart
Basis = Literal["measured", "modelled", "exact", "unavailable"]
Status = Literal["ok", "failed", "missing"]


@dataclass(frozen=True)
class Measurement:
    """One fact about one candidate.

    `statistic` names what is measured (accuracy, f1, latency, throughput, peak_rss, size, energy…)
    and `unit` its unit (percent, ms, examples/s, bytes, J). `value` is None unless status is "ok".
    `basis` is "exact" for counts and scores, "measured" for clocks and counters, "modelled" where a
    formula stands in for a counter. `language` and `task` are "" where a fact belongs to none.
    """

    run: str
    candidate: str
    probe: str  # accuracy, latency, memory, size, energy, or a step's name for its failure
    statistic: str
    value: float | None
    unit: str
    artifact: str = ""  # digest
    runtime: str = ""
    task: str = ""
    language: str = ""
    component: str = ""  # embeddings, encoder, head; p50, p90, p95, p99; cpu, gpu, ram …
    repeat: int = 0
    examples: int = 0  # how many examples the value rests on
    time: str = ""  # UTC, ISO 8601
    instrument: str = ""
    basis: Basis = "exact"
    status: Status = "ok"
    error: str = ""
    schema: int = SCHEMA


_NAMES = tuple(field.name for field in fields(Measurement))
_EXPECTED: Mapping[str, tuple[type, ...]] = dict.fromkeys(_NAMES, (str,)) | {
    "value": (float, int, type(None)), "repeat": (int,), "examples": (int,), "schema": (int,)
}  # fmt: skip

_WORDS = {str: "text", float: "a number", int: "a whole number", type(None): "null"}


def to_json(row: Measurement) -> str:
    """Return the row as one line of JSON; a value that is not finite becomes a failure."""
    return json.dumps(asdict(_finite(row)), ensure_ascii=False, allow_nan=False)


def from_json(line: str, where: str) -> Measurement:
    """Return the row that one line of JSON holds; InputError names `where` it is wrong.

    A value that is not finite becomes a failure, as in what this module writes: other programs write NaN.
    """
    try:
        record = parse_json(line)
    except ValueError as error:
        raise InputError(f"{where}: expected one JSON object, found {line[:60]!r} ({error}).") from error
    if not isinstance(record, dict) or not isinstance(record.get("schema"), int):
        raise InputError(f"{where}: expected a measurement with a schema number.")
    if record["schema"] > SCHEMA:
        raise InputError(
            f"{where}: the row has schema {record['schema']}; this xpareto reads up to {SCHEMA}. Upgrade it."
        )
    unknown = sorted(set(record) - set(_NAMES))
    if unknown:
        raise InputError(f"{where}: unknown fields {unknown}.")
    for name, found in record.items():
        expected = _EXPECTED[name]
        if type(found) not in expected or (isinstance(found, int) and abs(found) > _MOST_COUNT):
            words = " or ".join(_WORDS[kind] for kind in expected)
            raise InputError(f"{where}: {name}: expected {words}, found {shortened(found)}.")
    for name in ("repeat", "examples"):
        if record.get(name, 0) < 0:
            raise InputError(f"{where}: {name}: expected a count, found {record[name]}.")
    for name, names in (("basis", get_args(Basis)), ("status", get_args(Status))):
        if record.get(name, names[0]) not in names:
            raise InputError(
                f"{where}: {name}: expected {' or '.join(names)}, found {shortened(record[name])}."
            )
    try:
        return _finite(Measurement(**record))
    except TypeError as error:
        raise InputError(f"{where}: {error}.") from error


def _finite(row: Measurement) -> Measurement:
    """Return the row, as a failed one without a value where its value is not a finite number."""
    if row.value is None or math.isfinite(row.value):
        return row
    why = f"value is {row.value}, not a finite number"
    return replace(row, value=None, status="failed", error=f"{row.error}; {why}" if row.error else why)


def read_rows(file: Path) -> Iterator[Measurement]:
    """Yield the rows of a measurements file; a half-written last line (a kill) is left out."""
    try:
        content = read_file(file)
    except OSError as error:
        raise InputError(f"{file}: expected a measurements file, {error.strerror}.") from error
    lines = content.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line or number == len(lines):  # a line without its newline was cut by a kill
            continue
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"{file}:{number}: expected UTF-8 ({error}). The file is damaged.") from error
        yield from_json(text, f"{file}:{number}")


def append_rows(file: Path, rows: Iterable[Measurement]) -> tuple[int, int]:
    """Append rows and force them to disk; return where they begin and end, in bytes."""
    return append_text(file, "".join(to_json(row) + "\n" for row in rows))


def as_parquet(rows: Iterable[Measurement]) -> bytes:
    """Return rows as one parquet table."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    stream = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([asdict(row) for row in rows]), stream)
    return stream.getvalue()
