"""Bootstrap draws of test examples, the same for every model that was tested on them.

There is one bootstrap here, and every interval of this project rests on it. Its draws are exact
(multinomial) where that is affordable. Where thousands of models, languages and draws meet, sums over
many examples may be drawn from the normal law that has the same mean and the same covariance between
all models instead: the Gaussian multiplier bootstrap, which is as good as the multinomial one to first
order, for maxima over many means too (Chernozhukov, Chetverikov and Kato 2013, Annals of Statistics 41).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

import numpy as np

Score = Callable[[np.ndarray], np.ndarray]  # summed outcomes (..., columns) -> scores (...)

NORMAL_FROM = 500  # examples from which on a sum may be drawn from the normal law, where that is allowed
_CHUNK_BYTES = 64 << 20  # of one block of drawn row numbers
_MANY = 10_000  # examples from which on equal rows are drawn together, where that is less work
_STEP = 1e-4  # of a total, for the slope of a score in it


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


def draw_scores(
    outcomes: np.ndarray, score: Score, rng: np.random.Generator, draws: int, normal_from: int | None = None
) -> np.ndarray:
    """Return the scores of resampled examples, shape (models, draws).

    `outcomes` is (models, examples, columns) as in `draw_totals`. Models with equal outcomes get equal
    scores, bit by bit, so that a tie stays a tie in every draw. From `normal_from` examples on (None:
    never) the draws are normal, in float32; else they are exact, in float64.
    """
    models, examples, _ = outcomes.shape
    kept, places = distinct(outcomes)
    if normal_from is not None and examples >= normal_from:
        return draw_normal(outcomes[kept], score, rng, draws)[places]
    width = len(kept) * outcomes.shape[2]
    parts = [score(draw_totals(outcomes[kept], rng, part.stop - part.start)) for part in blocks(draws, width)]
    return np.concatenate(parts, axis=1)[places] if parts else np.zeros((models, 0))


def draw_normal(outcomes: np.ndarray, score: Score, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return normal draws of scores, (models, draws), float32, with the bootstrap's mean and covariance.

    The score is replaced by its tangent at the totals (the delta method), so that each example adds its
    influence; the covariance of all models is that of these influences.
    """
    totals = outcomes.sum(axis=1, dtype=np.float64)
    influence = np.einsum("mec,mc->em", outcomes, slopes(score, totals), optimize=True)
    return normal_scores(influence - influence.mean(axis=0), score(totals), rng, draws)


def normal_scores(influence: np.ndarray, at: np.ndarray, rng: np.random.Generator, draws: int) -> np.ndarray:
    """Return normal draws of scores around `at` (models,), (models, draws), float32.

    `influence` (examples, models) is what each example adds to a score in a draw that has it once more than on
    average; of all examples it sums to 0.
    """
    examples, models = influence.shape
    # Weights on the examples, or on the rows of R where R'R = X'X has fewer of them: the same law.
    # In the draws' own precision: a product of float64 and float32 would be done in float64, in twice the time.
    root = (influence if examples <= models else _root(influence)).astype(np.float32)
    drawn_scores = np.empty((models, draws), dtype=np.float32)
    for part in blocks(draws, len(root)):
        weights = rng.standard_normal((part.stop - part.start, len(root)), dtype=np.float32)
        np.matmul(root.T, weights.T, out=drawn_scores[:, part])
    drawn_scores += at.astype(np.float32)[:, None]
    return drawn_scores


def _root(influence: np.ndarray) -> np.ndarray:
    """Return the upper Cholesky factor of X'X, (models, models).

    A ridge of 1e-9 of the mean variance stands in for what models that depend on each other lack; it
    moves no standard error by more than 1e-4 of it, unless the model's answers hardly vary at all.
    """
    gram = influence.T @ influence
    ridge = 1e-9 * float(np.trace(gram)) / len(gram)
    if ridge == 0:
        return np.zeros_like(gram)
    gram[np.diag_indices_from(gram)] += ridge
    return np.linalg.cholesky(gram, upper=True)


def slopes(score: Score, totals: np.ndarray) -> np.ndarray:
    """Return the derivative of each model's score in each of its totals (models, columns), same shape.

    Central differences, one-sided where a total is zero.
    """
    derivatives = np.zeros(totals.shape)
    for column in range(totals.shape[1]):
        step = _STEP * np.where(totals[:, column] > 0, totals[:, column], 1.0)
        above, below = totals.copy(), totals.copy()
        above[:, column] += step
        below[:, column] = np.maximum(below[:, column] - step, 0.0)
        width = above[:, column] - below[:, column]
        derivatives[:, column] = (score(above) - score(below)) / width
    return derivatives


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
        part_totals = weights @ flat
        totals[:, part] = part_totals.reshape(count, models, columns).transpose(1, 0, 2)
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


def distinct(outcomes: np.ndarray) -> tuple[list[int], list[int]]:
    """Return the models whose outcomes no earlier one has, and for each model its place among them."""
    seen: dict[bytes, int] = {}
    kept: list[int] = []
    places: list[int] = []
    for model, model_outcomes in enumerate(outcomes):
        key = hashlib.sha256(np.ascontiguousarray(model_outcomes).data).digest()
        if key not in seen:
            seen[key] = len(kept)
            kept.append(model)
        places.append(seen[key])
    return kept, places
