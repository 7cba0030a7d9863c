"""One tag per word, scored by F1 over what the tags span, and by token accuracy.

Tags with an O among them are IOB and span entities (PANX); bare tags span chunks of equal
neighbours, the legacy score of UDPOS. Both are counted as seqeval 0.0.12 counts them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import CONLL, TABLES, supertagged, tagged, tagged_rows, word_columns
from xpareto.eval.encoding import IGNORED, Encoded, TextEncoder, TrainingExamples, encode_tagged
from xpareto.eval.kinds._kind import Kind, finite
from xpareto.eval.metrics.accuracy import accuracy
from xpareto.eval.metrics.chunk_f1 import chunk_counts, f1
from xpareto.eval.metrics.entity_f1 import entity_counts
from xpareto.eval.submission import Tags
from xpareto.eval.tasks import Example, HubSource, Prediction, Tagged, Task, TrainingSet

_COMMONEST = 3  # tags that are tried on every word
_OUTSIDE = "O"  # a word outside of any entity: only IOB tags have it


class Tag(Kind):
    """See eval.kinds.Kind. A word has the tag of its first subword; pieces are joined again."""

    name = "tag"
    leaderboard = Tags()
    labels_in_data = True
    columns = ("matching", "predicted", "gold", "correct", "tokens")
    units: ClassVar[Mapping[str, str]] = {"f1": "gold", "accuracy": "tokens"}

    def read(
        self,
        files: Sequence[Path],
        wanted: Task | TrainingSet,
        labelled: bool,
        translated: bool = False,
        limit: int | None = None,
    ) -> list[Example]:
        (file,) = files
        if isinstance(wanted, Task) and wanted.own:
            if file.suffix in TABLES and file.suffix not in CONLL:
                return [*tagged_rows(file, wanted.columns, wanted.labels, labelled, wanted.where)]
            return [*word_columns(file, wanted.columns, wanted.labels, labelled)]
        return [*(tagged(file, wanted.labels, labelled, limit) if wanted.labels else supertagged(file))]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        words, tags = row[source.columns["words"]], [label(tag) for tag in row[source.columns["tags"]]]
        if len(tags) != len(words):
            raise InputError(f"{where}: {len(words)} words but {len(tags)} tags.")
        known = tuple(tag for tag in tags if tag is not None)
        return Tagged(tuple(words), known if len(known) == len(words) else None)

    def labels_of(self, examples: Sequence[Example]) -> tuple[str, ...]:
        return tuple(sorted({tag for sentence in _sentences(examples) for tag in sentence.tags or ()}))

    def training_examples(
        self, examples: Sequence[Example], tokenizer: TextEncoder, max_length: int, labels: Sequence[str]
    ) -> TrainingExamples:
        sentences, index = _sentences(examples), {label: number for number, label in enumerate(labels)}
        encoded = encode_tagged(sentences, tokenizer, max_length)
        golds = [iter(sentence.tags or ()) for sentence in sentences]
        targets = []
        for ids, owner, starts in zip(encoded.input_ids, encoded.owners, encoded.starts, strict=True):
            row = [IGNORED] * len(ids)
            for position in starts:
                row[position] = index[next(golds[owner])]
            targets.append(row)
        return TrainingExamples(encoded.input_ids, targets)

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> Encoded:
        return encode_tagged(_sentences(examples), tokenizer, task.max_length, task.labels)

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        best = output.argmax(axis=-1).astype(np.int16)
        peak = np.take_along_axis(output, best[..., None].astype(np.int64), axis=-1)[..., 0]
        for row, length in zip(peak, lengths, strict=True):  # NaN wins an argmax, so the peak shows it
            finite(row[:length])
        return [row[:length].copy() for row, length in zip(best, lengths, strict=True)]

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        tags: list[list[str]] = [[] for _ in range(encoded.examples)]
        for owner, starts, best in zip(encoded.owners, encoded.starts, reduced, strict=True):
            tags[owner].extend(encoded.labels[number] for number in best[starts].tolist())
        return [tuple(sentence) for sentence in tags]

    def blind_answers(self, examples: Sequence[Example], task: Task) -> Iterator[Sequence[Prediction]]:
        """Yield one tag on every word, for each of the commonest tags that count as an answer."""
        sentences = _sentences(examples)
        counts = Counter(tag for sentence in sentences for tag in sentence.tags or () if tag != _OUTSIDE)
        for tag, _ in counts.most_common(_COMMONEST):
            yield [(tag,) * len(sentence.words) for sentence in sentences]

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        sentences = _sentences(examples)
        gold = [sentence.tags for sentence in sentences if sentence.tags is not None]
        if len(gold) != len(examples):
            raise InputError("The gold tags of this test set are withheld: it cannot be scored here.")
        predicted_tags = [prediction for prediction in predictions if isinstance(prediction, tuple)]
        spans = (entity_counts if _OUTSIDE in task.labels else chunk_counts)(gold, predicted_tags)
        words = [
            (sum(map(str.__eq__, ours, theirs)), len(theirs))
            for ours, theirs in zip(predicted_tags, gold, strict=True)
        ]
        return np.concatenate([spans, np.array(words, dtype=np.int64).reshape(-1, 2)], axis=1)

    def recalls(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
    ) -> dict[str, tuple[int, int]]:
        """Return the counts of each tag, over words."""
        pairs = [
            pair
            for sentence, tags in zip(_sentences(examples), predictions, strict=True)
            if isinstance(tags, tuple)
            for pair in zip(sentence.tags or (), tags, strict=True)
        ]
        counts, hits = Counter(gold for gold, _ in pairs), Counter(gold for gold, tag in pairs if gold == tag)
        return {tag: (hits[tag], counts[tag]) for tag in task.labels if counts[tag]}

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "f1": f1(totals[..., 0], totals[..., 1], totals[..., 2]),
            "accuracy": accuracy(totals[..., 3], totals[..., 4]),
        }


def _sentences(examples: Sequence[Example]) -> list[Tagged]:
    return [example for example in examples if isinstance(example, Tagged)]


KIND = Tag()
