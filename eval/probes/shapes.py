"""Latency at fixed shapes, batch x length, which compares with other people's figures."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from xpareto.compress.architectures import max_tokens
from xpareto.compress.core import InputError
from xpareto.eval.probes.latency import PERCENTILES
from xpareto.eval.probing import MeasurementContext, Probe, time_calls
from xpareto.eval.records import Measurement
from xpareto.eval.runtimes import model_config

SHAPES = ("1x16", "1x128", "8x128")


class Shapes(Probe):
    """Rows of latency (p50 to p99, in ms) per shape, no token masked; the largest artifact.

    `shapes` are texts such as 8x128: 8 sequences of 128 tokens. Ids are drawn with the job's seed. A shape
    that is longer than the model reads is a "missing" row.
    """

    name = "shapes"
    taken = "with twin"
    timed = True
    place = 50

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield the rows of every shape."""
        seconds = float(context.option("seconds", 2.0))
        training_set = largest(context)
        session = context.session(training_set)
        for shape in context.option("shapes", SHAPES):
            common = {"training_set": training_set, "basis": "measured"}
            too_long = refuse_long(context, training_set, shape)
            if too_long:
                yield context.row(
                    self.name, "latency_at_shape", None, "ms", **common, component=f"{shape} p50",
                    status="missing", error=too_long,
                )  # fmt: skip
                continue
            ids, mask = random_inputs(context, training_set, shape)
            times = time_calls([lambda i=ids, m=mask: session.run(i, m)], seconds)  # type: ignore[misc]
            for percent in PERCENTILES:
                yield context.row(
                    self.name, "latency_at_shape", times.percentile_ms(percent), "ms", **common,
                    component=f"{shape} p{percent}", examples=len(ids), instrument=times.told(),
                )  # fmt: skip


def largest(context: MeasurementContext) -> str:
    """Return the training set whose artifact has most bytes."""
    return max(context.artifacts, key=lambda name: context.artifacts[name].size_bytes)


def refuse_long(context: MeasurementContext, training_set: str, shape: str) -> str:
    """Return why a model cannot read a shape; "" where it can."""
    longest = max_tokens(model_config(context.artifacts[training_set]))
    return f"the model reads at most {longest} tokens" if parse_shape(shape)[1] > longest else ""


def random_inputs(
    context: MeasurementContext, training_set: str, shape: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return int64 (input_ids, attention_mask) of a shape: ids of the job's seed, no token masked."""
    config = model_config(context.artifacts[training_set])
    generator = np.random.default_rng([context.job.seed, *parse_shape(shape)])
    ids = generator.integers(0, int(config["vocab_size"]) - 1, parse_shape(shape))
    ids += ids >= int(config["pad_token_id"])  # any token but the padding, which no position counts
    return ids, np.ones_like(ids)


def parse_shape(text: str) -> tuple[int, int]:
    """Return (batch, length) of a text such as 8x128; InputError for any other.

    >>> parse_shape("8x128")
    (8, 128)
    """
    match = re.fullmatch(r"([1-9]\d*)x([1-9]\d*)", text)
    if match is None:
        raise InputError(f"shapes: expected BATCHxLENGTH such as 8x128, found {text!r}.")
    return int(match[1]), int(match[2])


PROBE = Shapes()
