"""Which pieces of a vocabulary to keep for the languages of a text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

_OWN_SCRIPT = 0.01  # a language is written in the scripts that have this share of its pieces
NEVER = np.inf


def piece_counts(rows: Iterable[Sequence[int]], size: int) -> np.ndarray:
    """Return how often each id occurs in rows of ids, (size,) int64.

    >>> piece_counts([[1, 3], [], [3]], 5).tolist()
    [0, 1, 0, 2, 0]
    """
    flat = np.fromiter((one for row in rows for one in row), dtype=np.int64)
    return np.bincount(flat, minlength=size)


def entry_shares(counts: Mapping[str, np.ndarray], min_count: int = 1) -> np.ndarray:
    """Return for each piece the coverage from which on it is kept, (pieces,) float64; NEVER if unseen.

    Coverage c keeps, of each language, the most frequent pieces until they make up the share c of its
    tokens. So a piece enters a language at the share of the tokens whose pieces are more frequent (ties:
    the lower id is taken as the more frequent), and the vocabulary at the least of these over languages:
    the pieces below c are what c keeps. The n pieces with the lowest entries are the vocabulary of n
    pieces whose least covered language is covered best, up to one piece.

    Pieces that occur fewer than `min_count` times in all languages together never enter.

    >>> entry_shares({"en": np.array([6, 3, 1, 0]), "fr": np.array([0, 0, 2, 0])}).round(2).tolist()
    [0.0, 0.6, 0.0, inf]
    """
    total = np.sum(list(counts.values()), axis=0)
    entries = np.full(len(total), NEVER)
    for language_counts in counts.values():
        order = np.argsort(-language_counts, kind="stable")
        before = np.zeros(len(language_counts))
        before[order] = (np.cumsum(language_counts[order]) - language_counts[order]) / max(
            1, language_counts.sum()
        )
        entries = np.where(language_counts > 0, np.minimum(entries, before), entries)
    return np.where(total >= max(1, min_count), entries, NEVER)


def chosen(
    always: np.ndarray, entries: np.ndarray, then: np.ndarray, coverage: float, pieces: int | None
) -> np.ndarray:
    """Return the ids kept, sorted (int64).

    `always` is kept; pieces with an entry below `coverage` are next, the lowest entry first, and those
    of `then` last, in its order, until there are `pieces` in all (None: no end).

    >>> entries = np.array([0.0, 0.3, NEVER, 0.9, NEVER])
    >>> chosen(np.array([2]), entries, np.array([4]), 0.5, None).tolist()
    [0, 1, 2, 4]
    >>> chosen(np.array([2]), entries, np.array([4]), 1.0, 3).tolist()
    [0, 1, 2]
    """
    order = np.argsort(entries, kind="stable")
    seen = order[entries[order] < coverage]
    ranked = dict.fromkeys(np.concatenate([always, seen, then]).astype(np.int64).tolist())
    kept = list(ranked)[: None if pieces is None else max(pieces, len(always))]
    return np.array(sorted(kept), dtype=np.int64)


def scripts_in_use(
    counts: Mapping[str, np.ndarray], scripts: Sequence[frozenset[str]]
) -> dict[str, frozenset[str]]:
    """Return the scripts that each language is written in: those of at least 1 % of its tokens.

    `scripts[i]` are the scripts of piece i. Tokens of no script (digits, punctuation) do not count.
    """
    names = sorted(frozenset().union(*scripts)) if scripts else []
    holds = np.array(
        [[name in piece_scripts for name in names] for piece_scripts in scripts], dtype=bool
    ).reshape(-1, len(names))
    scripts_by_language = {}
    for language, language_counts in counts.items():
        by_script = language_counts @ holds
        share = by_script / max(1, language_counts[holds.any(axis=1)].sum())
        scripts_by_language[language] = frozenset(
            name for name, part in zip(names, share, strict=True) if part >= _OWN_SCRIPT
        )
    return scripts_by_language
