"""Latency of several ONNX models: a process per model and round, rounds interleaved there and back.

    python tests/bench/onnx_latency.py MODEL.onnx... [--rounds 4] [--threads 2]

Prints the best of the rounds' median milliseconds of every model at 1x16, 1x128 and 8x128, as JSON: what
else runs on the machine only ever adds time.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

SHAPES = ((1, 16), (1, 128), (8, 128))
_REPEATS = {(1, 16): 60, (1, 128): 25, (8, 128): 8}
_WARM_UP = 3


def best_medians(files: Mapping[str, Path], rounds: int, threads: int) -> dict[str, dict[str, float]]:
    """Return name -> shape -> milliseconds."""
    found: dict[str, dict[str, list[float]]] = {name: {} for name in files}
    for number in range(rounds):
        for name in list(files)[:: 1 if number % 2 == 0 else -1]:
            command = [sys.executable, __file__, str(files[name]), "--here", "--threads", str(threads)]
            answer = subprocess.run(command, check=True, capture_output=True, text=True)
            for shape, median in json.loads(answer.stdout).items():
                found[name].setdefault(shape, []).append(median)
    return {name: {shape: min(values) for shape, values in one.items()} for name, one in found.items()}


def logits(file: Path, threads: int) -> list[np.ndarray]:
    """Return the model's logits on fixed random ids, at every shape."""
    opened = _session(file, threads)
    return [opened.run(["logits"], _feed(opened, shape))[0] for shape in SHAPES]


def _here(file: Path, threads: int) -> dict[str, float]:
    """Return the median milliseconds at every shape, after warm-up, in this process."""
    opened, found = _session(file, threads), {}
    for shape in SHAPES:
        values, times = _feed(opened, shape), []
        for number in range(_WARM_UP + _REPEATS[shape]):
            start = time.perf_counter()
            opened.run(["logits"], values)
            if number >= _WARM_UP:
                times.append(1e3 * (time.perf_counter() - start))
        found["x".join(map(str, shape))] = round(statistics.median(times), 3)
    return found


def _session(file: Path, threads: int) -> Any:
    """Open a model with all optimisations, threads that spin, and one operator at a time."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])


def _feed(opened: Any, shape: tuple[int, int]) -> dict[str, np.ndarray]:
    ids = np.random.default_rng(sum(shape)).integers(4, 1000, shape)
    values = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    return {value.name: values[value.name] for value in opened.get_inputs()}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--here", action="store_true", help="time one model in this process, one round")
    arguments = parser.parse_args()
    if arguments.here:
        print(json.dumps(_here(arguments.models[0], arguments.threads)))
        return
    files = {str(file): file for file in arguments.models}
    print(json.dumps(best_medians(files, arguments.rounds, arguments.threads), indent=1))


if __name__ == "__main__":
    main()
