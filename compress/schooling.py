"""Fit a student to what its teacher says of a curriculum, as a step's fields ask for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from compress.curriculum import Curriculum, Shown
from compress.step import Context

if TYPE_CHECKING:
    from compress.fit import Fitted
    from compress.teaching import TeacherLoss


def school(
    settings: Any,
    learner: Any,
    loss: TeacherLoss,
    lessons: Shown,
    curriculum: Curriculum,
    context: Context,
    *,
    learning_rate: float,
) -> Fitted:
    """Train `loss.learner()` in place on the lessons of a curriculum and return what happened.

    `settings` is a step with the fields of a schedule and epochs, steps (None: by epochs), batch_size,
    evaluations_per_epoch. The dev score is that of the student, where the curriculum has dev examples.
    """
    from compress.dev_score import dev_score
    from compress.fit import fit, schedule_of
    from compress.training_state import Saving

    per_epoch = math.ceil(curriculum.size / settings.batch_size)
    dev, head = curriculum.dev, curriculum.head
    return fit(
        learner,
        lessons,
        loss,
        schedule_of(
            settings,
            steps=settings.steps or math.ceil(settings.epochs * per_epoch),
            learning_rate=learning_rate,
            evaluate_every=max(1, per_epoch // settings.evaluations_per_epoch),
        ),
        seed=context.seed,
        threads=context.threads,
        progress=context.progress,
        dev=(lambda taught: dev_score(taught.student, head, dev)) if dev is not None else None,
        saving=Saving(context.scratch, context.save_minutes),
    )
