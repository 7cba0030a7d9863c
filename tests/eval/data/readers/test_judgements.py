"""Queries, a corpus and judgements in BEIR's layout, and each way in which they can be wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.readers.judgements import judged_queries
from xpareto.eval.data.readers.tables import number_of, scored_pairs
from xpareto.eval.tasks import Similar

QUERIES = [
    {"_id": "1", "text": "what barks", "metadata": {}},
    {"_id": 2, "text": "x"},
    {"_id": "3", "text": "none"},
]
CORPUS = [{"_id": "d1", "title": "Dog", "text": "It barks."}, {"_id": "d2", "text": "It mews."}]
JUDGED = "query-id\tcorpus-id\tscore\n1\td1\t2\n1\td2\t0\n2\td2\t1\n"


def write(
    folder: Path, queries: list[dict] = QUERIES, corpus: list[dict] = CORPUS, judged: str = JUDGED
) -> list[Path]:  # type: ignore[type-arg]
    for name, rows in (("queries", queries), ("corpus", corpus)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "test.tsv").write_text(judged)
    return [folder / "queries.jsonl", folder / "corpus.jsonl", folder / "test.tsv"]


def test_grades_belong_to_their_query_and_titles_to_their_passage(tmp_path: Path) -> None:
    one, two = judged_queries(*write(tmp_path))
    assert (one.id, one.text, one.judged) == ("1", "what barks", (("d1", 2), ("d2", 0)))
    assert two.judged == (("d2", 1),) and two.corpus is one.corpus
    assert one.corpus.ids == ("d1", "d2") and one.corpus.texts == ("Dog It barks.", "It mews.")
    assert one.corpus.unjudged == (f"{tmp_path / 'queries.jsonl'}:3",)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"judged": JUDGED + "9\td1\t1\n"}, r"test.tsv:5: expected an id that queries.jsonl has, found '9'"),
        ({"judged": JUDGED + "3\td9\t1\n"}, r"test.tsv:5: expected an id that corpus.jsonl has, found 'd9'"),
        ({"judged": JUDGED + "1\td1\t1\n"}, r"test.tsv:5: 'd1' is judged twice for the query '1'"),
        ({"judged": JUDGED + "3\td1\t0.5\n"}, r"test.tsv:5: score: expected a whole number, found 0.5"),
        ({"judged": JUDGED + "3\td1\tgood\n"}, r"test.tsv:5: score: expected a number such as 3.5, found 'good'"),
        ({"judged": JUDGED + "3\td1\t\n"}, r"test.tsv:5: score: expected a whole number, found None"),
        ({"judged": "query-id\tcorpus-id\tscore\n"}, r"test.tsv: expected judgements of queries, found none"),
        ({"judged": "q\tcorpus-id\tscore\n1\td1\t1\n"}, r"test.tsv:2: expected a field query-id or query_id"),
        ({"corpus": []}, r"corpus.jsonl: the file is empty"),
        ({"corpus": [*CORPUS, CORPUS[0]]}, r"corpus.jsonl:3: the id 'd1' is given twice, first at .*corpus.jsonl:1"),
        ({"queries": [*QUERIES, {"_id": "2", "text": ""}]}, r"queries.jsonl:4: the id '2' is given twice"),
        ({"queries": [{"_id": None, "text": "a"}]}, r"queries.jsonl:1: _id: expected an id, found None"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, changed: dict, told: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError, match=told):
        judged_queries(*write(tmp_path, **changed))


def test_a_score_is_a_number_on_any_scale(tmp_path: Path) -> None:
    file = tmp_path / "sts.csv"
    file.write_text("a,b,how\none,eins,-1.5\ntwo,zwei, 4e0 \nthree,drei,\n")
    columns = {"first": "a", "second": "b", "score": "how"}
    assert scored_pairs(file, columns, False, {}) == [
        Similar("one", "eins", -1.5), Similar("two", "zwei", 4.0), Similar("three", "drei", None),
    ]  # fmt: skip
    with pytest.raises(InputError, match=r"sts.csv:4: how: expected a number, found nothing"):
        scored_pairs(file, columns, True, {})
    for wrong in ("3,5", "nan", "inf", "1_0", "true"):
        with pytest.raises(InputError, match=r"x: expected a number such as 3\.5"):
            number_of(wrong, "x")
