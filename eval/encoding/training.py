"""The labelled examples of a training set as token sequences."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import numpy as np

from xpareto.eval.data import Data
from xpareto.eval.encoding.text import Encoded, TextEncoder, TrainingExamples
from xpareto.eval.tasks import KINDS, Example, Task


def training_examples(
    data: Data,
    name: str,
    split: Literal["train", "dev"],
    tokenizer_path: Path,
    max_length: int,
    limit: int | None = None,
    labels: Sequence[str] | None = None,
) -> TrainingExamples:
    """Return the encoded examples of a training set's split; empty when it has no dev split.

    `labels` are the set's own in the order of a model's outputs, None: as the data have them.

    `limit` counts examples of the data; a long tagged sentence still gives several sequences, and a
    question one for each window on its context.
    """
    examples = data.training(name, split, limit)
    if not examples:
        return TrainingExamples([], [])
    known, tokenizer = data.training_set(name), TextEncoder(tokenizer_path)
    labels = tuple(labels) if labels is not None else data.labels(name)
    kind: Any = KINDS.load(known.kind)  # an eval.kinds.Kind
    encoded: TrainingExamples = kind.training_examples(examples, tokenizer, max_length, labels)
    if split != "dev" or not known.dev_metrics:
        return encoded
    task = Task(
        known.name, known.kind, "", ("en",), known.name, known.dev_metrics, labels, max_length,
        scored_by=len(known.dev_metrics),
    )  # fmt: skip
    return replace(encoded, metric=_metric(kind, examples, kind.encode(examples, tokenizer, task), task))


def _metric(
    kind: Any, examples: Sequence[Example], encoded: Encoded, task: Task
) -> Callable[[Sequence[np.ndarray]], float]:
    """Return the mean of the task's metrics as a function of a model's output for each sequence."""

    def score(outputs: Sequence[np.ndarray]) -> float:
        reduced = [kind.reduce(output[None], np.array([len(output)]))[0] for output in outputs]
        scored = kind.score(examples, kind.predict(encoded, reduced), task, "en")
        return fmean(scored.metrics.values())

    return score
