"""Time to turn text into tokens, apart from the model's time."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter_ns

import numpy as np

from xpareto.eval.encoding import TextEncoder
from xpareto.eval.kinds import Kind
from xpareto.eval.probing import MeasurementContext, Probe, Subset
from xpareto.eval.records import Measurement
from xpareto.eval.tasks import KINDS

_EXAMPLES = 200  # of each language; enough for its mean length
_ROUNDS = 3


class Tokenization(Probe):
    """One row per task x language, and their mean per task: ms of tokenization per sequence.

    The examples are encoded as the task does it, all that it wraps around the tokenizer included
    (windows of questions, words of tagged sentences), in one call per language; the best of three rounds,
    since all that can happen to such a call makes it slower. It comes on top of latency, which times the
    model alone.
    """

    name = "tokenization"
    default = True
    taken = "with twin"
    timed = True
    place = 40

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield the rows of every task that has data."""
        for training_set in context.artifacts:
            tokenizer = context.encoder(training_set)
            for ask, task in context.asks(training_set):
                times = {
                    subset.language: _milliseconds(subset, tokenizer)
                    for subset in context.subsets(ask, training_set)
                }
                common = {"task": task.name, "training_set": training_set, "basis": "measured"}
                for language, (value, sequences) in times.items():
                    yield context.row(
                        self.name, self.name, value, "ms", **common, language=language, examples=sequences,
                        component="per sequence", instrument=f"best of {_ROUNDS} rounds",
                    )  # fmt: skip
                if times:
                    mean = float(np.mean([value for value, _ in times.values()]))
                    yield context.row(
                        self.name, self.name, mean, "ms", **common, component="mean over languages",
                        examples=sum(sequences for _, sequences in times.values()),
                    )  # fmt: skip


def _milliseconds(subset: Subset, tokenizer: TextEncoder) -> tuple[float, int]:
    kind: Kind = KINDS.load(subset.task.kind)
    examples = subset.examples[:_EXAMPLES]
    times, sequences = [], 1
    for _ in range(_ROUNDS):
        start = perf_counter_ns()
        sequences = len(kind.encode(examples, tokenizer, subset.task).input_ids)
        times.append(perf_counter_ns() - start)
    return min(times) / 1e6 / max(1, sequences), sequences


PROBE = Tokenization()
