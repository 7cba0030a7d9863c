"""The examples of a search for precisions: for ranges, to choose by, and to accept by; none is in two."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from xpareto.compress.core import Artifact, DataProvider, InputError, SpecialTokens
from xpareto.compress.data import TOKENIZER, Calibration, CalibrationSet, Rows, draw
from xpareto.compress.heads import HEADS
from xpareto.compress.mixed_precision.drift import Sample, halves
from xpareto.compress.onnx import most_tokens

Use = Literal["selection", "acceptance"]
_SEED = 0  # the same examples whatever the run's seed
_LEAST_LINES, _LEAST_LABELLED = 3, 2


@dataclass(frozen=True)
class Samples:
    """What the ranges come from, and one sample per language and kind for each of the two decisions."""

    ranges: CalibrationSet
    selection: Sequence[Sample]
    acceptance: Sequence[Sample]

    def of(self, use: Use) -> Sequence[Sample]:
        return self.selection if use == "selection" else self.acceptance

    def shown(self) -> Iterator[Sequence[int]]:
        """Yield the sequences of both decisions."""
        for sample in (*self.selection, *self.acceptance):
            yield from sample.rows.input_ids

    def mapped(self, remap: Callable[[Sequence[Sequence[int]]], list[list[int]]]) -> Samples:
        """Return the samples with the ids of both decisions mapped; those of the ranges stay."""

        def mapped(samples: Sequence[Sample]) -> list[Sample]:
            return [
                replace(one, rows=replace(one.rows, input_ids=remap(one.rows.input_ids))) for one in samples
            ]

        return replace(self, selection=mapped(self.selection), acceptance=mapped(self.acceptance))

    def notes(self) -> dict[str, Any]:
        """Return how many examples there are, as plain data for a manifest."""
        return {
            "ranges": self.ranges.examples,
            "selection": {one.name: len(one.rows.labels) for one in self.selection},
            "acceptance": {one.name: len(one.rows.labels) for one in self.acceptance},
        }


def read_samples(
    source: Artifact,
    provider: DataProvider,
    text: Calibration | None,
    dev: Mapping[str, str],
    longest: int,
    dev_limit: int | None,
) -> Samples:
    """Return the samples of a model; InputError where the data cannot give them.

    Every third line of a language of the text goes to each use; of labelled examples (`dev`: language
    -> training set) every second. Labelled English is the dev split, other languages are the train
    split. Without a text, ranges come from the labelled examples of the selection.
    """
    selection: list[Sample] = []
    acceptance: list[Sample] = []
    ranges: list[tuple[str, Sequence[int]]] = []
    for language, rows in _lines(source, provider, text):
        ranges += [(language, row) for row in rows[0::3]]
        if not HEADS[source.manifest.head].reads_text:
            continue  # it answers questions with options, which a text has not
        for samples, first in ((selection, 1), (acceptance, 2)):
            part = rows[first::3]
            samples.append(Sample(language, Rows(part, [0] * len(part))))
    for sample in _labelled(source, provider, dev, longest, dev_limit):
        one, other = halves(sample)
        selection.append(one)
        acceptance.append(other)
        if text is None:
            ranges += [(sample.name, row) for row in one.rows.input_ids]
    chosen = CalibrationSet(
        Rows([row for _, row in ranges], [0] * len(ranges)),
        tuple(language for language, _ in ranges),
        labelled=False,
        special=SpecialTokens.read(source.file(TOKENIZER)),
    )
    return Samples(chosen, selection, acceptance)


def _lines(
    source: Artifact, provider: DataProvider, text: Calibration | None
) -> Iterator[tuple[str, list[list[int]]]]:

    if text is None:
        return
    data = draw(text, provider, source.file(TOKENIZER), most_tokens(source), _SEED)
    for language, rows in data.by_language.items():
        if len(rows) < _LEAST_LINES:
            raise InputError(
                f"quantize_mixed: text: {text.text} gives {len(rows)} lines in {language}, expected {_LEAST_LINES} at "
                "least: one for the ranges, one to choose by, one to accept by. Leave it out of languages."
            )
        yield language, rows


def _labelled(
    source: Artifact, provider: DataProvider, dev: Mapping[str, str], longest: int, limit: int | None
) -> Iterator[Sample]:
    manifest = source.manifest
    for language, name in dev.items():
        training_set = name.partition("@")[0]
        head, labels = provider.head(training_set), provider.labels(training_set)
        if (head, labels) != (manifest.head, manifest.labels):
            raise InputError(
                f"quantize_mixed: dev: {training_set} has the head {head} with the labels "
                f"{', '.join(labels) or '(none)'}, but the model has {manifest.head}. Name its own training set."
            )
        split: Literal["dev", "train"] = "dev" if language == "en" else "train"
        read = provider.examples(name, split, source.file(TOKENIZER), longest, limit)
        if len(read.labels) < _LEAST_LABELLED:
            raise InputError(
                f"quantize_mixed: dev: {name} has {len(read.labels)} {split} examples, expected "
                f"{_LEAST_LABELLED} at least. Leave the language out, or rely on a text."
            )
        yield Sample(
            f"{language} ({training_set})", Rows(read.input_ids, read.labels, read.options), labelled=True
        )
