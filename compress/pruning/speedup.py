"""Widths that make a model as many times quicker, as measured here, as is asked (ZipLM)."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from xpareto.compress.core import Artifact, Context, DataNeed, InputError, interleaved, read_json
from xpareto.compress.core import speedup as ratio
from xpareto.compress.heads import HEADS
from xpareto.compress.models import shape_in
from xpareto.compress.onnx import MODEL, export
from xpareto.compress.pruning.latency_table import measure
from xpareto.compress.pruning.onnx_widths import with_widths
from xpareto.compress.quantization.graph import embedding_rows

if TYPE_CHECKING:
    from onnx import ModelProto

    from xpareto.compress.core import Ratio, Run
    from xpareto.compress.models import Shape

Choose = Callable[[Sequence[np.ndarray], float], Sequence[int]]
"""(cost of 0, 1, ... units of each group, budget) -> units of each group; see mask_search.search."""

_SEED = 0
_TABLE_ROUNDS = 9
_VOCAB = 1 << 14  # rows of the word embeddings that are timed: more than any cache holds, as all of them are


class Latency(BaseModel):
    """How a latency is measured: onnxruntime on this machine's CPU, float32, one shape of input.

    With one thread the time is the CPU time of that thread, which is the latency of a machine that has
    nothing else to do; with several it is wall time, so keep the machine free.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    batch_size: int = Field(1, ge=1, description="sequences in the input that is timed")
    length: int = Field(128, ge=1, description="tokens of each sequence, special tokens included")
    threads: int = Field(1, ge=1, description="threads of onnxruntime; measure with as many afterwards")
    rounds: int = Field(21, ge=5, description="interleaved rounds in which the result is compared")
    attempts: int = Field(6, ge=1, description="corrections of the table by what was measured, at most")
    tolerance: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="greatest distance of the measured speed-up from the one asked, as a share",
    )

    @property
    def clock(self) -> Callable[[], float]:
        """The clock that models are timed by, in seconds."""
        # One thread of onnxruntime is the one that calls it.
        return time.thread_time if self.threads == 1 else time.perf_counter

    def reads(self) -> tuple[DataNeed, ...]:
        """Return what a measurement depends on: the CPU and the runtime, which enter the step's key."""
        return (DataNeed("machine", "onnxruntime"),)


@dataclass(frozen=True)
class Attempt:
    """One set of widths: the speed-up that the table promised, and what was measured."""

    promised: float
    kept: tuple[int, ...]
    measured: Ratio


@dataclass(frozen=True)
class Reached:
    """How many units each group keeps (heads of all layers, then neurons), and how it was found."""

    kept: list[int]
    notes: Mapping[str, Any] = field(default_factory=dict)


def reach(source: Artifact, speedup: float, latency: Latency, choose: Choose, context: Context) -> Reached:
    """Return widths with which the model is `speedup` times as quick as the source, as measured here.

    A table of block costs is measured in the exported source, `choose` solves for the widths of most
    importance within the budget, and the graph with these widths is timed beside the source in
    interleaved rounds. What it misses corrects the budget of the next attempt, until the measured
    speed-up is within half the tolerance; the nearest attempt counts, and has to be within the
    tolerance (ZipLM, Kurtic et al. 2023, arXiv 2302.04089, section 3.2, without the correction).

    A masked language model is timed as the bare encoder. InputError when it cannot be reached.
    """

    with tempfile.TemporaryDirectory(dir=context.scratch) as name:
        folder = Path(name)
        context.progress(0, 1, "exporting the source")
        model, shape = _exported(source, folder, context)

        def open_run(graph: ModelProto) -> Run:
            return _open(graph, latency)

        table = measure(
            model,
            shape,
            open_run,
            _TABLE_ROUNDS,
            _SEED,
            latency.clock,
            lambda done, total: context.progress(done, total, "measuring the costs of layers"),
        )
        whole = open_run(model)

        def narrowed(kept: Sequence[int]) -> Run:
            heads, ffn = kept[: shape.layers], kept[shape.layers :]
            return open_run(with_widths(model, heads, ffn, shape.head_size))

        def compare(kept: Sequence[int]) -> Ratio:
            return _compare(whole, narrowed(kept), latency.rounds, latency.clock, context)

        tried = attempts(speedup, latency, table.costs(shape), table.rest, choose, compare)
        best = min(tried, key=lambda one: _miss(one, speedup))
        same = _compare(whole, whole, latency.rounds, latency.clock, context)
        wall = _compare(whole, narrowed(best.kept), latency.rounds, time.perf_counter, context)
    _require(best, speedup, latency)
    predicted = table.predicted(shape)
    notes = {
        "speedup": best.measured.median,
        "speedup_interval": [best.measured.low, best.measured.high],
        "speedup_asked": speedup,
        "speedup_wall": wall.median,
        "speedup_wall_interval": [wall.low, wall.high],
        "same_model_interval": [same.low, same.high],
        "runtime": "onnxruntime",
        "clock": "CPU time of the thread" if latency.threads == 1 else "wall",
        "batch_size": latency.batch_size,
        "length": latency.length,
        "threads": latency.threads,
        "attempts": [
            {"promised": one.promised, **asdict(one.measured), "kept": list(one.kept)} for one in tried
        ],
        "table": {**table.notes(), "whole_ms": round(predicted, 4)},
    }
    return Reached(list(best.kept), notes)


def attempts(
    speedup: float,
    latency: Latency,
    costs: Sequence[np.ndarray],
    rest: float,
    choose: Choose,
    compare: Callable[[Sequence[int]], Ratio],
) -> list[Attempt]:
    """Return the attempts at a speed-up, each correcting what the one before missed.

    `costs` and `rest` are the table of the source, in one unit of time; the last entry of each group's
    costs is that of the source.
    """
    whole = rest + float(sum(cost[-1] for cost in costs))
    floor = rest + float(sum(np.min(cost) for cost in costs))
    if speedup * floor > whole:
        raise InputError(
            f"speedup: expected at most {whole / floor:.2f}, found {speedup:g}: without any head and neuron "
            f"the model would still take {floor:.3g} of {whole:.3g} ms. Ask for less, or leave out layers "
            "(prune_depth) as well."
        )
    tried: list[Attempt] = []
    wanted = speedup
    for _ in range(latency.attempts):
        kept = tuple(choose(costs, whole / wanted - rest))
        if any(kept == one.kept for one in tried):
            break  # the grid of widths has nothing in between
        measured = compare(kept)
        tried.append(Attempt(wanted, kept, measured))
        if _miss(tried[-1], speedup) <= latency.tolerance / 2:
            break
        wanted = min(wanted * speedup / measured.median, whole / floor)
    return tried


def _miss(attempt: Attempt, speedup: float) -> float:
    return abs(attempt.measured.median / speedup - 1)


def _require(best: Attempt, speedup: float, latency: Latency) -> None:
    if _miss(best, speedup) > latency.tolerance:
        measured = best.measured
        raise InputError(
            f"speedup: expected {speedup:g} within {latency.tolerance:.0%}, found {measured.median:.3g} (95 % "
            f"interval {measured.low:.3g} to {measured.high:.3g}) at best. Free the machine of other work and try "
            "again, or raise latency.tolerance."
        )


def _compare(before: Run, after: Run, rounds: int, clock: Callable[[], float], context: Context) -> Ratio:

    times = interleaved(
        {"before": before, "after": after},
        rounds,
        _SEED,
        clock=clock,
        progress=lambda done, total: context.progress(done, total, "timing the result beside the source"),
    )
    return ratio(times["before"], times["after"])


def _exported(source: Artifact, folder: Path, context: Context) -> tuple[ModelProto, Shape]:
    """Return the source as an ONNX model with few word embeddings, and its shape."""

    import onnx

    if not HEADS[source.manifest.head].deployable:
        bare = replace(source.manifest, head="encoder", labels=(), layer=None)
        source = Artifact(source.path, bare)
    target = folder / "source"
    target.mkdir()
    export(source, target, threads=context.threads, parity_shapes=2)
    config = read_json(source.file("config.json"))
    shape = shape_in(config, str(source.path / "config.json"))
    few = with_widths(onnx.load(target / MODEL), shape.heads, shape.ffn, shape.head_size, _VOCAB)
    return few, shape


def _open(model: ModelProto, latency: Latency) -> Run:
    """Return a function that runs the model once on random tokens."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = latency.threads, 1
    # Threads spin within a run, as where one model is measured alone, but not while others are timed.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    random = np.random.default_rng(_SEED)
    shape = (latency.batch_size, latency.length)
    feed = {
        "input_ids": random.integers(0, embedding_rows(model), shape),
        "attention_mask": np.ones(shape, np.int64),
    }
    return lambda: session.run(None, feed)
