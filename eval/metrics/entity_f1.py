"""Entity F1 over IOB tags, as seqeval 0.0.12 gives it: XTREME's official score of PANX.

Invalid IOB is read leniently: an I- that follows another type, or nothing, begins an entity. E- and
S- (IOBES) are read too. The F1 of summed counts is `eval.metrics.chunk_f1.f1`, which is 0 where
neither side has an entity.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_OUTSIDE = "O"
_PREFIXES = "BIES"


def entity_counts(gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]) -> np.ndarray:
    """Return (matching, predicted, gold) entities of each sentence, shape (sentences, 3), int64.

    Entities match when they begin and end at the same words and have the same type, which is what
    stands after the last hyphen. ValueError when a sentence has another number of tags than its gold,
    or a tag is neither O nor a prefix (B, I, E, S), a hyphen and a type.

    >>> entity_counts([["B-PER", "I-PER", "O"]], [["I-PER", "I-PER", "I-LOC"]]).tolist()
    [[1, 2, 1]]
    """
    lengths = np.array([len(tags) for tags in gold], dtype=np.int64)
    if [len(tags) for tags in predicted] != lengths.tolist():
        raise ValueError("predicted and gold sentences differ in length")
    names = sorted({_OUTSIDE}.union(*(tags for side in (gold, predicted) for tags in side)))
    odd = [name for name in names if name != _OUTSIDE and not _is_entity(name)]
    if odd:
        raise ValueError(f"not IOB tags: {odd}")
    types = sorted({_type(name) for name in names})
    number = {name: position for position, name in enumerate(names)}
    type_of = np.array([types.index(_type(name)) for name in names], dtype=np.int64)
    starts, ends = _borders(names)
    # every sentence is followed by one O, which closes its last entity
    after = np.cumsum(lengths + 1)
    sentence = np.repeat(np.arange(len(lengths)), lengths + 1)
    entities = []
    for side in (gold, predicted):
        ids = np.full(int(after[-1]) if len(after) else 0, number[_OUTSIDE], dtype=np.int64)
        words = np.ones(len(ids), dtype=bool)
        words[after - 1] = False
        ids[words] = [number[tag] for tags in side for tag in tags]
        before = np.concatenate([[number[_OUTSIDE]], ids[:-1]]).astype(np.int64)
        first = np.flatnonzero(starts[before, ids])
        entities.append((first, np.flatnonzero(ends[before, ids]), type_of[ids[first]]))
    (gold_first, gold_last, gold_type), (first, last, kind) = entities
    same, in_gold, in_predicted = np.intersect1d(gold_first, first, return_indices=True)
    equal = (gold_last[in_gold] == last[in_predicted]) & (gold_type[in_gold] == kind[in_predicted])
    places = (same[equal], first, gold_first)
    counts = [np.bincount(sentence[at], minlength=len(lengths)) for at in places]
    return np.stack(counts, axis=1).astype(np.int64)


def _is_entity(tag: str) -> bool:
    return len(tag) > 2 and tag[0] in _PREFIXES and tag[1] == "-" and not tag.endswith("-")


def _type(tag: str) -> str:
    return tag.rpartition("-")[2]


def _borders(names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return (begins[i, j], ends[i, j]): does tag j begin an entity after tag i; does i end one there?"""
    starts = np.zeros((len(names), len(names)), dtype=bool)
    ends = np.zeros_like(starts)
    for i, before in enumerate(names):
        for j, tag in enumerate(names):
            joined = (
                before != _OUTSIDE
                and tag != _OUTSIDE
                and _type(before) == _type(tag)
                and before[0] in "BI"
                and tag[0] in "IE"
            )
            starts[i, j] = tag != _OUTSIDE and not joined
            ends[i, j] = before != _OUTSIDE and not joined
    return starts, ends
