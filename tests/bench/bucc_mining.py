"""Margin mining against faiss-cpu's flat index with the same margin and matching.

    pip install -c constraints.txt -e .[bench]
    python tests/bench/bucc_mining.py [--foreign N] [--english N] [--width N] [--rounds N] [--threads N]

faiss searches each side in the other with IndexFlatIP on normalised vectors, as XTREME's script does;
its neighbours then go through our margin and matching, so that both ways do the same work. Every
measurement is a fresh process, pinned to the same cores; rounds are interleaved A B B A. Both must give
the same pairs (up to neighbours that are equally near in float32) before a ratio is printed. The ratio
is our time / faiss's, of the medians; peak memory includes the vectors.
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

import numpy as np

from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.metrics.mining import NEIGHBOURS, matched, mine
from xpareto.eval.metrics.neighbours import Neighbours

SECONDS, CPU, BYTES = "seconds", "cpu_seconds", "peak_rss_bytes"
TARGET_RATIO, TARGET_BYTES = 1.2, 4e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--foreign", type=int, default=200_000)
    parser.add_argument("--english", type=int, default=50_000)
    parser.add_argument("--width", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--child", choices=["ours", "faiss"], help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        child(arguments)
        return
    measured: dict[str, list[dict[str, float]]] = {"ours": [], "faiss": []}
    pairs: dict[str, np.ndarray] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(arguments.rounds):
            for label in ("ours", "faiss") if number % 2 == 0 else ("faiss", "ours"):
                out = Path(folder) / f"{label}.npz"
                measured[label].append(run(label, out, arguments.threads))
                with np.load(out) as kept:
                    pairs[label] = np.stack([kept["foreign"], kept["english"], kept["score"]])
            check(pairs)
    medians = {name: statistics.median(row[SECONDS] for row in rows) for name, rows in measured.items()}
    peak = max(row[BYTES] for row in measured["ours"])
    ratio = medians["ours"] / medians["faiss"]
    print(
        f"{arguments.foreign} x {arguments.english} vectors of {arguments.width}: ours {medians['ours']:.1f} s, "
        f"faiss {medians['faiss']:.1f} s, ratio {ratio:.2f} (target at most {TARGET_RATIO}); "
        f"peak {peak / 1e9:.2f} GB, faiss {max(row[BYTES] for row in measured['faiss']) / 1e9:.2f} GB "
        f"(target under {TARGET_BYTES / 1e9:.0f})"
    )
    if arguments.json:
        facts = {"ratio": ratio, "peak_rss_bytes": peak, "measured": measured, "machine": machine_facts()}
        arguments.json.write_text(json.dumps(facts, indent=1, default=str) + "\n", encoding="utf-8")


def run(label: str, out: Path, threads: int) -> dict[str, float]:
    """Return seconds and peak memory of one way, measured in a process of its own."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(threads))}
    command = [sys.executable, *sys.argv, "--child", label, "--out", str(out)]
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, float] = json.loads(done.stdout)
    print(
        f"{label}: {found[SECONDS]:.1f} s, {found[CPU]:.1f} s of CPU, {found[BYTES] / 1e9:.2f} GB",
        file=sys.stderr,
    )
    return found


def child(arguments: argparse.Namespace) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    generator = np.random.default_rng(0)
    foreign = generator.standard_normal((arguments.foreign, arguments.width), np.float32)
    english = generator.standard_normal((arguments.english, arguments.width), np.float32)
    if arguments.child == "faiss":
        import faiss

        faiss.omp_set_num_threads(arguments.threads)
    begin, used = time.perf_counter(), time.process_time()
    found = mine(foreign, english) if arguments.child == "ours" else matched(*by_faiss(foreign, english))
    seconds, cpu = time.perf_counter() - begin, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    np.savez(arguments.out, foreign=found.foreign, english=found.english, score=found.score)
    print(json.dumps({SECONDS: seconds, CPU: cpu, BYTES: peak}))


def by_faiss(foreign: np.ndarray, english: np.ndarray) -> tuple[Neighbours, Neighbours]:
    import faiss

    faiss.normalize_L2(foreign)
    faiss.normalize_L2(english)
    found = []
    for queries, among in ((foreign, english), (english, foreign)):
        index = faiss.IndexFlatIP(among.shape[1])
        index.add(among)
        similarity, place = index.search(queries, NEIGHBOURS)
        found.append(Neighbours(similarity, place.astype(np.int64)))
    return found[0], found[1]


def check(pairs: dict[str, np.ndarray]) -> None:
    """Exit unless both ways give the same pairs, but for a few that float32 cannot tell apart."""
    ours, theirs = ({(int(i), int(j)) for i, j, _ in found.T} for found in pairs.values())
    apart = len(ours ^ theirs) / max(1, len(ours | theirs))
    scores = [np.sort(found[2])[::-1] for found in pairs.values()]
    shorter = min(map(len, scores))
    drift = float(np.abs(scores[0][:shorter] - scores[1][:shorter]).max(initial=0.0))
    print(f"{len(ours)} pairs, {apart:.5%} differ, scores within {drift:.1e}", file=sys.stderr)
    if apart > 1e-3 or drift > 1e-4:
        sys.exit("the two ways disagree: no timing is reported")


if __name__ == "__main__":
    main()
