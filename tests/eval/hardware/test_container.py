"""Quotas and limits of containers, as cgroups of version 1 and 2 tell them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from xpareto.eval.hardware import container, machine
from xpareto.eval.hardware.interference import Counters, Load, load_between

MEBI = 1 << 20
V2 = "0::{group}\n", "30 23 0:26 {mounted} /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
V1 = (
    "4:memory:{group}\n2:cpu,cpuacct:{group}\n1:name=systemd:{group}\n0::/\n",
    "32 31 0:29 {mounted} /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 {mounted} /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
    "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n",
)
STAT_V1 = "nr_periods 40\nnr_throttled 30\nthrottled_time 1500000000\n"
STAT_V2 = "usage_usec 5\nnr_periods 40\nnr_throttled 30\nthrottled_usec 1500000\n"
CASES = {  # (groups and mounts, group, what is mounted, files, quota, memory, periods)
    "v2, its own namespace": (
        V2, "/", "/", {"cpu.max": "50000 100000", "memory.max": str(64 * MEBI), "cpu.stat": STAT_V2}, 0.5, 64, 40,
    ),
    "v2, limits of an outer group": (
        V2, "/a/b", "/", {"a/b/cpu.max": "max 100000", "a/cpu.max": "150000 100000", "a/b/memory.max": "max",
                          "a/memory.max": str(32 * MEBI), "a/cpu.stat": STAT_V2}, 1.5, 32, 40,
    ),
    "v2, no limit": (V2, "/a", "/", {"a/cpu.max": "max 100000", "a/memory.max": "max"}, None, None, None),
    "v1, a path of the host": (
        V1, "/docker/abc", "/docker/abc",
        {"cpu,cpuacct/cpu.cfs_quota_us": "50000", "cpu,cpuacct/cpu.cfs_period_us": "100000",
         "cpu,cpuacct/cpu.stat": STAT_V1, "memory/memory.limit_in_bytes": str(16 * MEBI)}, 0.5, 16, 40,
    ),
    "v1, a path that is not mounted": (
        V1, "/docker/abc", "/",
        {"cpu,cpuacct/cpu.cfs_quota_us": "200000", "cpu,cpuacct/cpu.cfs_period_us": "100000"}, 2.0, None, None,
    ),
    "v1, no limit": (
        V1, "/x", "/", {"cpu,cpuacct/x/cpu.cfs_quota_us": "-1", "cpu,cpuacct/x/cpu.cfs_period_us": "100000",
                        "memory/x/memory.limit_in_bytes": "9223372036854771712"}, None, None, None,
    ),
    "damaged": (V2, "/", "/", {"cpu.max": "x y", "memory.max": "", "cpu.stat": "nr_periods x\n?"}, None, None, None),
    "none": (("", "1 1 0:1 / / rw - ext4 /dev/sda rw\n\n-\n"), "/", "/", {}, None, None, None),
}  # fmt: skip


def write(root: Path, name: str, content: str) -> None:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(content)


@pytest.mark.parametrize("case", CASES)
def test_limits_are_the_least_of_all_groups(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (groups, mounts), group, mounted, files, quota, memory, periods = CASES[case]
    write(tmp_path, "proc/self/cgroup", groups.format(group=group))
    write(tmp_path, "proc/self/mountinfo", mounts.format(mounted=mounted))
    for name, content in files.items():
        write(tmp_path, f"sys/fs/cgroup/{name}", content)
    monkeypatch.setattr(container, "ROOT", tmp_path)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0, 1, 2, 3}, raising=False)
    assert container.cpu_quota() == quota
    assert container.memory_limit() == (memory and memory * MEBI)
    counts = container.throttling()
    assert counts == (periods and container.Throttling(periods, 30))
    assert machine.usable_cores() == (4 if quota is None else max(1, int(quota)))
    assert machine.memory_bytes() == memory * MEBI if memory else machine.memory_bytes() > 64 * MEBI
    assert machine.machine_facts().get("cpu_quota") == quota
    told = next(ability.detail for ability in machine.abilities() if ability.name == "cores")
    assert ("the container gives the time of" in told) == (quota is not None)


@pytest.mark.parametrize(
    ("start", "end", "share"),
    [((10, 4), (20, 9), 0.5), ((10, 4), (20, 4), 0), ((10, 4), (10, 4), 0), (None, (8, 2), 0.25),
     ((10, 4), (10, 5), 1), (None, None, None)],
)  # fmt: skip
def test_periods_without_time_left_are_a_disturbance(
    start: tuple[int, int] | None, end: tuple[int, int] | None, share: float | None
) -> None:
    def reading(at: float, counts: tuple[int, int] | None) -> Counters:
        return Counters(at, at, at, 0.0, None, 1, None if counts is None else container.Throttling(*counts))

    found: Load = load_between(reading(0, start), reading(1, end))
    assert (found.throttled, found.disturbed) == (share, share or 0)
