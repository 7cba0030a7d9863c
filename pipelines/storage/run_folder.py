"""One run on disk: its folder, its events, its rows; append-only, resumed after a kill, sealed at the end."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, append_line, hint, replace_json, replace_text, writing
from xpareto.eval.records import Measurement, append_rows, read_rows, write_parquet
from xpareto.eval.results import ROWS, SEAL, check_schema, damaged, write_seal

SCHEMA = 1
TERMINATOR = "probe_time"  # the statistic of the row that closes the rows of one probe


def utc_now() -> str:
    """Return the time as UTC, ISO 8601, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


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
        for path in (Path(name), runs / name):
            if (path / "plan.json").is_file():
                folder = RunFolder(path.resolve())
                folder.check_schema()
                return folder
        known = sorted(path.parent.name for path in runs.glob("*/plan.json"))
        if name == "latest" and known:
            folder = max((RunFolder((runs / one).resolve()) for one in known), key=RunFolder.finished_at)
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
                lines = (self.path / "events.jsonl").read_text(encoding="utf-8").splitlines()
            except (OSError, ValueError):
                lines = []
            finished = [line for line in lines if '"event": "finished"' in line]
            found = (
                re.search(r'"time": "(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ)"', finished[-1]) if finished else None
            )
            time = found[1] if found is not None else "-"  # its events are lost: before all that have a time
        return time, self.name

    # -- files ----------------------------------------------------------------------------

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the object in one of the run's JSON files."""
        file = self.path / name
        try:
            content = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{file}: expected a JSON object ({error}).") from error
        if not isinstance(content, dict):
            raise InputError(f"{file}: expected a JSON object, found {type(content).__name__}.")
        return content

    def write_json(self, name: str, value: Any) -> None:
        replace_json(self.path / name, value)

    def write_text(self, name: str, text: str) -> None:
        replace_text(self.path / name, text)

    def event(self, what: str, **facts: Any) -> None:
        """Append one event with its time."""
        append_line(self.path / "events.jsonl", {"time": utc_now(), "event": what, **facts})

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

    def add_rows(self, rows: Iterable[Measurement]) -> None:
        """Append the rows of one probe; the last of them must be its terminator."""
        with writing(self.rows_file):
            append_rows(self.rows_file, rows)

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
        with writing(self.path):
            write_parquet(self.path / "measurements.parquet", self.rows())
        write_seal(self.path)

    def damaged(self) -> list[str]:
        """Return one line per file that is not what it was when the run was sealed."""
        return damaged(self.path)
