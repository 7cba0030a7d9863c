"""From start and end logits to answers: the best span of all windows of a question, in numpy.

The rules are those of BERT's and XTREME's code: in each window the 20 best starts meet the 20 best
ends; an answer lies in the context, is at most 30 tokens long and begins where its window shows the
most context; the largest sum of both logits over all windows wins. The answer is the text of the
context between the characters of its tokens. The original script's second alignment of the text
is left out: it ruins answers in languages without spaces.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from xpareto.eval.encoding.qa_windows import Windows

N_BEST = 20
LONGEST_ANSWER = 30  # tokens
_SORTED_AT_ONCE = 256  # windows
_CHUNK = 1024  # windows whose 20 x 20 pairs are weighed at once
_PLACE_BITS = 16  # a window has fewer positions than these can count


def n_best(logits: Sequence[np.ndarray]) -> np.ndarray:
    """Return (N, 1 + 20, 4) float32: start position, start logit, end position, end logit.

    logits[w] (length, 2) are the start and end logits of window w. Row 0 is position 0, <s>, which stands
    for "no answer"; then come the best starts and the best ends, each from the largest down, equal ones
    in the order of their positions. Fewer than 20 are filled up with -inf at position 0.
    """
    lengths = np.fromiter((len(rows) for rows in logits), np.int64, len(logits))
    kept = np.zeros((len(logits), 1 + N_BEST, 4), dtype=np.float32)
    kept[:, 1:, 1::2] = -np.inf
    order = np.argsort(lengths, kind="stable")  # little padding
    for at in range(0, len(order), _SORTED_AT_ONCE):
        some = order[at : at + _SORTED_AT_ONCE]
        width = int(lengths[some[-1]])
        flat = np.concatenate([logits[index] for index in some]) + np.float32(0.0)  # -0.0 becomes 0.0
        inside = np.arange(width) < lengths[some, None]
        sides = np.full((len(some), 2, width), -np.inf, dtype=np.float32)
        sides[:, 0][inside], sides[:, 1][inside] = flat.T
        count = min(N_BEST, width)
        places = _largest(sides, count)
        best = np.take_along_axis(sides, places, axis=2)
        kept[some, 0, 1::2] = sides[:, :, 0]
        kept[some, 1 : 1 + count, 0::2] = np.where(best > -np.inf, places, 0).swapaxes(1, 2)
        kept[some, 1 : 1 + count, 1::2] = best.swapaxes(1, 2)
    return kept


def _largest(values: np.ndarray, count: int) -> np.ndarray:
    """Return the positions of the `count` largest of each row, from the largest down, ties by position.

    Value and position make one whole number, so that no two are equal and a partial sort is exact.
    """
    bits = values.view(np.int32)
    keys = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).astype(np.int64)  # in the order of the values
    keys <<= _PLACE_BITS
    keys += np.arange(values.shape[-1] - 1, -1, -1)
    keys.partition(values.shape[-1] - count, axis=-1)
    top = keys[..., -count:]
    top.sort(axis=-1)
    places: np.ndarray = values.shape[-1] - 1 - (top[..., ::-1] & ((1 << _PLACE_BITS) - 1))
    return places


def best_answers(
    windows: Windows, owners: np.ndarray, kept: np.ndarray, null_threshold: float = 0.0
) -> list[str]:
    """Return the answer of every question, "" where no pair of candidates is allowed.

    kept (N, 21, 4) is `n_best` of all N windows, owners (N,) the question of each, in order. In a set
    with unanswerable questions "" also wins where the smallest sum of logits at <s> over the windows
    exceeds the best answer's by more than `null_threshold` (SQuAD 2.0).
    """
    score, start, end = _best_pairs(windows, kept)
    answers = [""] * len(windows.contexts)
    null = np.full(len(answers), np.inf)
    np.minimum.at(null, owners, (kept[:, 0, 1] + kept[:, 0, 3]).astype(np.float64))
    # the best window of each question; of equals the first
    order = np.lexsort((np.arange(len(owners)), -score, owners))
    best = order[np.unique(owners[order], return_index=True)[1]]
    for window, owner in zip(best.tolist(), owners[best].tolist(), strict=True):
        if score[window] == -np.inf:
            continue
        if windows.unanswerable and null[owner] - score[window] > null_threshold:
            continue
        first = windows.offsets[windows.shift[window] + start[window], 0]
        last = windows.offsets[windows.shift[window] + end[window], 1]
        answers[owner] = windows.contexts[owner][first:last]
    return answers


def _best_pairs(windows: Windows, kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (score, start position, end position) of the best allowed pair of each window, each (N,).

    The score is -inf where none is allowed; of equals the better start, then the better end wins.
    """
    score = np.empty(len(kept), dtype=np.float32)
    start, end = np.empty((2, len(kept)), dtype=np.int64)
    for at in range(0, len(kept), _CHUNK):
        rows = slice(at, at + _CHUNK)
        some, base = kept[rows, 1:], windows.base[rows, None]
        starts, ends = some[:, :, 0].astype(np.int64), some[:, :, 2].astype(np.int64)
        # what is not allowed falls out before the pairs are made
        opening = np.where(windows.can_start[base + starts], some[:, :, 1], -np.inf)
        closing = np.where(windows.can_end[base + ends], some[:, :, 3], -np.inf)
        sums = opening[:, :, None] + closing[:, None, :]
        length = ends[:, None, :] - starts[:, :, None]
        sums[(length < 0) | (length >= LONGEST_ANSWER)] = -np.inf
        flat = sums.reshape(len(sums), -1)
        best = flat.argmax(axis=1)
        score[rows] = np.take_along_axis(flat, best[:, None], axis=1)[:, 0]
        one, other = np.divmod(best, sums.shape[2])
        start[rows] = np.take_along_axis(starts, one[:, None], axis=1)[:, 0]
        end[rows] = np.take_along_axis(ends, other[:, None], axis=1)[:, 0]
    return score, start, end
