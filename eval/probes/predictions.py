"""Predictions for every language, in the files of XTREME's leaderboard."""

from __future__ import annotations

from collections.abc import Iterator

from xpareto.eval.probing import Ask, MeasurementContext, Probe, absent, answered
from xpareto.eval.records import Measurement
from xpareto.eval.submission import file_of, format_of
from xpareto.eval.tasks import Task

FOLDER = "submission"  # below the job's folder, where the files lie as {task}/test-{language}


class Predictions(Probe):
    """One file per task x language in the leaderboard's shape, gold or none; a row counts its examples.

    Where the artifact has its own order of labels, the predicted labels are still their names.
    """

    name = "predictions"
    taken = "by submit"

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield one row per language; "missing" for one without data."""
        for training_set in context.artifacts:
            for ask, task in context.asks(training_set):
                yield from _predict(context, training_set, ask, task)


def _predict(context: MeasurementContext, training_set: str, ask: Ask, task: Task) -> Iterator[Measurement]:
    written: dict[str, int] = {}
    for answer in answered(context, training_set, ask):
        subset = answer.subset
        file = file_of(context.folder / FOLDER, task, subset.language)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(format_of(task).text(subset.examples, answer.predictions), encoding="utf-8")
        written[subset.language] = len(subset.examples)
    common = {"task": task.name, "training_set": training_set}
    for language in context.languages(ask, task):
        if language in written:
            count = written[language]
            yield context.row(
                "predictions", "written", float(count), "examples", **common, language=language,
                examples=count, instrument=f"{ask.split} split",
            )  # fmt: skip
        else:
            yield context.row(
                "predictions", "written", None, "examples", **common, language=language,
                status="missing", error=absent(ask, task),
            )  # fmt: skip


PROBE = Predictions()
