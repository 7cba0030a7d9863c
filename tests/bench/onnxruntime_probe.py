"""onnxruntime probe against a bare hand-written onnxruntime loop over the same batches.

    python tests/bench/onnxruntime_probe.py --artifact DIR [--rounds N] [--threads N] [--json FILE]

DIR is a sealed ONNX artifact (model.onnx, config.json). Lengths are drawn from a fixed log-normal, as
test sets have. Both answers must be equal before anything is timed; rounds are interleaved A B B A.
The ratio is bare time / probe time, of the medians.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import numpy as np
import onnxruntime

from xpareto.compress.core.artifact import Artifact
from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.probing.batches import pad, plan_batches
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.eval.runtimes.onnxruntime import PROVIDERS, output_names, session_options


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--artifact", type=Path, required=True)
    parser.add_argument("--sequences", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    artifact = Artifact.open(arguments.artifact)
    generator = np.random.default_rng(0)
    lengths = np.clip(generator.lognormal(3.4, 0.5, arguments.sequences), 4, 128).astype(int)
    sequences = [generator.integers(4, 1000, length).tolist() for length in lengths]
    batches = [pad([sequences[index] for index in batch], 1)[:2] for batch in plan_batches(lengths.tolist())]
    (output,), times = output_names(artifact), {"probe": [], "bare": []}
    # One open session at a time: the idle threads of another would spin and disturb it.
    answers = {}
    for number in range(arguments.rounds + 1):
        for label in ("probe", "bare") if number % 2 == 0 else ("bare", "probe"):
            if label == "probe":
                session = RUNTIMES.load("onnxruntime").open(artifact, arguments.threads)
                seconds, answers[label] = timed(session.run, batches)
                session.close()
            else:
                options = session_options(arguments.threads, onnxruntime)
                bare = onnxruntime.InferenceSession(
                    str(artifact.file("model.onnx")), options, providers=PROVIDERS
                )
                seconds, answers[label] = timed(
                    lambda ids, mask, bare=bare: bare.run(
                        [output], {"input_ids": ids, "attention_mask": mask}
                    )[0],
                    batches,
                )
                del bare
            if number:
                times[label].append(seconds)
        if number == 0:
            for ours, theirs in zip(answers["probe"], answers["bare"], strict=True):
                np.testing.assert_array_equal(ours, theirs)
    medians = {label: statistics.median(values) for label, values in times.items()}
    ratio = medians["bare"] / medians["probe"]
    print(f"{'':8}{'s/pass':>10}{'ex/s':>10}")
    for label, seconds in medians.items():
        print(f"{label:8}{seconds:>10.3f}{len(sequences) / seconds:>10.1f}")
    print(f"ratio   {ratio:>10.3f}   (target: at least 0.95)")
    if arguments.json:
        found = {"seconds": times, "ratio": ratio, "machine": machine_facts()}
        arguments.json.write_text(json.dumps(found, indent=1) + "\n")


def timed(run, batches):  # type: ignore[no-untyped-def]
    """Return (seconds of one pass after a warm-up pass, its answers)."""
    for ids, mask in batches:
        run(ids, mask)
    start = time.perf_counter()
    answers = [run(ids, mask) for ids, mask in batches]
    return time.perf_counter() - start, answers


if __name__ == "__main__":
    main()
