"""Accuracy probe against transformers.Trainer.predict, on the same torch model and test sets.

    python tests/bench/accuracy_probe.py --model DIR --data DIR [--limit N] [--rounds N] [--json FILE] [--out FILE.md]

DIR is a checkpoint that `xpareto run --base` takes (heads get random weights: time does not depend on them). Both
sides get encoded test sets of UDPOS and XNLI in all languages present, and must give the same classes before
anything is timed. Rounds are interleaved A B B A; the ratio is of the medians. Exit code 1 where it is below 3.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from interleaved import Spent, table, write

from xpareto.compress.core.artifact import Manifest, seal
from xpareto.compress.models import import_checkpoint
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.probing.batches import run_all
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.eval.tasks import KINDS, task

HEADS = {"udpos": "tagging", "xnli": "classification"}
LEAST = 3.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--limit", type=int, help="examples per language (default: all)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "base"
        import_checkpoint(arguments.model, base)
        found = {name: compare(name, base, arguments) for name in HEADS}
    ours = sum(entry["ours_s"] for entry in found.values())
    theirs = sum(entry["theirs_s"] for entry in found.values())
    rows: list[list[object]] = []
    for name, entry in found.items():
        rates = entry["sequences"] / entry["ours_s"], entry["sequences"] / entry["theirs_s"]
        rows.append(
            [
                name, entry["sequences"], f"{rates[0]:.1f}", f"{rates[1]:.1f}",
                f"{entry['theirs_cpu_s'] / entry['ours_cpu_s']:.2f}", f"{rates[0] / rates[1]:.2f}",
            ]
        )  # fmt: skip
    cpu = [sum(entry[f"{label}_cpu_s"] for entry in found.values()) for label in ("theirs", "ours")]
    rows.append(["both", "", "", "", f"{cpu[0] / cpu[1]:.2f}", f"{theirs / ours:.2f}"])
    head = (
        "task", "sequences", "probe, sequences/s", "Trainer.predict, sequences/s", "ratio of CPU time", "ratio"
    )  # fmt: skip
    facts = {name: value for name, value in machine_facts().items() if name in ("cpu", "vector_flags")}
    write(arguments.out, f"{table(head, rows)}\n\n{arguments.threads} threads; {facts}")
    if arguments.json:
        text = json.dumps({"tasks": found, "ratio": theirs / ours, "machine": machine_facts()}, indent=1)
        arguments.json.write_text(text + "\n")
    return 0 if theirs / ours >= LEAST else 1


def compare(name: str, base: Path, arguments: argparse.Namespace) -> dict[str, float]:
    import torch
    import transformers

    wanted, data = task(name), Data.open(DataSpec(arguments.data))
    kind, encoder = KINDS.load(wanted.kind), TextEncoder(base / "tokenizer.json")
    sequences = [
        ids
        for language in data.languages(wanted)
        for ids in kind.encode(
            data.examples(wanted, language, "test", arguments.limit), encoder, wanted
        ).input_ids
    ]
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    suffix = "TokenClassification" if HEADS[name] == "tagging" else "SequenceClassification"
    model = getattr(transformers, f"XLMRobertaFor{suffix}").from_pretrained(
        base, num_labels=len(wanted.labels)
    )
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "artifact"
        model.save_pretrained(folder)
        (folder / "tokenizer.json").write_bytes((base / "tokenizer.json").read_bytes())
        artifact = seal(folder, Manifest({}, "torch", HEADS[name], labels=wanted.labels))  # type: ignore[arg-type]
        session = RUNTIMES.load("torch").open(artifact, arguments.threads)
        tokenizer = transformers.PreTrainedTokenizerFast(
            tokenizer_file=str(folder / "tokenizer.json"), pad_token="<pad>"
        )
        trainer = transformers.Trainer(
            model=model,
            args=transformers.TrainingArguments(
                output_dir=scratch, report_to=[], disable_tqdm=True, use_cpu=True
            ),
            data_collator=transformers.DataCollatorWithPadding(tokenizer),
        )
        dataset = [{"input_ids": ids, "attention_mask": [1] * len(ids)} for ids in sequences]

        def ours() -> list[np.ndarray]:
            return run_all(session, sequences, kind.reduce, pad_id=1)

        def theirs() -> np.ndarray:
            return np.asarray(trainer.predict(dataset).predictions)

        spent = {"ours": Spent(), "theirs": Spent()}
        for number in range(arguments.rounds + 1):
            order = [("ours", ours), ("theirs", theirs)]
            answers = {}
            for label, call in order if number % 2 == 0 else order[::-1]:
                with spent[label].timed():
                    answers[label] = call()
            if number == 0:  # warm-up, and the check that both compute the same
                _require_equal(answers["ours"], answers["theirs"], tagging=HEADS[name] == "tagging")
                spent = {"ours": Spent(), "theirs": Spent()} if arguments.rounds else spent
        session.close()
    return {
        "sequences": len(sequences),
        **{f"{label}_s": statistics.median(one.wall) for label, one in spent.items()},
        **{f"{label}_cpu_s": statistics.median(one.cpu) for label, one in spent.items()},
    }


def _require_equal(ours: list[np.ndarray], theirs: np.ndarray, tagging: bool) -> None:
    same = total = 0
    for answer, logits in zip(ours, theirs, strict=True):
        if tagging:
            same += int((answer == logits[: len(answer)].argmax(-1)).sum())
            total += len(answer)
        else:
            np.testing.assert_allclose(answer, logits, atol=1e-3)
            same, total = same + 1, total + 1
    if same < 0.9999 * total:  # the last bit of a float may decide between two equal tags
        raise SystemExit(f"The two sides disagree: {same} of {total} answers are equal.")


if __name__ == "__main__":
    sys.exit(main())
