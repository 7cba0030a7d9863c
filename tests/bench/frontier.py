"""The frontier of many points, ranks included, against peeling by plain comparisons on a part of them.

    python tests/bench/frontier.py [--points N] [--objectives N] [--json FILE]

Two clouds: uniform (few points on the frontier, many ranks) and a sphere's octant (all on it).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.pareto.frontier import Frontier

TARGET_SECONDS = 5.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--points", type=int, default=20_000)
    parser.add_argument("--objectives", type=int, default=4)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rng = np.random.default_rng(0)
    uniform = rng.random((arguments.points, arguments.objectives))
    sphere = np.abs(rng.standard_normal(uniform.shape))
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    senses = ["max"] * arguments.objectives
    found = {}
    for name, points in (("uniform", uniform), ("sphere", sphere)):
        check(points[:1500])
        begin = time.perf_counter()
        frontier = Frontier.of(points, senses)
        found[name] = time.perf_counter() - begin
        print(
            f"{name}: {arguments.points} points x {arguments.objectives} objectives: {found[name]:.2f} s (target "
            f"{TARGET_SECONDS:.0f}); {int(frontier.mask.sum())} on the frontier, {frontier.ranks.max() + 1} ranks"
        )
    if arguments.json:
        facts = {"seconds": found, "machine": machine_facts()}
        arguments.json.write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")


def check(points: np.ndarray) -> None:
    """Exit unless the ranks are those of peeling off what nothing dominates, again and again."""
    ranks = np.full(len(points), -1)
    left, rank = np.arange(len(points)), 0
    while len(left):
        own = points[left]
        no_worse = (own[:, None] >= own[None]).all(axis=2)
        better = (own[:, None] > own[None]).any(axis=2)
        front = ~(no_worse & better).any(axis=0)
        ranks[left[front]] = rank
        left, rank = left[~front], rank + 1
    if not (Frontier.of(points, ["max"] * points.shape[1]).ranks == ranks).all():
        sys.exit("the ranks differ from those by plain comparisons: no timing is reported")


if __name__ == "__main__":
    main()
