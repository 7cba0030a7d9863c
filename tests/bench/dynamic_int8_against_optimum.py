"""quantize_dynamic against `optimum-cli onnxruntime quantize --avx512_vnni --per_channel` on XLM-R base.

    python tests/bench/dynamic_int8_against_optimum.py --models DIR --env DIR [--rounds 4] [--threads 2]

--models holds what `quantize_xlmr_base.py --keep DIR` left: torch/, fp32/, dynamic-int8/ (the defaults) and
dynamic-int4-rows/ (embeddings: int4) of one model with random weights. optimum-onnx has an environment of
its own (--env, made when missing); there the checkpoint is exported and quantized by its command line
(optimum), and our own export is quantized by it, too (optimum-on-ours). All are then run by this
environment's onnxruntime, see onnx_latency.py. Before anything is timed, every contestant's logits must be
near those of the fp32 model. Ratios are theirs over ours. Exit code 1 where one of ours is not smaller than
all of theirs, or slower than one of theirs by more than --tolerance.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from onnx_latency import best_medians, logits
from optimum_onnx_loads import make_environment

OURS = ("dynamic-int8", "dynamic-int4-rows")


def theirs(models: Path, python: Path) -> dict[str, Path]:
    """Return optimum's models, made by its command line where they are missing."""
    tool = python.parent / "optimum-cli"
    exported = models / "optimum-fp32"
    if not (exported / "model.onnx").is_file():
        task = ("--task", "text-classification")
        run(tool, "export", "onnx", *task, "--model", models / "torch", exported)
    found = {}
    for name, source in (("optimum", exported), ("optimum-on-ours", models / "fp32")):
        target = models / name
        if not list(target.glob("*.onnx")):
            way = ("--avx512_vnni", "--per_channel")
            run(tool, "onnxruntime", "quantize", *way, "--onnx_model", source, "-o", target)
        found[name] = next(target.glob("*.onnx"))
    return found


def run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL)


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--env", type=Path, required=True, help="environment to make or use")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tolerance", type=float, default=0.03)
    arguments = parser.parse_args()
    files = {name: arguments.models / name / "model.onnx" for name in OURS}
    files |= theirs(arguments.models, make_environment(arguments.env))
    exact = logits(arguments.models / "fp32" / "model.onnx", arguments.threads)
    drifts = {}
    for name, file in files.items():
        found = logits(file, arguments.threads)
        drifts[name] = max(float(np.abs(a - b).mean()) for a, b in zip(found, exact, strict=True))
    size = max(float(np.abs(value).mean()) for value in exact)
    if not all(drift < 0.2 * size for drift in drifts.values()):
        print(f"logits differ too much from fp32's (mean {size:.4f}): {drifts}", file=sys.stderr)
        return 1
    best = best_medians(files, arguments.rounds, arguments.threads)
    sizes = {name: file.stat().st_size for name, file in files.items()}
    others = [name for name in files if name not in OURS]
    ratios = {
        f"{name} / {mine}": {at: round(best[name][at] / ms, 3) for at, ms in best[mine].items()}
        for mine in OURS
        for name in others
    }
    shown = {"bytes": sizes, "mean_abs_drift": drifts, "best_median_ms": best, "ratio": ratios}
    print(json.dumps(shown, indent=1))
    least = min(sizes[name] for name in others)
    smaller = all(sizes[name] < least for name in OURS)
    quick = all(ratio >= 1 - arguments.tolerance for found in ratios.values() for ratio in found.values())
    return 0 if smaller and quick else 1


if __name__ == "__main__":
    sys.exit(main())
