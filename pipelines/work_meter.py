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
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Literal

from eval.card_energy import Cards, find_cards
from eval.modelled_power import ram_watts, tdp_watts
from eval.power_counter import PowerCounter

EVERY_SECONDS = 30.0  # a package's counter starts again after some minutes: no reading may miss that
_FOLDER = "spent"


@dataclass(frozen=True)
class Spent:
    """Wall-clock seconds, processor seconds of all processes and cores, and joules of the counters.

    `cpu_j` is what the CPU packages drew meanwhile, whoever used them, and `gpu_j` the GPUs; None where
    no counter is readable.
    """

    seconds: float
    cpu_seconds: float
    cpu_j: float | None = None
    gpu_j: float | None = None

    def __add__(self, other: Spent) -> Spent:
        """Return both together; joules only where both have them."""
        return Spent(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            None if self.cpu_j is None or other.cpu_j is None else self.cpu_j + other.cpu_j,
            None if self.gpu_j is None or other.gpu_j is None else self.gpu_j + other.gpu_j,
        )


@dataclass(frozen=True)
class Energy:
    """Joules of a piece of work, how they came about, and by what."""

    joules: float
    basis: Literal["measured", "modelled"]
    instrument: str


def energy(spent: Spent, tdp: float, ram: float, cores: int) -> Energy:
    """Return the energy of work: what counters measured, else codecarbon's model of its processor time.

    Measured is gross: idle power and other processes on the packages are in it, and memory is not.
    Modelled is `tdp` watts x processor time / `cores` + `ram` watts x time. GPUs are added where read.

    >>> energy(Spent(10.0, 12.0), tdp=85.0, ram=10.0, cores=2).joules
    610.0
    >>> energy(Spent(10.0, 12.0, 900.0, 50.0), tdp=85.0, ram=10.0, cores=2).joules
    950.0
    """
    cards = "; GPUs by their own counters" if spent.gpu_j is not None else ""
    if spent.cpu_j is not None:
        how = f"RAPL counters of the CPU packages, gross{cards}"
        return Energy(spent.cpu_j + (spent.gpu_j or 0.0), "measured", how)
    joules = tdp * spent.cpu_seconds / cores + ram * spent.seconds + (spent.gpu_j or 0.0)
    name = f"codecarbon {version('codecarbon')}"
    how = f"{name}, cpu = TDP {tdp:g} W x share of all cores x time, ram = {ram:g} W x time{cards}"
    return Energy(joules, "modelled", how)


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
        self._helps = helps
        self._counter = None if helps else counter or PowerCounter.find()
        self._cards = None if helps else cards or find_cards()
        self._lock, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> WorkMeter:
        self._folder.mkdir(parents=True, exist_ok=True)
        self._started, self._used = time.monotonic(), processor_seconds()
        self._last = self._started
        self._counts = self._counter.read() if self._counter is not None else {}
        self._cpu_j = self._gpu_j = 0.0
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
        accounts = [
            json.loads(file.read_text(encoding="utf-8")) for file in sorted(self._folder.glob("*.json"))
        ]
        return total([Spent(**own["spent"]) for own in accounts], [bool(own["helps"]) for own in accounts])

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            self._note()

    def _note(self) -> None:
        """Take a reading and write the account. Without its folder the work is done, and so is this."""
        with self._lock, suppress(FileNotFoundError):
            text = json.dumps({"helps": self._helps, "spent": asdict(self._read())})
            temporary = self._file.with_suffix(".new")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(self._file)

    def _read(self) -> Spent:
        now = time.monotonic()
        if self._counter is not None:
            counts = self._counter.read()
            self._cpu_j += self._counter.joules(self._counts, counts)
            self._counts = counts
        if self._cards is not None:
            _, drawn = self._cards.measure_power_and_energy(now - self._last)
            self._gpu_j += drawn.kWh * 3.6e6
        self._last = now
        return Spent(
            0.0 if self._helps else now - self._started,
            processor_seconds() - self._used,
            self._cpu_j if self._counter is not None else None,
            self._gpu_j if self._cards is not None else None,
        )


def total(accounts: Sequence[Spent], helps: Sequence[bool]) -> Spent:
    """Return the sum of all attempts; helpers, which read no counters, add their processor time.

    >>> total([Spent(5.0, 8.0, 300.0), Spent(0.0, 7.0)], [False, True])
    Spent(seconds=5.0, cpu_seconds=15.0, cpu_j=300.0, gpu_j=None)
    """
    own = [account for account, other in zip(accounts, helps, strict=True) if not other]
    found = own[0]
    for account in own[1:]:
        found = found + account
    helped = sum(account.cpu_seconds for account, other in zip(accounts, helps, strict=True) if other)
    return Spent(found.seconds, found.cpu_seconds + helped, found.cpu_j, found.gpu_j)


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    return sum(os.times()[:4])


def machine_energy(spent: Spent) -> Energy:
    """Return the energy of work that was done in this process, with the model's figures of this machine."""
    return energy(spent, tdp_watts(), ram_watts(), os.cpu_count() or 1)
