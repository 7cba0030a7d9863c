"""Training (compress.training.fit) against a plain PyTorch loop over the same batches, in one interleaved run.

    python tests/bench/plain_training.py --base DIR --data DIR [--rounds 5] [--updates 6] [--threads 2] [--out FILE.md]

DIR is a checkpoint that `xpareto run --base` takes, and a data folder with UDPOS. Both loops start from the same
weights and the same seed, draw the same dropout and make the same updates: AdamW (fused), linear warm-up and decay,
clipping, decay of matrices alone. The plain one is what one would write with transformers' own model and loss,
and trains the whole table of embeddings; ours trains the rows that the data show. The losses of all updates must
agree, and afterwards the rows that no batch shows must be those of the checkpoint in both, before anything is timed.

Batches are those of UDPOS (32 sentences of equal length), and 32 full inputs of 128 tokens. Both are timed with
all weights trained and with the embeddings frozen, in float32 and, where the CPU multiplies bfloat16, in it, too;
then it is told whether `precision: auto` takes the quicker. Memory is the peak of a fresh process that loads the
checkpoint and trains on the full inputs. Exit code 1 where ours takes over 1.1 of the other's time, or over 1.2 of its
memory.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from interleaved import Spent, interleaved, ratio, table, write

from xpareto.compress.core import parse_source
from xpareto.compress.data import Batch, Rows
from xpareto.compress.heads import HEADS
from xpareto.compress.models import freeze, import_checkpoint, load_model
from xpareto.compress.training import Reading, TrainingData, compacted, read_training_data
from xpareto.compress.training.datasets import Dataset
from xpareto.compress.training.device import multiplies_bf16, pick_precision
from xpareto.compress.training.distributed import Processes
from xpareto.compress.training.loop import Schedule, fit, rate_at
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.hardware import machine_facts
from xpareto.eval.hardware.resident import peak_bytes
from xpareto.pipelines.execution.data import TaskDataProvider

TIME, MEMORY = 1.1, 1.2
BATCH, LENGTH, RATE = 32, 128, 5e-5


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--length", type=int, default=LENGTH, help="of the full inputs")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--child", choices=["ours", "plain"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        loops = Loops(arguments.base, arguments.data, arguments.threads, 3, arguments.length)
        getattr(loops, arguments.child)("full", None, "fp32", Spent())
        print(json.dumps(peak_bytes()))
        return 0
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "base"
        import_checkpoint(arguments.base, base)
        peaks = {name: peak_of(name, base, arguments) for name in ("ours", "plain")}
        rows, worst = timed(base, arguments)
    memory = peaks["ours"] / peaks["plain"]
    rows.append(
        [
            "peak memory",
            "full",
            "fp32",
            *(f"{peak / 1e9:.2f} GB" for peak in peaks.values()),
            "",
            f"{memory:.2f}",
        ]
    )
    facts = {name: value for name, value in machine_facts().items() if name in ("cpu", "vector_flags")}
    head = ("what", "batches", "precision", "ours", "plain loop", "CPU time, ours / plain", "ours / plain")
    write(arguments.out, f"{table(head, rows)}\n\n{arguments.threads} threads; {facts}")
    return 0 if worst <= TIME and memory <= MEMORY else 1


def timed(base: Path, arguments: argparse.Namespace) -> tuple[list[list[str]], float]:
    """Return a row for each contest, and the greatest ratio of times."""
    loops = Loops(base, arguments.data, arguments.threads, arguments.updates, arguments.length)
    native = multiplies_bf16()
    rows, worst, by_precision = [], 0.0, {}
    for precision in ("fp32", *(["bf16"] if native else [])):
        for batches in ("udpos", "full"):
            for frozen in (None, 0):
                loops.check(batches, frozen, precision)
                contest = (batches, frozen, precision)
                spent = interleaved(
                    {"ours": partial(loops.ours, *contest), "plain": partial(loops.plain, *contest)},
                    arguments.rounds,
                )
                tokens = loops.tokens(batches)
                wall = ratio(spent["ours"].wall, spent["plain"].wall)
                worst = max(worst, wall)
                rates = [f"{tokens / float(np.median(one.wall)):.0f} tokens/s" for one in spent.values()]
                cpu = ratio(spent["ours"].cpu, spent["plain"].cpu)
                what = "all weights" if frozen is None else "embeddings frozen"
                rows.append([what, batches, precision, *rates, f"{cpu:.2f}", f"{wall:.2f}"])
                by_precision[precision, batches, frozen] = float(np.median(spent["ours"].wall))
    if native:
        kinds = {(batches, frozen) for _, batches, frozen in by_precision}
        gains = [by_precision["fp32", *kind] / by_precision["bf16", *kind] for kind in kinds]
        rows.append(
            [
                f"precision: auto takes {pick_precision('auto', arguments.threads, Processes())}",
                "all",
                "",
                "",
                "",
                "",
                f"fp32 / bf16 {float(np.median(gains)):.2f}",
            ]
        )
    else:
        rows.append(["precision: auto takes fp32", "all", "no instructions for bf16", "", "", "", ""])
    return rows, worst


def peak_of(name: str, base: Path, arguments: argparse.Namespace) -> int:
    """Return the most bytes that were resident in a fresh process that loads and trains."""
    command = [sys.executable, __file__, "--base", base, "--data", arguments.data, "--child", name]
    command += ["--threads", str(arguments.threads), "--length", str(arguments.length)]
    told = subprocess.run(
        [str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout
    return int(json.loads(told.splitlines()[-1]))


class Numbered:
    """The first batches of others (satisfies Batches)."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        self._batches = batches

    def batch(self, number: int) -> Batch:
        return self._batches[number]


class Loops:
    """Both loops over the same batches of the same data, from the same weights."""

    def __init__(self, base: Path, data: str, threads: int, updates: int, length: int) -> None:
        class Settings:
            max_length, dev_limit, text_languages, dev_metric = length, 1, None, "accuracy"
            limit = 2000

        reading = Reading.of(Settings, base / "tokenizer.json", length)
        provider = TaskDataProvider(Data.open(DataSpec(data)))
        read = read_training_data([parse_source("udpos")], provider, reading, 0.15)
        self.base, self.threads, self.updates = base, threads, updates
        self.data = {"udpos": read, "full": full_inputs(read, BATCH * updates, length)}
        self.losses: dict[str, list[float]] = {}

    def batches(self, data: TrainingData) -> Numbered:
        """Return the batches of a training, in whatever ids the data are."""
        from xpareto.compress.data import Draws

        given = data.batches(BATCH, 0, Draws([1.0], 0))
        return Numbered([given.batch(number) for number in range(self.updates)])

    def tokens(self, name: str) -> int:
        """Return the tokens of all updates, padding aside."""
        given = self.batches(self.data[name])
        return sum(int(given.batch(number)["attention_mask"].sum()) for number in range(self.updates))

    def schedule(self, precision: str) -> Schedule:
        return Schedule(self.updates, RATE, precision=precision)  # type: ignore[arg-type]

    def ours(self, name: str, frozen: int | None, precision: str, spent: Spent) -> Any:
        """Return the model after our training."""
        data = self.data[name]
        model: Any = load_model(self.base, "tagging", data.tasks[0].labels)
        with spent.timed(), compacted(model, data, whole=False) as shown:
            if frozen is not None:
                freeze(model, frozen)
            fitted = fit(
                model, self.batches(shown), HEADS["tagging"].loss, self.schedule(precision), seed=0,
                threads=self.threads, progress=lambda *_: None,
            )  # fmt: skip
        self.losses["ours"] = [loss for _, loss in fitted.loss_curve]
        return model

    def plain(self, name: str, frozen: int | None, precision: str, spent: Spent) -> Any:
        """Return the model after a loop as one writes it with transformers."""
        import torch
        import transformers

        data, schedule = self.data[name], self.schedule(precision)
        torch.set_num_threads(self.threads)
        transformers.utils.logging.set_verbosity_error()
        transformers.utils.logging.disable_progress_bar()
        torch.manual_seed(0)  # the head is drawn as ours is
        model = transformers.XLMRobertaForTokenClassification.from_pretrained(
            self.base, num_labels=len(data.tasks[0].labels), dtype=torch.float32
        )
        with spent.timed():
            if frozen is not None:
                model.roberta.embeddings.requires_grad_(False)
            learning = [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]
            decayed = [weight for name, weight in learning if weight.ndim > 1 and "embeddings" not in name]
            free = [weight for name, weight in learning if weight.ndim < 2 or "embeddings" in name]
            optimizer = torch.optim.AdamW(
                [{"params": decayed, "weight_decay": 0.01}, {"params": free, "weight_decay": 0.0}], fused=True
            )
            losses = []
            batches = self.batches(data)
            torch.manual_seed(0)
            model.train()
            for number in range(self.updates):
                for group in optimizer.param_groups:
                    group["lr"] = rate_at(number, schedule)
                batch = {key: torch.from_numpy(rows) for key, rows in batches.batch(number).items()}
                with torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext():
                    loss = model(**batch).loss
                loss.backward()
                torch.nn.utils.clip_grad_norm_([weight for _, weight in learning], 1.0)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                losses.append(float(loss.detach()))
        self.losses["plain"] = losses
        return model.eval()

    def check(self, name: str, frozen: int | None, precision: str) -> None:
        """SystemExit where the two do not learn the same."""
        models: Mapping[str, Any] = {
            "ours": self.ours(name, frozen, precision, Spent()),
            "plain": self.plain(name, frozen, precision, Spent()),
        }
        ours, plain = self.losses["ours"], self.losses["plain"]
        tolerance = 1e-3 if precision == "fp32" else 2e-2
        if len(ours) != len(plain) or not np.allclose(ours, plain, rtol=tolerance):
            raise SystemExit(f"{name}, frozen {frozen}, {precision}: losses differ: {ours} and {plain}")
        start = load_model(self.base, "encoder").get_input_embeddings().weight.detach()
        shown = np.unique(np.concatenate([np.concatenate(rows) for rows in self._ids(name)]))
        for who, model in models.items():
            table_now = model.roberta.embeddings.word_embeddings.weight.detach()
            moved = (table_now != start).any(1).nonzero()[:, 0].numpy()
            if not set(moved.tolist()) <= set(shown.tolist()):
                raise SystemExit(f"{who}: rows of the table moved that no example shows")

    def _ids(self, name: str) -> list[list[np.ndarray]]:
        return [[np.asarray(row) for row in dataset.sequences()] for dataset in self.data[name].datasets]


def full_inputs(data: TrainingData, count: int, length: int) -> TrainingData:
    """Return data of inputs that are all full: sentences one after the other, cut at `length` tokens."""
    (dataset,) = data.datasets
    assert isinstance(dataset.content, Rows)
    ids = np.concatenate([np.asarray(row[1:-1]) for row in dataset.content.input_ids])
    labels = np.concatenate([np.asarray(row[1:-1]) for row in dataset.content.labels])  # type: ignore[index]
    inner = length - 2
    repeats = -(-count * inner // len(ids))
    ids, labels = np.tile(ids, repeats), np.tile(labels, repeats)
    bos, eos = data.special.bos, data.special.eos
    rows = [[bos, *ids[at * inner : (at + 1) * inner].tolist(), eos] for at in range(count)]
    tags = [[-100, *labels[at * inner : (at + 1) * inner].tolist(), -100] for at in range(count)]
    return TrainingData(data.tasks, (Dataset("full", 0, count, Rows(rows, tags)),), {}, data.special, length)


if __name__ == "__main__":
    sys.exit(main())
