"""Bootstrap draws of test examples, the same for every model that was tested on them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

_CHUNK_BYTES = 64 << 20  # of one block of drawn row numbers
_MANY = 10_000  # examples from which on equal rows are drawn together, where that is less work


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return the random numbers that belong to these names: equal names, equal draws.

    >>> bool(generator(0, "xnli").random() == generator(0, "xnli").random())
    True
    >>> bool(generator(0, "xnli").random() == generator(0, "pawsx").random())
    False
    """
    text = "\n".join(names).encode()
    words = np.frombuffer(hashlib.sha256(text).digest(), dtype=np.uint32)
    return np.random.default_rng([seed, *words.tolist()])


def draw_totals(outcomes: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return the outcomes summed over resampled examples, shape (models, draws, columns), float64.

    `outcomes` is (models, examples, columns) with the same examples in the same order for every
    model. Each draw takes as many examples as there are, with replacement (Efron 1979), and the same
    ones for all models, so that a difference of two models is paired. Counts stay exact.

    >>> draw_totals(np.array([[[1.0], [1.0]], [[0.0], [2.0]]]), generator(0), 3).shape
    (2, 3, 1)
    """
    models, examples, columns = outcomes.shape
    totals = np.zeros((models, draws, columns))
    if not examples:
        return totals
    flat = np.ascontiguousarray(outcomes.transpose(1, 0, 2), dtype=np.float64).reshape(examples, -1)
    share: np.ndarray | None = None
    if examples >= _MANY:  # of 400,000 sentences that were mined, few have a row of their own
        patterns, times = np.unique(flat, axis=0, return_counts=True)
        if 4 * len(patterns) < examples:
            flat, share = patterns, times / examples
    for part in blocks(draws, len(flat)):
        count = part.stop - part.start
        weights = (
            times_drawn(rng, count, examples)
            if share is None
            else rng.multinomial(examples, share, size=count).astype(np.float64)
        )
        found = weights @ flat
        totals[:, part] = found.reshape(count, models, columns).transpose(1, 0, 2)
    return totals


def blocks(draws: int, width: int) -> Iterator[slice]:
    """Yield the draws in parts whose numbers, `width` for each draw, fit some tens of megabytes.

    >>> list(blocks(3, 8 << 20))
    [slice(0, 1, None), slice(1, 2, None), slice(2, 3, None)]
    """
    block = max(1, min(draws, _CHUNK_BYTES // (8 * max(1, width))))
    for start in range(0, draws, block):
        yield slice(start, min(start + block, draws))


def times_drawn(rng: np.random.Generator, draws: int, examples: int) -> np.ndarray:
    """Return how often each example is in each draw, shape (draws, examples), rows summing to examples."""
    rows = rng.integers(examples, size=(draws, examples), dtype=np.int64)
    rows += np.arange(draws, dtype=np.int64)[:, None] * examples
    counts = np.bincount(rows.ravel(), minlength=draws * examples)
    return counts.reshape(draws, examples).astype(np.float64)
