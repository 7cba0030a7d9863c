"""What a container allows this process: processor time and memory, by control groups of version 1 or 2 (cgroups(7)).

A quota gives the group some processor time in every period, say 50 ms in 100; when that is used up, all of its
threads stand still until the next one begins. Limits of outer groups hold for inner ones, too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

ROOT = Path("/")  # where proc and sys are mounted
_UNLIMITED_V1 = 1 << 60  # the kernel writes the largest number of whole pages for no limit


@dataclass(frozen=True)
class Throttling:
    """How many periods of a quota have begun, and in how many of them the quota ran out."""

    periods: int
    throttled: int


def cpu_quota() -> float | None:
    """Return how many cores' time this process may use, such as 0.5; None without a limit."""
    quotas = []
    for folder, version in _folders("cpu"):
        if version == 2:
            quota, _, period = (_text(folder / "cpu.max") or "").partition(" ")
        else:
            quota, period = (_text(folder / f"cpu.cfs_{name}_us") or "" for name in ("quota", "period"))
        if quota.isdigit() and period.isdigit() and int(period):  # max, or -1: no limit
            quotas.append(int(quota) / int(period))
    return min(quotas, default=None)


def memory_limit() -> int | None:
    """Return the most bytes that the group of this process may hold; None without a limit."""
    limits = []
    for folder, version in _folders("memory"):
        limit = _text(folder / ("memory.max" if version == 2 else "memory.limit_in_bytes")) or ""
        if limit.isdigit() and int(limit) < _UNLIMITED_V1:
            limits.append(int(limit))
    return min(limits, default=None)


def memory_left() -> int | None:
    """Return how many bytes more the group of this process may hold, caches given up; None without a limit."""
    left = []
    for folder, version in _folders("memory"):
        limit = _text(folder / ("memory.max" if version == 2 else "memory.limit_in_bytes")) or ""
        held = _text(folder / ("memory.current" if version == 2 else "memory.usage_in_bytes")) or ""
        if limit.isdigit() and int(limit) < _UNLIMITED_V1 and held.isdigit():
            pairs = [line.split() for line in (_text(folder / "memory.stat") or "").splitlines()]
            told = {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
            cache = told.get("inactive_file", told.get("total_inactive_file", 0))
            left.append(max(0, int(limit) - int(held) + cache))
    return min(left, default=None)


def throttling() -> Throttling | None:
    """Return the counts of the group, this one or an outer one, that stood still most often; None without a quota."""
    counts = []
    for folder, _ in _folders("cpu"):
        pairs = [line.split() for line in (_text(folder / "cpu.stat") or "").splitlines()]
        told = {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}
        if told.get("nr_periods"):
            counts.append(Throttling(told["nr_periods"], told.get("nr_throttled", 0)))
    return max(counts, key=lambda count: count.throttled, default=None)


def _folders(controller: str) -> Iterator[tuple[Path, int]]:
    """Yield the folder of this process's group and those of all outer ones that can be seen, with their version."""
    groups = list(_groups(controller))
    for line in (_text(ROOT / "proc/self/mountinfo") or "").splitlines():
        fields, _, kind = line.partition(" - ")
        parts, (file_system, *rest) = fields.split(" "), (kind or "none").split(" ")
        if file_system not in ("cgroup", "cgroup2") or len(parts) < 5:
            continue
        version = 2 if file_system == "cgroup2" else 1
        if version == 1 and controller not in rest[-1].split(","):
            continue
        mounted, point = PurePosixPath(parts[3]), ROOT / parts[4].lstrip("/")
        for group_version, group in groups:
            if group_version != version:
                continue
            # In a container the group may be told by a path of the host, of which nothing but its end is mounted.
            inside = group.relative_to(mounted) if group.is_relative_to(mounted) else PurePosixPath()
            folders = [point / inside, *(point / outer for outer in inside.parents)]
            yield from ((folder, version) for folder in dict.fromkeys(folders) if folder.is_dir())


def _groups(controller: str) -> Iterator[tuple[int, PurePosixPath]]:
    """Yield the version and the path of each group of this process that has a controller."""
    for line in (_text(ROOT / "proc/self/cgroup") or "").splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if number == "0" and not controllers:
            yield 2, PurePosixPath(path)
        elif controller in controllers.split(","):
            yield 1, PurePosixPath(path)


def _text(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return None
