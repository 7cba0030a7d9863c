"""Prune XLM-R base (random weights) to a measured speed-up; print what its own export then reaches, as JSON.

    python tests/bench/latency_budget.py [--speedup 2.0] [--threads 1] [--batch 1] [--length 128] [--layers 12]

prune_width measures, solves and corrects; then the source and the result are exported, and the two files
are timed in interleaved rounds, by the step's clock and by the wall. Exit code 1 when the speed-up is not
within 10 % of what was asked.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

from tests.bench.xlmr_base_size import in_process, make_source_and_tell
from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.registry import STEPS
from xpareto.compress.core.step import Context
from xpareto.compress.core.stopwatch import interleaved, speedup
from xpareto.eval.hardware.machine import cpu_model

TOLERANCE = 0.1


def applied(name: str, fields: dict[str, Any], source: Path, target: Path, threads: int) -> Artifact:
    """Apply a step and seal what it gives."""
    target.mkdir()
    context = Context(
        provider=None,  # type: ignore[arg-type]
        seed=0,
        threads=threads,
        scratch=target.parent,
        progress=lambda *_: None,
    )
    made = STEPS.load(name).model_validate(fields).apply(Artifact.open(source), target, context)
    manifest = Manifest(files={}, format=made.format, head=made.head, labels=made.labels)
    return seal(target, replace(manifest, notes=json.loads(json.dumps(made.notes))))


def opened(file: Path, threads: int, ids: np.ndarray) -> Any:
    """Return a function that runs an ONNX file once."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    feed = {"input_ids": ids, "attention_mask": np.ones_like(ids)}
    return lambda: session.run(None, feed)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--speedup", type=float, default=2.0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--batch", type=int, default=1)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=21)
    arguments = parser.parse_args()
    latency = {"threads": arguments.threads, "batch_size": arguments.batch, "length": arguments.length}
    fields = {
        "speedup": arguments.speedup,
        "latency": {**latency, "rounds": arguments.rounds},
        "importance": "magnitude",
        "tune": "none",
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        in_process(make_source_and_tell, folder / "source", arguments.layers, 250_002)
        start = time.perf_counter()
        made = applied("prune_width", fields, folder / "source", folder / "pruned", arguments.threads)
        seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        files = {}
        for part in ("source", "pruned"):
            exported = applied("export_onnx", {}, folder / part, folder / f"{part}-onnx", arguments.threads)
            files[part] = exported.file("model.onnx")
        ids = np.random.default_rng(1).integers(4, 250_000, (arguments.batch, arguments.length))
        runs = {part: opened(file, arguments.threads, ids) for part, file in files.items()}
        clocks = {"wall": time.perf_counter}
        if arguments.threads == 1:
            clocks = {"cpu": time.thread_time, **clocks}
        found = {}
        for clock, read in clocks.items():
            times = interleaved(runs, arguments.rounds, 1, clock=read)
            found[clock] = {
                **asdict(speedup(times["source"], times["pruned"])),
                "ms": {part: round(float(np.median(values)), 2) for part, values in times.items()},
            }
    notes = made.manifest.notes
    first = next(iter(found.values()))
    print(
        json.dumps(
            {
                "cpu": cpu_model(),
                "asked": arguments.speedup,
                "exported": found,
                "step": {key: value for key, value in notes["latency"].items() if key != "attempts"},
                "attempts": [[one["promised"], one["median"]] for one in notes["latency"]["attempts"]],
                "heads": notes["heads"],
                "ffn": notes["ffn"],
                "step_seconds": round(seconds, 1),
                "step_peak_bytes": peak,
            },
            indent=1,
        )
    )
    return 0 if abs(first["median"] / arguments.speedup - 1) <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
