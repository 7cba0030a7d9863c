"""How far a quantized model's predictions moved from its source's, language by language."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compress.artifact import Head
from compress.batching import IGNORED, PAD_ID, Rows, pad
from compress.mixed_search import Reading

Outputs = Mapping[str, np.ndarray]
Run = Callable[[np.ndarray, np.ndarray], Outputs]  # (input_ids, attention_mask) -> outputs by name

_MOST_TOKENS = 4096  # of a batch


@dataclass(frozen=True)
class Sample:
    """Sequences of one language; `labels` as compress.supply.Examples has them, None for plain text."""

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


def predict(run: Run, head: Head, layer: int | None, sample: Sample) -> Predictions:
    """Return the predictions of a model on a sample.

    classification: one decision per sequence. tagging: one per labelled token, or, of plain text, per
    token between the first and the last. qa: two per sequence, start and end among its tokens. choice:
    one per question, whose options are sequences. encoder: the mean of the hidden states that retrieval
    reads, over all tokens.
    """
    rows = sample.rows
    scores: list[np.ndarray | None] = [None] * len(rows.input_ids)
    for at, outputs, mask in _batches(run, rows.input_ids):
        for place, index in enumerate(at):
            scores[index] = _scores(
                {name: value[place] for name, value in outputs.items()}, head, layer, mask[place]
            )
    found = [one for one in scores if one is not None]
    if head == "encoder":
        return Predictions(np.stack(found), np.full(len(found), IGNORED), vectors=True)
    if head == "choice":
        return _questions(np.concatenate(found), rows)
    kept = [_wanted(one, sample, index, head) for index, one in enumerate(found)]
    width = max(one.shape[1] for one, _ in kept)
    padded = [_wide(one, width) for one, _ in kept]
    return Predictions(np.concatenate(padded), np.concatenate([gold for _, gold in kept]))


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
    found = {name: drift(source[name], other[name]) for name in source}
    return Reading(
        {name: points for name, (points, _) in found.items()},
        {name: value if np.isfinite(value) else np.inf for name, (_, value) in found.items()},
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


def _batches(run: Run, sequences: Sequence[Sequence[int]]) -> Iterator[tuple[list[int], Outputs, np.ndarray]]:
    """Run the sequences, those of similar length together; yield their places, outputs and mask."""
    order = sorted(range(len(sequences)), key=lambda index: (-len(sequences[index]), index))
    while order:
        count = max(1, _MOST_TOKENS // max(1, len(sequences[order[0]])))
        at, order = order[:count], order[count:]
        ids = pad([sequences[index] for index in at], PAD_ID)
        mask = (ids != PAD_ID).astype(np.int64)
        yield at, run(ids, mask), mask


def _scores(outputs: Outputs, head: Head, layer: int | None, mask: np.ndarray) -> np.ndarray:
    """Return the scores of one sequence: (decisions, classes), of an encoder (width,)."""
    here = mask == 1
    if head == "encoder":
        states = outputs.get(f"hidden_state_{layer}", outputs["last_hidden_state"])[here].astype(np.float64)
        vector = states.mean(axis=0)
        return vector / max(float(np.linalg.norm(vector)), 1e-12)
    if head == "qa":
        sides = [outputs[name][here] for name in ("start_logits", "end_logits")]
        return _log_softmax(np.stack(sides))
    logits = np.atleast_2d(outputs["logits"])
    if head == "choice":
        return logits.astype(np.float64)
    return _log_softmax(logits[here] if head == "tagging" else logits)


def _wanted(scores: np.ndarray, sample: Sample, index: int, head: Head) -> tuple[np.ndarray, np.ndarray]:
    """Return the decisions of one sequence that count, and what is right."""
    if sample.labelled:
        gold = np.atleast_1d(np.asarray(sample.rows.labels[index], np.int64))
        keep = gold != IGNORED
        return scores[keep], gold[keep]
    if head == "tagging" and len(scores) > 2:
        scores = scores[1:-1]  # what stands between <s> and </s>
    return scores, np.full(len(scores), IGNORED)


def _questions(logits: np.ndarray, rows: Rows) -> Predictions:
    assert rows.options is not None, "a multiple-choice model is shown questions"
    ends = np.cumsum(rows.options)
    parts = [_log_softmax(logits[end - count : end].T) for end, count in zip(ends, rows.options, strict=True)]
    width = max(rows.options)
    return Predictions(
        np.concatenate([_wide(part, width) for part in parts]), np.asarray(rows.labels, np.int64)
    )


def _wide(scores: np.ndarray, width: int) -> np.ndarray:
    return np.pad(scores, ((0, 0), (0, width - scores.shape[1])), constant_values=-np.inf)


def _log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits.astype(np.float64) - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def _divergence(source: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return KL(source || other) per row; classes that cannot be have no part."""
    share = np.exp(source)
    real = np.isfinite(source)
    return np.where(real, share * (np.where(real, source, 0.0) - np.where(real, other, 0.0)), 0.0).sum(
        axis=-1
    )
