"""Folders in BEIR's layout: queries, a corpus and judgements, of one language or one folder for each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xpareto.eval.data.readers import judged_queries
from xpareto.pipelines.drafting.files import CODES, SPLITS
from xpareto.pipelines.drafting.looked_at import LookedAt, Row

_PARTS = ("queries.jsonl", "corpus.jsonl")


def judged_folder(given: Sequence[Path]) -> LookedAt | None:
    """Return what a folder with queries.jsonl, corpus.jsonl and qrels/ holds, or one with such for languages.

    None where it is none. InputError, with file:line, where one of its files is malformed.
    """
    if len(given) != 1 or not given[0].is_dir():
        return None
    root = given[0].absolute()
    folders = {"": root} if _is_beir(root) else {
        part.name: part for part in sorted(root.iterdir()) if part.name in CODES and _is_beir(part)
    }  # fmt: skip
    rows = [row for code, folder in folders.items() for row in _rows(folder, code)]
    if not rows:
        return None
    spelt = {Path(row.place).stem: row.split for row in rows}
    splits = {ours: theirs for theirs, ours in spelt.items() if ours != theirs}
    pattern = str(root) if "" in folders else f"{root}/{{language}}"
    unsure = (
        () if "" not in folders else ("no folder name tells the language: say it by `languages: [CODE]`",)
    )
    return LookedAt("ranking", {"": pattern}, {}, tuple(rows), splits, unsure)


def _is_beir(folder: Path) -> bool:
    return all((folder / name).is_file() for name in _PARTS) and (folder / "qrels").is_dir()


def _rows(folder: Path, code: str) -> Iterator[Row]:
    """Yield a row for each query that is judged, of every split; it stands in its file of judgements."""
    queries, corpus = _PARTS
    for file in sorted((folder / "qrels").glob("*.tsv")):
        if file.stem in SPLITS:
            for query in judged_queries(folder / queries, folder / corpus, file):
                yield Row(str(file), query.text, (), code, SPLITS[file.stem])
