"""Distillation (compress.distillation) against a plain PyTorch loop over the same batches, in one interleaved run.

    python tests/bench/plain_distillation.py --base DIR --data DIR [--rounds 5] [--updates 6] [--out FILE.md]

DIR is a checkpoint that `xpareto run --base` takes, and a data folder with text/. The student has half of the
teacher's layers and learns MiniLMv2's relations of queries, keys and values in the last layer, or these and the
hidden states (TinyBERT's map), of lines in many languages. The plain loop is what one would write with transformers'
own model: hooks for queries, keys and values, `output_hidden_states`, `log_softmax` and `kl_div`, and trains the
whole table of embeddings. Both start from the same weights and seed and draw the same dropout; the losses of all
updates must agree before anything is timed. Exit code 1 where ours takes over 1.15 of the other's time.
"""

from __future__ import annotations

import argparse
import copy
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

import numpy as np
from interleaved import Spent, interleaved, ratio, table, write

from xpareto.compress.core.artifact import Manifest
from xpareto.compress.distillation import (
    Hidden,
    Objectives,
    Relations,
    Student,
    StudentBatches,
    TeacherLoss,
    make_student,
    shown_to,
)
from xpareto.compress.models import import_checkpoint, load_model
from xpareto.compress.training import Reading, read_distillation_data
from xpareto.compress.training.loop import Schedule, fit, rate_at
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.hardware import machine_facts
from xpareto.pipelines.execution.data import TaskDataProvider

TIME = 1.15
BATCH, RATE, HEAD_WIDTH = 32, 1e-4, 16
KINDS = ("query", "key", "value")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--base", type=Path, required=True)
    parser.add_argument("--data", required=True)
    parser.add_argument("--text", default="mono")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--updates", type=int, default=6)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--length", type=int, default=128, help="longest line in tokens")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "base"
        import_checkpoint(arguments.base, base)
        rows, worst = timed(Loops(base, arguments), arguments.rounds)
    facts = {name: value for name, value in machine_facts().items() if name in ("cpu", "vector_flags")}
    head = ("what is learned", "ours", "plain loop", "CPU time, ours / plain", "ours / plain")
    write(arguments.out, f"{table(head, rows)}\n\n{arguments.threads} threads; {facts}")
    return 0 if worst <= TIME else 1


def timed(loops: Loops, rounds: int) -> tuple[list[list[str]], float]:
    """Return a row for each contest, and the greatest ratio of times."""
    rows, worst = [], 0.0
    for hidden in (False, True):
        ours, plain = loops.ours(hidden, Spent()), loops.plain(hidden, Spent())
        if not np.allclose(ours, plain, rtol=1e-3):
            raise SystemExit(f"hidden states {hidden}: losses differ: {ours} and {plain}")
        spent = interleaved(
            {"ours": partial(loops.ours, hidden), "plain": partial(loops.plain, hidden)}, rounds
        )
        rates = [f"{loops.tokens / float(np.median(one.wall)):.0f} tokens/s" for one in spent.values()]
        wall, cpu = (
            ratio(getattr(spent["ours"], kind), getattr(spent["plain"], kind)) for kind in ("wall", "cpu")
        )
        worst = max(worst, wall)
        rows.append(
            ["relations and hidden states" if hidden else "relations", *rates, f"{cpu:.2f}", f"{wall:.2f}"]
        )
    return rows, worst


class Loops:
    """Both loops over the same batches of the same text, from the same weights."""

    def __init__(self, base: Path, arguments: argparse.Namespace) -> None:
        class Settings:
            max_length, dev_limit, text_languages, dev_metric = arguments.length, 1, None, "accuracy"
            limit = 200  # lines of each language

        self.threads, self.updates = arguments.threads, arguments.updates
        self.data = read_distillation_data(
            "distill",
            TaskDataProvider(Data.open(DataSpec(arguments.data))),
            Reading.of(Settings, base / "tokenizer.json", arguments.length),
            Manifest({}, "torch", "encoder"),
            on=None,
            dev=None,
            text=arguments.text,
        )
        self.teacher: Any = load_model(base, "encoder")
        layers = len(self.teacher.encoder.layer)
        wanted = Student.model_validate({"layers": layers // 2})
        self.student: Any = make_student(base, "encoder", (), wanted, seed=0)[0]
        self.heads = self.teacher.config.hidden_size // HEAD_WIDTH
        self.pairs = [(at, 2 * at) for at in range(layers // 2 + 1)]
        given = StudentBatches(self.data, BATCH, 0.5, 0)
        self.batches = [given.batch(number) for number in range(self.updates)]
        self.tokens = given.tokens
        self.schedule = Schedule(self.updates, RATE, precision="fp32")

    def ours(self, hidden: bool, spent: Spent) -> list[float]:
        """Return the losses of our updates."""
        student = copy.deepcopy(self.student)
        objectives = Objectives(
            hidden=Hidden.model_validate({}) if hidden else None,
            relations=Relations.model_validate({"heads": self.heads}),
        )
        with spent.timed():
            loss = TeacherLoss(self.teacher, student, "encoder", objectives)
            with shown_to(student, loss, self.data, objectives) as shown:
                batches = StudentBatches(shown, BATCH, 0.5, 0)
                fitted = fit(
                    loss.learner(), batches, loss, self.schedule, seed=0, threads=self.threads,
                    progress=lambda *_: None,
                )  # fmt: skip
        return [value for _, value in fitted.loss_curve]

    def plain(self, hidden: bool, spent: Spent, student: Any = None) -> list[float]:
        """Return the losses of a loop as one writes it with transformers; a student given is trained in place."""
        import torch

        teacher = self.teacher
        student = copy.deepcopy(self.student) if student is None else student
        torch.set_num_threads(self.threads)
        with spent.timed():
            ours, theirs = hooked(student), hooked(teacher)
            spared = [
                weight
                for name, weight in student.named_parameters()
                if weight.ndim < 2 or "embeddings" in name
            ]
            decayed = [
                weight
                for name, weight in student.named_parameters()
                if weight.ndim > 1 and "embeddings" not in name
            ]
            optimizer = torch.optim.AdamW(
                [{"params": decayed, "weight_decay": 0.01}, {"params": spared, "weight_decay": 0.0}],
                fused=True,
            )
            losses = []
            torch.manual_seed(0)
            student.train()
            for number, rows in enumerate(self.batches):
                for group in optimizer.param_groups:
                    group["lr"] = rate_at(number, self.schedule)
                ids, mask = (torch.from_numpy(rows[name]) for name in ("input_ids", "attention_mask"))
                with torch.no_grad():
                    told = teacher(input_ids=ids, attention_mask=mask, output_hidden_states=hidden)
                said = student(input_ids=ids, attention_mask=mask, output_hidden_states=hidden)
                loss = sum(relation(theirs[kind], ours[kind], self.heads, mask) for kind in KINDS)
                if hidden:
                    squared = [
                        (told.hidden_states[other] - said.hidden_states[at]).square().mean(-1)
                        for at, other in self.pairs
                    ]
                    loss = loss + sum(mean_over_tokens(one, mask) for one in squared) / len(squared)
                loss.backward()
                torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                losses.append(float(loss.detach()))
            for handle in (*ours["handles"], *theirs["handles"]):
                handle.remove()
        return losses


def hooked(model: Any) -> dict[str, Any]:
    """Return a dictionary that holds queries, keys and values of the last layer after each forward pass."""
    kept: dict[str, Any] = {"handles": []}
    attention = model.encoder.layer[-1].attention.self
    for kind in KINDS:

        def keep(_module: Any, _inputs: Any, output: Any, kind: str = kind) -> None:
            kept[kind] = output

        kept["handles"].append(getattr(attention, kind).register_forward_hook(keep))
    return kept


def relation(teacher: Any, student: Any, heads: int, mask: Any) -> Any:
    """Return the mean divergence of the relations that two matrices have with themselves (Wang et al. 2021)."""
    import torch

    hidden = (1.0 - mask[:, None, None, :].float()) * torch.finfo(torch.float32).min

    def log_relation(rows: Any) -> Any:
        split = rows.unflatten(-1, (heads, -1)).transpose(1, 2)
        return torch.log_softmax(split @ split.transpose(2, 3) / split.shape[-1] ** 0.5 + hidden, dim=-1)

    divergence = torch.nn.functional.kl_div(
        log_relation(student), log_relation(teacher), reduction="none", log_target=True
    )
    return mean_over_tokens(divergence.sum(-1).mean(1), mask)


def mean_over_tokens(values: Any, mask: Any) -> Any:
    """Return the mean over the sequences of the means over their tokens."""
    return ((values * mask).sum(1) / mask.sum(1)).mean()


if __name__ == "__main__":
    sys.exit(main())
