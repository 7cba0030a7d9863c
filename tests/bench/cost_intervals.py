"""How often do printed intervals of cost ratios miss, over many small whole runs beside changing load?

    python tests/bench/cost_intervals.py [--runs N] [--load PROCESSES] [--out FILE.md] [--keep FOLDER]

Every run measures the same models: a tiny one in onnxruntime, and its int8. Meanwhile processes that do other work
start and stop at random, of a second to twenty each. Every run prints the ratio of int8's cost to the uncompressed
model's with an interval, from four blocks, the default, of which nothing is thrown away. It misses where it does
not hold the mean of all other runs, weighted by the precision that they state. Two runs of an unchanged model
contradict each other where their intervals do not overlap, or `xpareto diff` tells of a regression from the first to
the second.

Exits with 1 where more than 10 % of the intervals miss (5 % are promised, and 40 runs are few), or more than 5 % of
the diffs tell of a regression.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

from xpareto.eval.hardware.machine import machine_facts

ROOT = Path(__file__).resolve().parents[2]
MISSES, DIFFS = 0.10, 0.05
COSTS = ("latency_ms", "throughput")
RECIPE = """\
xpareto: 1
name: cost-intervals
base: embedded
data: embedded
tasks: [{task: udpos, limit: 100}]
languages: [en, de, ru]
steps:
  - {step: train, label: fp32, on: each, steps: 60, batch_size: 16, max_length: 64, candidate: false}
  - {step: export_onnx, label: onnx}
  - {step: quantize_dynamic, label: int8}
runtimes: [onnxruntime]
measure: {probes: [accuracy, latency], threads: 1, seconds: 0.04, latency_samples: 24, retries: 0}
objectives: [score, latency_ms, throughput]
"""
Interval = tuple[float, float, float]  # logarithms of a ratio and of its ends


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=40)
    parser.add_argument("--load", type=int, default=2, help="processes that work on and off meanwhile")
    parser.add_argument("--out", type=Path)
    parser.add_argument(
        "--keep", type=Path, help="an existing folder for runs and store; a later call goes on there"
    )
    arguments = parser.parse_args()
    neighbours = [
        multiprocessing.Process(target=_neighbour, args=(number,), daemon=True)
        for number in range(arguments.load)
    ]
    for neighbour in neighbours:
        neighbour.start()
    try:
        with tempfile.TemporaryDirectory() as temporary:
            folder = arguments.keep or Path(temporary)
            runs = [_run(folder, number) for number in range(arguments.runs)]
            diffs = [_regressions(one, other) for one, other in itertools.pairwise(runs)]
            found = [_intervals(run) for run in runs]
    finally:
        for neighbour in neighbours:
            neighbour.terminate()
    text = _table(found, diffs)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(_page(text, arguments), encoding="utf-8")
    missed = [_misses([of_run[cost] for of_run in found]) for cost in COSTS]
    sys.exit(sum(missed) > MISSES * len(found) * len(COSTS) or sum(map(bool, diffs)) > DIFFS * len(diffs))


def _neighbour(seed: int) -> None:
    """Work and rest in turn, for random times, until ended."""
    rng = random.Random(seed)
    while True:
        end = time.monotonic() + rng.uniform(1, 20)
        while time.monotonic() < end:
            sum(range(10_000))
        time.sleep(rng.uniform(1, 20))


def _run(folder: Path, number: int) -> Path:
    recipe = folder / "cost-intervals.yaml"
    recipe.write_text(RECIPE, encoding="utf-8")
    out = folder / f"runs{number}"
    if not list(out.glob("*/report/analysis.json")):  # with --keep what an earlier call finished counts
        _xpareto("run", str(recipe), "--store", str(folder / "store"), "--out", str(out))
    (run,) = out.iterdir()
    words = ", ".join(
        f"{cost} {math.exp(value):.3f} ({math.exp(low):.3f} to {math.exp(high):.3f})"
        for cost, (value, low, high) in _intervals(run).items()
    )
    print(f"{number + 1:3d} {words}", flush=True)
    return run


def _intervals(run: Path) -> Mapping[str, Interval]:
    """Return by cost the ratio of int8 to the uncompressed model, as the run's report holds it."""
    found = json.loads((run / "report" / "analysis.json").read_text(encoding="utf-8"))
    names = [system["name"] for system in found["systems"]]
    place = next(at for at, name in enumerate(names) if "int8" in name)
    ratios = {cost: found["cost_ratios"][cost][place]["compression"] for cost in COSTS}
    return {cost: tuple(map(math.log, ends)) for cost, ends in ratios.items()}  # type: ignore[misc]


def _misses(intervals: Sequence[Interval], weighted: bool = True) -> int:
    """Return how many intervals do not hold the mean of the others' values.

    `weighted`: by 1 / width^2, as a meta-analysis with fixed effects has it. A run beside heavy work says little, and
    says so; in a plain mean it would count as much as a calm one.
    """
    weights = [1 / (high - low) ** 2 if weighted else 1.0 for _, low, high in intervals]
    sums = sum(weight * one[0] for weight, one in zip(weights, intervals, strict=True))
    return sum(
        not low <= (sums - weight * value) / (sum(weights) - weight) <= high
        for weight, (value, low, high) in zip(weights, intervals, strict=True)
    )


def _apart(intervals: Sequence[Interval]) -> int:
    """Return how many pairs of intervals do not overlap."""
    return sum(one[1] > other[2] or other[1] > one[2] for one, other in itertools.combinations(intervals, 2))


def _regressions(before: Path, after: Path) -> Sequence[object]:
    told = _xpareto("diff", str(before), str(after), "--resamples", "200", "--json", codes=(0, 1)).stdout
    return list(json.loads(told)["regressions"])


def _xpareto(*words: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", "from xpareto.pipelines.cli import main; main()", *words],
        capture_output=True, text=True, cwd=ROOT, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT / ".packages")},
    )  # fmt: skip
    if done.returncode not in codes:
        raise SystemExit(f"xpareto {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done


def _table(found: Sequence[Mapping[str, Interval]], diffs: Sequence[Sequence[object]]) -> str:
    runs, pairs = len(found), math.comb(len(found), 2)
    lines = [
        "| int8 over the uncompressed model | ratios | median width | miss | miss the plain mean | pairs apart |",
        "|:--|--:|--:|--:|--:|--:|",
    ]
    for cost in COSTS:
        intervals = [of_run[cost] for of_run in found]
        values = sorted(math.exp(value) for value, _, _ in intervals)
        widths = sorted((high - low) / 2 for _, low, high in intervals)
        lines.append(
            f"| {cost} | {values[0]:.2f} to {values[-1]:.2f} | ± {100 * math.expm1(widths[runs // 2]):.0f} % "
            f"| {_misses(intervals)} of {runs} | {_misses(intervals, weighted=False)} of {runs} "
            f"| {_apart(intervals)} of {pairs} |"
        )
    told = sum(map(bool, diffs))
    lines += ["", f"`xpareto diff` of a run and the next: {told} of {len(diffs)} told of a regression."]
    return "\n".join(lines)


def _page(text: str, arguments: argparse.Namespace) -> str:
    facts = machine_facts()
    return (
        "# Intervals of costs beside changing load\n\n"
        f"{arguments.runs} whole runs of one recipe with unchanged models, while other processes on the same machine "
        f"({arguments.load}) worked and rested for a second to twenty at a time. Each run measured in four blocks "
        "(the default) and threw nothing away. An interval misses where it does not hold the mean of all other runs, "
        "weighted by their stated precision, since a run beside heavy work says little and says so (the plain mean "
        "stands beside it); two are apart where they do not overlap.\n\n"
        f"{text}\n\n## How it was made\n\n```sh\npython tests/bench/cost_intervals.py --runs {arguments.runs} "
        f"--load {arguments.load} --out reports/published/cost-intervals.md\n```\n\n"
        f"{facts['cpu']}, {facts['cores']} cores, {facts['os']}, onnxruntime "
        f"{facts['packages']['onnxruntime']}, python {facts['python']}. Other work used the machine as well.\n"
    )


if __name__ == "__main__":
    main()
