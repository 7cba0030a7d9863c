"""Which task each batch of multi-task training is of: mixing rates, and draws by number."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np

from xpareto.compress.data.batching import Batch, Batches

Sampling = Literal["proportional", "temperature", "uniform"]

CAP = 2**17  # examples: "an artificial limit on the data set size" (Raffel et al. 2020, section 3.5.2)
TASK = "task"  # the array of a batch that says which task each of its examples is of
_BLOCK = 4096  # draws made at a time


def capped_total(sizes: Sequence[int], cap: int | None) -> int:
    """Return the number of examples with each source counted up to the cap (None: no cap).

    >>> capped_total([10, 500], 100), capped_total([10, 500], None)
    (110, 510)
    """
    return sum(size if cap is None else min(size, cap) for size in sizes)


def rates(sizes: Sequence[int], sampling: Sampling, cap: int | None, temperature: float) -> np.ndarray:
    """Return the probability of each source's batches, float64, summing to 1.

    proportional: r_m = min(e_m, K) / sum_n min(e_n, K) with e_m examples and the cap K. temperature:
    these to the power of 1/T, renormalised; T = 1 is proportional, a large T near uniform. uniform:
    all equal. Source: Raffel et al. 2020 (T5), section 3.5.2, "examples-proportional mixing",
    "temperature-scaled mixing", "equal mixing".

    >>> rates([100, 300, 9000], "proportional", cap=600, temperature=1.0).tolist()
    [0.1, 0.3, 0.6]
    >>> rates([100, 400], "temperature", cap=None, temperature=2.0).round(3).tolist()
    [0.333, 0.667]
    """
    if sampling == "uniform":
        return np.full(len(sizes), 1 / len(sizes))
    sized = np.asarray([size if cap is None else min(size, cap) for size in sizes], dtype=np.float64)
    if sampling == "temperature":
        sized = (sized / sized.sum()) ** (1 / temperature)
    return sized / sized.sum()


class Draws:
    """The source that each batch is drawn from, and how many batches of it came before.

    A pure function of the rates, the seed and the batch's number, whatever the length of training.
    """

    def __init__(self, rates: Sequence[float] | np.ndarray, seed: int) -> None:
        self._edges = np.cumsum(np.asarray(rates, dtype=np.float64))
        self._edges /= self._edges[-1]
        self._random = np.random.default_rng([seed, len(self._edges)])
        self._sources = np.empty(0, dtype=np.int64)
        self._earlier = np.empty(0, dtype=np.int64)

    def __call__(self, number: int) -> tuple[int, int]:
        """Return (source, batches of that source before this one) of a 0-based batch number."""
        self._extend(number + 1)
        return int(self._sources[number]), int(self._earlier[number])

    def counts(self, batches: int) -> list[int]:
        """Return how many of the first `batches` batches are of each source."""
        self._extend(batches)
        return np.bincount(self._sources[:batches], minlength=len(self._edges)).tolist()

    def _extend(self, length: int) -> None:
        missing = length - len(self._sources)
        if missing <= 0:
            return
        drawn = self._random.random(math.ceil(missing / _BLOCK) * _BLOCK)
        new = np.searchsorted(self._edges, drawn, side="right")
        self._sources = np.concatenate([self._sources, new])
        self._earlier = np.empty(len(self._sources), dtype=np.int64)
        for data_source in range(len(self._edges)):
            positions = np.flatnonzero(self._sources == data_source)
            self._earlier[positions] = np.arange(len(positions))


class Mixture:
    """Batches of several sources, each of one source only (satisfies Batches).

    `tasks` gives the task of each source, which its batches carry in the array TASK, one number per
    example; sources of one task share its head. None: one task, and no such array.
    """

    def __init__(self, sources: Sequence[Batches], draws: Draws, tasks: Sequence[int] | None) -> None:
        self._sources = sources
        self._draws = draws
        self._tasks = tasks

    def batch(self, number: int) -> Batch:
        """Return batch `number`: the next one of the source that is drawn."""
        data_source, earlier = self._draws(number)
        batch = self._sources[data_source].batch(earlier)
        if self._tasks is None:
            return batch
        return {**batch, TASK: np.full(len(batch["labels"]), self._tasks[data_source], dtype=np.int64)}
