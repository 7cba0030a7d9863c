"""Quantize XLM-R base (random weights) each way; print seconds, peak memory, bytes and latency as JSON.

    python tests/bench/quantize_xlmr_base.py [--layers 12] [--vocab 250002] [--keep DIR] [--rounds 2]

Every step runs in a process of its own on the same exported model; static int8 calibrates on 64 lines.
Exit code 1 when a step took over 3 minutes or 6 GB, or an int8 model is slower than fp32 at any shape
(see onnx_latency.py; --rounds 0 leaves that out). --keep leaves the models in DIR, for other benchmarks.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from onnx_latency import best_medians
from xlmr_base_size import in_process, make_source_and_tell, run_steps

SECONDS_LIMIT, PEAK_LIMIT_BYTES = 180.0, 6e9
SETTINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "dynamic-int8": ("quantize_dynamic", {}),
    "dynamic-int4-rows": ("quantize_dynamic", {"embeddings": "int4"}),
    "static-int8": ("quantize_static", {"calibration": {"examples": 64}}),
    "weights-int4": ("quantize_weights", {"products": "int4", "embeddings": "int4"}),
    "weights-int8": ("quantize_weights", {"products": "int8", "embeddings": "int8"}),
    "weights-fp16": ("quantize_weights", {"products": "fp16", "embeddings": "fp16"}),
}


def measure(layers: int, vocab: int, folder: Path) -> dict[str, Any]:
    """Return the figures of every setting, made in `folder`."""
    source, fp32 = folder / "torch", folder / "fp32"
    if not (fp32 / "manifest.json").is_file():
        in_process(make_source_and_tell, source, layers, vocab)
        in_process(run_steps, [("export_onnx", {}, source, fp32)])
    size = (fp32 / "model.onnx").stat().st_size
    found: dict[str, Any] = {"fp32_bytes": size}
    for name, (step, fields) in SETTINGS.items():
        made = in_process(run_steps, [(step, fields, fp32, folder / name)])
        notes = made["notes"][step]
        found[name] = {
            "seconds": round(made["seconds"], 1),
            "cpu_seconds": made["cpu_seconds"],
            "peak_bytes": made["peak_bytes"],
            "bytes": notes["file_bytes_after"],
            "ratio": round(notes["file_bytes_after"] / size, 4),
            "products": notes["products"],
            "mean_abs_drift": notes["drift"]["logits"]["mean_abs_diff"],
        }
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--vocab", type=int, default=250_002)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--keep", type=Path, help="folder to leave the models in")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = arguments.keep or Path(folder)
        place.mkdir(parents=True, exist_ok=True)
        found = measure(arguments.layers, arguments.vocab, place)
        if arguments.rounds:
            files = {name: place / name / "model.onnx" for name in ("fp32", *SETTINGS)}
            found["best_median_ms"] = best_medians(files, arguments.rounds, threads=2)
    print(json.dumps(found, indent=1))
    made = [found[name] for name in SETTINGS]
    passed = all(one["seconds"] <= SECONDS_LIMIT and one["peak_bytes"] <= PEAK_LIMIT_BYTES for one in made)
    if arguments.rounds:
        times = found["best_median_ms"]
        integers = ("dynamic-int8", "static-int8")
        passed &= all(times[name][at] <= ms for name in integers for at, ms in times["fp32"].items())
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
