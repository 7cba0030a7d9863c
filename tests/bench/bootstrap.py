"""The bootstrap of a large run: 10,000 draws x 200 candidates x 9 tasks x 40 languages.

    python tests/bench/bootstrap.py [--examples N] [--candidates N] [--draws N] [--threads N] [--json FILE]

Each cell (task x language) has N examples; the outcomes look like those of real models: one difficulty
for all, a few answers that differ. One process, pinned to as many cores as there are threads. Counted is
everything from outcomes in memory to the draws of the average, of each task and of each language, and to
the errors of all cells; making up the outcomes is not. First a small case is checked: the normal draws
give the errors of the exact bootstrap within the error of 2,000 draws.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path

TARGET_SECONDS, TARGET_BYTES = 30.0, 4e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--examples", type=int, default=1000)
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--languages", type=int, default=40)
    parser.add_argument("--draws", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        if os.environ.get(name) != str(arguments.threads):  # BLAS reads it once, as it is loaded
            os.environ |= dict.fromkeys(
                ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(arguments.threads)
            )
            os.execv(sys.executable, [sys.executable, *sys.argv])
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    measure(arguments)


def measure(arguments: argparse.Namespace) -> None:
    import numpy as np

    from xpareto.eval.hardware.machine import machine_facts
    from xpareto.eval.pareto.dominance import dominance
    from xpareto.eval.statistics.bootstrap import NORMAL_FROM
    from xpareto.eval.statistics.score_draws import TaskScores, task_scores
    from xpareto.eval.statistics.scores import Weights, score_table
    from xpareto.eval.tasks import KINDS, TASKS, task

    rng = np.random.default_rng(0)
    languages = [f"l{number:02d}" for number in range(arguments.languages)]
    making = making_cpu = 0.0

    def made_up(name: str, candidates: int, examples: int) -> dict[str, np.ndarray]:
        found = {}
        kind = KINDS.load(task(name).kind)
        for code in languages:
            right = (rng.random(examples) < 0.7) ^ (rng.random((candidates, examples)) < 0.05)
            own = np.ones((candidates, examples, len(kind.columns)), np.float32)
            if task(name).kind == "tag":
                tokens = rng.integers(4, 12, examples)
                correct = np.where(right, tokens, tokens // 2)
                own[:] = np.stack(
                    [correct, *[np.broadcast_to(tokens, right.shape)] * 2, correct,
                     np.broadcast_to(tokens, right.shape)], axis=2,
                )  # fmt: skip
            else:
                own[..., 0] = right
            found[code] = own
        return found

    check(made_up("udpos", 5, 800)["l00"], task_scores, task("udpos"))

    def scored() -> Iterator[TaskScores]:
        nonlocal making, making_cpu
        for name in TASKS.names:
            begin, used = time.perf_counter(), time.process_time()
            outcomes = made_up(name, arguments.candidates, arguments.examples)
            making, making_cpu = making + time.perf_counter() - begin, making_cpu + time.process_time() - used
            yield task_scores(task(name), outcomes, 0, arguments.draws, normal_from=NORMAL_FROM)

    begin, used = time.perf_counter(), time.process_time()
    table = score_table(scored(), dict.fromkeys(TASKS.names, languages), 0, Weights())
    seconds, cpu = time.perf_counter() - begin - making, time.process_time() - used - making_cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    begin = time.perf_counter()
    scores = -(table.points[:, 0, None] + table.examples[:, 0])
    costs = np.log(rng.uniform(1, 9, (arguments.candidates, 1))) + 0.02 * rng.standard_normal(scores.shape)
    dominance(np.stack([scores, costs], axis=1).astype(np.float32))
    after = time.perf_counter() - begin
    print(
        f"{arguments.draws} draws x {arguments.candidates} candidates x {len(TASKS.names)} tasks x "
        f"{arguments.languages} languages, {arguments.examples} examples each, {arguments.threads} threads: "
        f"{seconds:.1f} s, {cpu:.1f} s of CPU (target {TARGET_SECONDS:.0f} s), peak {peak / 1e9:.2f} GB (target "
        f"{TARGET_BYTES / 1e9:.0f}); dominance of all pairs in two objectives after that: {after:.1f} s"
    )
    if arguments.json:
        facts = {"seconds": seconds, "cpu_seconds": cpu, "peak_rss_bytes": peak, "dominance_seconds": after,
                 "examples": arguments.examples, "machine": machine_facts()}  # fmt: skip
        arguments.json.write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")


def check(outcomes, task_scores, task) -> None:  # type: ignore[no-untyped-def]
    """Exit unless normal and exact draws have the same standard errors."""
    import numpy as np

    exact, normal = (
        task_scores(task, {"en": outcomes}, 0, 2000, normal_from=limit).draws[:, 0].std(axis=1)
        for limit in (None, 1)
    )
    if not np.allclose(exact, normal, rtol=0.08):
        sys.exit(f"the normal draws err: standard errors {normal} against {exact}; no timing is reported")


if __name__ == "__main__":
    main()
