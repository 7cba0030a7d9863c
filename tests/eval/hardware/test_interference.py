"""A process that burns a core is noticed, one's own work is not held against oneself."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xpareto.eval.hardware.interference import Counters, busy_seconds, listed_mhz, load_between

LINUX = pytest.mark.skipif(not Path("/proc/stat").exists(), reason="the kernel keeps no /proc/stat")


def counters(at: float, own: float, busy: float | None, steal: float | None, cores: int = 2) -> Counters:
    return Counters(at, own, busy, steal, None, cores)


def test_what_is_not_one_s_own_is_foreign() -> None:
    found = load_between(counters(0, 1, 10, 0), counters(10, 9, 28, 1))
    assert found.foreign == pytest.approx((18 - 8 - 0.04) / 20, abs=1e-9)
    assert found.steal == pytest.approx(1 / 20)
    assert found.disturbed == pytest.approx(found.foreign + found.steal)


def test_half_counted_ticks_are_no_load_and_shares_stay_in_range() -> None:
    assert load_between(counters(0, 0, 0, 0), counters(1, 1.99, 2.0, 0)).disturbed == 0
    assert load_between(counters(0, 0, 0, 0), counters(1, 5, 2.0, 0)).foreign == 0
    assert load_between(counters(0, 0, 0, 0), counters(1, 0, 9.0, 9)).disturbed == 2


def test_without_the_kernel_s_counts_nothing_is_said() -> None:
    found = load_between(counters(0, 0, None, None), counters(1, 1, None, None))
    assert (found.foreign, found.steal, found.disturbed) == (None, None, 0)


def test_the_clock_is_told_where_the_kernel_knows_it_and_is_unknown_elsewhere() -> None:
    lines = [line for core, mhz in ((0, 1000), (1, 3000), (2, 9000)) for line in
             (f"processor\t: {core}", "model name\t: x", f"cpu MHz\t\t: {mhz}.000", "")]  # fmt: skip
    assert listed_mhz(lines, [0, 1]) == 2000
    assert listed_mhz(lines, [2]) == 9000
    assert listed_mhz(lines, [2, 3]) is None and listed_mhz([], [0]) is None and listed_mhz(lines, []) is None
    both = [Counters(at, 0, 0, 0, mhz, 1) for at, mhz in ((0, 2000.0), (1, 3000.0))]
    assert load_between(*both).frequency_mhz == 2500
    neither = [Counters(at, 0, 0, 0, None, 1) for at in (0, 1)]
    assert load_between(*neither).frequency_mhz is None


@pytest.mark.skipif(
    not Path("/proc/cpuinfo").exists() or "cpu MHz" not in Path("/proc/cpuinfo").read_text(),
    reason="the kernel lists no clock",
)
def test_a_reading_has_this_machine_s_clock() -> None:
    found = Counters.read().frequency_mhz
    assert found is not None and 100 < found < 10_000


def test_cores_that_the_kernel_does_not_list_are_refused() -> None:
    with pytest.raises(ValueError, match="cpu7"):
        busy_seconds(["cpu0 1 1 1 1 1 1 1 1 0 0"], [0, 7])
    with pytest.raises(ValueError):
        busy_seconds([], [])


@LINUX
def test_a_background_process_on_this_core_is_noticed() -> None:
    cores = os.sched_getaffinity(0)
    try:
        os.sched_setaffinity(0, {min(cores)})  # the burner inherits it: both share this core
        burner = subprocess.Popen(
            [sys.executable, "-c", "import sys; sys.stdout.write('.'); sys.stdout.flush()\nwhile True: pass"],
            stdout=subprocess.PIPE,
        )
        try:
            assert burner.stdout is not None
            burner.stdout.read(1)  # it runs
            start, end = Counters.read(), time.monotonic() + 0.5
            while time.monotonic() < end:
                pass
            found = load_between(start, Counters.read())
        finally:
            burner.kill()
            burner.wait()
            if burner.stdout is not None:
                burner.stdout.close()
    finally:
        os.sched_setaffinity(0, cores)
    assert found.cores == 1
    assert found.foreign is not None and found.foreign > 0.2


@LINUX
def test_a_process_that_was_started_and_has_ended_is_no_foreign_load() -> None:
    burn = "import time\nwhile time.process_time() < 0.6: pass"
    start = Counters.read()
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert Counters.read().process_seconds - start.process_seconds >= 0.55
