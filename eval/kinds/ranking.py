"""Passages ranked for each query by cosine, scored against graded judgements by nDCG@10, recall beside it.

As BEIR (Thakur et al. 2021) and MTEB have it: exact search over the whole corpus, nothing is trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import judged_queries
from xpareto.eval.encoding import Encoded, TextEncoder
from xpareto.eval.kinds._kind import Kind, Searched, pooled
from xpareto.eval.metrics.neighbours import nearest_first
from xpareto.eval.metrics.ranked import ndcg, recall
from xpareto.eval.tasks import Example, HubSource, Prediction, Query, Task, TrainingSet

DEEPEST = 100  # places of a ranking that are kept, and count
_QUERY, _PASSAGE = ("query",), ("document", "passage", "corpus")  # prompts: sentence-transformers' encode_*


@dataclass(frozen=True)
class EncodedQueries(Encoded):
    """Sequences of the queries, followed by those of the passages, whose ids are `passages`."""

    passages: tuple[str, ...] = ()


class Ranking(Kind):
    """See eval.kinds.Kind. An example is a query; each has the whole corpus, however few queries are asked.

    Of passages with equal cosines the earlier in the corpus comes first (trec_eval takes the greater id).
    """

    name = "ranking"
    columns = ("ndcg_at_10", "recall_at_10", "recall_at_100", "queries")
    units: ClassVar[Mapping[str, str]] = dict.fromkeys(columns[:3], "queries")

    def read(
        self,
        files: Sequence[Path],
        wanted: Task | TrainingSet,
        labelled: bool,
        translated: bool = False,
        limit: int | None = None,
    ) -> list[Example]:
        return [*judged_queries(*files)]

    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        raise InputError(f"{where}: queries with judgements are not read from the hub. Give `files`.")

    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> EncodedQueries:
        queries = [example for example in examples if isinstance(example, Query)]
        if not queries:
            return EncodedQueries([], 0)
        corpus = queries[0].corpus
        sequences = [
            *tokenizer.texts([query.text for query in queries], task.max_length,
                             task.prompts.get("query", tokenizer.prompt(_QUERY))),
            *tokenizer.texts(corpus.texts, task.max_length,
                             task.prompts.get("passage", tokenizer.prompt(_PASSAGE))),
        ]  # fmt: skip
        return EncodedQueries(sequences, len(queries), passages=corpus.ids)

    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        return pooled(output, lengths)

    def searched(self, examples: Sequence[Example], task: Task, language: str) -> Searched:
        """Return the queries and the corpus; of texts there are as many passages as queries, spread over the corpus."""
        count = len(examples)
        corpus = examples[0].corpus.ids if examples and isinstance(examples[0], Query) else ()
        passages = np.arange(count, count + len(corpus))
        some = passages[np.linspace(0, len(passages) - 1, min(count, len(passages))).round().astype(np.int64)]
        return Searched(np.arange(count), passages, {language: np.concatenate([np.arange(count), some])})

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        if not isinstance(encoded, EncodedQueries):
            raise ValueError("ranking needs the passages that `encode` made")
        if not encoded.examples:
            return []
        queries, passages = reduced[: encoded.examples], reduced[encoded.examples :]
        places = nearest_first(np.stack(queries), passages, DEEPEST).index
        return [tuple(encoded.passages[at] for at in row) for row in places.tolist()]

    def blind_answers(self, examples: Sequence[Example], task: Task) -> Iterator[Sequence[Prediction]]:
        """Yield one ranking for all queries: what is relevant most often first. One at random gains no more."""
        gains: Counter[str] = Counter()
        for example in examples:
            assert isinstance(example, Query)
            for name, grade in example.judged:
                gains[name] += max(grade, 0)
        yield [tuple(name for name, _ in gains.most_common(DEEPEST))] * len(examples)

    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        outcomes = np.ones((len(examples), 4), dtype=np.float64)
        for row, example, prediction in zip(outcomes, examples, predictions, strict=True):
            assert isinstance(example, Query) and isinstance(prediction, tuple | list)
            grades = dict(example.judged)
            row[:3] = (
                ndcg(prediction, grades, 10),
                recall(prediction, grades, 10),
                recall(prediction, grades, 100),
            )
        return outcomes

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        sums = np.asarray(totals, dtype=np.float64)
        queries = sums[..., 3]
        return {
            name: np.divide(100.0 * sums[..., at], queries, out=np.zeros_like(queries), where=queries > 0)
            for at, name in enumerate(self.columns[:3])
        }


KIND = Ranking()
