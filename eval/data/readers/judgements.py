"""Queries, a corpus and judgements in BEIR's layout, which MTEB shares: queries.jsonl, corpus.jsonl, qrels/test.tsv.

Texts have ``_id`` (or ``id``), ``text`` and maybe ``title``, which is put before a passage's text; judgements have
``query-id``, ``corpus-id`` and ``score``, a whole number. Each may be a table of any kind that `tables` reads.
"""

from __future__ import annotations

from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.data.readers.tables import number_of, records
from xpareto.eval.tasks import Corpus, Query

_ID = ("_id", "id")
_QUERY, _PASSAGE, _GRADE = ("query-id", "query_id"), ("corpus-id", "corpus_id"), ("score",)


def judged_queries(queries: Path, corpus: Path, judgements: Path) -> list[Query]:
    """Return the queries that have a judgement, in their file's order, each with the corpus and its judgements.

    Those without one stand in `Corpus.unjudged`. InputError, with file:line, where an id is given twice or a judgement
    is of an id that nothing has, where one passage is judged twice for one query, and where a file is empty.
    """
    asked, passages = _texts(queries), _texts(corpus)
    if not passages:
        raise InputError(f"{corpus}: expected passages to search, found none.")
    grades: dict[str, dict[str, int]] = {}
    for place, record in records(judgements):
        query, passage = (_name(record, names, place) for names in (_QUERY, _PASSAGE))
        for name, known, file in ((query, asked, queries), (passage, passages, corpus)):
            if name not in known:
                raise InputError(f"{place}: expected an id that {file.name} has, found {name!r}.")
        grade = number_of(rows.value_of(record, _GRADE, place), f"{place}: score")
        if grade is None or grade != int(grade):
            raise InputError(f"{place}: score: expected a whole number, found {grade}.")
        if passage in grades.setdefault(query, {}):
            raise InputError(
                f"{place}: {passage!r} is judged twice for the query {query!r}. Keep one judgement."
            )
        grades[query][passage] = int(grade)
    if not grades:
        raise InputError(f"{judgements}: expected judgements of queries, found none.")
    unjudged = tuple(place for name, (_, place) in asked.items() if name not in grades)
    whole = Corpus(tuple(passages), tuple(text for text, _ in passages.values()), unjudged)
    return [
        Query(name, text, tuple(grades[name].items()), whole)
        for name, (text, _) in asked.items()
        if name in grades
    ]


def _texts(file: Path) -> dict[str, tuple[str, str]]:
    """Return id -> (title and text, file:line)."""
    found: dict[str, tuple[str, str]] = {}
    for place, record in records(file):
        name = _name(record, _ID, place)
        if name in found:
            raise InputError(f"{place}: the id {name!r} is given twice, first at {found[name][1]}.")
        title = record.get("title") or ""
        found[name] = (f"{title} {rows.text_of(record, ('text',), place)}".strip(), place)
    return found


def _name(record: object, names: tuple[str, ...], place: str) -> str:
    """Return an id as text, a number as it is written."""
    value = rows.value_of(record, names, place)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise InputError(f"{place}: {names[0]}: expected an id, found {value!r}.")
    return str(value)
