"""What a model gave before it was scored, kept in part so that another model's can be compared with it."""

from __future__ import annotations

from collections import defaultdict

import numpy as np

from xpareto.eval.kinds import Kind
from xpareto.eval.metrics.neighbours import nearest_first
from xpareto.eval.probing.predict import Answered
from xpareto.eval.tasks import KINDS

TEXTS, QUERIES, EXAMPLES = (
    256,
    1024,
    1024,
)  # of each language: vectors, nearest neighbours, logits that are kept
NORMS, NEAREST = "norms:", "nearest:"  # lead the names of the arrays beside a language's vectors


class KeptOutputs:
    """The outputs of one task: of vectors and of logits those that `vectors` and `logits` name, by language.

    vectors: per language unit vectors of up to TEXTS texts (texts, width), float16; under `norms:<language>` their
    lengths (texts,), float32; under `nearest:<language>` the place of the nearest neighbour of up to QUERIES queries
    (queries,), int32, found among all that the task searches. English texts of several pairs of languages are `en`.
    logits: per language (examples, labels), float32, of up to EXAMPLES examples, labels by name.
    All are spread evenly over the examples; the same ones for every model of a run.
    """

    def __init__(self, languages: int) -> None:
        self.logits: dict[str, np.ndarray] = {}
        self._shared = -(-TEXTS // max(1, languages))
        self._texts: defaultdict[str, list[np.ndarray]] = defaultdict(list)
        self._nearest: dict[str, np.ndarray] = {}

    @property
    def vectors(self) -> dict[str, np.ndarray]:
        """Return the arrays of vectors, none for a task that compares none."""
        arrays = {NEAREST + language: places for language, places in self._nearest.items()}
        for language, parts in self._texts.items():
            states = np.concatenate(parts)
            norms = np.linalg.norm(states, axis=1, keepdims=True)
            unit = np.divide(states, norms, out=np.zeros_like(states), where=norms > 0)
            arrays |= {language: unit.astype(np.float16), NORMS + language: norms[:, 0].astype(np.float32)}
        return arrays

    def add(self, answer: Answered) -> None:
        """Take in what the model gave in one language."""
        subset, reduced = answer.subset, answer.reduced
        kind: Kind = KINDS.load(subset.task.kind)
        if kind.gives_logits:
            chosen = spread(np.arange(len(subset.examples)), EXAMPLES)
            by_name = np.argsort(np.array(subset.encoded.labels))  # models may have orders of their own
            self.logits[subset.language] = np.stack([reduced[at] for at in chosen])[:, by_name]
        searched = kind.searched(subset.examples, subset.task, subset.language)
        if searched is None or not len(searched.queries) or not len(searched.among):
            return
        for language, places in searched.texts.items():
            chosen = spread(places, TEXTS if language == subset.language else self._shared)
            self._texts[language].append(np.stack([reduced[at] for at in chosen]).astype(np.float64))
        queries = np.stack([reduced[at] for at in spread(searched.queries, QUERIES)])
        found = nearest_first(queries, [reduced[at] for at in searched.among], 1).index[:, 0]
        self._nearest[subset.language] = found.astype(np.int32)


def spread(places: np.ndarray, most: int) -> np.ndarray:
    """Return at most so many of the places (n,), evenly spaced, the first and the last among them.

    >>> spread(np.arange(10), 4).tolist(), spread(np.arange(3), 4).tolist()
    ([0, 3, 6, 9], [0, 1, 2])
    """
    return places[np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(np.int64)]
