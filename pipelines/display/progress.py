"""What a command shows while it works: lines for what is done, and below them where it stands."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from rich.console import Console as RichConsole
from rich.console import Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from xpareto.pipelines.runs import Console, Status
from xpareto.reports.terminal import show_ending
from xpareto.reports.text import visible

SECONDS_BETWEEN_LINES = 20.0  # of progress where nothing can be drawn, as in a log file
_BAR = 24


class Terminal(Console):
    """Draws below its lines where a command stands; where output is not a terminal, prints that now and then.

    Nothing is cut: what is longer than the terminal is wide goes on in the next line.
    """

    def __init__(self, console: RichConsole | None = None) -> None:
        self._console = console or RichConsole(stderr=True, highlight=False)
        self._draws = self._console.is_terminal
        self._status: Status | None = None
        self._told = time.monotonic()
        self._live = Live(
            console=self._console, transient=True, auto_refresh=self._draws, get_renderable=self._standing
        )

    def __enter__(self) -> Terminal:
        if self._draws:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._status = None
        self._live.stop()

    def say(self, text: str) -> None:
        self._told = time.monotonic()
        lines = visible(text).split("\n")
        if self._draws:  # at words; a path that is longer than a line is left whole, so that it can be copied
            wrapper = textwrap.TextWrapper(
                self._console.width, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
            )
            lines = [part for line in lines for part in wrapper.wrap(line)]
        for line in lines:
            self._console.print(line, markup=False, soft_wrap=True)

    def show(self, status: Status) -> None:
        self._status = status
        if not self._draws and time.monotonic() - self._told > SECONDS_BETWEEN_LINES:
            lines = [f"{place(one)} {told(one)}" for one in at_work(status)]
            self.say("\n".join([*lines[:-1], f"{lines[-1]}; {status.to_go}"]))

    def made(self, status: Status, seconds: float) -> None:
        end = "" if self._draws else f"; {status.to_go}"
        self.say(f"{place(status)} made {told(replace(status, of=0))} in {seconds:.1f} s{end}")

    def summary(self, run: Path, failed: Mapping[str, str]) -> None:
        """Tell what failed of a run, by candidate, and the answer."""
        for name, reason in failed.items():
            self.say(f"Failed: {name}: {reason}")
        show_ending(run)

    def _standing(self) -> Group:
        """Return what is drawn: how far the whole is, with a bar, and the pieces at hand."""
        status = self._status
        if status is None:
            return Group()
        whole = status.gone + status.left if status.left is not None else None
        share = status.gone / whole if whole else (status.number - 1) / max(status.total, 1)
        line = Table.grid(padding=(0, 1))
        line.add_row(
            ProgressBar(total=1.0, completed=share, width=_BAR), Text(f"{status.at}, {status.to_go}")
        )
        return Group(line, *(Text(visible(told(one)), overflow="fold") for one in at_work(status)))


def place(status: Status) -> str:
    """Return which piece of how many, short.

    >>> place(Status(3, 97, "base"))
    '[3/97]'
    """
    return f"[{status.number}/{status.total}]"


def at_work(status: Status) -> list[Status]:
    """Return the pieces at hand in the order in which they began.

    >>> [place(one) for one in at_work(Status(4, 9, "b", beside=(Status(3, 9, "a"),)))]
    ['[3/9]', '[4/9]']
    """
    return sorted((status, *status.beside), key=lambda one: one.number)


def told(status: Status) -> str:
    """Return a piece at hand, where it is done, and how far it is.

    >>> told(Status(3, 97, "fp32", "updates", 120, 400, where="worker 2"))
    'fp32 on worker 2: 120 of 400 updates'
    """
    what = f"{status.what} on {status.where}" if status.where else status.what
    return f"{what}: {status.parts}" if status.parts else what
