"""Are costs on a node of Ray's that carries the label `measure.on` those of a run on that machine?

    python tests/bench/labelled_costs.py [--blocks 20] [--out FILE.md]

One model, an int8 graph of the embedded base, is measured as runs do: here; here once more, which is the A/A control;
and on the labelled node of a cluster of two nodes on this machine, each with all of its cores. The three are in random
order within each block. Printed are the geometric means over the blocks of what the second of each pair took of the
first, with 95 % intervals (bootstrap over blocks): costs are the same where the interval of the label's ratio meets
that of the control.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.interleaved import table, write
from tests.pipelines.two_node_cluster import TwoNodes
from xpareto.eval.hardware import usable_cores
from xpareto.eval.objectives import OBJECTIVES
from xpareto.pipelines import plan
from xpareto.pipelines.execution import LocalExecutor, RayCluster, RayExecutor
from xpareto.pipelines.runs import Agenda, ArtifactBuilder, Console, Measuring, launch_here
from xpareto.pipelines.storage import RunFolder

RECIPE: dict[str, Any] = {
    "xpareto": 1, "name": "labelled", "base": "embedded", "data": "embedded", "tasks": ["tatoeba"], "languages": ["de"],
    "steps": [{"step": "export_onnx", "label": "onnx"}, {"step": "quantize_dynamic", "label": "int8"}],
    "runtimes": ["onnxruntime"],
    "measure": {"probes": ["latency"], "threads": 1, "blocks": 1, "retries": 0, "on": "quiet"},
}  # fmt: skip
WAYS = ("here", "control", "label")
COSTS = ("latency_ms", "throughput")
DRAWS = 10_000


def measured(blocks: int, folder: Path, address: str) -> dict[str, dict[str, list[float]]]:
    """Return by way and cost what was found in every block."""
    ready = plan(RECIPE, store=folder / "store")
    run = RunFolder(folder / "run")
    (run.path / "outcomes").mkdir(parents=True)
    here = LocalExecutor(run.path / "worker.log")
    candidate = ready.plan.candidates[-1]
    bundle = ArtifactBuilder(ready, run, here, 1, Agenda(Console(), {})).bundles([candidate])[candidate.name]
    here.close()
    assert bundle is not None, (run.path / "worker.log").read_text(encoding="utf-8")
    cluster = RayCluster(address, 1, "quiet")
    assert cluster.labelled is not None
    labelled = RayExecutor(cluster, run.path / "worker.log", 1).measure_on(cluster.labelled)
    launches: dict[str, Callable[..., Any]] = {"here": launch_here, "control": launch_here, "label": labelled}
    found: dict[str, dict[str, list[float]]] = {way: {name: [] for name in COSTS} for way in WAYS}
    settings = ready.checked.recipe.measure
    draw = random.Random(0)
    for block in range(-1, blocks):  # the first is not counted: files are read, workers start
        for way in draw.sample(WAYS, len(WAYS)):
            measuring = Measuring(
                run, ready.store, ready.start, ready.work, settings, 1, launch=launches[way]
            )
            rows, _ = measuring.rows_of(candidate, bundle, "cost", max(0, block))
            for name in COSTS if block >= 0 else ():
                value = OBJECTIVES.load(name).reduce(rows)
                assert value is not None, [row.error for row in rows if row.error]
                found[way][name].append(float(value))
    cluster.end()
    return found


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> tuple[float, float, float]:
    """Return the geometric mean of ours over theirs, block by block, and its 95 % interval."""
    logs = np.log(np.array(ours) / np.array(theirs))
    draws = np.random.default_rng(0).choice(logs, (DRAWS, len(logs))).mean(axis=1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(np.exp(logs.mean())), float(np.exp(low)), float(np.exp(high))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--blocks", type=int, default=20)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    cluster = TwoNodes(usable_cores())
    try:
        with TemporaryDirectory() as temporary:
            found = measured(given.blocks, Path(temporary), cluster.address)
    finally:
        cluster.end()
    rows = []
    for name in COSTS:
        aa, label = (ratio(found[way][name], found["here"][name]) for way in ("control", "label"))
        same = aa[1] <= label[2] and label[1] <= aa[2]
        rows.append(
            [
                name,
                f"{statistics.median(found['here'][name]):.3g}",
                *(f"{mean:.3f} ({low:.3f} to {high:.3f})" for mean, low, high in (aa, label)),
                "yes" if same else "no",
            ]
        )
    head = ["cost", "here, median", "here again / here", "on the label / here", "the same within A/A"]
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    write(given.out, f"{table(head, rows)}\n\n{given.blocks} blocks; load {load}")


if __name__ == "__main__":
    main()
