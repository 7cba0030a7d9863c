"""The files on questions: XQuAD and SQuAD with spans, CommonsenseQA with options."""

from __future__ import annotations

import json
from collections.abc import Sequence

from xpareto.eval.synthetic.choices import LABELS, Puzzle, puzzle
from xpareto.eval.synthetic.draft import Draft, text
from xpareto.eval.synthetic.languages import Clause
from xpareto.eval.synthetic.questions import Asked, answer, ask, context, passage, question
from xpareto.eval.synthetic.realize import LANGUAGES
from xpareto.eval.synthetic.realize import text as joined

SIZES = {"xquad": 50, "squad-train": 1500, "commonsenseqa-train": 1500,
         "commonsenseqa-dev": 150}  # fmt: skip
EACH = 2  # questions on a passage


def write_tests(draft: Draft) -> None:
    """Write XQuAD, parallel over all languages, and the dev set of CommonsenseQA; SQuAD needs none."""
    drawn = _asked(draft, "xquad")
    for asked in drawn:
        draft.hold((*asked[0].passage, *asked))
    for code in LANGUAGES:
        _write_squad(draft, f"xtreme/xquad/xquad.{code}.json", drawn, code)
    puzzles = _puzzles(draft, "commonsenseqa-dev")
    draft.held.update(one.stem for one in puzzles)
    _write_puzzles(draft, "dev", puzzles)


def write_training(draft: Draft) -> None:
    """Write the English training files."""
    _write_squad(draft, "xtreme/squad/train-v1.1.json", _asked(draft, "squad-train"), "en")
    _write_puzzles(draft, "train", _puzzles(draft, "commonsenseqa-train"))


def _asked(draft: Draft, name: str) -> list[list[Asked]]:
    """Return the questions passage by passage; no sentence and no question is held back."""
    random = draft.random(name)
    out: list[list[Asked]] = []
    while len(out) < SIZES[name]:
        clauses: tuple[Clause, ...] = passage(random)
        asked = ask(clauses, EACH, random)
        if draft.held.isdisjoint(text(one, "en") for one in (*clauses, *asked)):
            out.append(asked)
    return out


def _write_squad(draft: Draft, name: str, drawn: Sequence[Sequence[Asked]], code: str) -> None:
    paragraphs = []
    for number, asked in enumerate(drawn):
        rows = []
        for which, one in enumerate(asked):
            answer_text, start = answer(one, code)
            answers = [{"text": answer_text, "answer_start": start}]
            spoken = joined(question(one, code), code)
            rows.append({"id": f"q{number:04d}-{which}", "question": spoken, "answers": answers})
        paragraphs.append({"context": context(asked[0].passage, code), "qas": rows})
    content = {"version": "1.1", "data": [{"title": "An invented world", "paragraphs": paragraphs}]}
    draft.write(name, json.dumps(content, ensure_ascii=False) + "\n")


def _puzzles(draft: Draft, name: str) -> list[Puzzle]:
    random = draft.random(name)
    out: list[Puzzle] = []
    while len(out) < SIZES[name]:
        drawn = puzzle(len(out) % len(LABELS), random)
        if drawn.stem not in draft.held:
            out.append(drawn)
    random.shuffle(out)
    return out


def _write_puzzles(draft: Draft, split: str, puzzles: Sequence[Puzzle]) -> None:
    rows = []
    for number, one in enumerate(puzzles):
        options = [
            {"label": label, "text": option} for label, option in zip(LABELS, one.options, strict=True)
        ]
        asked = {"question_concept": one.verb, "choices": options, "stem": one.stem}
        rows.append({"answerKey": LABELS[one.gold], "id": f"{split}-{number:04d}", "question": asked})
    draft.write_json_lines(f"intermediate/commonsenseqa/{split}_rand_split.jsonl", rows)
