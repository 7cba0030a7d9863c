"""Which layer of a teacher a layer of its student learns from, and which layers a student is made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from xpareto.compress.core import InputError
from xpareto.compress.models import Place, at_places

Map = Literal["uniform", "last"]


def taken_layers(
    take: Place | Sequence[int], few: int, many: int, *, lowest_stays: bool = False
) -> tuple[int, ...]:
    """Return which of `many` layers (from 0) a student of `few` layers is made of, in order.

    InputError where there are not so many, or where a list does not name `few` layers in rising order, or leaves
    out the lowest where it has to stay.

    >>> taken_layers("spread", 3, 6), taken_layers([0, 2], 2, 6)
    ((1, 3, 5), (0, 2))
    """
    if few > many:
        raise InputError(
            f"distill: student: layers: expected at most {many}, the layers of the source, found {few}. Lower "
            "it, or set init: fresh."
        )
    if isinstance(take, str):
        return at_places(take, many, few, lowest_stays=lowest_stays)
    if list(take) != sorted(set(take)) or len(take) != few or min(take) < 0 or max(take) >= many:
        raise InputError(
            f"distill: student: take: expected {few} different layers of 0 to {many - 1} in rising order, "
            f"found {list(take)}."
        )
    if lowest_stays and take[0] != 0:
        raise InputError(
            "distill: student: take: the lowest layer of this architecture has other parts than the rest: name 0."
        )
    return tuple(take)


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
    pairs = tuple((int(student_layer), int(teacher_layer)) for student_layer, teacher_layer in layers)
    for student_layer, teacher_layer in pairs:
        if not (first <= student_layer <= student and first <= teacher_layer <= teacher):
            raise InputError(
                f"distill: layers: expected pairs of a student's layer ({first} to {student}) and a teacher's "
                f"({first} to {teacher}), found [{student_layer}, {teacher_layer}]."
            )
    return pairs


def picked_layer(wanted: int | None, layers: int, whose: str) -> int:
    """Return a layer counted from 1: the last where none is wanted; InputError where there is none such."""
    if wanted is not None and wanted > layers:
        raise InputError(
            f"distill: {whose}_layer: expected 1 to {layers}, the {whose}'s layers, found {wanted}."
        )
    return layers if wanted is None else wanted


def layer_read(layer: int | None, student: int, teacher: int) -> int | None:
    """Return the hidden state that retrieval reads of a student: the one at the same relative depth.

    `layer` is that of the teacher; None is the last one, and so is the number of all layers.

    >>> layer_read(2, 2, 4), layer_read(4, 2, 4), layer_read(0, 2, 4), layer_read(None, 2, 4)
    (1, None, 0, None)
    """
    if layer is None:
        return None
    same = _round(layer * student, teacher)
    return same if same < student else None


def _round(numerator: int, denominator: int) -> int:
    """Return the nearest integer of a fraction, halves up."""
    return (2 * numerator + denominator) // (2 * denominator)
