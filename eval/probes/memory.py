"""Memory of a fresh process: before loading, after it, and at its peak on the longest batch."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import numpy as np

from xpareto.compress.architectures import max_tokens
from xpareto.eval.hardware import peak_bytes, reset_peak, resident_bytes, resident_source
from xpareto.eval.probing import TOKEN_BUDGET, MeasurementContext, Probe
from xpareto.eval.records import Measurement
from xpareto.eval.runtimes import model_config


class Memory(Probe):
    """Resident bytes of the largest artifact, and its load time (libraries included).

    The longest batch is made of the longest sequences that the tasks and the model allow, in the
    engine's token budget, so the peak depends on no data and on no tokenizer.
    """

    name = "memory"
    taken = "with twin"
    default = True
    first = True

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield rows of rss before and after loading, of the load time (ms), and of the peak."""
        training_set = max(context.artifacts, key=lambda name: context.artifacts[name].size_bytes)
        instrument = f"{resident_source()}, pid of its own"
        before = resident_bytes()
        reset_peak()
        start = perf_counter()
        session = context.session(training_set)
        load_ms = (perf_counter() - start) * 1e3
        after = resident_bytes()
        session.run(*longest_batch(context, training_set))
        peak = max(peak_bytes(), after)
        common = {"training_set": training_set, "basis": "measured"}
        for component, value in (("before_load", before), ("after_load", after)):
            yield context.row(
                "memory", "rss", value, "bytes", component=component, instrument=instrument, **common
            )
        yield context.row(
            "memory",
            "load_time",
            load_ms,
            "ms",
            instrument="libraries and weights, page cache as found",
            **common,
        )
        yield context.row("memory", "peak_rss", peak, "bytes", instrument=instrument, **common)


def longest_batch(context: MeasurementContext, training_set: str) -> tuple[np.ndarray, np.ndarray]:
    """Return (input_ids, attention_mask) of the largest batch that the engine could make."""
    fits = max_tokens(model_config(context.artifacts[training_set]))
    longest = min(fits, max((task.max_length for _, task in context.asks(training_set)), default=fits))
    rows = max(1, int(context.option("token_budget", TOKEN_BUDGET)) // longest)
    ids = np.full((rows, longest), context.pad_id(training_set) + 1, np.int64)
    return ids, np.ones_like(ids)


PROBE = Memory()
