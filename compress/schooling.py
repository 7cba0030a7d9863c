"""Fit a student to what its teacher says of a curriculum, as a step's fields ask for."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

from compress.curriculum import Curriculum, Shown
from compress.learning_rate import suited_rate
from compress.step import Context

if TYPE_CHECKING:
    from compress.fit import Fitted
    from compress.objectives import Objectives
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


def taught(
    settings: Any,
    student: Any,
    loss: TeacherLoss,
    whole: Curriculum,
    objectives: Objectives,
    context: Context,
) -> dict[str, Any]:
    """Train a student in place on a curriculum of which it sees its own pieces only; return notes.

    `settings`: those of `school`, with learning_rate, text_share and freeze. `parts` in the notes are what
    each objective is on one batch before and after.
    """
    from compress.curriculum import compacted
    from compress.freezing import freeze

    with compacted(student, loss, whole, objectives) as shown:
        learner = loss.learner()
        if settings.freeze is not None:
            freeze(student, settings.freeze)
        probe = [shown.lessons(settings.batch_size, settings.text_share, context.seed) for _ in range(2)]
        before = loss.probed(learner, probe[0], threads=context.threads)
        lessons = shown.lessons(settings.batch_size, settings.text_share, context.seed)
        rate = suited_rate(settings.learning_rate, student.config.hidden_size)
        started = time.monotonic()
        fitted = school(settings, learner, loss, lessons, shown, context, learning_rate=rate)
        seconds = time.monotonic() - started
        after = loss.probed(learner, probe[1], threads=context.threads)
    return {
        **fitted.notes(),
        "examples": whole.size,
        "epochs": round(fitted.steps * settings.batch_size / whole.size, 3),
        "languages": whole.languages,
        "parts": {name: {"before": before[name], "after": after[name]} for name in before},
        "tokens_per_second": round(lessons.tokens / max(seconds, 1e-9)),
    }
