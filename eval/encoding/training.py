"""The labelled examples of a training set as token sequences."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from xpareto.eval.data import Data
from xpareto.eval.encoding.text import TextEncoder, TrainingExamples
from xpareto.eval.tasks import KINDS, training_set


def training_examples(
    data: Data,
    name: str,
    split: Literal["train", "dev"],
    tokenizer_path: Path,
    max_length: int,
    limit: int | None = None,
) -> TrainingExamples:
    """Return the encoded examples of a training set's split; empty when it has no dev split.

    `limit` counts examples of the data; a long tagged sentence still gives several sequences, and a
    question one for each window on its context.
    """
    examples = data.training(name, split, limit)
    if not examples:
        return TrainingExamples([], [])
    encoded: TrainingExamples = KINDS.load(training_set(name).kind).training_examples(
        examples, TextEncoder(tokenizer_path), max_length, data.labels(name)
    )
    return encoded
