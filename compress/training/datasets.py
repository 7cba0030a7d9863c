"""What a training learns from, in memory: labelled sets and texts, their batches, and dev sets to choose by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from xpareto.compress.core import SpecialTokens
from xpareto.compress.data import Batches, Draws, Epochs, Lines, MaskedBatches, Mixture, Rows
from xpareto.compress.training.embedding_subset import Remap, compact_rows
from xpareto.compress.training.multitask import TaskHead
from xpareto.compress.training.validation import dev_score


@dataclass(frozen=True)
class Text:
    """Lines by language as ids without special tokens, and how they are shown.

    `translation` is the share of inputs that are two translations of a line, `mask` that of the tokens to
    be guessed; 0: none.
    """

    lines: Lines
    max_length: int
    translation: float = 0.0
    mask: float = 0.0


@dataclass(frozen=True)
class Dataset:
    """One source of batches, read: what notes call it, the number of its task, and how many examples it has."""

    shown: str
    task: int
    size: int  # sequences, windows, questions, lines
    content: Rows | Text

    def sequences(self) -> Iterator[Sequence[int]]:
        """Yield every sequence or line."""
        if isinstance(self.content, Rows):
            yield from self.content.input_ids
        else:
            for rows in self.content.lines.values():
                yield from rows

    def mapped(self, remap: Remap) -> Dataset:
        """Return the dataset in the ids of a smaller table."""
        content = self.content
        if isinstance(content, Rows):
            return replace(self, content=replace(content, input_ids=remap(content.input_ids)))
        lines = {language: remap(rows) for language, rows in content.lines.items()}
        return replace(self, content=replace(content, lines=lines))

    def batches(self, batch_size: int, seed: int, special: SpecialTokens) -> Batches:
        """Return its batches, by number."""
        if isinstance(self.content, Rows):
            return Epochs(self.content, batch_size, seed, special.pad)
        return MaskedBatches(
            self.content.lines,
            batch_size=batch_size,
            max_length=self.content.max_length,
            special=special,
            share=self.content.mask,
            translation=self.content.translation,
            seed=seed,
        )


@dataclass(frozen=True)
class TrainingData:
    """All that a training or a distillation learns from. Sets of one name share a task, and so do texts."""

    tasks: tuple[TaskHead, ...]
    datasets: tuple[Dataset, ...]
    dev: Mapping[int, Rows]  # task -> its English dev examples, where it has any
    special: SpecialTokens
    max_length: int  # of the longest sequence

    @property
    def sizes(self) -> list[int]:
        return [dataset.size for dataset in self.datasets]

    @property
    def size(self) -> int:
        """Return how many examples and lines there are."""
        return sum(self.sizes)

    @property
    def languages(self) -> list[str]:
        """Return the languages of the texts."""
        texts = [dataset.content for dataset in self.datasets if isinstance(dataset.content, Text)]
        return sorted({name for text in texts for name, rows in text.lines.items() if any(map(len, rows))})

    def mapped(self, remap: Remap) -> TrainingData:
        """Return the data in the ids of a smaller table; see compact_rows."""
        dev = {task: replace(rows, input_ids=remap(rows.input_ids)) for task, rows in self.dev.items()}
        datasets = tuple(dataset.mapped(remap) for dataset in self.datasets)
        return replace(self, datasets=datasets, dev=dev, special=self.special.mapped(remap))

    def batches(self, batch_size: int, seed: int, draws: Draws) -> Batches:
        """Return the batches of the whole, by number; each is of the dataset that `draws` says."""
        # The first keeps the plain seed, so that a set alone gives what it gives in a mixture of one.
        seeds = [
            int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) if number else seed
            for number in range(len(self.datasets))
        ]
        parts = [
            dataset.batches(batch_size, part_seed, self.special)
            for dataset, part_seed in zip(self.datasets, seeds, strict=True)
        ]
        if len(parts) == 1:
            return parts[0]
        tasks = [dataset.task for dataset in self.datasets] if len(self.tasks) > 1 else None
        return Mixture(parts, draws, tasks)

    def notes(
        self, draws: Draws, steps: int, rates: Sequence[float], dev: Mapping[str, float]
    ) -> dict[str, Any]:
        """Return what was learned from, as plain data for a manifest; of a mixture, by dataset."""
        notes: dict[str, Any] = {"examples": self.size, "max_length": self.max_length}
        if len(self.datasets) > 1:
            notes["members"] = {
                dataset.shown: {"examples": dataset.size, "rate": round(rate, 6), "batches": batches}
                for dataset, rate, batches in zip(self.datasets, rates, draws.counts(steps), strict=True)
            }
            notes["dev_by_task"] = {name: round(score, 4) for name, score in dev.items()}
        return notes


@contextmanager
def compacted(
    model: Any,
    data: TrainingData,
    *,
    whole: bool,
    beside: Callable[[Sequence[int]], AbstractContextManager[None]] = lambda _: nullcontext(),
) -> Iterator[TrainingData]:
    """Train only the embedding rows that the data show: yield the data in the ids of those rows.

    With `whole` the table stays, since a masked LM predicts all of it. `beside` is entered with the whole
    table's id of each row.
    """
    if whole:
        yield data
        return
    shown = [
        *(dataset.sequences() for dataset in data.datasets),
        *(dev.input_ids for dev in data.dev.values()),
    ]
    remap = Remap([data.special.kept, *(row for rows in shown for row in rows)], model.config.vocab_size)
    with compact_rows(model, remap), beside(remap.kept.tolist()):
        yield data.mapped(remap)


class DevScores:
    """The mean of the tasks' dev scores as a function of the model, and what it was the mean of.

    `part` gives the model of a task's number within the one that is trained.
    """

    def __init__(self, data: TrainingData, part: Callable[[Any, int], Any] = lambda model, _: model) -> None:
        self._data, self._part = data, part
        self._seen: dict[float, dict[str, float]] = {}

    def __call__(self, model: Any) -> float:
        """Return the mean dev score in percent."""
        scores = self._by_task(model)
        mean = sum(scores.values()) / len(scores)
        self._seen.setdefault(mean, scores)
        return mean

    def behind(self, mean: float, model: Any) -> dict[str, float]:
        """Return the scores by task behind a mean; the model is asked where it is not one of ours.

        That is so after a kill: the best score may be of the process that was killed.
        """
        return self._seen[mean] if mean in self._seen else self._by_task(model)

    def _by_task(self, model: Any) -> dict[str, float]:
        tasks = self._data.tasks
        return {
            tasks[number].name: dev_score(self._part(model, number), tasks[number].head, rows)
            for number, rows in self._data.dev.items()
        }
