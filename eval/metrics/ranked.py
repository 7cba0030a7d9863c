"""Scores of ranked passages against graded judgements: nDCG and recall, as trec_eval has them.

nDCG is that of Järvelin and Kekäläinen 2002 ("Cumulated gain-based evaluation of IR techniques") as trec_eval's
`ndcg_cut` computes it: the gain of a passage is its grade, its discount log2 of its place plus one, and the sum is over
that of the best ranking of what was judged. Passages that were not judged, or below 0, gain nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence


def ndcg(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return the normalized discounted cumulated gain of the first `k`, from 0 to 1; 0 where nothing is relevant.

    >>> round(ndcg(["b", "x", "a"], {"a": 2, "b": 1}, 10), 4)
    0.7602
    """
    gains = [max(grades.get(name, 0), 0) for name in ranked[:k]]
    best = sorted((grade for grade in grades.values() if grade > 0), reverse=True)[:k]
    return _cumulated(gains) / _cumulated(best) if best else 0.0


def recall(ranked: Sequence[str], grades: Mapping[str, int], k: int) -> float:
    """Return which share of the relevant passages (grade above 0) are among the first `k`; 0 where there are none.

    >>> recall(["b", "x", "a"], {"a": 2, "b": 1, "c": 0}, 2)
    0.5
    """
    relevant = {name for name, grade in grades.items() if grade > 0}
    return len(relevant.intersection(ranked[:k])) / len(relevant) if relevant else 0.0


def _cumulated(gains: Sequence[int]) -> float:
    return math.fsum(gain / math.log2(place + 2) for place, gain in enumerate(gains))
