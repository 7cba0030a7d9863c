"""Where labels go beside points, so that they cover neither points nor each other."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Box:
    """A rectangle; all lengths are in one unit, for figures points of print."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: Box) -> float:
        """Return the area that two boxes share."""
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return wide * high if wide > 0 and high > 0 else 0.0

    def within(self, other: Box) -> bool:
        """Does the box lie inside another?"""
        return (
            self.left >= other.left and self.right <= other.right
            and self.bottom >= other.bottom and self.top <= other.top
        )  # fmt: skip


@dataclass(frozen=True)
class Anchor:
    """The point that a label of some size belongs beside; one that is not `needed` may go without."""

    x: float
    y: float
    width: float
    height: float
    needed: bool


_ANGLES = 24
_STRAIGHT = 0.38  # of a direction's part along an axis: from here down it counts as across it
_NEAR = (5.0, 9.0, 14.0, 20.0, 28.0, 38.0, 50.0, 65.0)  # from the point to the nearest edge
_FAR = 20.0  # from where on a label that is not needed stays out
_COVERING = 2.0  # what an area shared with points and lines costs, in distances
_HIDING = 200.0  # what a shared area with another label costs, however small
_CROSSING = 60.0  # what a leader across another leader or through a label costs


def placed(
    anchors: Sequence[Anchor], frame: Box, marks: Sequence[Box], lines: Sequence[Box]
) -> list[Box | None]:
    """Return a box for each label, None for one that was left out; labels in their order have first choice.

    Each gets the place inside the frame that covers least of marks, lines (intervals) and the labels
    before it, and whose leader crosses no mark, the nearest among equals. One that is not needed
    stays out rather than cover.
    """
    boxes: list[Box | None] = []
    kept: list[Box] = []
    leaders: list[tuple[float, float, float, float]] = []
    for anchor in anchors:
        best, least = None, math.inf
        for distance, turn in itertools.product(_NEAR, range(_ANGLES)):
            box = _beside(anchor, distance, 2 * math.pi * turn / _ANGLES)
            if not box.within(frame):
                continue
            covered = sum(box.overlap(other) for other in itertools.chain(marks, lines))
            hidden = sum(box.overlap(other) > 0 for other in kept)
            line = leader(anchor, box)
            crossed = sum(_cross(line, other) for other in leaders)
            crossed += sum(_through(line, other) for other in kept) + sum(
                _through(earlier, box) for earlier in leaders
            )
            crossed += sum(_through(line, other) for other in marks if not _holds(other, anchor))
            if not anchor.needed and (covered or hidden or crossed or distance > _FAR):
                continue
            cost = distance + _COVERING * covered + _HIDING * hidden + _CROSSING * crossed
            if cost < least:
                best, least = box, cost
        boxes.append(best)
        if best is not None:
            kept.append(best)
            leaders.append(leader(anchor, best))
    return boxes


def leader(anchor: Anchor, box: Box) -> tuple[float, float, float, float]:
    """Return the line from the point to the nearest place on the label's edge, as x, y, x, y.

    >>> leader(Anchor(0.0, 0.0, 4.0, 2.0, True), Box(3.0, 1.0, 7.0, 3.0))
    (0.0, 0.0, 3.0, 1.0)
    """
    x = min(max(anchor.x, box.left), box.right)
    y = min(max(anchor.y, box.bottom), box.top)
    return anchor.x, anchor.y, x, y


def _beside(anchor: Anchor, distance: float, angle: float) -> Box:
    """Return the box so far from the point in that direction: a corner or an edge's middle is nearest."""
    left = _start(anchor.x, math.cos(angle), distance, anchor.width)
    bottom = _start(anchor.y, math.sin(angle), distance, anchor.height)
    return Box(left, bottom, left + anchor.width, bottom + anchor.height)


def _start(at: float, toward: float, distance: float, size: float) -> float:
    edge = at + toward * distance
    if abs(toward) < _STRAIGHT:
        return edge - size / 2
    return edge if toward > 0 else edge - size


def _cross(one: Sequence[float], other: Sequence[float]) -> bool:
    def side(line: Sequence[float], x: float, y: float) -> float:
        return (line[2] - line[0]) * (y - line[1]) - (line[3] - line[1]) * (x - line[0])

    return (
        side(one, *other[:2]) * side(one, *other[2:]) < 0
        and side(other, *one[:2]) * side(other, *one[2:]) < 0
    )


def _holds(box: Box, anchor: Anchor) -> bool:
    return box.left <= anchor.x <= box.right and box.bottom <= anchor.y <= box.top


def _through(line: Sequence[float], box: Box) -> bool:
    edges = (
        (box.left, box.bottom, box.right, box.top),
        (box.left, box.top, box.right, box.bottom),
    )
    return any(_cross(line, edge) for edge in edges)
