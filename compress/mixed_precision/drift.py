"""How far a quantized model's predictions moved from its source's, language by language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from xpareto.compress.core import Head
from xpareto.compress.data import IGNORED, Rows, pad
from xpareto.compress.heads import HEADS, Outputs, SentenceVectors
from xpareto.compress.mixed_precision.path_search import Reading

Run = Callable[[np.ndarray, np.ndarray], Outputs]  # (input_ids, attention_mask) -> outputs by name

_MOST_TOKENS = 4096  # of a batch


@dataclass(frozen=True)
class Sample:
    """Sequences of one language; `labels` as compress.core.data_protocol.Examples has them, None for plain text."""

    name: str
    rows: Rows
    labelled: bool = False


@dataclass(frozen=True)
class Predictions:
    """What a model says of a sample, one row per decision.

    scores (decisions, classes): log-probabilities, -inf where a class cannot be. An encoder's are unit
    vectors, one per sequence. `gold` (decisions,): the right class, IGNORED where none is known.
    """

    scores: np.ndarray
    gold: np.ndarray
    vectors: bool = False

    def answers(self) -> np.ndarray:
        """Return the decision of each row: the best class; of vectors the nearest other one."""
        if not self.vectors:
            return self.scores.argmax(axis=-1)
        alike = self.scores @ self.scores.T
        np.fill_diagonal(alike, -np.inf)
        return alike.argmax(axis=-1)


def predict(
    run: Run,
    head: Head,
    layer: int | None,
    sample: Sample,
    pad_id: int,
    sentences: SentenceVectors | None = None,
) -> Predictions:
    """Return the predictions of a model on a sample.

    classification: one decision per sequence, of several labels one per label. tagging: one per labelled
    token, or, of plain text, per token between the first and the last. qa: two per sequence, start and end
    among its tokens. choice: one per question, whose options are sequences. encoder: the hidden states that retrieval
    reads, pooled as `sentences` say (None: their mean over all tokens).
    """
    rows, spec = sample.rows, HEADS[head]
    scores: list[np.ndarray | None] = [None] * len(rows.input_ids)
    for at, outputs, mask in _batches(run, rows.input_ids, pad_id):
        if sentences is not None and not (sentences.is_mean or spec.has_logits):
            outputs = {name: sentences.pooled(states, mask)[:, None] for name, states in outputs.items()}
            mask = np.ones((len(at), 1), np.int64)
        for place, index in enumerate(at):
            row_outputs = {name: value[place] for name, value in outputs.items()}
            scores[index] = spec.scores(row_outputs, layer, mask[place])
    every = [one for one in scores if one is not None]
    return Predictions(*spec.decisions(every, rows, sample.labelled), vectors=not spec.has_logits)


def drift(source: Predictions, other: Predictions) -> tuple[float, float]:
    """Return (points lost, divergence) of a model against its source on one sample.

    Points: with labels, what the share of right decisions falls by, in percent (negative where it
    rises). Without labels the share of decisions that changed: no accuracy can fall by more. Divergence:
    the mean Kullback-Leibler divergence from the source's probabilities, in nats; of an encoder 1 - cosine.
    """
    known = source.gold != IGNORED
    ours, theirs = source.answers(), other.answers()
    if known.any():
        gold = source.gold[known]
        points = 100 * float((ours[known] == gold).mean() - (theirs[known] == gold).mean())
    else:
        points = 100 * float((ours != theirs).mean())
    if source.vectors:
        return points, float(np.mean(1 - np.sum(source.scores * other.scores, axis=-1)))
    return points, float(np.mean(_divergence(source.scores, other.scores)))


def reading(source: Mapping[str, Predictions], other: Mapping[str, Predictions]) -> Reading:
    """Return the drift of every sample by name; a divergence that is not finite counts as infinite."""
    drifts = {name: drift(source[name], other[name]) for name in source}
    return Reading(
        {name: points for name, (points, _) in drifts.items()},
        {name: value if np.isfinite(value) else np.inf for name, (_, value) in drifts.items()},
    )


def halves(sample: Sample) -> tuple[Sample, Sample]:
    """Return every other example of a sample, and the others: one to choose by, one to accept by."""
    widths = sample.rows.options or [1] * len(sample.rows.input_ids)
    ends = np.cumsum(widths)
    parts = []
    for first in (0, 1):
        at = range(first, len(widths), 2)
        ids = [
            row for index in at for row in sample.rows.input_ids[ends[index] - widths[index] : ends[index]]
        ]
        options = [widths[index] for index in at] if sample.rows.options is not None else None
        labels: list[Any] = [sample.rows.labels[index] for index in at]
        parts.append(Sample(sample.name, Rows(ids, labels, options), sample.labelled))
    return parts[0], parts[1]


def _batches(
    run: Run, sequences: Sequence[Sequence[int]], pad_id: int
) -> Iterator[tuple[list[int], Outputs, np.ndarray]]:
    """Run the sequences, those of similar length together; yield their places, outputs and mask."""
    order = sorted(range(len(sequences)), key=lambda index: (-len(sequences[index]), index))
    while order:
        count = max(1, _MOST_TOKENS // max(1, len(sequences[order[0]])))
        at, order = order[:count], order[count:]
        ids = pad([sequences[index] for index in at], pad_id)
        mask = (ids != pad_id).astype(np.int64)
        yield at, run(ids, mask), mask


def _divergence(source: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return KL(source || other) per row; classes that cannot be have no part."""
    share = np.exp(source)
    real = np.isfinite(source)
    return np.where(real, share * (np.where(real, source, 0.0) - np.where(real, other, 0.0)), 0.0).sum(
        axis=-1
    )
