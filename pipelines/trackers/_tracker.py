"""A tracker keeps what runs found, beside what other programs found: MLflow, trackio."""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from datetime import datetime
from importlib import import_module
from typing import ClassVar

from xpareto.compress.core import Catalog, InputError, enumerated, hint
from xpareto.eval.results import read_runs, summarize
from xpareto.pipelines.runs import kept_analysis
from xpareto.pipelines.storage import RunFolder
from xpareto.pipelines.trackers._tracked import Tracked, tracked

TRACKERS = Catalog("tracker", "xpareto.pipelines.trackers", "TRACKER")


class Tracker(ABC):
    """Where runs are tracked. Subclasses are final and stateless; what they need is an extra of the package.

    What is tracked twice is updated: nothing stands there twice.
    """

    name: ClassVar[str]
    needs: ClassVar[str]  # the module that is imported

    def check(self) -> None:
        """Refuse with the command that installs it where its library is missing."""
        try:
            import_module(self.needs)
        except ImportError as error:
            raise InputError(
                f"To track runs in {self.name}, install it: pip install 'xpareto[{self.name}]' ({error})"
            ) from error

    @abstractmethod
    def track(self, run: Tracked) -> str:
        """Write a run and return in a sentence where it is; raises whatever the library does."""


def tracker(name: str) -> Tracker:
    """Return a tracker that can be imported; InputError where there is none of the name, or its library is missing."""
    if name not in TRACKERS.names:
        raise InputError(
            f'Expected {enumerated(TRACKERS.names)}, found "{name}".{hint(name, TRACKERS.names)}'
        )
    found: Tracker = TRACKERS.load(name)
    found.check()
    return found


def track_run(run: RunFolder, name: str) -> str:
    """Tell a tracker of a run that has a report; return in a sentence where it is.

    InputError where it could not be told, with what to do; nothing of the run is changed.
    """
    chosen = tracker(name)
    run_summary = summarize(read_runs([run.path]))
    if not (run.path / "report" / "index.html").is_file():
        raise InputError(
            f"{run.path}: expected a report to track, found none. Write it: xpareto report {run.path}"
        )
    times = [row.time for rows in run_summary.run.rows.values() for row in rows]
    told = tracked(run, run_summary, kept_analysis(run.path), _milliseconds(times))
    try:
        return chosen.track(told)
    except Exception as error:  # what libraries, their databases and servers raise has no common name
        again = shlex.join(["xpareto", "track", str(run.path), "--to", name])
        why = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(
            f"{name} could not be told of the run: {why[0]}. Nothing of the run is lost: it is in {run.path}. "
            f"Once that is mended: {again}"
        ) from error


def _milliseconds(times: list[str]) -> int:
    """Return the latest of times as rows have them, in milliseconds since 1970; 0 of none."""
    known = [datetime.fromisoformat(time) for time in times if time]
    return round(max(known).timestamp() * 1000) if known else 0
