"""Time of `xpareto --help`, and of a bare interpreter beside it.

python tests/bench/cli_start.py [--rounds N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

COMMANDS = {
    "python -c pass": [sys.executable, "-c", "pass"],
    "xpareto --help": [sys.executable, "-c", "from xpareto.pipelines.cli import main; main()", "--help"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for number in range(arguments.rounds + 1):
        order = list(COMMANDS.items())
        for name, command in order if number % 2 == 0 else order[::-1]:
            start = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            if number:  # the first round fills the page cache
                times[name].append(time.perf_counter() - start)
    for name, values in times.items():
        print(f"{name:16} median {statistics.median(values):.3f} s   best {min(values):.3f} s")
    print("target: xpareto --help under 0.4 s on a quiet machine")
    if arguments.json:
        arguments.json.write_text(json.dumps(times, indent=1) + "\n")


if __name__ == "__main__":
    main()
