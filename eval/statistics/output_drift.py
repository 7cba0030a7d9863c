"""How far a model's outputs lie from another's on the same texts, with intervals by bootstrap over the texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.eval.statistics.bootstrap import times_drawn
from xpareto.eval.statistics.intervals import LEVEL

COSINE, COSINE_P95, STATES, NEAREST, DIVERGENCE = DRIFTS = (
    "cosine", "cosine_p95", "states", "nearest", "divergence",
)  # fmt: skip
_P95 = 0.95
Drift = tuple[float, float, float]  # a value with the ends of its interval at LEVEL


@dataclass(frozen=True)
class Vectors:
    """What was kept of one model in one language: unit vectors, their lengths, and nearest neighbours by place."""

    unit: np.ndarray | None  # (texts, width); None: no texts of this language
    norms: np.ndarray | None  # (texts,)
    nearest: np.ndarray | None  # (queries,); None: nothing is searched in this language


def vector_drift(
    pairs: Sequence[tuple[Vectors, Vectors]], rng: np.random.Generator, draws: int
) -> Mapping[str, Drift]:
    """Return the drift between two models' vectors, of `pairs` (reference, candidate), one for each seed.

    cosine: mean over texts of 1 - cosine. cosine_p95: the least value that 95 % of texts do not exceed. states: mean
    of the length of the difference over that of the reference; these three only of vectors of one width. nearest:
    percent of queries whose nearest neighbour is the same. A text counts with its mean over seeds. ValueError where
    the models of a pair saw different texts.
    """
    found: dict[str, Drift] = {}
    alike = [
        (before, after)
        for before, after in pairs
        if before.unit is not None and after.unit is not None and before.unit.shape[1] == after.unit.shape[1]
    ]
    if alike and len(alike) == len(pairs):
        for before, after in alike:
            _same_size(_wide(before), _wide(after))
        cosine = _over_seeds([1.0 - _cosines(before, after) for before, after in alike])
        states = _over_seeds([_moved(before, after) for before, after in alike])
        times = times_drawn(rng, draws, len(cosine))
        found[COSINE], found[STATES] = _mean(cosine, times), _mean(states, times)
        found[COSINE_P95] = _percentile(cosine, times)
    searched = [
        (before.nearest, after.nearest)
        for before, after in pairs
        if before.nearest is not None and after.nearest is not None
    ]
    if searched and len(searched) == len(pairs):
        same = _over_seeds([np.equal(*_same_size(*both)) for both in searched])
        found[NEAREST] = _share(same)
    return found


def divergence(
    pairs: Sequence[tuple[np.ndarray, np.ndarray]], rng: np.random.Generator, draws: int
) -> Mapping[str, Drift]:
    """Return the mean Jensen-Shannon divergence in bits, 0 to 1, of the distributions that logits give.

    `pairs` are (examples, labels) of two models, one pair for each seed (Lin 1991, "Divergence measures based on the
    Shannon entropy"). Nothing where the models have different labels.
    """
    if not pairs or any(before.shape[1] != after.shape[1] for before, after in pairs):
        return {}
    bits = _over_seeds([_jensen_shannon(*_same_size(before, after)) for before, after in pairs])
    return {DIVERGENCE: _mean(bits, times_drawn(rng, draws, len(bits)))}


def _cosines(before: Vectors, after: Vectors) -> np.ndarray:
    """Return each text's cosine (texts,), of equal vectors exactly 1; 0 where one alone has no direction."""
    one, other = _normed(_wide(before)), _normed(_wide(after))
    # 1 - |u - v|² / 2 is exact where unit vectors are near, in which a product loses all digits
    cosines: np.ndarray = 1.0 - ((one - other) ** 2).sum(axis=1) / 2
    return np.where(one.any(axis=1) == other.any(axis=1), cosines, 0.0)


def _moved(before: Vectors, after: Vectors) -> np.ndarray:
    assert before.norms is not None and after.norms is not None
    one, other = (
        _wide(vectors) * np.asarray(norms, np.float64)[:, None]
        for vectors, norms in ((before, before.norms), (after, after.norms))
    )
    length = np.linalg.norm(one, axis=1)
    moved = np.linalg.norm(other - one, axis=1)
    return np.divide(moved, length, out=np.where(moved > 0, 1.0, 0.0), where=length > 0)


def _wide(vectors: Vectors) -> np.ndarray:
    assert vectors.unit is not None
    return np.asarray(vectors.unit, np.float64)


def _normed(vectors: np.ndarray) -> np.ndarray:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0)


def _jensen_shannon(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    from scipy.special import rel_entr, softmax  # a tenth of a second to import

    one, other = (softmax(np.asarray(logits, np.float64), axis=1) for logits in (before, after))
    middle = (one + other) / 2
    nats = (rel_entr(one, middle).sum(axis=1) + rel_entr(other, middle).sum(axis=1)) / 2
    return np.maximum(nats, 0.0) / np.log(2.0)


def _same_size(before: np.ndarray, after: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if len(before) != len(after):
        raise ValueError(f"expected outputs of the same texts, found {len(before)} and {len(after)}")
    return before, after


def _over_seeds(values: Sequence[np.ndarray]) -> np.ndarray:
    """Return each text's mean over seeds (texts,)."""
    return np.mean([np.asarray(of_seed, np.float64) for of_seed in values], axis=0)


def _mean(values: np.ndarray, times: np.ndarray) -> Drift:
    return _with_ends(float(values.mean()), times @ values / len(values))


def _percentile(values: np.ndarray, times: np.ndarray) -> Drift:
    """Return the 95th percentile as the inverse of the distribution function (Hyndman and Fan 1996, definition 1)."""
    order = np.argsort(values, kind="stable")
    ranked, count = values[order], len(values)
    places = (np.cumsum(times[:, order], axis=1) >= _P95 * count - 1e-9).argmax(axis=1)
    return _with_ends(float(np.quantile(values, _P95, method="inverted_cdf")), ranked[places])


def _with_ends(value: float, drawn: np.ndarray) -> Drift:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return value, float(low), float(high)


def _share(same: np.ndarray) -> Drift:
    """Return a share in percent with its exact interval (Clopper and Pearson 1934).

    No draw of queries of which all are kept holds one that is lost, so that a bootstrap would be sure of 100 %.
    """
    from scipy.special import betaincinv

    count, right = len(same), float(same.sum())
    tail = (1 - LEVEL) / 2
    low = float(betaincinv(right, count - right + 1, tail)) if right > 0 else 0.0
    high = float(betaincinv(right + 1, count - right, 1 - tail)) if right < count else 1.0
    return 100 * right / count, 100 * low, 100 * high
