"""The energy counters of the CPU packages, read straight from the kernel (powercap, RAPL).

A window's energy is the difference of two readings: exact to the counter's resolution of about a
millisecond, where a power that is sampled at intervals would blur every window that is shorter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

POWERCAP = Path("/sys/class/powercap")


@dataclass(frozen=True)
class Zone:
    """One package: its counter in microjoules, which starts again at zero after `range_uj`."""

    file: Path
    range_uj: int

    def read(self) -> int:
        return int(self.file.read_text(encoding="ascii"))


class PowerCounter:
    """The counters of all CPU packages together; parts of a package and DRAM are not added twice."""

    def __init__(self, zones: Sequence[Zone]) -> None:
        self._zones = tuple(zones)

    @staticmethod
    def find(root: Path = POWERCAP) -> PowerCounter | None:
        """Return the counter of this machine, None where no package's counter can be read.

        Packages are the zones <driver>:<number>; <driver>:<number>:<part> are parts of them. A domain
        for the whole platform (psys) is left out, since other machines lack it. A package that two
        drivers offer (intel-rapl, intel-rapl-mmio) counts once.
        """
        packages: dict[str, Zone] = {}
        for folder in sorted(root.glob("*:*")):
            if folder.name.count(":") != 1:
                continue
            try:
                name = (folder / "name").read_text(encoding="ascii").strip()
                span = int((folder / "max_energy_range_uj").read_text(encoding="ascii"))
                zone = Zone(folder / "energy_uj", span)
                zone.read()
            except (OSError, ValueError):
                continue
            if name.startswith("package"):
                packages.setdefault(name, zone)
        return PowerCounter(list(packages.values())) if packages else None

    def read(self) -> Mapping[Path, int]:
        """Return all counters now; give two of these to `joules`."""
        return {zone.file: zone.read() for zone in self._zones}

    def joules(self, start: Mapping[Path, int], end: Mapping[Path, int]) -> float:
        """Return the energy between two readings; a counter that started again once is understood."""
        total = 0
        for zone in self._zones:
            used = end[zone.file] - start[zone.file]
            total += used if used >= 0 else used + zone.range_uj
        return total / 1e6
