"""Fit a student to what its teacher says of distillation data, as a step's fields ask for."""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any

from xpareto.compress.core import Context
from xpareto.compress.distillation.batches import StudentBatches
from xpareto.compress.distillation.loss import TeacherLoss
from xpareto.compress.distillation.objectives import Objectives
from xpareto.compress.heads import HEADS
from xpareto.compress.models import freeze
from xpareto.compress.training import DevScores, Fitted, TrainingData, compacted, fit_step, suited_rate


def shown_to(
    student: Any, loss: TeacherLoss, data: TrainingData, objectives: Objectives
) -> AbstractContextManager[TrainingData]:
    """Let a student have the embedding rows alone that the data show; the teacher is asked in its own ids.

    With a masked LM's answers among the objectives the table stays whole, since all of it is predicted.
    """
    whole = HEADS[data.tasks[0].head].predicts_tokens and objectives.answers
    return compacted(student, data, whole=whole, beside=loss.in_ids_of)


def train_student(
    settings: Any,
    learner: Any,
    loss: TeacherLoss,
    batches: StudentBatches,
    data: TrainingData,
    context: Context,
    *,
    learning_rate: float,
) -> Fitted:
    """Train `loss.learner()` in place and return what happened; see `fit_step` for the settings.

    The dev score is that of the student, where the data have dev examples.
    """
    dev = DevScores(data, lambda learner, _: learner.student) if data.dev else None
    return fit_step(
        settings, learner, batches, loss, context, examples=data.size, learning_rate=learning_rate, dev=dev
    )


def distilled(
    settings: Any,
    student: Any,
    loss: TeacherLoss,
    data: TrainingData,
    objectives: Objectives,
    context: Context,
) -> dict[str, Any]:
    """Train a student in place on data of which it sees its own pieces only; return notes.

    `settings`: those of `train_student`, with learning_rate, text_share and freeze. `parts` in the notes are
    what each objective is on one batch before and after.
    """
    with shown_to(student, loss, data, objectives) as shown:
        learner = loss.learner()
        if settings.freeze is not None:
            freeze(student, settings.freeze)
        before_batches, batches, after_batches = (
            StudentBatches(shown, settings.batch_size, settings.text_share, context.seed) for _ in range(3)
        )
        before = loss.probed(learner, before_batches, threads=context.threads)
        rate = suited_rate(settings.learning_rate, student.config.hidden_size)
        started = time.monotonic()
        fitted = train_student(settings, learner, loss, batches, shown, context, learning_rate=rate)
        seconds = time.monotonic() - started
        after = loss.probed(learner, after_batches, threads=context.threads)
    return {
        **fitted.notes(),
        "examples": data.size,
        "epochs": round(fitted.steps * settings.batch_size / data.size, 3),
        "languages": data.languages,
        "parts": {name: {"before": before[name], "after": after[name]} for name in before},
        "tokens_per_second": round(batches.tokens / max(seconds, 1e-9)),
    }
