"""Sentences of two corpora are paired by the margin of their mean-pooled states (BUCC)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import corpus, limited
from xpareto.eval.encoding import Encoded, TextEncoder
from xpareto.eval.kinds._kind import TUNING, Calibrated, Searched, Tuning, pooled
from xpareto.eval.metrics.chunk_f1 import f1
from xpareto.eval.metrics.mining import best_threshold, mine
from xpareto.eval.submission import MinedPairs
from xpareto.eval.tasks import Example, HubSource, Prediction, Sentence, Task, TrainingSet


@dataclass(frozen=True)
class EncodedCorpus(Encoded):
    """Sequences of `sentences`, followed by those of `calibration`, whose gold sets the threshold.

    Without `calibration` (None) the sentences' own gold sets it, by cross-fitting.
    """

    sentences: Sequence[Sentence] = ()
    calibration: Sequence[Sentence] | None = None


@dataclass(frozen=True)
class _Pairs:
    """What mining puts forward, scores falling: ids of both sides."""

    foreign: list[str]
    english: list[str]
    score: np.ndarray  # (pairs,)


class Mine(Calibrated):
    """See eval.kinds.Kind. An example is one sentence of either side.

    Pooling is as in `retrieve`. Sentences of equal text on one side are
    mined as one; since nobody can say which of them is meant, their pairs are then dropped, as in
    XTREME, while their gold pairs still count as not found.

    The prediction for a foreign sentence is two ids: the English sentence that is kept for `f1`, and that
    kept for `f1_dev_threshold`; "" where there is none. For an English sentence both are "".
    """

    name = "mine"
    leaderboard = MinedPairs()
    columns = (
        "matching", "predicted", "gold", "matching_dev_threshold", "predicted_dev_threshold",
    )  # fmt: skip
    units = dict.fromkeys(("f1", "precision", "recall", "f1_dev_threshold"), "gold")

    def read(
        self,
        files: Sequence[Path],
        wanted: Task | TrainingSet,
        labelled: bool,
        translated: bool = False,
        limit: int | None = None,
    ) -> list[Example]:
        return [*corpus(*files)]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        raise InputError(f"{where}: a comparable corpus is not on the hub. Give --data DIR.")

    def limited(self, examples: list[Example], limit: int | None) -> list[Example]:
        """Return a smaller corpus, as many sentences of either side: see eval.data.readers.bucc.limited."""
        return [*limited(_sentences(examples), limit)]

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> EncodedCorpus:
        sentences = _sentences(examples)
        texts = [sentence.text for sentence in sentences]
        return EncodedCorpus(tokenizer.texts(texts, task.max_length), len(texts), sentences=sentences)

    def encode_calibrated(
        self, examples: Sequence[Example], calibration: Sequence[Example], tokenizer: TextEncoder, task: Task
    ) -> EncodedCorpus:
        sentences, labelled = _sentences(examples), _sentences(calibration)
        texts = [sentence.text for sentence in (*sentences, *labelled)]
        return EncodedCorpus(
            tokenizer.texts(texts, task.max_length), len(sentences), sentences=sentences, calibration=labelled
        )

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        return pooled(output, lengths)

    def searched(self, examples: Sequence[Example], task: Task, language: str) -> Searched:
        english = np.array([sentence.english for sentence in _sentences(examples)], dtype=bool)
        foreign, others = np.flatnonzero(~english), np.flatnonzero(english)
        return Searched(foreign, others, {language: foreign, "en": others})

    def answer(
        self, encoded: Encoded, reduced: Sequence[np.ndarray]
    ) -> tuple[list[Prediction], Tuning | None]:
        """Return the ids per sentence; InputError where no gold is there to set a threshold by."""
        assert isinstance(encoded, EncodedCorpus)
        sentences, sentence_count = encoded.sentences, len(encoded.sentences)
        pairs = _mined(sentences, reduced[:sentence_count])
        if encoded.calibration is not None:
            labelled = _mined(encoded.calibration, reduced[sentence_count:])
            threshold = _threshold(labelled, _gold(encoded.calibration))
            kept = tuned = _kept(pairs, threshold)
            set_on = _tuning_rows(encoded.calibration, labelled)
        else:
            set_on = None
            gold = _gold(sentences)
            tuned = _kept(pairs, _threshold(pairs, gold))
            kept = {}
            for half in (0, 1):
                threshold = _threshold(*_half(pairs, gold, 1 - half))
                kept |= _kept(_half(pairs, gold, half)[0], threshold)
        answers: list[Prediction] = [
            ("", "") if sentence.english else (kept.get(sentence.id, ""), tuned.get(sentence.id, ""))
            for sentence in sentences
        ]
        if any(sentence.translations is None for sentence in sentences):
            return answers, None
        return answers, Tuning(_tuning_rows(sentences, pairs), set_on)

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        counts = np.zeros((len(examples), len(self.columns)), np.int64)
        for row, sentence, prediction in zip(counts, _sentences(examples), predictions, strict=True):
            if sentence.translations is None:
                raise InputError("The gold pairs of this test set are withheld, so it gives no score.")
            if not sentence.english:
                assert isinstance(prediction, tuple)
                kept, tuned = prediction
                right = [one in sentence.translations for one in (kept, tuned)]
                row[:] = right[0], kept != "", len(sentence.translations), right[1], tuned != ""
        return counts

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        matching, predicted, gold, matching_tuned, predicted_tuned = np.moveaxis(totals, -1, 0)
        return {
            "f1": f1(matching, predicted, gold),
            "precision": _share(matching, predicted),
            "recall": _share(matching, gold),
            "f1_dev_threshold": f1(matching_tuned, predicted_tuned, gold),
        }

    def trials(self, examples: Sequence[Example]) -> int:
        """Return the number of gold pairs: the rest of the sentences tell little of the score."""
        return sum(len(sentence.translations or ()) for sentence in _sentences(examples))


def fold(name: str) -> int:
    """Return the half, 0 or 1, that a foreign sentence belongs to: the lowest bit of its id's sha256.

    >>> [fold(f"zh-{number}") for number in range(6)]
    [0, 0, 0, 1, 0, 1]
    """
    return hashlib.sha256(name.encode()).digest()[-1] & 1


def _sentences(examples: Sequence[Example]) -> list[Sentence]:
    return [example for example in examples if isinstance(example, Sentence)]


def _mined(sentences: Sequence[Sentence], states: Sequence[np.ndarray]) -> _Pairs:
    """Return the pairs of sentences whose text occurs once on their side."""
    sides = []
    for english in (False, True):
        places: dict[str, list[int]] = {}
        for place, sentence in enumerate(sentences):
            if sentence.english is english:
                places.setdefault(sentence.text, []).append(place)
        sides.append(list(places.values()))
    if not all(sides):
        return _Pairs([], [], np.empty(0))
    vectors = [np.stack([states[text_places[0]] for text_places in side]) for side in sides]
    mined = mine(vectors[0], vectors[1])
    chosen = [
        at
        for at, (one, other) in enumerate(zip(mined.foreign, mined.english, strict=True))
        if len(sides[0][one]) == 1 and len(sides[1][other]) == 1
    ]
    ids = [
        [sentences[sides[number][index][0]].id for index in side[chosen]]
        for number, side in enumerate((mined.foreign, mined.english))
    ]
    return _Pairs(ids[0], ids[1], mined.score[chosen])


def _gold(sentences: Sequence[Sentence]) -> set[tuple[str, str]]:
    pairs = set()
    for sentence in sentences:
        if sentence.translations is None:
            raise InputError(
                "Mining needs labelled dev data to choose its threshold on, but the gold pairs are withheld."
            )
        pairs |= {(sentence.id, other) for other in sentence.translations}
    return pairs


def _tuning_rows(sentences: Sequence[Sentence], pairs: _Pairs) -> np.ndarray:
    """Return the rows of eval.kinds.Tuning; those of English sentences are zero."""
    rows = np.zeros((len(sentences), len(TUNING)))
    forward = dict(zip(pairs.foreign, zip(pairs.english, pairs.score.tolist(), strict=True), strict=True))
    for row, sentence in zip(rows, sentences, strict=True):
        if not sentence.english:
            gold = sentence.translations or ()
            english, score = forward.get(sentence.id, ("", 0.0))
            row[:] = score, english in gold, len(gold), fold(sentence.id)
    return rows


def _threshold(pairs: _Pairs, gold: set[tuple[str, str]]) -> float:
    correct = [pair in gold for pair in zip(pairs.foreign, pairs.english, strict=True)]
    return best_threshold(pairs.score, np.array(correct, bool), len(gold))


def _half(pairs: _Pairs, gold: set[tuple[str, str]], half: int) -> tuple[_Pairs, set[tuple[str, str]]]:
    in_half = [at for at, name in enumerate(pairs.foreign) if fold(name) == half]
    chosen = _Pairs(
        [pairs.foreign[at] for at in in_half], [pairs.english[at] for at in in_half], pairs.score[in_half]
    )
    return chosen, {pair for pair in gold if fold(pair[0]) == half}


def _kept(pairs: _Pairs, threshold: float) -> dict[str, str]:
    """Return foreign id -> English id of the pairs that score the threshold or more."""
    count = int((pairs.score >= threshold).sum())
    return dict(zip(pairs.foreign[:count], pairs.english[:count], strict=True))


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Return part / whole in percent, 0 of nothing."""
    wide = np.asarray(part, np.float64)
    return np.divide(100.0 * wide, whole, out=np.zeros_like(wide), where=np.asarray(whole) > 0)


KIND = Mine()
