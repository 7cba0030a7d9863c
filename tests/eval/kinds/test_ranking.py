"""Rankings by cosine in blocks against all products at once, prompts, and scores by query."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tests.tiny_world import TinyWorld
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.kinds.ranking import KIND, EncodedQueries
from xpareto.eval.metrics.neighbours import nearest_first
from xpareto.eval.statistics.prediction_flips import flips
from xpareto.eval.tasks import Corpus, Example, Query, Task

FIND = Task(
    "find",
    "ranking",
    "retrieval",
    ("en",),
    "encoder",
    ("ndcg_at_10", "recall_at_10", "recall_at_100"),
    own=True,
)


@pytest.mark.parametrize("block", [(1, 1), (16, 32), (2048, 8192)])
def test_a_search_in_blocks_is_the_search(block: tuple[int, int]) -> None:
    random = np.random.default_rng(0)
    queries, passages = random.normal(size=(7, 8)), random.normal(size=(150, 8)).astype(np.float32)
    passages[40] = passages[3]  # a tie: the earlier comes first
    found = nearest_first(queries, list(passages), 20, block)
    unit = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in (queries, passages)]
    cosines = (unit[0] @ unit[1].T).astype(np.float32)
    cosines[:, 40] = cosines[:, 3]
    assert found.index.tolist() == np.argsort(-cosines, axis=1, kind="stable")[:, :20].tolist()
    assert nearest_first(queries, list(passages[:5]), 20).index.shape == (7, 5)


def test_a_query_gets_the_ids_of_the_nearest_first_and_is_scored_by_grades() -> None:
    corpus = Corpus(("p", "q", "r"), ("", "", ""))
    examples: list[Example] = [
        Query("1", "", (("p", 1), ("q", 2)), corpus),
        Query("2", "", (("r", 1),), corpus),
    ]
    encoded = EncodedQueries([[0]] * 5, 2, passages=corpus.ids)
    states = [np.array(one) for one in ([1.0, 0], [0.0, 1], [1.0, 0.1], [1.0, 1], [-1.0, 0])]
    found = KIND.predict(encoded, states)
    assert found == [("p", "q", "r"), ("q", "p", "r")]
    scored = KIND.score(examples, found, FIND)
    first = (1 + 2 / np.log2(3)) / (2 + 1 / np.log2(3))
    assert scored.outcomes.tolist() == [[pytest.approx(first), 1, 1, 1], [0.5, 1, 1, 1]]
    assert scored.metrics["ndcg_at_10"] == pytest.approx(100 * (first + 0.5) / 2)
    # One order for all: q (2), then p and r (1 each).
    assert KIND.chance(examples, FIND) == pytest.approx(100 * (1 + 0.5) / 2)
    better = [("q", "p", "r"), ("q", "p", "r")]
    rows = [KIND.score(examples, answers, FIND).outcomes for answers in (found, better)]
    told = flips(FIND, KIND, (found, rows[0]), (better, rows[1]))
    assert (told.examples, told.changed, told.won, told.lost) == (2, 1, 1, 0)


def test_queries_and_passages_begin_with_their_prompts(world: TinyWorld) -> None:
    tokenizer = world.source("encoder").file("tokenizer.json")
    corpus = Corpus(("p",), ("bb",))
    query = Query("1", "a", (("p", 1),), corpus)

    def ids(task: Task, **prompts: str) -> list[list[int]]:
        default = prompts.pop("default", "")
        return KIND.encode([query], TextEncoder(tokenizer, default, prompts), task).input_ids

    def plain(*texts: str) -> list[list[int]]:
        return TextEncoder(tokenizer).texts(texts, 64)

    assert ids(FIND) == plain("a", "bb")
    assert ids(FIND, query="q ", passage="d ") == plain("q a", "d bb")
    assert ids(FIND, query="q ", document="c ", passage="d ") == plain("q a", "c bb")
    assert ids(FIND, default="x ", query="q ") == plain("q a", "x bb")
    own = replace(FIND, prompts={"query": "z ", "passage": ""})
    assert ids(own, default="x ", query="q ", passage="d ") == plain("z a", "bb")
    assert KIND.encode([], TextEncoder(tokenizer), FIND).input_ids == []
