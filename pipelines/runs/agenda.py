"""Where a command stands in all of its work: which piece is at hand, how far it is, and how long the rest takes."""

from __future__ import annotations

import threading
import time
from collections.abc import Container, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean

from xpareto.compress.core import parse_json, read_file

_RECENT = 3  # earlier runs whose times are asked for


@dataclass(frozen=True)
class Status:
    """Where a command stands: in piece `number` of `total`, of which `done` of `of` parts are done.

    `detail` says what is done just now; `piece_left` and `left` are the seconds to go in this piece and in
    all, None where nothing tells. `guess`: some kind of work that is to come has not been timed yet. `where` names
    the worker or machine that does it, where there are several; `beside` are the other pieces at work, oldest first.
    """

    number: int
    total: int
    what: str
    detail: str = ""
    done: int = 0
    of: int = 0
    piece_left: float | None = None
    gone: float = 0.0
    left: float | None = None
    guess: bool = False
    where: str = ""
    beside: tuple[Status, ...] = ()

    @property
    def at(self) -> str:
        """Return which piece of how many.

        >>> Status(3, 97, "base").at
        'step 3 of 97'
        """
        return f"step {self.number} of {self.total}"

    @property
    def parts(self) -> str:
        """Return how far the piece is, in words; "" where it has not told.

        >>> Status(3, 97, "fp32", "updates, loss 0.31", 120, 400, 95.0).parts
        '120 of 400 updates, loss 0.31, 1 min 35 s left'
        >>> Status(3, 97, "onnx", "tracing", 0, 3).parts
        'tracing, 0 of 3'
        """
        if not self.of:
            return ""
        counted = f"{self.done} of {self.of}"
        words = (
            f"{counted} {self.detail}" if self.detail.startswith("updates") else f"{self.detail}, {counted}"
        )
        return words if self.piece_left is None else f"{words}, {span(self.piece_left)} left"

    @property
    def to_go(self) -> str:
        """Return how long all the rest takes, in words.

        >>> Status(3, 97, "base").to_go, Status(3, 97, "base", left=754.0, guess=True).to_go
        ('time to go not known yet', 'roughly 12 min 34 s to go')
        """
        if self.left is None:
            return "time to go not known yet"
        return f"{'roughly' if self.guess else 'about'} {span(self.left)} to go"


class Console:
    """What a command tells while it works; this one is silent, the command line's draws."""

    def say(self, text: str) -> None:
        """Tell one line."""

    def show(self, status: Status) -> None:
        """Show where the command stands."""

    def made(self, status: Status, seconds: float) -> None:
        """Tell that the piece at hand is made, and what it took."""


def span(seconds: float) -> str:
    """Return a time in its two largest units, so that none takes it for a time of day.

    >>> span(7.6), span(754), span(3661)
    ('8 s', '12 min 34 s', '1 h 1 min')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    units = {"h": hours, "min": minutes, "s": 0 if hours else rest}
    return " ".join(f"{count} {unit}" for unit, count in units.items() if count) or "0 s"


@dataclass
class Piece:
    """A piece of work that is at hand; `tell` says how far it is, `begins` where it is done."""

    agenda: Agenda
    kind: str
    number: int
    what: str
    began: float
    status: Status
    first: tuple[int, float]  # what it told first of its present count, and when

    def tell(self, done: int, of: int, detail: str) -> None:
        """Show that `done` of `of` parts are done."""
        with self.agenda.lock:
            now = time.monotonic()
            if done < self.first[0] or of != self.status.of:
                self.first = (done, now)
            first, since = self.first
            left = (now - since) / (done - first) * (of - done) if done > first else None
            self.status = replace(self.status, detail=detail, done=done, of=of, piece_left=left)
            self.agenda.show(self)

    def begins(self, where: str) -> None:
        """Show where it is done: the name of a worker or of a machine; "" on the only one.

        Its time begins when that is known first: before, it waited.
        """
        with self.agenda.lock:
            if where and not self.status.where:
                self.began = time.monotonic()
            self.status = replace(self.status, where=where)
            if where:
                self.agenda.show(self)


@dataclass
class Agenda:
    """The pieces of work of one command, how many of each kind, and what pieces of a kind took (seconds).

    Pieces of one kind are taken to need the same time: the mean of those that are done, in this run or in
    earlier ones of its recipe (`seconds`), and of all kinds together where none of the kind is. Where a command
    goes on, `done` are the pieces that were done before, and `gone` the seconds that they took. Up to `at_once`
    pieces are at work together, those of the kinds `alone` one after the other. Threads may share it.
    """

    console: Console
    counts: Mapping[str, int]  # by kind
    seconds: dict[str, list[float]] = field(default_factory=dict)
    done: int = 0
    gone: float = 0.0
    at_once: int = 1
    alone: AbstractSet[str] = frozenset()
    now: Status = Status(0, 0, "")
    lock: threading.RLock = field(default_factory=threading.RLock, repr=False)
    _waiting: dict[str, int] = field(default_factory=dict)
    _began: float = field(default_factory=lambda: time.monotonic())
    _at_work: list[Piece] = field(default_factory=list)
    _last: int = 0  # number of the piece that was begun last

    def __post_init__(self) -> None:
        self._waiting = dict(self.counts)
        self._began -= self.gone
        self._last = self.done
        self.now = Status(self.done, self.done + sum(self.counts.values()), "")

    @contextmanager
    def piece(self, kind: str, what: str) -> Iterator[Piece]:
        """Work on one piece inside, and say how far it is. One that was not foreseen adds to the total."""
        with self.lock:
            foreseen = self._waiting.get(kind, 0) > 0
            self._waiting[kind] = max(0, self._waiting.get(kind, 0) - 1)
            self._last += 1
            started, number = time.monotonic(), self._last
            self.now = replace(self.now, total=self.now.total + (not foreseen))
            piece = Piece(
                self, kind, number, what, started, Status(number, self.now.total, what), (0, started)
            )
            self._at_work.append(piece)
            self.show(piece)
        try:
            yield piece
        finally:
            with self.lock:
                self._at_work.remove(piece)
        with self.lock:
            self.seconds.setdefault(kind, []).append(time.monotonic() - piece.began)
            self.now = piece.status = self._whole(piece.status)

    def skip(self, kind: str) -> None:
        """Leave out a piece that cannot be worked on."""
        with self.lock:
            if self._waiting.get(kind):
                self._waiting[kind] -= 1
                self._last += 1
                self.now = replace(self.now, number=self._last)

    def say(self, text: str) -> None:
        """Tell one line."""
        with self.lock:
            self.console.say(text)

    def made(self, piece: Piece, seconds: float) -> None:
        """Tell that a piece is made, and what it took."""
        with self.lock:
            self.console.made(piece.status, seconds)

    def show(self, piece: Piece) -> None:
        """Show where the command stands, the piece that told something first."""
        self.now = self._whole(piece.status)
        self.console.show(self.now)

    def _whole(self, status: Status) -> Status:
        """Return what is known of one piece with what is known of all."""
        return replace(
            status,
            total=self.now.total,
            gone=time.monotonic() - self._began,
            left=self._left(),
            guess=any(count and not self.seconds.get(kind) for kind, count in self._waiting.items()),
            beside=tuple(one.status for one in self._at_work if one.number != status.number),
        )

    def _left(self) -> float | None:
        """Return the seconds that all that is at work and all that waits are expected to take."""
        rests: list[float] = []
        for piece in self._at_work:
            rest, expected = piece.status.piece_left, self._expected(piece.kind)
            if rest is None and expected is not None:
                rest = max(0.0, expected - (time.monotonic() - piece.began))
            if rest is None:
                return None
            rests.append(rest)
        together, alone = sum(rests), 0.0
        for kind, count in self._waiting.items():
            expected = self._expected(kind)
            if count and expected is None:
                return None
            if kind in self.alone:
                alone += count * (expected or 0.0)
            else:
                together += count * (expected or 0.0)
        return max([together / self.at_once, *rests]) + alone

    def _expected(self, kind: str) -> float | None:
        """Return the seconds that a piece of a kind is expected to take; None while nothing is known."""
        alike = self.seconds.get(kind)
        taken = alike or [second for times in self.seconds.values() for second in times]
        return fmean(taken) if taken else None


def done_before(events: Sequence[Mapping[str, object]], missing: Container[object]) -> tuple[int, float]:
    """Return how many pieces of a run were done, as its events tell, and the seconds that they took.

    Artifacts whose keys are `missing` are made again, so they do not count.
    """
    made = {event.get("key"): event.get("seconds") for event in events if event.get("event") == "made"}
    taken = [seconds for key, seconds in made.items() if key not in missing]
    taken += [event.get("seconds") for event in events if event.get("event") == "measured"]
    known = [float(seconds) for seconds in taken if isinstance(seconds, int | float)]
    return len(known), sum(known)


def times_of_earlier_runs(runs: Path, recipe: str) -> dict[str, list[float]]:
    """Return what pieces of work took in the newest runs of a recipe, by kind, as their events tell."""
    times: dict[str, list[float]] = {}
    for file in sorted(runs.glob(f"*-{recipe}-*/events.jsonl"))[-_RECENT:]:
        for event in _events(file):
            seconds = event.get("seconds")
            if isinstance(seconds, int | float) and event.get("event") in ("made", "measured"):
                kind = (
                    making(event.get("label")) if event["event"] == "made" else measuring(event.get("probe"))
                )
                times.setdefault(kind, []).append(float(seconds))
    return times


def making(label: object) -> str:
    """Return the kind of work that makes a step of that label."""
    return f"make {label}"


def measuring(group: object) -> str:
    """Return the kind of work that measures a group of probes."""
    return f"measure {group}"


def _events(file: Path) -> Sequence[Mapping[str, object]]:
    try:
        found = [parse_json(line) for line in read_file(file).decode("utf-8").splitlines()]
    except (OSError, ValueError):
        return ()  # a time to go is worth no error
    return [event for event in found if isinstance(event, dict)]
