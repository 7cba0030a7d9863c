"""Time of `xpareto plan` on a sweep of 10,000 candidates, wall and processor.

    python tests/bench/plan_sweep.py [--rounds N] [--json FILE]

The recipe is the demo's chain with a sweep over its training and quantization; each round is a fresh
process that prints the whole plan as JSON, which must hold 10,000 candidates of different names.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CANDIDATES = 10_000
RECIPE = """\
xpareto: 1
name: sweep
data: embedded
tasks: [udpos, xnli, tatoeba]
steps:
  - {{step: pretrain}}
  - {{step: train, label: target, on: each}}
  - {{step: export_onnx, label: onnx}}
  - {{step: quantize_dynamic, label: int8}}
sweep:
  target.learning_rate: {rates}
  target.max_steps: {steps}
  int8.exclude_nodes: {nodes}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    # 100 trainings, each with its torch and ONNX stage and 98 quantizations
    text = RECIPE.format(
        rates=[round(1e-4 * (index + 1), 6) for index in range(10)],
        steps=list(range(1, 11)),
        nodes=[[f"layer.{index}"] for index in range(98)],
    )
    wall, processor = [], []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sweep.yaml"
        file.write_text(text, encoding="utf-8")
        program = "from xpareto.pipelines.cli import main; main()"
        command = [sys.executable, "-c", program, "plan", str(file), "--json", "--store", f"{folder}/store"]
        for number in range(arguments.rounds + 1):
            before, start = _children_s(), time.perf_counter()
            done = subprocess.run(command, check=True, capture_output=True)
            if number:  # the first round writes the embedded data
                wall.append(time.perf_counter() - start)
                processor.append(_children_s() - before)
            names = {candidate["name"] for candidate in json.loads(done.stdout)["candidates"]}
            assert len(names) == CANDIDATES, len(names)
    print(
        f"xpareto plan, {CANDIDATES} candidates: wall median {statistics.median(wall):.2f} s, "
        f"best {min(wall):.2f} s; processor median {statistics.median(processor):.2f} s (target: under 3 s)"
    )
    if arguments.json:
        arguments.json.write_text(json.dumps({"wall_s": wall, "processor_s": processor}) + "\n")


def _children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    main()
