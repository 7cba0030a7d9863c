"""Export and quantize XLM-R base (random weights); print bytes, ratio, peak memory and seconds as JSON.

    python tests/bench/xlmr_base_size.py [--layers 12] [--vocab 250002]

Exit code 1 when int8 is above 26 % of the fp32 bytes, the peak above 6 GB, or it took over 3 minutes.
Three processes make the figures: export, quantize, and both in one.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import resource
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

RATIO_LIMIT, PEAK_LIMIT_BYTES, SECONDS_LIMIT = 0.26, 6e9, 180.0


def make_source(folder: Path, layers: int, vocab: int) -> None:
    """Seal an XLM-R base with random weights and a tokenizer of matching size as a torch artifact."""
    import torch
    import transformers

    from xpareto.compress.core.artifact import Manifest, seal

    labels = ("entailment", "neutral", "contradiction")
    torch.manual_seed(0)
    config = transformers.XLMRobertaConfig(
        vocab_size=vocab,
        num_hidden_layers=layers,
        max_position_embeddings=514,
        type_vocab_size=1,
        layer_norm_eps=1e-5,
        id2label=dict(enumerate(labels)),
        label2id={label: index for index, label in enumerate(labels)},
    )
    transformers.XLMRobertaForSequenceClassification(config).save_pretrained(folder)
    pieces = [[f"piece{index}", -1.0] for index in range(vocab)]
    tokenizer = {"added_tokens": [], "model": {"type": "Unigram", "unk_id": 3, "vocab": pieces}}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    (folder / "tokenizer_config.json").write_text("{}")
    seal(folder, Manifest(files={}, format="torch", head="classification", labels=labels))


class Lines:
    """A supply of one text in two languages, made of the pieces of the tokenizer."""

    def text(self, name: str) -> dict[str, list[str]]:
        return {
            language: ["".join(f"piece{(line * 7919 + at * 104729) % 250_000}" for at in range(first, first + 100))
                       for line in range(128)]
            for first, language in ((0, "de"), (500, "en"))
        }  # fmt: skip


def run_steps(steps: list[tuple[str, dict[str, Any], Path, Path]], pipe: Any) -> None:
    """Apply the steps one after the other in this process; send seconds, peak bytes and notes."""
    from xpareto.compress.core.artifact import Artifact, Manifest, seal
    from xpareto.compress.core.registry import STEPS
    from xpareto.compress.core.step import Context

    start, notes = time.perf_counter(), {}
    for name, fields, source, target in steps:
        target.mkdir()
        context = Context(
            provider=Lines(),  # type: ignore[arg-type]
            seed=0,
            threads=2,
            scratch=target,
            progress=lambda *_: None,
        )
        made = STEPS.load(name)(**fields).apply(Artifact.open(source), target, context)
        manifest = Manifest(files={}, format=made.format, head=made.head, labels=made.labels)
        seal(target, replace(manifest, notes=made.notes))
        notes[name] = made.notes
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    peak = usage.ru_maxrss * 1024  # Linux gives KiB
    cpu = round(usage.ru_utime + usage.ru_stime, 1)
    pipe.send({"seconds": seconds, "cpu_seconds": cpu, "peak_bytes": peak, "notes": notes})


def in_process(function: Any, *arguments: Any) -> Any:
    """Run a function in a fresh process, so that its peak is its own; return what it sends."""
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=function, args=(*arguments, sender))
    process.start()
    sender.close()
    found = receiver.recv()
    process.join()
    return found


def make_source_and_tell(folder: Path, layers: int, vocab: int, pipe: Any) -> None:
    make_source(folder, layers, vocab)
    pipe.send(None)


def measure(layers: int, vocab: int, folder: Path, separately: bool) -> dict[str, Any]:
    """Return the figures of one export and quantization, made in `folder`."""
    source, fp32, int8 = folder / "torch", folder / "fp32", folder / "int8"
    in_process(make_source_and_tell, source, layers, vocab)
    both = in_process(run_steps, [("export_onnx", {}, source, fp32), ("quantize_dynamic", {}, fp32, int8)])
    sizes = [(path / "model.onnx").stat().st_size for path in (fp32, int8)]
    found = {
        "fp32_bytes": sizes[0],
        "int8_bytes": sizes[1],
        "ratio": round(sizes[1] / sizes[0], 4),
        "peak_bytes": both["peak_bytes"],
        "seconds": round(both["seconds"], 1),
        "cpu_seconds": both["cpu_seconds"],
        "max_abs_diff_export": both["notes"]["export_onnx"]["max_abs_diff"],
        "drift_int8": both["notes"]["quantize_dynamic"]["drift"],
    }
    if separately:
        for name, start in (("export_onnx", source), ("quantize_dynamic", fp32)):
            alone = in_process(run_steps, [(name, {}, start, folder / f"alone-{name}")])
            found[name] = {key: alone[key] for key in ("seconds", "cpu_seconds", "peak_bytes")}
    return found


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--vocab", type=int, default=250_002)
    parser.add_argument("--separately", action="store_true", help="also run each step in its own process")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measure(arguments.layers, arguments.vocab, Path(folder), arguments.separately)
    print(json.dumps(found, indent=1))
    passed = (
        found["ratio"] <= RATIO_LIMIT
        and found["peak_bytes"] <= PEAK_LIMIT_BYTES
        and found["seconds"] <= SECONDS_LIMIT
    )
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
