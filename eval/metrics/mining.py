"""Mine translations out of two sets of sentences by the ratio margin, and choose where to stop.

Artetxe and Schwenk 2019 (Margin-based Parallel Corpus Mining, equation 2 with the ratio margin and
"max" retrieval), as XTREME runs it on BUCC 2018: k = 4, candidates from both directions, greedy one
to one. XTREME's own script cannot run as it stands (its threshold search reads past the last pair);
apart from that, and from the order of equal scores, this gives what it was meant to give.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xpareto.eval.metrics.neighbours import BLOCK, Neighbours, both_ways

NEIGHBOURS = 4


@dataclass(frozen=True)
class Mined:
    """Pairs of a one-to-one matching, scores falling."""

    foreign: np.ndarray  # (pairs,), int64: index of the foreign sentence
    english: np.ndarray  # (pairs,), int64
    score: np.ndarray  # (pairs,), float64: ratio margin, above 0


def mine(
    foreign: np.ndarray, english: np.ndarray, k: int = NEIGHBOURS, block: tuple[int, int] = BLOCK
) -> Mined:
    """Return the pairs of sentences that the margin takes for translations.

    `foreign` (n, width) and `english` (m, width) are real vectors; their lengths do not count. The
    score of a pair is its cosine over the mean of two means: that of the foreign sentence's k nearest
    English ones, and that of the English sentence's k nearest foreign ones. Each sentence of either side
    puts forward the best scored of its k nearest. Of all that are put forward, from the highest score
    down, a pair is taken where neither sentence is taken yet; one that scores 0 or less is not given
    back, but its sentences stay taken. Of equal scores the lower foreign index comes first, then the
    lower English one. An empty set gives no pair.

    >>> pairs = mine(np.eye(3), np.eye(3)[[2, 0]], k=2)
    >>> pairs.foreign.tolist(), pairs.english.tolist()
    ([0, 2], [1, 0])
    """
    if not len(foreign) or not len(english):
        return Mined(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return matched(*both_ways(foreign, english, k, block))


def matched(forward: Neighbours, backward: Neighbours) -> Mined:
    """Return the pairs that `mine` gives, from the neighbours of the foreign and of the English side."""
    means = forward.similarity.mean(axis=1, dtype=np.float64)
    english_means = backward.similarity.mean(axis=1, dtype=np.float64)
    scores = _ratio(forward.similarity, (means[:, None] + english_means[forward.index]) / 2)
    scores_back = _ratio(backward.similarity, (english_means[:, None] + means[backward.index]) / 2)
    first = np.concatenate([np.arange(len(means)), _chosen(backward.index, scores_back)])
    second = np.concatenate([_chosen(forward.index, scores), np.arange(len(english_means))])
    return _greedy(first, second, np.concatenate([scores.max(axis=1), scores_back.max(axis=1)]))


def best_threshold(scores: np.ndarray, correct: np.ndarray, gold: int) -> float:
    """Return the score from which on to keep pairs, so that the F1 of those kept is greatest.

    `scores` (pairs,) are falling, `correct` (pairs,) says which pairs are gold, `gold` counts the
    pairs to be found. The threshold lies midway between the last pair kept and the first that is not
    (XTREME's bucc_optimize); where all are kept it is the last one's score. Equal scores are kept or
    left together. Of equally good thresholds the highest is taken. 0 where no pair is correct.

    >>> best_threshold(np.array([3.0, 2.0, 1.0]), np.array([True, True, False]), gold=2)
    1.5
    """
    if not correct.any() or gold < 1:
        return 0.0
    matching = np.cumsum(correct)
    f1 = 2 * matching / (np.arange(1, len(scores) + 1) + gold)
    last = np.append(scores[:-1] > scores[1:], True)  # the last of equal scores
    best = int(np.argmax(np.where(last, f1, -1.0)))
    return float(scores[best] if best + 1 == len(scores) else (scores[best] + scores[best + 1]) / 2)


def _ratio(cosine: np.ndarray, around: np.ndarray) -> np.ndarray:
    """Return cosine / around, 0 where around is 0 (vectors without direction, as zeros are)."""
    wide = cosine.astype(np.float64)
    return np.divide(wide, around, out=np.zeros_like(wide), where=around != 0)


def _chosen(index: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """Return for each line the index with the highest score, of equal ones the lowest index."""
    best = scores == scores.max(axis=1, keepdims=True)
    lowest: np.ndarray = np.where(best, index, np.iinfo(np.int64).max).min(axis=1)
    return lowest


def _greedy(first: np.ndarray, second: np.ndarray, scores: np.ndarray) -> Mined:
    order = np.lexsort((second, first, -scores))
    taken, taken_english = set[int](), set[int]()
    kept = []
    for at, one, other in zip(order.tolist(), first[order].tolist(), second[order].tolist(), strict=True):
        if one not in taken and other not in taken_english:
            taken.add(one)
            taken_english.add(other)
            kept.append(at)
    chosen = np.array(kept, np.int64)
    chosen = chosen[scores[chosen] > 0]
    return Mined(first[chosen], second[chosen], scores[chosen])
