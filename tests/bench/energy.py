"""Modelled energy against codecarbon's own process figure, of known loads, both over the same work in one run.

    python tests/bench/energy.py [--seconds N] [--out FILE.md]

codecarbon's tracker runs in its process mode with the CPU's load taken from processor times, as it does where no
counter is readable; here the times are taken at the ends of the work (see eval/hardware/power_model.py).
Exits with 1 where the two differ by more than 20 %.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as numpy is imported

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

from xpareto.eval.hardware.energy_meter import EnergyMeter, Spent, energy
from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.hardware.power_model import power_model

ALLOWED = 0.20
CHILDREN = "two child processes"
EARLIER_TDP_WATTS = 85.0  # what versions up to 0.2 gave a CPU without a model number
_CHILD = "import time; e = time.monotonic() + {0}\nwhile time.monotonic() < e: pass"


@dataclass(frozen=True)
class Compared:
    """Joules of one load: of codecarbon's tracker and of the model here, of the CPU and with memory."""

    load: str
    spent: Spent
    their_cpu_j: float
    their_j: float
    cpu_j: float
    total_j: float

    @property
    def apart(self) -> float:
        """Return the larger share by which the figures differ from codecarbon's.

        Of child processes the sum alone counts, since codecarbon loses what a child used before its first sample
        and after its last; so it does asleep, where the CPU's part is that of the two meters themselves.
        """
        shares = [abs(self.total_j / self.their_j - 1)]
        if self.their_cpu_j > 2.0 and self.load != CHILDREN:
            shares.append(abs(self.cpu_j / self.their_cpu_j - 1))
        return max(shares)


def loads(seconds: float) -> dict[str, Callable[[], object]]:
    """Return work of about so many seconds by its name."""
    square = np.random.default_rng(0).random((512, 512), np.float32)

    def multiply() -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            square @ square

    def products(count: int) -> None:
        threads = [threading.Thread(target=multiply) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def children() -> None:
        command = [sys.executable, "-c", _CHILD.format(seconds)]
        for child in [subprocess.Popen(command) for _ in range(2)]:
            child.wait()

    return {
        "matrix products, 1 thread": lambda: products(1),
        "matrix products, 2 threads": lambda: products(2),
        CHILDREN: children,
        "asleep": lambda: time.sleep(seconds),
    }


def compared(load: str, work: Callable[[], object]) -> Compared:
    """Do the work once under both meters."""
    from codecarbon import OfflineEmissionsTracker

    with tempfile.TemporaryDirectory() as folder:
        tracker = OfflineEmissionsTracker(
            country_iso_code="FRA", tracking_mode="process", force_mode_cpu_load=True, gpu_ids=[],
            output_methods=[], allow_multiple_runs=True,
            log_level="critical", output_dir=folder,
        )  # fmt: skip
        model = power_model()
        meter = EnergyMeter()
        tracker.start()
        start = meter.read()
        work()
        spent = meter.read() - start
        tracker.stop()
    theirs = tracker.final_emissions_data
    joules = energy(Spent(spent.seconds, spent.cpu_seconds), model)  # as where no counter is readable
    their_cpu_j, their_ram_j = (3.6e6 * kwh for kwh in (theirs.cpu_energy, theirs.ram_energy))
    return Compared(load, spent, their_cpu_j, their_cpu_j + their_ram_j, joules.cpu_j, joules.total_j)


def table(rows: list[Compared]) -> str:
    lines = [
        "| load | wall s | processor s | codecarbon CPU J | here | codecarbon CPU + RAM J | here | apart | up to 0.2 |",
        "|:--|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        earlier = EARLIER_TDP_WATTS * row.spent.cpu_seconds / power_model().cores
        earlier += power_model().ram_watts * row.spent.seconds
        numbers = (
            row.spent.seconds, row.spent.cpu_seconds, row.their_cpu_j, row.cpu_j, row.their_j, row.total_j,
        )  # fmt: skip
        cells = " | ".join(f"{number:.1f}" for number in numbers)
        lines.append(f"| {row.load} | {cells} | {100 * row.apart:.1f} % | {earlier:.0f} |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    arguments = parser.parse_args()
    rows = [compared(name, work) for name, work in loads(arguments.seconds).items()]
    facts = machine_facts()
    text = (
        "# Modelled energy and codecarbon's own figure\n\nThe same work under both meters at once; no counter of "
        "energy is asked. “Up to 0.2” is what earlier versions said of a CPU without a model number.\n\n"
        f"{table(rows)}\n\nThe model here: {power_model().words}.\n\n"
        "It takes processor time at the ends of the work. codecarbon samples it once a second, and loses what a child "
        "used before its first sample and after its last, so of children the sum alone is compared.\n\n"
        "## How it was made\n\n```sh\n"
        f"python tests/bench/energy.py --seconds {arguments.seconds:g} --out reports/published/energy.md\n```\n\n"
        f"{facts['cpu']}, {facts['cores']} cores, {facts['os']}, codecarbon {facts['packages']['codecarbon']}.\n"
    )
    print(text)
    if arguments.out:
        arguments.out.write_text(text, encoding="utf-8")
    raise SystemExit(int(max(row.apart for row in rows) > ALLOWED))


if __name__ == "__main__":
    main()
