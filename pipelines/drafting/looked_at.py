"""What data files hold: the kind of task, its columns, labels, languages, splits and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, enumerated
from xpareto.eval.data.readers import CONLL, TABLES, number_of, questions, records, word_columns
from xpareto.eval.tasks import UNTRAINED, KindName
from xpareto.pipelines.drafting.files import CODES, SPLITS, Named, named

_TEXTS = (
    "text",
    "utterance",
    "sentence",
    "review",
    "content",
    "message",
    "query",
    "body",
    "tweet",
    "comment",
    "title",
)
_PAIRS = (
    ("first", "second"), ("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"),
    ("text1", "text2"), ("text_a", "text_b"), ("q1", "q2"),
)  # fmt: skip
_BELONGING = (("source", "target"), ("passage", "query"), ("document", "query"), ("answer", "question"))
_LABELS = (
    "label",
    "labels",
    "intent",
    "class",
    "category",
    "sentiment",
    "topic",
    "target",
    "tag",
    "is_duplicate",
)
_SCORES = ("score", "similarity", "similarity_score", "relatedness", "relatedness_score", "gold_score")
_LANGUAGES = ("language", "lang", "locale", "lang_code", "language_code")
_PARTS = ("split", "partition", "fold", "subset", "set")
_WORDS, _TAGS = ("words", "tokens"), ("tags", "ner_tags", "pos_tags", "labels", "upos")
_MOST_LABELS = 200  # distinct values of a column that is still taken for labels
_REPEATED = 2.0  # rows that each of its values has at least, on average
_CALLED = 1.2  # the same, of a column that is called as labels are


@dataclass(frozen=True)
class Row:
    """One example: where it stands (file:line, or a file), its text, its label ("": none), its language and split."""

    place: str
    text: str
    label: str
    language: str
    split: str


@dataclass(frozen=True)
class LookedAt:
    """What files hold. `unsure` are what could not be told, and what was assumed, in sentences."""

    kind: KindName
    files: Mapping[str, str]  # split -> path, in which {language} may stand
    columns: Mapping[str, str]
    rows: tuple[Row, ...]
    splits: Mapping[str, str] = field(default_factory=dict)  # ours -> what a column calls it
    unsure: tuple[str, ...] = ()

    def count(self, part: str) -> dict[str, int]:
        """Return how many rows each label, language or split has, the most first."""
        return dict(Counter(str(getattr(row, part)) for row in self.rows).most_common())

    @property
    def labels(self) -> tuple[str, ...]:
        """Return the labels, sorted; of words the tags."""
        words = (
            label
            for row in self.rows
            for label in (row.label.split(" ") if self.kind == "tag" else [row.label])
        )
        return tuple(sorted({label for label in words if label}))


def look(files: Sequence[Path]) -> LookedAt:
    """Return what files of one kind hold; InputError where no label is found, or a file is malformed."""
    told = named(files)
    suffix = files[0].suffix
    if suffix == ".json":
        return _plain(told, "span", {})
    if suffix in CONLL and (suffix not in TABLES or not _has_header(files[0])):
        return _plain(told, "tag", {})
    return _table(told)


def _has_header(file: Path) -> bool:
    """Tell whether a .tsv is a table: its lines have equally many cells, and none is empty, as between sentences."""
    lines = file.read_text("utf-8-sig", errors="replace").rstrip("\n").split("\n")[:50]
    return "" not in [line.strip() for line in lines]


def _plain(told: Sequence[Named], kind: KindName, columns: Mapping[str, str]) -> LookedAt:
    """Return what files of tagged words, or of questions, hold."""
    rows = []
    for one in told:
        if kind == "span":
            pairs = [
                (f"{question.context}\n{question.question}", "") for question in questions(one.file, False)
            ]
        else:
            pairs = [
                (" ".join(x.words), " ".join(x.tags or ()))
                for x in word_columns(one.file, columns, (), False)
            ]
        split = one.split or "train"
        rows += [Row(str(one.file), text, label, one.language, split) for text, label in pairs]
    return LookedAt(kind, _files(told), columns, tuple(rows), unsure=tuple(_unsaid(told)))


def _files(told: Sequence[Named]) -> dict[str, str]:
    order = ("train", "dev", "test")
    by_split = {one.split or "train": one.pattern for one in told}
    return {split: by_split[split] for split in order if split in by_split}


def _unsaid(told: Sequence[Named], split: str = "", language: str = "") -> Iterator[str]:
    if not split and not any(one.split for one in told):
        yield "no file name says which split it is: all is taken for train, of which dev and test are cut"
    if not language and not told[0].language:
        yield "neither a column nor a file name tells the language: say it by `languages: [CODE]`"


# -- tables ---------------------------------------------------------------------------------


def _table(told: Sequence[Named]) -> LookedAt:
    read = [(one, place, record) for one in told for place, record in records(one.file)]
    if not read:
        raise InputError(f"{told[0].file}: expected rows below the header, found none.")
    for _, place, record in read:
        if not isinstance(record, dict):
            raise InputError(f"{place}: expected an object with fields, found {str(record)[:60]}.")
    if len(read[0][2]) == 1 and ";" in (only := next(iter(read[0][2]))):
        raise InputError(
            f"{told[0].file}:1: expected columns apart by commas, found {only!r}. Save the file with commas, or with "
            "tabs as .tsv."
        )
    shown = {name: [record.get(name) for _, _, record in read] for name in read[0][2]}
    language, split = _language_column(shown), _split_column(shown)
    left = [name for name in shown if name not in (language, split)]
    columns: dict[str, str] = {}
    kind: KindName = "classify"
    words, tags = (next((name for name in left if name.lower() in names and isinstance(shown[name][0], list)), "")
                   for names in (_WORDS, _TAGS))  # fmt: skip
    unsure: list[str] = []
    if words and tags:
        kind, columns = "tag", {"words": words, "tags": tags}
    elif scored := _scored(shown, left):
        kind, columns = "similarity", scored
    elif belonging := _belonging(shown, left):
        kind, columns = "retrieve", belonging
    else:
        columns, unsure = _texts_and_label(shown, left, told[0].file)
    splits = {}
    if split:
        spelt = dict.fromkeys(str(value) for value in shown[split])
        splits = {SPLITS[name.lower()]: name for name in spelt if SPLITS[name.lower()] != name}
    rows = []
    for one, place, record in read:
        spoken = _cell(record, language) if language else one.language
        for name in ("text", "first", "second", "source", "target"):
            if name in columns and not isinstance(text := record.get(columns[name]), str):
                raise InputError(f"{place}: {columns[name]}: expected text, found {str(text)[:60]}.")
        part = SPLITS.get(_cell(record, split).lower(), "train") if split else one.split or "train"
        rows.append(Row(place, *_text_and_label(record, columns), spoken, part))
    if kind in UNTRAINED and {row.split for row in rows} == {"train"}:
        rows = [replace(row, split="test") for row in rows]
        told = [replace(one, split="test") for one in told]
    more = {name: column for name, column in (("language", language), ("split", split)) if column}
    files = {"": told[0].pattern} if split else _files(told)
    unsure += _unsaid(told, split, language)
    return LookedAt(kind, files, {**columns, **more}, tuple(rows), splits, tuple(unsure))


def _cell(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    return "" if value is None else str(value).strip()


def _text_and_label(record: Mapping[str, Any], columns: Mapping[str, str]) -> tuple[str, str]:
    if "words" in columns:
        words, tags = (record.get(columns[name]) or [] for name in ("words", "tags"))
        return " ".join(map(str, words)), " ".join(map(str, tags))
    names = ("text", "first", "second", "source", "target")
    texts = [_cell(record, columns[name]) for name in names if name in columns]
    return "\n".join(texts), _cell(record, columns["label"]) if "label" in columns else ""


def _language_column(shown: Mapping[str, Sequence[Any]]) -> str:
    """Return the column of languages: called so, or of nothing but known codes; "" for none."""
    for name in sorted(shown, key=lambda name: name.lower() not in _LANGUAGES):
        values = {str(value) for value in shown[name]}
        if name.lower() in _LANGUAGES or values <= CODES:
            return name
    return ""


def _split_column(shown: Mapping[str, Sequence[Any]]) -> str:
    for name, values in shown.items():
        if name.lower() in _PARTS and {str(value).lower() for value in values} <= {*SPLITS}:
            return name
    return ""


def _comes_again(values: Sequence[Any], times: float = _REPEATED) -> bool:
    """Tell whether a column's values come again, so often on average."""
    return len({str(value) for value in values}) <= min(_MOST_LABELS, len(values) / times)


def _scored(shown: Mapping[str, Sequence[Any]], left: Sequence[str]) -> dict[str, str]:
    """Return the columns of two texts and of a number for them, where that is no label; {} for none.

    A number is no label where its column is called as scores are, or holds fractions.
    """
    by_name = {name.lower(): name for name in left}
    pair = next(((by_name[x], by_name[y]) for x, y in _PAIRS if x in by_name and y in by_name), None)
    for name in sorted(left, key=lambda name: name.lower() not in _SCORES):
        numbers = [_number(value) for value in shown[name]]
        if pair is None or name in pair or None in numbers:
            continue
        distinct = {*numbers}
        fractions = any(number is not None and number != int(number) for number in distinct)
        if len(distinct) > 2 and (fractions or name.lower() in _SCORES):
            return {"first": pair[0], "second": pair[1], "score": name}
    return {}


def _number(value: Any) -> float | None:
    try:
        return number_of(value, "")
    except InputError:
        return None


def _belonging(shown: Mapping[str, Sequence[Any]], left: Sequence[str]) -> dict[str, str]:
    """Return the columns of texts and of what finds them, where no other column has labels; {} for none."""
    by_name = {name.lower(): name for name in left}
    if any(name in by_name and _comes_again(shown[by_name[name]], _CALLED) for name in _LABELS):
        return {}
    for source, target in _BELONGING:
        if source in by_name and target in by_name:
            return {"source": by_name[source], "target": by_name[target]}
    return {}


def _texts_and_label(
    shown: Mapping[str, Sequence[Any]], left: Sequence[str], file: Path
) -> tuple[dict[str, str], list[str]]:
    """Return the columns of texts and label, and what was only assumed."""
    by_name = {name.lower(): name for name in left}
    unsure = []
    pair = next(
        ([by_name[one], by_name[two]] for one, two in _PAIRS if one in by_name and two in by_name), []
    )
    lengths = {name: sum(len(str(value)) for value in shown[name]) / len(shown[name]) for name in left}
    called = [by_name[name] for name in _LABELS if name in by_name and by_name[name] not in pair]
    label = next((name for name in called if _comes_again(shown[name], _CALLED)), "")
    if not label:
        distinct = {name: len({str(value) for value in shown[name]}) for name in left if name not in pair}
        few = [
            name
            for name, count in distinct.items()
            if 1 < count <= min(_MOST_LABELS, len(shown[name]) / _REPEATED)
            and lengths[name] < max(lengths.values())
        ]
        if not few:
            values = ", ".join(f"{name} ({count} values)" for name, count in distinct.items())
            raise InputError(
                f"{file}:1: expected a column of labels, whose values come again, found none among "
                f"{values or 'no column'}. Add one, or write the recipe by hand: see eval/README.md."
            )
        label = min(few, key=lambda name: distinct[name])
        unsure.append(f"the column {label} is taken for the label, since its values come again")
    texts = pair or next(
        ([by_name[name]] for name in _TEXTS if name in by_name and by_name[name] != label), []
    )
    if not texts:
        others = [name for name in left if name != label]
        if not others:
            raise InputError(
                f"{file}:1: expected a column of texts beside {label}, found {enumerated(list(shown))}."
            )
        texts = [max(others, key=lambda name: lengths[name])]
        unsure.append(f"the column {texts[0]} is taken for the text, since its cells are the longest")
    names = ("first", "second") if pair else ("text",)
    return {**dict(zip(names, texts, strict=True)), "label": label}, unsure
