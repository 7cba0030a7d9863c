"""Answers that changed against the baseline's, beside the scores that may hide it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.eval.kinds import Kind, Resampled
from xpareto.eval.tasks import Prediction, Task


@dataclass(frozen=True)
class Flips:
    """Of `examples`, how many answers changed, and in how many the score of the answer fell or rose.

    A changed answer whose score stays (wrong before and after, say) counts as changed alone.
    """

    examples: int
    changed: int
    lost: int
    won: int

    def __add__(self, other: Flips) -> Flips:
        return Flips(
            self.examples + other.examples,
            self.changed + other.changed,
            self.lost + other.lost,
            self.won + other.won,
        )


NONE = Flips(0, 0, 0, 0)


def flips(
    task: Task,
    kind: Kind,
    before: tuple[Sequence[Prediction], np.ndarray],
    after: tuple[Sequence[Prediction], np.ndarray],
) -> Flips:
    """Return the flips of one language from predictions and outcomes (examples, columns) of two models.

    The score of one answer is the task's score on that example alone. Where an example is no trial of
    its own (an English sentence of mined pairs, which nobody is asked about) both are empty, and it
    does not count, and none does of a kind whose answers are right or wrong only together. ValueError when the models
    did not answer the same examples.
    """
    if isinstance(kind, Resampled):
        return NONE
    (old, old_outcomes), (new, new_outcomes) = before, after
    if not len(old) == len(new) == len(old_outcomes) == len(new_outcomes):
        raise ValueError(
            f"expected answers to the same examples, found {len(old)} and {len(new)} answers "
            f"with {len(old_outcomes)} and {len(new_outcomes)} outcomes"
        )
    asked = old_outcomes.any(axis=1) | new_outcomes.any(axis=1)
    changed = np.array([_plain(x) != _plain(y) for x, y in zip(old, new, strict=True)], dtype=bool)
    scored = task.metrics[: task.scored_by]
    was, now = (kind.example_scores(outcomes, scored) for outcomes in (old_outcomes, new_outcomes))
    return Flips(
        int(asked.sum()),
        int((changed & asked).sum()),
        int((now < was - 1e-9).sum()),
        int((now > was + 1e-9).sum()),
    )


def _plain(prediction: object) -> object:
    """Return a prediction as JSON gives it back: lists for tuples."""
    return list(prediction) if isinstance(prediction, tuple) else prediction
