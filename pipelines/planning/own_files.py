"""The files of tasks that a recipe declares: where they lie, of which split each is, and in which languages."""

from __future__ import annotations

import glob
import re
from collections.abc import Sequence
from pathlib import Path

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.data.readers import values
from xpareto.eval.tasks import UNTRAINED
from xpareto.pipelines.recipe import TaskChoice

SPLITS = ("train", "dev", "test")
_BEIR = {"queries": "queries.jsonl", "corpus": "corpus.jsonl", "judgements": "qrels/{split}.tsv"}


def files_of(choice: TaskChoice, roots: Sequence[Path], where: str) -> dict[str, tuple[str, ...]]:
    """Return split -> absolute paths, in which {language} may stand; InputError where a file is not there."""
    if choice.kind == "ranking":
        return _judged(choice, roots, where)
    return {split: (path,) for split, path in _by_split(choice, roots, where).items()}


def _judged(choice: TaskChoice, roots: Sequence[Path], where: str) -> dict[str, tuple[str, ...]]:
    """Return split -> queries, corpus and judgements, of a folder in BEIR's layout or as they are named."""
    named = choice.files
    if not isinstance(named, dict):
        named = {part: f"{named}/{name}" for part, name in _BEIR.items()}  # type: ignore[misc]
        where = f"{where}.files"
        places = dict.fromkeys(named, where)
    else:
        places = {part: f"{where}.files.{part}" for part in named}
    queries, corpus = (_found(named[part], roots, places[part]) for part in ("queries", "corpus"))
    judgements = named["judgements"]
    if "{split}" not in judgements:
        return {"test": (queries, corpus, _found(judgements, roots, places["judgements"]))}
    there = _splits(judgements, choice, roots, places["judgements"])
    return {split: (queries, corpus, path) for split, path in there.items()}


def _splits(name: str, choice: TaskChoice, roots: Sequence[Path], where: str) -> dict[str, str]:
    """Return split -> path of a name in which {split} stands, of those that are there."""
    by_split = {split: name.replace("{split}", spelt) for split, spelt in _spelt(choice).items()}
    there = {split: path for split, of in by_split.items() if (path := _place(of, roots)) is not None}
    if not there:
        raise InputError(_absent(" or ".join(by_split.values()), roots, where))
    return there


def _spelt(choice: TaskChoice) -> dict[str, str]:
    """Return what the files call each split."""
    return {split: choice.splits.get(split, split) for split in SPLITS}  # type: ignore[call-overload]


def _by_split(choice: TaskChoice, roots: Sequence[Path], where: str) -> dict[str, str]:
    if choice.files is None:
        return {}
    if isinstance(choice.files, dict):
        return {split: _found(name, roots, f"{where}.files.{split}") for split, name in choice.files.items()}
    named = _spelt(choice)
    if "{split}" in choice.files:
        return _splits(choice.files, choice, roots, f"{where}.files")
    path = _found(choice.files, roots, f"{where}.files")
    if "split" in choice.columns:
        shown = {value for file, _ in matches(path) for value in values(file, str(choice.columns["split"]))}
        there = {split: path for split, spelt in named.items() if spelt in shown}
        if not there:
            raise InputError(
                f"{where}.columns.split: expected {', '.join(named.values())} in it, found "
                f"{enumerated(sorted(shown), 6)}. Say by `splits` what it calls them."
            )
        return there
    return {"test" if choice.kind in UNTRAINED else "train": path}


def _found(name: str, roots: Sequence[Path], where: str) -> str:
    path = _place(name, roots)
    if path is None:
        raise InputError(_absent(name, roots, where))
    return path


def _absent(name: str, roots: Sequence[Path], where: str) -> str:
    looked = " nor ".join(str(root) for root in roots)
    return (
        f"{where}: expected {name}, found no such file, neither in {looked}."
        if len(roots) > 1
        else (f"{where}: expected {name}, found no such file in {looked}.")
    )


def _place(name: str, roots: Sequence[Path]) -> str | None:
    """Return the absolute path of a file, or pattern, in the first folder that has it; None in none."""
    for root in roots:
        path = str(root.absolute() / Path(name).expanduser())
        if matches(path):
            return path
    return None


def matches(path: str) -> list[tuple[Path, str]]:
    """Return the files of a path in which {language} may stand, each with what stands there ("" where it does not)."""
    if "{language}" not in path:
        return [(Path(path), "")] if Path(path).is_file() else []
    before, *rest = path.split("{language}")
    pattern = re.compile(
        re.escape(before)
        + "(?P<code>[^/]+)"
        + "".join((("(?P=code)" if at else "") + re.escape(part)) for at, part in enumerate(rest))
    )
    anchor = Path(path).anchor
    found = Path(anchor).glob("*".join(map(glob.escape, (before.removeprefix(anchor), *rest))))
    pairs = [
        (file, hit["code"]) for file in sorted(found) if (hit := pattern.fullmatch(str(file))) is not None
    ]
    return [(file, code) for file, code in pairs if file.is_file()]
