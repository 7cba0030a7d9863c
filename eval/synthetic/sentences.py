"""The files on single sentences and pairs of them: UDPOS, XNLI and MNLI, PAWS-X."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from random import Random

from xpareto.eval.synthetic.draft import Draft, fresh, text
from xpareto.eval.synthetic.inference import LABELS, pair
from xpareto.eval.synthetic.languages import Clause, Sentence
from xpareto.eval.synthetic.paraphrase import OTHER, SAME, reworded
from xpareto.eval.synthetic.realize import LANGUAGES, words
from xpareto.eval.synthetic.sample import sentence

SIZES = {"udpos-train": 2000, "udpos-dev": 300, "udpos-test": 150, "mnli": 6000, "mnli-translated": 1200,
         "xnli-dev": 300, "xnli-test": 200, "pawsx-train": 2000, "pawsx-dev": 100, "pawsx-test": 100}  # fmt: skip
PAWSX_LANGUAGES = ("de", "en", "zh")  # XTREME has no other one of ours

Labelled = tuple[Clause, Clause, str]


def write_tests(draft: Draft) -> None:
    """Write dev and test of UDPOS, XNLI and PAWS-X; the three are parallel over languages."""
    for split in ("dev", "test"):
        pairs = _pairs(draft.random(f"xnli-{split}"), SIZES[f"xnli-{split}"], draft.held)
        draft.hold(clause for first, second, _ in pairs for clause in (first, second))
        for code in LANGUAGES:
            rows = [(text(first, code), text(second, code), label) for first, second, label in pairs]
            draft.write_table(f"xtreme/xnli/{split}-{code}.tsv", rows)
    dev, test = (
        fresh(sentence, draft.random(f"udpos-{split}"), SIZES[f"udpos-{split}"], draft.held)
        for split in ("dev", "test")
    )
    draft.hold((*dev, *test))
    draft.write_tagged("xtreme/udpos/dev-en.tsv", (words(one, "en") for one in dev))
    for code in LANGUAGES:
        draft.write_tagged(f"xtreme/udpos/test-{code}.tsv", (words(one, code) for one in test))
    for split in ("dev", "test"):
        reworded_pairs = _reworded(draft.random(f"pawsx-{split}"), SIZES[f"pawsx-{split}"], draft.held)
        draft.hold(one for first, second, _ in reworded_pairs for one in (first, second))
        for code in PAWSX_LANGUAGES:
            _write_reworded(draft, f"{split}-{code}", reworded_pairs, code)


def write_training(draft: Draft) -> None:
    """Write the English training files, and translations of a part of MNLI.

    Line i of a translation is line i of any other; the translations leave out pairs that share a
    wording with evaluation in some language.
    """
    train = fresh(sentence, draft.random("udpos-train"), SIZES["udpos-train"], set(draft.held))
    draft.write_tagged("xtreme/udpos/train-en.tsv", (words(one, "en") for one in train))
    pairs = _pairs(draft.random("mnli"), SIZES["mnli"], draft.held)
    _write_mnli(draft, "train", pairs, "en")
    clean = (
        row
        for row in pairs
        if draft.said.isdisjoint(text(clause, code) for clause in row[:2] for code in LANGUAGES)
    )
    translated = list(islice(clean, SIZES["mnli-translated"]))
    for code in LANGUAGES:
        if code != "en":
            _write_mnli(draft, f"{code}/train", translated, code)
    paws = _reworded(draft.random("pawsx-train"), SIZES["pawsx-train"], draft.held)
    _write_reworded(draft, "train-en", paws, "en")


def _pairs(random: Random, count: int, taken: set[str]) -> list[Labelled]:
    """Return pairs, the labels in turn and then shuffled; no premise or hypothesis is in `taken`."""
    out: list[Labelled] = []
    while len(out) < count:
        label = LABELS[len(out) % len(LABELS)]
        first, second = pair(label, random)
        if not taken & {text(first, "en"), text(second, "en")}:
            out.append((first, second, label))
    random.shuffle(out)
    return out


def _reworded(random: Random, count: int, taken: set[str]) -> list[tuple[Sentence, Sentence, str]]:
    out: list[tuple[Sentence, Sentence, str]] = []
    while len(out) < count:
        label = (SAME, OTHER)[len(out) % 2]
        first, second = reworded(label, random)
        if not taken & {text(first, "en"), text(second, "en")}:
            out.append((first, second, label))
    random.shuffle(out)
    return out


def _write_mnli(draft: Draft, stem: str, pairs: Iterable[Labelled], code: str) -> None:
    rows = (
        {"sentence1": text(first, code), "sentence2": text(second, code), "label": label}
        for first, second, label in pairs
    )
    draft.write_json_lines(f"intermediate/mnli/{stem}.jsonl", rows)


def _write_reworded(
    draft: Draft, stem: str, pairs: Iterable[tuple[Sentence, Sentence, str]], code: str
) -> None:
    rows = [(text(first, code), text(second, code), label) for first, second, label in pairs]
    draft.write_table(f"xtreme/pawsx/{stem}.tsv", rows)
