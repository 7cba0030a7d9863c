"""One run on disk: its folder, its events, its rows; append-only, resumed after a kill, sealed at the end."""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xpareto.compress.core import (
    InputError,
    append_line,
    checked,
    hint,
    not_written_through,
    parse_json,
    plain_path,
    read_file,
    read_json,
    replace_bytes,
    replace_json,
    replace_text,
    sha256_file,
    writing,
)
from xpareto.eval.records import Measurement, append_rows, as_parquet, read_rows
from xpareto.eval.results import (
    NEXT_SEAL,
    OUTCOMES,
    PREDICTIONS,
    ROWS,
    SEAL,
    check_schema,
    damaged,
    write_next_seal,
    write_seal,
)
from xpareto.pipelines.storage.store import remove

EVENTS, PARQUET = "events.jsonl", "measurements.parquet"
_COMING = "coming"  # of a folder of new measurements: whole files that are to replace those of the run
MEASURED = "measured"  # the event that rows were added
SCHEMA = 1
TERMINATOR = "probe_time"  # the statistic of the row that closes the rows of one probe


def utc_now() -> str:
    """Return the time as UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True)
class _Measured:
    """What an event tells of rows: their first and last byte and sha256, and the sha256 of files kept with them."""

    rows: tuple[int, int, str]
    kept: Mapping[str, str]


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def rows_file(self) -> Path:
        return self.path / ROWS

    @property
    def sealed(self) -> bool:
        return (self.path / SEAL).is_file()

    # -- finding --------------------------------------------------------------------------

    @staticmethod
    def start_or_resume(runs: Path, recipe: str, key: str) -> tuple[RunFolder, bool]:
        """Return the folder for a plan and whether it goes on from an earlier, unfinished run."""
        suffix = f"-{recipe}-{key[:8]}"
        for path in sorted(runs.glob(f"*{suffix}"), reverse=True):
            run = RunFolder(path)
            if re.fullmatch(r"\d{8}T\d{6}Z(\.\d+)?" + re.escape(suffix), path.name) and not run.sealed:
                run.check_files()
                return run, True
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        with writing(runs):
            runs.mkdir(parents=True, exist_ok=True)
            for again in range(1000):
                path = runs / (f"{stamp}{suffix}" if not again else f"{stamp}.{again}{suffix}")
                try:
                    path.mkdir()
                except FileExistsError:
                    continue
                (path / "outcomes").mkdir()
                return RunFolder(path), False
        raise InputError(f"{runs}: too many runs within one second.")

    @staticmethod
    def find(name: str, runs: Path) -> RunFolder:
        """Return an existing run: a folder, the name of one in `runs`, or `latest`.

        The latest is the one that finished last by its own time, whatever its folder is called; of runs of which
        none has finished, the one whose name comes last.
        """
        known = sorted(path.parent.name for path in runs.glob("*/plan.json"))
        latest = []
        if name == "latest" and known:
            latest = [max((RunFolder(runs / one) for one in known), key=RunFolder.finished_at).path]
        for path in (Path(name), runs / name, *latest):
            if (path / "plan.json").is_file():
                folder = RunFolder(path.resolve())
                folder.check_files()
                folder.check_schema()
                return folder
        listed = f" In {runs}: {', '.join(known[-5:])}." if known else f" {runs} holds no run."
        raise InputError(f'No run "{name}": expected a run folder with plan.json.{hint(name, known)}{listed}')

    def check_schema(self) -> None:
        """Refuse a run folder that a newer xpareto wrote."""
        check_schema(self.read_json("plan.json"), self.path / "plan.json", SCHEMA)

    def finished_at(self) -> tuple[str, str]:
        """Return when the run last finished, as UTC, "" where it has not, and its name: later runs compare greater."""
        time = ""
        if self.sealed:
            try:
                lines = read_file(self.path / EVENTS).decode("utf-8").splitlines()
            except (OSError, ValueError):
                lines = []
            finished = [line for line in lines if '"event": "finished"' in line]
            found = (
                re.search(r'"time": "(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"', finished[-1]) if finished else None
            )
            time = found[1] if found is not None else "-"  # its events are lost: before all that have a time
        return time, self.name

    def check_files(self) -> None:
        """Refuse a run that holds anything but files and folders: a link or a pipe may lead anywhere."""
        for place, folders, files in os.walk(self.path):
            for name in (*folders, *files):
                path = Path(place) / name
                mode = path.lstat().st_mode
                if not stat.S_ISDIR(mode) and not stat.S_ISREG(mode):
                    raise not_written_through(path)

    # -- files ----------------------------------------------------------------------------

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in one of the run's JSON files."""
        return read_json(self.path / name, "The run is damaged: repeat it.")

    def write_json(self, name: str, value: Any) -> None:
        replace_json(self.path / name, value)

    def write_text(self, name: str, text: str) -> None:
        replace_text(self.path / name, text)

    def events(self) -> list[Mapping[str, Any]]:
        """Return what happened, first to last; InputError for a line that is no event."""
        file = self.path / EVENTS
        if not file.is_file():
            return []
        events: list[Mapping[str, Any]] = []
        for number, line in enumerate(read_file(file).split(b"\n")[:-1], start=1):
            try:
                event = parse_json(line.decode("utf-8"))
            except ValueError as error:
                raise InputError(f"{file}:{number}: expected an event as JSON ({error}).") from error
            if not isinstance(event, dict):
                raise InputError(f"{file}:{number}: expected an event as a JSON object, found {line[:60]!r}.")
            events.append(event)
        return events

    def event(self, what: str, **facts: Any) -> None:
        """Append one event with its time."""
        append_line(self.path / EVENTS, {"time": utc_now(), "event": what, **facts})

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the run, so that the same command started twice does not write it twice."""
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / ".lock")
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            raise InputError(
                f"{self.path}: another process is at work on this run. Wait for it, or use another --out."
            ) from error
        try:
            yield
        finally:
            lock.release()

    # -- rows -----------------------------------------------------------------------------

    def rows(self) -> list[Measurement]:
        """Return all rows written so far."""
        return list(read_rows(self.rows_file)) if self.rows_file.is_file() else []

    def add_rows(self, rows: Sequence[Measurement], kept: Sequence[Path] = (), **facts: Any) -> None:
        """Append the rows of one probe, the last of which must be its terminator, and the event that tells so.

        The event holds what tells, until the run is sealed, whether these rows and the files that were `kept`
        with them are still what was measured.
        """
        begin, end = append_rows(self.rows_file, rows)
        digests = {path.relative_to(self.path).as_posix(): sha256_file(path) for path in kept}
        self.event(MEASURED, **facts, rows=[begin, end, self._rows_digest(begin, end)], kept=digests)

    def check_measured(self) -> None:
        """Refuse a run whose rows or kept files are not what its events say was measured."""
        again = "Put back what was measured, or delete the run's folder to measure anew."
        events = self.events()
        if self.rows_file.is_file() and self.rows_file.stat().st_size and not events:
            raise InputError(f"{self.path / EVENTS}: expected what tells of the rows, found none. {again}")
        for event in events:
            if event.get("event") != MEASURED or "rows" not in event:  # an earlier version's
                continue
            where = f"{self.path / EVENTS}: {event.get('probe')} of {event.get('candidate')}"
            measured: _Measured = checked(_Measured, event, where, again)
            begin, end, digest = measured.rows
            if self._rows_digest(begin, end) != digest:
                raise InputError(
                    f"{self.rows_file}: bytes {begin} to {end} are not the rows that were measured. {again}"
                )
            for name, digest in measured.kept.items():
                file = self.path / plain_path(name, where)
                if not file.is_file() or sha256_file(file) != digest:
                    raise InputError(f"{file}: expected the file that was measured, sha256 {digest}. {again}")

    def _rows_digest(self, begin: int, end: int) -> str:
        with self.rows_file.open("rb") as stream:
            stream.seek(max(begin, 0))
            return hashlib.sha256(stream.read(max(end - begin, 0))).hexdigest()

    def drop_unfinished(self) -> None:
        """Cut off rows of a probe that a kill interrupted: those after the last terminator."""
        if not self.rows_file.is_file():
            return
        with self.rows_file.open("rb+") as stream:
            keep = position = 0
            for line in stream:
                position += len(line)
                if line.endswith(b"\n") and f'"statistic": "{TERMINATOR}"'.encode() in line:
                    keep = position
            stream.truncate(keep)

    def finished(self) -> set[tuple[str, str, int]]:
        """Return (candidate, probe, repeat) of every probe whose rows are complete."""
        return {(row.candidate, row.probe, row.repeat) for row in self.rows() if row.statistic == TERMINATOR}

    # -- seal -----------------------------------------------------------------------------

    def seal(self) -> None:
        """Write the rows as parquet too, and the sha256 of every file of the run but the report."""
        replace_bytes(self.path / PARQUET, as_parquet(self.rows()))
        with writing(self.path):
            write_seal(self.path)

    def take(self, other: RunFolder, **facts: Any) -> None:
        """Move the rows and kept files of another folder into this sealed run, seal it anew, and tell it as an event.

        A kill at any point leaves a run that is as it was sealed: before or after.
        """
        problems = self.damaged()
        if problems:
            raise InputError(f"{problems[0]} What was measured meanwhile waits in {other.path}.")
        coming = other.path / _COMING
        remove(coming)
        event = {"time": utc_now(), "event": "measured again", **facts}
        told = read_file(self.path / EVENTS) if (self.path / EVENTS).is_file() else b""
        replace_bytes(coming / ROWS, read_file(self.rows_file) + read_file(other.rows_file))
        replace_bytes(coming / EVENTS, told + json.dumps(event, ensure_ascii=False).encode("utf-8") + b"\n")
        replace_bytes(coming / PARQUET, as_parquet(read_rows(coming / ROWS)))
        with writing(self.path):
            write_next_seal(self.path, _files_to_take(other.path))
        self.finish_taking(other)

    def finish_taking(self, other: RunFolder) -> None:
        """Go on with `take` where a kill ended it; nothing happens where it had not begun to move files."""
        if not (self.path / NEXT_SEAL).is_file():
            return
        with writing(self.path):
            for name, path in _files_to_take(other.path).items():
                (self.path / name).parent.mkdir(parents=True, exist_ok=True)
                path.replace(self.path / name)
            if not self.damaged():
                (self.path / NEXT_SEAL).replace(self.path / SEAL)
            remove(other.path)

    def damaged(self) -> list[str]:
        """Return one line per file that is not what it was when the run was sealed."""
        return damaged(self.path)


def _files_to_take(folder: Path) -> dict[str, Path]:
    """Return the files that a folder of new measurements has for its run: name there -> path."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name.startswith((f"{OUTCOMES}/", f"{PREDICTIONS}/", f"{_COMING}/")):
            files[name.removeprefix(f"{_COMING}/")] = path
    return files
