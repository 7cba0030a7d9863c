"""The power that codecarbon's process mode gives this machine, where no counter can be read.

codecarbon (https://github.com/mlco2/codecarbon) takes the TDP of the CPU's name from its table, for each socket,
or 4 W for each logical CPU where the table has no such name; a process is given the share of it that it used of
the processor time of all logical CPUs. Memory has a power by its size. The watts, the logical CPUs and the
sockets are codecarbon's own; the times are taken here, at the ends of the work, where codecarbon samples them
every few seconds and misses what a child used since the last sample before it ended.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

from xpareto.eval.hardware.machine import cpu_model, is_virtual


@dataclass(frozen=True)
class PowerModel:
    """Watts of all logical CPUs together when all are busy, how many they are, and watts of memory.

    `source` says where the watts of the CPU come from.
    """

    cpu_watts: float
    cores: int
    ram_watts: float
    source: str

    def cpu_j(self, cpu_seconds: float) -> float:
        """Return the joules of processor time over all cores, in seconds."""
        return self.cpu_watts * cpu_seconds / self.cores

    def ram_j(self, seconds: float) -> float:
        """Return the joules of memory in wall-clock seconds."""
        return self.ram_watts * seconds

    @property
    def words(self) -> str:
        """Return the formula with its numbers.

        >>> PowerModel(8.0, 2, 10.0, "codecarbon, process mode").words
        'codecarbon, process mode; CPU = 8 W x processor time / 2 logical CPUs, RAM = 10 W x time'
        """
        return (
            f"{self.source}; CPU = {self.cpu_watts:g} W x processor time / {self.cores} logical CPUs, "
            f"RAM = {self.ram_watts:g} W x time"
        )


def power_model() -> PowerModel:
    """Return codecarbon's figures of this machine, with the memory that this process and its children hold."""
    from codecarbon.external.ram import RAM

    watts, cores, source = _cpu()
    return PowerModel(watts, cores, float(RAM(tracking_mode="process").total_power().W), source)


@cache
def _cpu() -> tuple[float, int, str]:
    """Return the watts of the CPU, its logical CPUs, and where the watts come from."""
    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    from codecarbon.core.cpu import DEFAULT_POWER_PER_CORE, TDP
    from codecarbon.core.util import count_cpus, count_physical_cpus
    from codecarbon.external.hardware import POWER_CONSTANT

    cores, sockets = int(count_cpus()), int(count_physical_cpus())
    lead = f"codecarbon {version('codecarbon')}, process mode"
    unknown = float(DEFAULT_POWER_PER_CORE * cores)
    # Virtual machines give names without a number, which the table, searched for seconds, does not have.
    named = any(letter.isdigit() for letter in cpu_model())
    watts = TDP().tdp if named else unknown
    if watts is None:
        return float(POWER_CONSTANT), cores, f"{lead}, the power of a CPU without a name"
    if watts == unknown:  # what codecarbon's TDP is for a name that its table does not have
        each = f"{DEFAULT_POWER_PER_CORE} W for each logical CPU"
        return unknown * sockets, cores, f"{lead}, a CPU whose TDP it does not know: {each}"
    share = ", of which this virtual machine may have a share only" if is_virtual() else ""
    return watts * sockets, cores, f"{lead}, TDP of {sockets} whole socket{'s' if sockets > 1 else ''}{share}"
