"""CPU time of the commands that answer at once: help, plan and list, and of a bare interpreter beside them.

python tests/bench/cli_start.py [--rounds N] [--json FILE]

Each in a fresh process, in turn and back, from compiled modules as an installation has them, and in a folder
whose store holds the embedded data. User time is judged, which says the most where others use the machine too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

XPARETO = [sys.executable, "-c", "from xpareto.pipelines.cli import main; main()"]
COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "xpareto --help": [*XPARETO, "--help"],
    "xpareto plan demo": [*XPARETO, "plan", "demo"],
    "xpareto list steps": [*XPARETO, "list", "steps"],
    "xpareto list tasks": [*XPARETO, "list", "tasks"],
}
# Seconds of user time: what the flat layout took on the same machine before the house had rooms, and 5 %.
TARGETS = {
    "xpareto --help": 0.19,
    "xpareto plan demo": 0.50,
    "xpareto list steps": 0.38,
    "xpareto list tasks": 0.24,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    user: dict[str, list[float]] = {name: [] for name in COMMANDS}
    wall: dict[str, list[float]] = {name: [] for name in COMMANDS}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds + 1):
            order = list(COMMANDS.items())
            for name, command in order if number % 2 == 0 else order[::-1]:
                cpu, seconds = measured(command, Path(folder))
                if number:  # the first round compiles modules, writes the data and fills the page cache
                    user[name].append(cpu)
                    wall[name].append(seconds)
    for name in COMMANDS:
        cpu = statistics.median(user[name])
        target = TARGETS.get(name)
        told = "" if target is None else f"   target {target:.2f} s: {'met' if cpu <= target else 'missed'}"
        print(
            f"{name:18} user time: median {cpu:.3f} s, best {min(user[name]):.3f} s"
            f"   wall: median {statistics.median(wall[name]):.3f} s{told}"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"user": user, "wall": wall}, indent=1) + "\n")


def measured(command: list[str], folder: Path) -> tuple[float, float]:
    """Return the seconds of user time and of the clock that a command takes in a folder."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = str(folder / "bytecode")
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime, time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder, env=environment)
    seconds = time.perf_counter() - start
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before, seconds


if __name__ == "__main__":
    main()
