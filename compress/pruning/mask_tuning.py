"""Tune what is left of a pruned model, layer by layer, by least squares instead of training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from xpareto.compress.core import InputError
from xpareto.compress.data import CalibrationBatch

if TYPE_CHECKING:
    from torch import Tensor

Tuning = Literal["none", "masks", "weights"]

LIMIT = 10.0  # a mask beyond it is unstable (Kwon et al. 2022, section 4.3)
_DAMPINGS = (1e-4, 1e-3, 1e-2, 1e-1, 1.0)  # relative to the mean of the diagonal
_HELD_OUT = 4  # every so manieth batch is not fitted: it judges


@dataclass(frozen=True)
class Tuned:
    """What tuning did to one sub-block: squared error per token on unseen batches, before and after."""

    layer: int
    part: Literal["attention", "ffn"]
    before: float
    after: float
    applied: bool

    def note(self) -> list[Any]:
        return [self.layer, self.part, round(self.before, 6), round(self.after, 6), self.applied]


@dataclass
class Moments:
    """Sums over tokens of a least-squares problem: inputs a (width), what is missing r (hidden)."""

    gram: Tensor  # a' a
    cross: Tensor  # a' r
    missing: float  # r' r
    tokens: int

    def error(self, change: Tensor) -> float:
        """Return the mean squared norm of r - a change over tokens; change (width, hidden)."""
        explained = 2 * (change * self.cross).sum() - (change * (self.gram @ change)).sum()
        return (self.missing - float(explained)) / max(1, self.tokens)


def tune(
    teacher: Any,
    student: Any,
    channels: Sequence[int],
    batches: Sequence[CalibrationBatch],
    how: Literal["masks", "weights"],
    progress: Callable[[int, int], None],
) -> list[Tuned]:
    """Change the student's output matrices, in place, so that each layer gives what the teacher's gives.

    Layer by layer, and in it attention before feed-forward, it minimises |x' + f'(x') - x - f(x)|^2 over
    the calibration's tokens, x' and f' being the teacher's, x what the student's layers below, tuned
    already, make of it (Kwon et al. 2022, arXiv 2204.09656, section 4.3 and equation 14). `channels`:
    those of the teacher's hidden channels that the student has.

    masks: one factor per head or neuron, as there. Factors outside -10 to 10 show an ill-posed problem:
    tuning then ends, and the layers from there on keep their factors of 1, as there.
    weights: the whole output matrix, which is the reconstruction of channel pruning (He et al. 2017, arXiv
    1707.06168, equation 1).

    Both are least squares damped towards no change, by their normal equations (Kwon et al. use damped
    LSMR). A quarter of the batches is not fitted: the error on it chooses the damping, and whether there
    is a change at all.
    """
    import torch

    kept = torch.tensor(list(channels))
    states = list(_embedded(teacher, student, batches))
    layers = list(zip(teacher.base_model.encoder.layer, student.base_model.encoder.layer, strict=True))
    tuned_parts: list[Tuned] = []
    stopped = False
    with torch.inference_mode():
        for index, (whole, narrow) in enumerate(layers):
            for part in ("attention", "ffn"):
                pieces = [_Piece(whole, narrow, part, state, kept) for state in states]
                dense = (narrow.attention.output if part == "attention" else narrow.output).dense
                size = getattr(narrow.attention.self, "attention_head_size", 1) if part == "attention" else 1
                if hasattr(dense, "weight") and not stopped:
                    fitted = [piece for at, piece in enumerate(pieces) if at % _HELD_OUT != _HELD_OUT - 1]
                    unseen = [piece for at, piece in enumerate(pieces) if at % _HELD_OUT == _HELD_OUT - 1]
                    learned = _moments(fitted, dense)
                    judged = _moments(unseen, dense) if unseen else learned
                    solve = _factors(learned, dense.weight, size) if how == "masks" else _matrix(learned)
                    change, stopped = _chosen(solve, judged)
                    before = judged.error(torch.zeros_like(learned.cross))
                    after = before if change is None else judged.error(change)
                    tuned_parts.append(Tuned(index, part, before, after, change is not None))
                    if change is not None:
                        dense.weight.add_(change.T.to(dense.weight.dtype))
                for state, piece in zip(states, pieces, strict=True):
                    piece.advance(state)
            progress(index + 1, len(layers))
    return tuned_parts


@dataclass
class _State:
    """Where a batch stands between two sub-blocks: the hidden states of both models."""

    whole: Tensor
    narrow: Tensor
    keys: Tensor  # (rows, 1, length, length) bool: what attention may look at
    there: Tensor  # (rows, length) bool: real tokens


class _Piece:
    """One sub-block of both models on one batch."""

    def __init__(self, whole: Any, narrow: Any, part: str, state: _State, kept: Tensor) -> None:
        self._blocks = [
            layer.attention.output if part == "attention" else layer.output for layer in (whole, narrow)
        ]
        inner = []
        for layer, hidden in ((whole, state.whole), (narrow, state.narrow)):
            if part == "attention":
                inner.append(layer.attention.self(hidden, state.keys)[0])
            else:
                inner.append(layer.intermediate(hidden))
        self._sums = [state.whole + self._blocks[0].dense(inner[0]), state.narrow]
        self.inputs = inner[1]
        self._there, self._kept = state.there, kept

    def problem(self) -> tuple[Tensor, Tensor]:
        """Return the inputs of the student's output matrix and what its output lacks, by real token."""
        given = self._sums[1] + self._blocks[1].dense(self.inputs)
        missing = self._sums[0][..., self._kept] - given
        return self.inputs[self._there], missing[self._there]

    def advance(self, state: _State) -> None:
        """Move the batch behind this sub-block."""
        state.whole = self._blocks[0].LayerNorm(self._sums[0])
        state.narrow = self._blocks[1].LayerNorm(self._sums[1] + self._blocks[1].dense(self.inputs))


def _embedded(teacher: Any, student: Any, batches: Sequence[CalibrationBatch]) -> Iterator[_State]:
    import torch

    if not batches:
        raise InputError("mask tuning: expected calibration examples, found none.")
    for batch in batches:
        ids, there = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask) == 1
        with torch.inference_mode():
            whole, narrow = (model.base_model.embeddings(input_ids=ids) for model in (teacher, student))
        rows, length = ids.shape
        yield _State(whole, narrow, there[:, None, None].expand(rows, 1, length, length), there)


def _moments(pieces: Sequence[_Piece], dense: Any) -> Moments:
    import torch

    out, width = dense.weight.shape
    moments = Moments(
        torch.zeros(width, width, dtype=torch.float64), torch.zeros(width, out, dtype=torch.float64), 0.0, 0
    )
    for piece in pieces:
        inputs, missing = piece.problem()
        # Products in float32, their sum over batches in float64: exact enough, and twice as quick.
        moments.gram += (inputs.T @ inputs).double()
        moments.cross += (inputs.T @ missing).double()
        moments.missing += float(missing.double().square().sum())
        moments.tokens += len(inputs)
    return moments


def _chosen(solve: Callable[[float], Tensor | None], judged: Moments) -> tuple[Tensor | None, bool]:
    """Return the change that serves unseen tokens best (None: none does), and whether all are unstable."""
    best, least, unstable = None, judged.error(judged.cross * 0), True
    for damping in _DAMPINGS:
        change = solve(damping)
        if change is None:
            continue
        unstable = False
        error = judged.error(change)
        if error < least:
            best, least = change, error
    return best, unstable


def _factors(moments: Moments, weight: Tensor, size: int) -> Callable[[float], Tensor | None]:
    """Return a function: damping -> what scaling each unit by its best factor adds to the matrix, transposed.

    A unit is `size` columns of the matrix. Its contribution to the output is a[unit] weight[:, unit]',
    so inner products of contributions are those of the inputs times those of the columns. None where a
    factor is beyond the limit.
    """
    import torch

    wide = weight.double()
    products = moments.gram * (wide.T @ wide)
    units = len(products) // size
    matrix = products.reshape(units, size, units, size).sum((1, 3))
    vector = (moments.cross * wide.T).sum(1).reshape(units, size).sum(1)
    damped = _damped(matrix)

    def solve(damping: float) -> Tensor | None:
        factors = torch.cholesky_solve(vector[:, None], damped(damping))
        if not bool(((1 + factors).abs() <= LIMIT).all()):
            return None
        return factors.repeat_interleave(size, 0) * wide.T

    return solve


def _matrix(moments: Moments) -> Callable[[float], Tensor | None]:
    """Return a function: damping -> what ridge regression adds to the matrix, transposed."""
    import torch

    damped = _damped(moments.gram)
    return lambda damping: torch.cholesky_solve(moments.cross, damped(damping))


def _damped(matrix: Tensor) -> Callable[[float], Tensor]:
    """Return a function: damping -> the Cholesky factor of a matrix plus so many mean diagonals."""
    import torch

    scale = float(matrix.diagonal().mean()) + 1e-30
    eye = torch.eye(len(matrix), dtype=matrix.dtype)
    return lambda damping: torch.linalg.cholesky(matrix + damping * scale * eye)
