"""What an artifact predicts for the examples of a task, and whether these can be scored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.compress.core import Artifact
from xpareto.eval.kinds import Calibrated, Kind, Tuning
from xpareto.eval.probing.batches import TOKEN_BUDGET, Reduce, run_all
from xpareto.eval.probing.context import MeasurementContext, Subset, sentences_of
from xpareto.eval.probing.request import Ask
from xpareto.eval.tasks import KINDS, Bitext, Example, Prediction, Task

WITHHELD = "gold labels withheld"


@dataclass(frozen=True)
class Answered:
    """One language of a task: a prediction per example, and what set a threshold, if any did.

    `reduced` are what the kind predicted from, one array per sequence (see Kind.reduce).
    """

    subset: Subset
    predictions: list[Prediction]
    tuning: Tuning | None
    reduced: Sequence[np.ndarray]


def answered(context: MeasurementContext, training_set: str, ask: Ask) -> Iterator[Answered]:
    """Yield every language that the data has, with one prediction per example.

    Each language has its own batches: dynamic quantization takes its scale from a whole batch, and what
    a model says in one language must not depend on which others are asked for.
    """
    kind: Kind = KINDS.load(context.data.task(ask.name).kind)
    for subset in context.subsets(ask, training_set):
        reduced = run_all(
            context.session(training_set),
            subset.encoded.input_ids,
            reducer(kind, context.artifacts[training_set]),
            int(context.option("token_budget", TOKEN_BUDGET)),
            pad_id=context.pad_id(training_set),
        )
        if isinstance(kind, Calibrated):
            yield Answered(subset, *kind.answer(subset.encoded, reduced), reduced)
        else:
            yield Answered(subset, kind.predict(subset.encoded, reduced), None, reduced)


def reducer(kind: Kind, artifact: Artifact) -> Reduce:
    """Return what keeps of a padded batch's answer what the kind predicts from, pooled as the model pools.

    A sentence's vector is the mean over its tokens, of which there is one where the model pools them otherwise.
    InputError where the artifact's base pools in a way that xpareto cannot compute.
    """
    sentences = sentences_of(artifact)
    if sentences.is_mean:
        return kind.reduce

    def pooled(output: np.ndarray, lengths: np.ndarray) -> Sequence[np.ndarray]:
        mask = (np.arange(output.shape[1]) < lengths[:, None]).astype(np.int64)
        return kind.reduce(sentences.pooled(output, mask)[:, None], np.ones_like(lengths))

    return pooled


def absent(ask: Ask, asked_task: Task) -> str:
    """Return why a language that was asked for gives no predictions."""
    other = asked_task.calibrated_on(ask.split)
    needed = ask.split if other is None else f"{ask.split} examples, or no {other}"
    return f"no {needed} examples in the data"


def withheld(examples: Sequence[Example]) -> str:
    """Return why examples cannot be scored, "" where every one of them has its gold.

    >>> from xpareto.eval.tasks import Pair
    >>> withheld([Pair("a", "b", "0")]), withheld([Pair("a", "b", None)])
    ('', 'gold labels withheld')
    """
    for example in examples:
        if isinstance(example, Bitext) and not example.aligned:
            return (
                f"{WITHHELD}: the English sentences are sorted, as in XTREME's own download, which hides "
                "their order. Put the English file of facebookresearch/LASER (data/tatoeba/v1) in its place."
            )
        if example.gold is None:
            return WITHHELD
    return ""
