"""What a run shows while it works: lines for what is done, a bar with an estimate for what is not."""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console as RichConsole
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from xpareto.pipelines.runs import Console, Result

SECONDS_BETWEEN_LINES = 20.0  # of a step's progress where there is no bar, as in a log file


class Terminal(Console):
    """Draws with rich; where output is not a terminal, prints the lines and no bar."""

    def __init__(self) -> None:
        self._console = RichConsole(stderr=True, highlight=False)
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not self._console.is_terminal,
        )
        self._bar: TaskID | None = None
        self._told = time.monotonic()
        self._what = ""

    def __enter__(self) -> Terminal:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, text: str) -> None:
        self._told = time.monotonic()
        self._console.print(text, markup=False, soft_wrap=True)

    def progress(self, done: int, total: int, text: str) -> None:
        if not self._console.is_terminal:
            if time.monotonic() - self._told > SECONDS_BETWEEN_LINES:
                self.say(f"{100 * done // max(total, 1)} % {text}")
            return
        what = text.partition(":")[0]
        if self._bar is None or what != self._what:
            if self._bar is not None:
                self._progress.remove_task(self._bar)
            self._bar, self._what = self._progress.add_task(text, total=total), what
        self._progress.update(self._bar, completed=done, total=total, description=text)

    def summary(self, result: Result) -> None:
        """Tell where everything is, and what failed."""
        for name, reason in result.failed.items():
            self.say(f"Failed: {name}: {reason}")
        print(f"run     {result.run.path}")
        for file in result.report:
            if file.name in {"index.html", "summary.md"}:
                print(f"report  {file}")
