"""Which files there are, and what their names say: of which split and in which language each is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.data import LANGUAGES
from xpareto.eval.data.readers import CONLL, TABLES
from xpareto.reports.text import language_codes

SUFFIXES = tuple(dict.fromkeys((*TABLES, *CONLL, ".json")))
SPLITS = {
    "train": "train", "training": "train", "dev": "dev", "devel": "dev", "valid": "dev", "validation": "dev",
    "val": "dev",
    "test": "test", "testing": "test",
}  # fmt: skip
"""What files and columns call a split -> ours."""
CODES = {*LANGUAGES, *language_codes()}
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Named:
    """A file with what its name says; "" where it says nothing. `pattern` has {language} where the code stands."""

    file: Path
    split: str
    language: str
    pattern: str


def find_files(given: Sequence[Path]) -> tuple[Path, ...]:
    """Return data files, those of folders included, sorted; InputError where there is none, or of several kinds."""
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            inside = sorted(item for item in path.rglob("*") if item.is_file() and item.suffix in SUFFIXES)
            found += [
                item
                for item in inside
                if not any(part.startswith(".") for part in item.relative_to(path).parts)
            ]
        elif path.is_file():
            found.append(path)
        else:
            raise InputError(
                f"{path}: expected a data file or a folder of them, found nothing. Check the path."
            )
    files = tuple(dict.fromkeys(file.absolute() for file in found))
    if not files:
        raise InputError(
            f"{enumerated([str(path) for path in given])}: expected files of data ({', '.join(SUFFIXES)}), found none."
        )
    suffixes = sorted({file.suffix for file in files})
    if len(suffixes) > 1 or suffixes[0] not in SUFFIXES:
        raise InputError(
            f"{files[0].parent}: expected files of one kind, such as .csv, found {', '.join(suffixes)}. Name the "
            "files of one task."
        )
    return files


def named(files: Sequence[Path]) -> list[Named]:
    """Return each file with the split and the language that its name says.

    A language counts only where every file has one and each split then has one name with {language} in it. InputError
    where two files would be the same split.
    """
    for told in ([_named(file, True) for file in files], [_named(file, False) for file in files]):
        patterns: dict[str, set[str]] = {}
        for one in told:
            patterns.setdefault(one.split, set()).add(one.pattern)
        spoken = {one.language for one in told}
        if ("" in spoken and len(spoken) > 1) or any(len(names) > 1 for names in patterns.values()):
            continue
        return told
    told = [_named(file, False) for file in files]
    splits = [one.split for one in told]
    most = max(splits, key=splits.count)
    twins = [one.file.name for one in told if one.split == most]
    raise InputError(
        f"{files[0].parent}: {enumerated(twins, 4)}: expected names that say what each file is, such as train.csv and "
        "test.csv, or train-de.csv and train-sw.csv with a language's code in all of them. Rename them, or name the "
        "files of one task."
    )


def _named(file: Path, with_language: bool) -> Named:
    """Return what the words of a file's name say, or the whole name of its folder."""
    split = language = ""
    pattern = str(file)
    start = len(pattern) - len(file.name)
    words = [(word[0], word.start() + start) for word in _WORD.finditer(file.name.removesuffix(file.suffix))]
    folder = file.parent.name
    for word, at in (*words, (folder, start - len(folder) - 1)):
        if not split and word.lower() in SPLITS:
            split = SPLITS[word.lower()]
        elif with_language and not language and word in CODES:
            language = word
            pattern = f"{pattern[:at]}{{language}}{pattern[at + len(word) :]}"
    return Named(file, split, language, pattern)
