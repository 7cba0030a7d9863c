"""Scores per task, language and metric, with the outcome and the prediction of every example kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from xpareto.eval.kinds import TUNING, Kind
from xpareto.eval.probing import (
    Answered,
    Ask,
    KeptOutputs,
    MeasurementContext,
    Probe,
    absent,
    answered,
    withheld,
)
from xpareto.eval.records import Measurement
from xpareto.eval.tasks import KINDS, Example, Prediction, Question, Task

CHANCE = "chance"  # the statistic of what is scored without reading an example (see Kind.chance)
VECTORS, LOGITS = "vectors", "logits"  # end the names of files of outputs
RECALL = "recall"  # of the class that the component names, as class=NAME
CLASS = "class="  # leads the component of such a row
ASKED = "asked:"  # leads the name of the array of a language's question numbers


class Accuracy(Probe):
    """One row per task x language x metric, in percent, and one with what needs no model (see Kind.chance).

    Of tasks that a recipe declares, a row with the recall of each class, too, and how many examples it has.

    Outcomes lie in the job's folder as outcomes/<task>.npz: per language an array (examples, k), and
    `columns` with the k names; no pickle. Where questions have ids, `asked:<language>` holds a number of
    each id (examples,), since MLQA asks some of them in several languages. Where a threshold was set,
    outcomes/<task>-tuning.npz holds what a resample needs to set it again (eval.kinds.Tuning): per
    language the rows that were scored and, under <language>-calibration, those of the split that set it,
    if another did. Predictions lie there as predictions/<task>.json: per language a list in the order of
    the examples, of labels, lists of tags, answers or indices, or of the pairs that were mined. A part of
    the vectors and logits lies in outcomes/<task>-vectors.npz and -logits.npz (eval.probing.KeptOutputs). Equal
    jobs give equal bits.
    """

    name = "accuracy"
    taken = "remembered"
    default = True

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield the scores; "missing" rows for a language without data, or with its gold withheld."""
        for training_set in context.artifacts:
            for ask, task in context.asks(training_set):
                yield from _measure(context, training_set, ask, task)


def _measure(context: MeasurementContext, training_set: str, ask: Ask, task: Task) -> Iterator[Measurement]:
    answers: dict[str, Answered] = {}
    outputs = KeptOutputs(len(context.subsets(ask, training_set)))
    for answered_one in answered(context, training_set, ask):
        if not withheld(answered_one.subset.examples):
            outputs.add(answered_one)  # the vectors of all languages at once would take gigabytes
        answers[answered_one.subset.language] = replace(answered_one, reduced=())
    kind: Kind = KINDS.load(task.kind)
    outcomes: dict[str, np.ndarray] = {}
    tuning: dict[str, np.ndarray] = {}
    asked: dict[str, np.ndarray] = {}
    predictions: dict[str, list[Prediction]] = {}
    common = {"task": task.name, "training_set": training_set}
    for language in context.languages(ask, task):
        answer = answers.get(language)
        if answer is not None:
            predictions[language] = answer.predictions
        reason = absent(ask, task) if answer is None else withheld(answer.subset.examples)
        if answer is None or reason:
            for metric in task.metrics:
                yield context.row(
                    "accuracy", metric, None, "percent", **common, language=language,
                    status="missing", error=reason,
                )  # fmt: skip
            continue
        examples = answer.subset.examples
        scored = kind.score(examples, answer.predictions, task, language)
        for metric in task.metrics:
            yield context.row(
                "accuracy", metric, float(scored.metrics[metric]), "percent", **common,
                language=language, examples=kind.trials(examples),
                instrument=f"{ask.split} split",
            )  # fmt: skip
        yield context.row(
            "accuracy", CHANCE, kind.chance(examples, task, language), "percent", **common,
            language=language, examples=kind.trials(examples), instrument=f"{ask.split} split", basis="exact",
        )  # fmt: skip
        recalls = kind.recalls(examples, answer.predictions, task) if task.own else {}
        for label, (hits, gold) in recalls.items():
            yield context.row(
                "accuracy", RECALL, 100.0 * hits / gold, "percent", **common, language=language,
                examples=gold, component=f"{CLASS}{label}", instrument=f"{ask.split} split",
            )  # fmt: skip
        outcomes[language] = scored.outcomes
        numbers = question_numbers(examples)
        if numbers is not None:
            asked[ASKED + language] = numbers
        if answer.tuning is not None:
            tuning[language] = answer.tuning.own
            if answer.tuning.calibration is not None:
                tuning[f"{language}-calibration"] = answer.tuning.calibration
    for name, arrays, columns in (
        (task.name, outcomes | asked, kind.columns_of(task)),
        (f"{task.name}-tuning", tuning, TUNING),
        (f"{task.name}-{VECTORS}", outputs.vectors, ()),
        (f"{task.name}-{LOGITS}", outputs.logits, ()),
    ):
        if arrays:
            target = context.folder / "outcomes" / f"{name}.npz"
            target.parent.mkdir(exist_ok=True)
            named = {"columns": np.array(columns)} if columns else {}
            np.savez_compressed(target, allow_pickle=False, **named, **arrays)
    if predictions:
        target = context.folder / "predictions" / f"{task.name}.json"
        target.parent.mkdir(exist_ok=True)
        target.write_text(json.dumps(predictions, ensure_ascii=False), encoding="utf-8")


def question_numbers(examples: Sequence[Example]) -> np.ndarray | None:
    """Return a number of each question's id (examples,), equal for equal ids; None for other examples.

    >>> one, other, again = question_numbers([Question(name, "", "", ()) for name in "aba"])
    >>> bool(one == again), bool(one == other)
    (True, False)
    """
    ids = [example.id for example in examples if isinstance(example, Question)]
    if not ids or len(ids) != len(examples):
        return None
    digests = [hashlib.sha256(question_id.encode()).digest() for question_id in ids]
    return np.array([int.from_bytes(digest[:8], "big") >> 1 for digest in digests], dtype=np.int64)


PROBE = Accuracy()
