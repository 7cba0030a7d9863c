"""Prune XLM-R base (random weights) to half its heads and neurons; print seconds and peak memory as JSON.

    python tests/bench/prune_width.py [--layers 12] [--vocab 250002] [--examples 256] [--length 128]
                                      [--threads 2] [--importance fisher] [--tune masks]

The calibration is `examples` lines of exactly `length` subwords. Exit code 1 when the step took more than
10 minutes or its process more than 10 GB, or when the artifact does not load with the widths it tells. On a
machine that does other work too, the minutes are those of the CPU, shared by the threads.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

from tests.bench.xlmr_base_size import in_process, make_source_and_tell

SECONDS_LIMIT, PEAK_LIMIT_BYTES = 600.0, 10e9


class LongLines:
    """A supply of text whose lines are `length` subwords long, special tokens included."""

    def __init__(self, vocab: int, examples: int, length: int) -> None:
        self._vocab, self._examples, self._length = vocab, examples, length

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        import numpy as np

        random = np.random.default_rng(0)
        lines = random.integers(4, self._vocab, (self._examples, self._length - 2))
        return {"en": ["".join(f"piece{at}." for at in line) for line in lines]}


def prune(source: Path, target: Path, arguments: Mapping[str, Any], pipe: Any) -> None:
    """Apply prune_width in this process; send seconds, peak bytes and notes."""
    from xpareto.compress.core.artifact import Artifact
    from xpareto.compress.core.step import Context
    from xpareto.compress.models.checkpoint import read_checkpoint
    from xpareto.compress.steps.prune_width import STEP

    target.mkdir()
    step = STEP.model_validate(
        {
            "heads": 0.5, "ffn": 0.5, "importance": arguments["importance"], "tune": arguments["tune"],
            "calibration": {"examples": arguments["examples"], "max_length": arguments["length"]},
        }
    )  # fmt: skip
    start = time.perf_counter()

    def progress(done: int, total: int, what: str) -> None:
        print(f"{time.perf_counter() - start:7.1f} s  {what}", file=sys.stderr, flush=True)

    provider = LongLines(arguments["vocab"], arguments["examples"], arguments["length"])
    context = Context(provider, 0, arguments["threads"], target, progress)  # type: ignore[arg-type]
    notes = dict(step.apply(Artifact.open(source), target, context).notes)
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    shape = read_checkpoint(target).shape
    told = (list(shape.heads), list(shape.ffn)) == (notes["heads"], notes["ffn"])
    pipe.send(
        {
            "seconds": round(seconds, 1),
            "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 1),
            "peak_bytes": usage.ru_maxrss * 1024,  # Linux gives KiB
            "loads_as_told": told,
            **{name: notes[name] for name in ("heads", "ffn", "flops", "flops_before", "rearranged")},
            "parameters": notes["parameters"],
            "parameters_before": notes["parameters_before"],
            "tuned": notes.get("tuned", {}).get("rows", []),
            "tokens": notes["calibration"]["tokens"],
        }
    )


def make_tokenizer(folder: Path, vocab: int) -> None:
    """Let the source's tokenizer split at full stops, so that a line has the length it is given."""
    tokenizer = {
        "version": "1.0",
        "added_tokens": [],
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"String": "."},
            "behavior": "Removed",
            "invert": False,
        },
        "model": {
            "type": "WordLevel",
            "unk_token": "piece3",
            "vocab": {f"piece{at}": at for at in range(vocab)},
        },
    }
    file = folder / "tokenizer.json"
    file.chmod(0o644)
    file.write_text(json.dumps(tokenizer))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--vocab", type=int, default=250_002)
    parser.add_argument("--examples", type=int, default=256)
    parser.add_argument("--length", type=int, default=128)
    parser.add_argument("--threads", type=int, default=multiprocessing.cpu_count())
    parser.add_argument("--importance", default="fisher")
    parser.add_argument("--tune", default="masks")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "torch"
        in_process(make_source_and_tell, source, arguments.layers, arguments.vocab)
        make_tokenizer(source, arguments.vocab)
        found = in_process(prune, source, Path(folder) / "pruned", vars(arguments))
    print(json.dumps(found, indent=1))
    seconds = min(found["seconds"], found["cpu_seconds"] / arguments.threads)
    passed = seconds <= SECONDS_LIMIT and found["peak_bytes"] <= PEAK_LIMIT_BYTES
    return 0 if passed and found["loads_as_told"] else 1


if __name__ == "__main__":
    sys.exit(main())
