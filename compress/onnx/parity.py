"""How far two runs of one model lie apart on seeded random input."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

SEED = 20130513
_MOST_SCORE_BYTES = 1 << 29
_PER_TOKEN_SCALARS = ("start_logits", "end_logits")  # (batch, length): no third axis to tell them by
_MOST_ROUNDING = 1e-2  # of the largest entry: a model that is worse conditioned is refused, like one with NaN
_ROUNDING = 4  # times torch's own distance from exact arithmetic: sums in two orders differ by as much
Run = Callable[[np.ndarray, np.ndarray], Mapping[str, np.ndarray]]


class ParityError(Exception):
    """An exported model does not compute what its source computes."""


@dataclass(frozen=True)
class Batch:
    """Right-padded int64 input ids and their 0/1 mask, each (batch, length)."""

    input_ids: np.ndarray
    attention_mask: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        return (int(self.input_ids.shape[0]), int(self.input_ids.shape[1]))


@dataclass(frozen=True)
class Drift:
    """Distance of one output from its reference, over all attended places of all batches."""

    max_abs_diff: float
    mean_abs_diff: float
    max_abs_reference: float
    argmax_agreement: float  # share of vectors whose largest entry is the same one
    places: int

    @property
    def relative(self) -> float:
        """The largest difference over the largest reference entry, which counts as 1 if smaller."""
        return self.max_abs_diff / max(1.0, self.max_abs_reference)


def longest_compared(max_tokens: int, heads: int) -> int:
    """Return the longest input to compare on: two score matrices of all heads stay below half a GiB.

    A model of 8,194 positions and 16 heads would take 9 GB for them. Up to 2,048 positions nothing is cut.

    >>> longest_compared(512, 12), longest_compared(8192, 16)
    (512, 2048)
    """
    return min(max_tokens, math.isqrt(_MOST_SCORE_BYTES // (8 * heads)))


def random_batches(
    vocab_size: int, pad_id: int, max_tokens: int, count: int, seed: int = SEED
) -> list[Batch]:
    """Return seeded random batches: one row of the greatest length, one short row, then padded batches.

    >>> [batch.shape for batch in random_batches(100, 1, 16, 2)]
    [(1, 16), (1, 3)]
    """
    random = np.random.default_rng(seed)
    shapes = [(1, max_tokens), (1, min(3, max_tokens))]
    while len(shapes) < count:
        rows = int(random.integers(2, 6))
        shapes.append((rows, int(random.integers(min(4, max_tokens), min(64, max_tokens) + 1))))
    batches = []
    for rows, length in shapes[:count]:
        ids = random.integers(0, vocab_size - 1, (rows, length))
        ids = ids + (ids >= pad_id)  # any token but the padding
        lengths = random.integers(1, length + 1, rows)
        lengths[0] = length
        mask = (np.arange(length)[None, :] < lengths[:, None]).astype(np.int64)
        batches.append(Batch(np.where(mask == 1, ids, pad_id).astype(np.int64), mask))
    return batches


def compare(reference: Run, candidate: Run, batches: Iterable[Batch]) -> dict[str, Drift]:
    """Return the drift of every output of the reference, by name.

    Outputs are (batch, classes), (batch, length, width), or of question answering (batch, length);
    padded places of the latter two are left out.
    """
    pairs: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    for batch in batches:
        reference_outputs = reference(batch.input_ids, batch.attention_mask)
        candidate_outputs = candidate(batch.input_ids, batch.attention_mask)
        for name, value in reference_outputs.items():
            candidate_value = candidate_outputs[name]
            if value.shape != candidate_value.shape:
                raise ParityError(
                    f"{name}: expected shape {value.shape} for input {batch.shape}, found {candidate_value.shape}."
                )
            if name in _PER_TOKEN_SCALARS:
                value, candidate_value = value[..., None], candidate_value[..., None]
            if value.ndim == 3:
                value, candidate_value = (
                    value[batch.attention_mask == 1],
                    candidate_value[batch.attention_mask == 1],
                )
            pairs.setdefault(name, []).append((value, candidate_value))
    return {name: drift(parts) for name, parts in pairs.items()}


def drift(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Drift:
    """Return the drift over pairs of (reference, candidate) arrays, each (places, width).

    >>> drift([(np.array([[1.0, 2.0]]), np.array([[1.5, 2.0]]))]).max_abs_diff
    0.5
    """
    reference = np.concatenate([first for first, _ in pairs]).astype(np.float64)
    candidate = np.concatenate([second for _, second in pairs]).astype(np.float64)
    difference = np.abs(candidate - reference)
    agreement = reference.argmax(axis=-1) == candidate.argmax(axis=-1)
    return Drift(
        # np.max hands a NaN on, so that a candidate of NaN is infinitely far and not equal.
        max_abs_diff=float(np.nan_to_num(difference.max(), nan=np.inf)),
        mean_abs_diff=float(np.nan_to_num(difference.mean(), nan=np.inf)),
        max_abs_reference=float(np.abs(reference).max()),
        argmax_agreement=float(agreement.mean()),
        places=int(reference.shape[0]),
    )


def within(drifts: Mapping[str, Drift], tolerance: float) -> bool:
    """Is every output within the tolerance, which is relative to its largest entry (>= 1)?"""
    return all(output_drift.relative <= tolerance for output_drift in drifts.values())


def rounds_alike(own: Mapping[str, Drift], other: Mapping[str, Drift]) -> bool:
    """Is every output about as near to exact arithmetic as the source's own is?

    `own` and `other` are the drifts of the source in float32 and of the exported model from the source in float64.
    Pruned models whose weights were fitted anew can amplify rounding to more than any fixed tolerance: then
    torch differs from itself by as much, from one kind of attention to another.
    """
    return all(
        drift.relative <= _MOST_ROUNDING and other[name].max_abs_diff <= _ROUNDING * drift.max_abs_diff
        for name, drift in own.items()
    )


def require(drifts: Mapping[str, Drift], tolerance: float, shapes: Sequence[tuple[int, int]]) -> None:
    """Raise ParityError for an output that is not `within` the tolerance."""
    for name, output_drift in drifts.items():
        if not within({name: output_drift}, tolerance):
            raise ParityError(
                f"{name}: the exported model differs from its source by {output_drift.max_abs_diff:.3g} where the "
                f"largest entry is {output_drift.max_abs_reference:.3g} (inputs {list(shapes)}); tolerance is "
                f"{tolerance:g} of max(1, largest entry). Raise the step's tolerance only if that is small."
            )


def onnx_run(file: Path, threads: int) -> Run:
    """Return a function that runs an ONNX file in onnxruntime on the CPU and names its outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.enable_cpu_mem_arena = False  # one pass per shape: an arena only raises the peak
    session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]

    def run(input_ids: np.ndarray, attention_mask: np.ndarray) -> Mapping[str, np.ndarray]:
        values: Sequence[Any] = session.run(names, {"input_ids": input_ids, "attention_mask": attention_mask})
        return dict(zip(names, values, strict=True))

    return run
