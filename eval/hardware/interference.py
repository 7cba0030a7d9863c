"""What else used the cores while something was timed: other processes, the hypervisor, a slower clock.

A time that was taken beside other work is longer than the candidate's own. The kernel counts how busy
each core was, and this process how much of that was its own or of a process that it started and that has
ended, as when a library asks the system what hardware there is; the rest is foreign.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpareto.eval.hardware.container import Throttling, throttling

STAT = Path("/proc/stat")
_CPUINFO = Path("/proc/cpuinfo")
_FREQUENCY = "/sys/devices/system/cpu/cpu{}/cpufreq/scaling_cur_freq"
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_TICK_SLACK = 2  # counts of one core may be off by so many ticks at either end of a window


@dataclass(frozen=True)
class Load:
    """Shares of the time of the cores that were watched, from 0 to 1, in one window.

    `foreign` is time that other processes ran on them, `steal` time that the hypervisor gave to other
    machines; both are None where the kernel does not say. `throttled` is the share of the periods of a container's
    CPU quota in which it ran out, so that the process stood still; None without a quota. `frequency_mhz` is the
    mean at the ends: of cpufreq, else of /proc/cpuinfo, which in a virtual machine is the nominal clock; None
    where neither tells.
    """

    seconds: float
    cores: int
    foreign: float | None
    steal: float | None
    frequency_mhz: float | None
    throttled: float | None = None

    @property
    def disturbed(self) -> float:
        """The share of the cores' time that was not the measured process' to use; 0 where unknown."""
        return (self.foreign or 0.0) + (self.steal or 0.0) + (self.throttled or 0.0)


@dataclass(frozen=True)
class Counters:
    """Seconds since boot that some cores were busy and stolen, and that this process ran."""

    at: float
    process_seconds: float
    busy: float | None
    steal: float | None
    frequency_mhz: float | None
    cores: int
    throttling: Throttling | None = None

    @staticmethod
    def read(stat: Path = STAT) -> Counters:
        """Return the counters of the cores that this process is pinned to."""
        pinned_cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        count = len(pinned_cores) or os.cpu_count() or 1
        busy: float | None
        steal: float | None
        try:
            busy, steal = busy_seconds(stat.read_text(encoding="ascii").splitlines(), pinned_cores)
        except (OSError, ValueError, IndexError):
            busy = steal = None
        return Counters(
            time.monotonic(), processor_seconds(), busy, steal, _frequency(pinned_cores), count, throttling()
        )


def processor_seconds() -> float:
    """Return the processor time of this process and of its children that have ended."""
    used = os.times()
    return time.process_time() + used.children_user + used.children_system


def busy_seconds(lines: Iterable[str], cores: Iterable[int]) -> tuple[float, float]:
    """Return (busy, stolen) seconds of the named cores from the lines of /proc/stat (proc(5)).

    Busy is user + nice + system + irq + softirq; guest time is part of user already.

    >>> busy_seconds(["cpu  9 9 9 9", "cpu0 100 0 50 900 5 10 40 25 0 0", "cpu1 1 1 1 1 1 1 1 1 0 0"], [0])
    (2.0, 0.25)
    """
    wanted = {f"cpu{core}" for core in cores}
    busy = steal = 0
    seen = set()
    for line in lines:
        name, *rest = line.split()
        if name in wanted:
            user, nice, system, _, _, irq, softirq, stolen, *_ = (int(part) for part in rest)
            busy += user + nice + system + irq + softirq
            steal += stolen
            seen.add(name)
    if seen != wanted or not wanted:
        raise ValueError(f"expected lines of {sorted(wanted)}, found {sorted(seen)}")
    return busy / _TICKS, steal / _TICKS


def load_between(start: Counters, end: Counters) -> Load:
    """Return what happened between two readings. Half-counted ticks never make a load of their own."""
    seconds = end.at - start.at
    whole = seconds * start.cores
    foreign = steal = None
    if None not in (start.busy, end.busy, start.steal, end.steal) and whole > 0:
        assert start.busy is not None and end.busy is not None
        assert start.steal is not None and end.steal is not None
        slack = _TICK_SLACK * start.cores / _TICKS
        other = (end.busy - start.busy) - (end.process_seconds - start.process_seconds)
        foreign = min(1.0, max(0.0, other - slack) / whole)
        steal = min(1.0, max(0.0, end.steal - start.steal) / whole)
    clocks = [value for value in (start.frequency_mhz, end.frequency_mhz) if value is not None]
    frequency = sum(clocks) / len(clocks) if clocks else None
    return Load(seconds, start.cores, foreign, steal, frequency, _throttled(start.throttling, end.throttling))


def _throttled(start: Throttling | None, end: Throttling | None) -> float | None:
    """Return the share of the periods between two counts in which a quota ran out.

    A window shorter than a period may end before the period that it ran out in is counted.
    """
    if end is None:
        return None
    before = start or Throttling(0, 0)
    stood_still, periods = end.throttled - before.throttled, end.periods - before.periods
    return min(1.0, max(0, stood_still) / max(periods, stood_still, 1))


def _frequency(cores: Sequence[int]) -> float | None:
    clocks_mhz = []
    for core in cores:
        try:
            clocks_mhz.append(int(Path(_FREQUENCY.format(core)).read_text(encoding="ascii")) / 1e3)
        except (OSError, ValueError):
            return _listed_frequency(cores)
    return sum(clocks_mhz) / len(clocks_mhz) if clocks_mhz else None


def _listed_frequency(cores: Sequence[int]) -> float | None:
    try:
        return listed_mhz(_CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines(), cores)
    except OSError:
        return None


def listed_mhz(lines: Iterable[str], cores: Iterable[int]) -> float | None:
    """Return the mean clock of the named cores from the lines of /proc/cpuinfo; None where one has none.

    >>> listed_mhz(["processor : 0", "cpu MHz : 2000.5", "", "processor : 1", "cpu MHz : 3000.0"], [0, 1])
    2500.25
    >>> listed_mhz(["processor : 0", "BogoMIPS : 50.00"], [0]) is None
    True
    """
    clocks: dict[int, float] = {}
    core = -1
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() == "processor" and value.strip().isdigit():
            core = int(value)
        elif name.strip() == "cpu MHz":
            clocks[core] = float(value)
    wanted = list(cores)
    if not wanted or not set(wanted) <= set(clocks):
        return None
    return sum(clocks[wanted_core] for wanted_core in wanted) / len(wanted)
