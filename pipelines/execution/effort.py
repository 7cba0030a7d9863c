"""What a piece of work took: time, processor time and energy, that of its killed attempts included.

A reading is written to the work's scratch folder now and then, one file for each attempt and process,
so that a kill loses at most the last minute of the account.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, replace
from functools import reduce
from operator import add
from pathlib import Path
from types import TracebackType

from xpareto.compress.core import load_json
from xpareto.eval.hardware import Cards, EnergyMeter, Joules, PowerCounter, Spent, processor_seconds

EVERY_SECONDS = 30.0  # a package's counter starts again after some minutes: no reading may miss that
_FOLDER = "spent"


class WorkMeter:
    """Meters this process while it is entered: `with WorkMeter(scratch) as meter: ...; meter.spent()`.

    A process that only helps another (`helps`) adds its processor time to that one's account: the time
    and the counters of the machine are the first's to count.
    """

    def __init__(
        self,
        scratch: Path,
        helps: bool = False,
        counter: PowerCounter | None = None,
        cards: Cards | None = None,
    ) -> None:
        self._folder = scratch / _FOLDER
        self._file = self._folder / f"{time.time_ns()}-{os.getpid()}.json"
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._used = processor_seconds()
        self._meter = None if helps else EnergyMeter(counter, cards)

    def __enter__(self) -> WorkMeter:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._note()

    def spent(self) -> Spent:
        """Return what this attempt took up to now, with all attempts before it and all helpers."""
        self._note()
        accounts = [load_json(file) for file in sorted(self._folder.glob("*.json"))]
        return total(
            [Spent(**account["spent"]) for account in accounts],
            [bool(account["helps"]) for account in accounts],
        )

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self._note()

    def _note(self) -> None:
        """Take a reading and write the account. Without its folder the work is done, and so is this."""
        with self._lock, suppress(FileNotFoundError):
            text = json.dumps({"helps": self._meter is None, "spent": asdict(self._read())})
            temporary = self._file.with_suffix(".new")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._file)

    def _read(self) -> Spent:
        if self._meter is None:
            return Spent(0.0, processor_seconds() - self._used)
        return self._meter.read()


def total(accounts: Sequence[Spent], helps: Sequence[bool]) -> Spent:
    """Return the sum of all attempts; helpers, which read no counters, add their processor time.

    >>> total([Spent(5.0, 8.0, 300.0), Spent(0.0, 7.0)], [False, True])
    Spent(seconds=5.0, cpu_seconds=15.0, cpu_j=300.0, gpu_j=None)
    """
    attempts = reduce(add, [account for account, other in zip(accounts, helps, strict=True) if not other])
    helped = sum(account.cpu_seconds for account, other in zip(accounts, helps, strict=True) if other)
    return replace(attempts, cpu_seconds=attempts.cpu_seconds + helped)


def instrument_of_work(used: Joules) -> str:
    """Return what the joules of work rest on: idle power and other work are in those of counters."""
    gross = ", gross" if used.basis == "measured" else ""
    return used.instrument + gross + ("; GPUs by their own counters" if used.gpu_j is not None else "")
