"""A unigram piece vocabulary (Kudo 2018) found the same way every time.

The tokenizers library's own trainer walks hash tables in random order, so that equal text gives other
scores each time; an artifact must be a function of its inputs.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping

_LONGEST = 10  # characters in a piece
_SEED_FACTOR = 5  # candidates to start from, in multiples of the vocabulary
_KEEP = 0.6  # share of the pieces that survives a round of pruning
_UNKNOWN = -100.0  # log probability of a character outside the vocabulary


def segment(word: str, scores: Mapping[str, float]) -> list[str]:
    """Return the most probable split of a word into pieces (Viterbi); unknown characters stand alone.

    >>> segment("abab", {"a": -3.0, "b": -3.0, "ab": -2.0, "aba": -5.0})
    ['ab', 'ab']
    """
    best = [0.0] + [-math.inf] * len(word)
    back = [0] * (len(word) + 1)
    for end in range(1, len(word) + 1):
        for start in range(max(0, end - _LONGEST), end):
            score = scores.get(word[start:end])
            if score is None:
                if end - start > 1:
                    continue
                score = _UNKNOWN
            if best[start] + score > best[end]:
                best[end], back[end] = best[start] + score, start
    pieces = []
    end = len(word)
    while end:
        pieces.append(word[back[end] : end])
        end = back[end]
    return pieces[::-1]


def unigram_pieces(words: Mapping[str, int], size: int) -> list[tuple[str, float]]:
    """Return at most `size` pieces with their log probabilities (nats), the most probable first.

    `words` are counted pre-tokens. Starts from the frequent substrings, and alternates hard
    expectation-maximisation with pruning of the pieces whose loss would cost the least likelihood.
    At most half of the vocabulary goes to single characters, the most frequent ones.
    """
    characters: Counter[str] = Counter()
    longer: Counter[str] = Counter()
    for word, count in words.items():
        for start in range(len(word)):
            characters[word[start]] += count
            for end in range(start + 2, min(len(word), start + _LONGEST) + 1):
                longer[word[start:end]] += count
    alphabet = {piece for piece, _ in _top(characters, max(1, size // 2))}
    weights = {piece: count * len(piece) for piece, count in longer.items() if count > 1}
    seeds = dict(_top(weights, _SEED_FACTOR * size))
    scores = _log_shares({**{piece: characters[piece] for piece in alphabet}, **seeds})
    while True:
        for _ in range(2):
            counts = _count(words, scores)
            # A count is smoothed, so that a character which longer pieces cover keeps a probability.
            scores = _log_shares({p: counts[p] + 0.5 for p in scores if counts[p] or p in alphabet})
        if len(scores) <= size:
            return sorted(scores.items(), key=lambda item: (-item[1], item[0]))
        losses = {
            piece: counts[piece] * (scores[piece] - _without(piece, scores))
            for piece in list(scores)
            if piece not in alphabet
        }
        keep = max(size, int(_KEEP * len(scores))) - len(alphabet)
        kept = {piece for piece, _ in _top(losses, max(0, keep))}
        scores = {piece: score for piece, score in scores.items() if piece in kept or piece in alphabet}


def _without(piece: str, scores: dict[str, float]) -> float:
    """Return the log probability of the best split of a piece into other pieces."""
    piece_score = scores.pop(piece)
    split = segment(piece, scores)
    scores[piece] = piece_score
    return sum(scores.get(part, _UNKNOWN) for part in split)


def _count(words: Mapping[str, int], scores: Mapping[str, float]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for piece in segment(word, scores):
            counts[piece] += count
    return counts


def _log_shares(counts: Mapping[str, float]) -> dict[str, float]:
    total = math.log(sum(counts.values()))
    return {piece: math.log(counts[piece]) - total for piece in sorted(counts)}


def _top(counts: Mapping[str, float], number: int) -> list[tuple[str, float]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:number]
