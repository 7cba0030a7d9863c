"""Which layer of a teacher a layer of its student learns from, and which layers a student is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from compress.errors import InputError

Take = Literal["uniform", "lowest", "highest"]
Map = Literal["uniform", "last"]


def taken_layers(take: Take | Sequence[int], few: int, many: int) -> tuple[int, ...]:
    """Return which of `many` layers (from 0) a student of `few` layers is made of, in order.

    uniform: evenly, the first and the last among them, as DistilBERT's six of BERT's twelve. InputError
    where there are not so many, or where a list does not name `few` layers in rising order.

    >>> taken_layers("uniform", 6, 12), taken_layers("highest", 2, 6)
    ((0, 2, 4, 7, 9, 11), (4, 5))
    """
    if few > many:
        raise InputError(
            f"distill: student: layers: expected at most {many}, the layers of the source, found {few}. Lower "
            "it, or set init: fresh."
        )
    if not isinstance(take, str):
        if list(take) != sorted(set(take)) or len(take) != few or min(take) < 0 or max(take) >= many:
            raise InputError(
                f"distill: student: take: expected {few} different layers of 0 to {many - 1} in rising order, "
                f"found {list(take)}."
            )
        return tuple(take)
    if take == "lowest":
        return tuple(range(few))
    if take == "highest":
        return tuple(range(many - few, many))
    return tuple(_round(at * (many - 1), max(1, few - 1)) for at in range(few))


def layer_pairs(
    layers: Map | Sequence[Sequence[int]], student: int, teacher: int, *, first: int
) -> tuple[tuple[int, int], ...]:
    """Return (student layer, teacher layer) pairs; layer 0 are the embeddings, layers count from 1.

    `student` and `teacher` are the numbers of layers, `first` the lowest layer that has what is learned
    (0 for hidden states, 1 for attention). uniform: g(m) = m N / M, rounded (TinyBERT, Jiao et al. 2020,
    section 4.1); last: the last ones alone.

    >>> layer_pairs("uniform", 3, 6, first=0), layer_pairs("last", 3, 6, first=1)
    (((0, 0), (1, 2), (2, 4), (3, 6)), ((3, 6),))
    """
    if layers == "last":
        return ((student, teacher),)
    if layers == "uniform":
        return tuple((at, _round(at * teacher, student)) for at in range(first, student + 1))
    pairs = tuple((int(own), int(other)) for own, other in layers)
    for own, other in pairs:
        if not (first <= own <= student and first <= other <= teacher):
            raise InputError(
                f"distill: layers: expected pairs of a student's layer ({first} to {student}) and a teacher's "
                f"({first} to {teacher}), found [{own}, {other}]."
            )
    return pairs


def picked_layer(wanted: int | None, layers: int, whose: str) -> int:
    """Return a layer counted from 1: the last where none is wanted; InputError where there is none such."""
    if wanted is not None and wanted > layers:
        raise InputError(
            f"distill: {whose}_layer: expected 1 to {layers}, the {whose}'s layers, found {wanted}."
        )
    return layers if wanted is None else wanted


def _round(numerator: int, denominator: int) -> int:
    """Return the nearest integer of a fraction, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)
