"""Question answering from examples to scores: a model that knows the answer scores 100 in every script."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.readers.squad import questions
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.text import Encoded, TextEncoder
from xpareto.eval.kinds._kind import Kind
from xpareto.eval.tasks import KINDS, Answer, Question, Task, task

SPAN: Kind = KINDS.load("span")
XQUAD, MLQA = task("xquad"), task("mlqa")
Make = Callable[[Sequence[str]], Path]

FOX = {
    "en": ("The quick brown fox jumps over twelve lazy dogs near 12 rivers. ", " "),
    "tr": ("Hızlı kahverengi tilki İstanbul'da on iki köpeğin üstünden atlar. ", " "),
    "ru": ("Быстрая бурая лиса прыгает через 12 ленивых собак у реки. ", " "),
    "el": ("Η γρήγορη αλεπού πηδάει πάνω από δώδεκα σκυλιά. ", " "),
    "ar": ("الثعلب البني السريع يقفز فوق اثني عشر كلبا كسولا. ", " "),
    "hi": ("तेज़ भूरी लोमड़ी बारह आलसी कुत्तों के ऊपर कूदती है। ", " "),
    "zh": ("敏捷的棕色狐狸在1999年跳过了十二只懒狗。", ""),
    "th": ("สุนัขจิ้งจอกสีน้ำตาลกระโดดข้ามสุนัขขี้เกียจสิบสองตัว", ""),
}
MARKS = "e\u0301te\u0301 😀x"  # marks and characters beyond the first plane must not shift offsets


def gold_logits(encoded: Encoded, examples: Sequence[Question], boundaries: Sequence[tuple[int, int] | None],
                seed: int = 0) -> list[np.ndarray]:  # fmt: skip
    """Return noise with a peak at the first answer's tokens wherever a window shows all of them.

    `boundaries` holds the token of the context at which the answer begins, and at which it ends, found
    without the code under test.
    """
    random, logits = np.random.default_rng(seed), []
    shown, before = itertools.count(), -1
    for ids, owner in zip(encoded.input_ids, encoded.owners, strict=True):
        if owner != before:
            before, shown = owner, itertools.count()
        lead = ids.index(2) + 2
        room = LENGTH - 4 - (lead - 3)
        start = next(shown) * min(128, (room + 1) // 2)
        rows = random.normal(size=(len(ids), 2)).astype(np.float32)
        span = boundaries[owner]
        if span and span[0] >= start and span[1] < start + len(ids) - lead - 1:
            rows[lead + span[0] - start, 0] = 20
            rows[lead + span[1] - start, 1] = 20
        logits.append(rows)
    return logits


LENGTH = 384


@functools.lru_cache(maxsize=64)
def whole(tokenizer: Tokenizer, context: str) -> tuple[list[str], list[tuple[int, int]]]:
    encoding = tokenizer.encode(context, add_special_tokens=False)
    return encoding.tokens, encoding.offsets


def token_boundaries(tokenizer: Tokenizer, question: Question) -> tuple[int, int] | None:
    """Return the tokens of the context between which the first answer lies; None where a token crosses."""
    assert question.answers
    start = question.answers[0].start
    end = start + len(question.answers[0].text)
    encoding = whole(tokenizer, question.context)
    first = last = None
    for number, (token, (one, other)) in enumerate(zip(*encoding, strict=True)):
        while one < other and question.context[one].isspace():
            one += 1
        if token != "\u2581" and one == start:
            first = number
        if token != "\u2581" and other == end:
            last = number
    return None if first is None or last is None else (first, last)


def exact(examples: Sequence[Question], encoded: Encoded, logits: list[np.ndarray], wanted: Task, language: str
          ) -> np.ndarray:  # fmt: skip
    batches = [SPAN.reduce(np.pad(rows, ((0, 3), (0, 0)), constant_values=99)[None], np.array([len(rows)]))[0]
               for rows in logits]  # fmt: skip
    predictions = SPAN.predict(encoded, batches)
    return SPAN.outcomes(examples, predictions, wanted, language)


@pytest.mark.parametrize("language", FOX)
@pytest.mark.parametrize("repeats", [1, 40])
def test_a_model_that_knows_the_answer_scores_100_in_every_script(
    language: str, repeats: int, unigram: Make
) -> None:
    sentence, joint = FOX[language]
    context = f"{MARKS} {sentence * repeats}{joint}{MARKS}"
    file = unigram([context])
    tokenizer, raw = TextEncoder(file), Tokenizer.from_file(str(file))
    offsets = raw.encode(context, add_special_tokens=False).offsets
    examples = []
    for number, (start, end) in enumerate(
        zip(range(0, len(offsets), 7), range(5, len(offsets), 7), strict=False)
    ):
        text = context[offsets[start][0] : offsets[end][1]]
        answer = Answer(text.strip(), offsets[start][0] + len(text) - len(text.lstrip()))
        examples.append(Question(str(number), "Who?", context, (answer,)))
    boundaries = [token_boundaries(raw, example) for example in examples]
    fitting = [number for number, span in enumerate(boundaries) if span]
    assert len(fitting) > 0.6 * len(examples) and len(fitting) >= 2
    encoded = SPAN.encode(examples, tokenizer, XQUAD)
    assert (len(encoded.input_ids) > len(examples)) == (repeats > 1)
    logits = gold_logits(encoded, examples, boundaries)
    rules = MLQA if language in MLQA.languages else XQUAD
    outcomes = exact(examples, encoded, logits, rules, language)
    assert (outcomes[fitting] == 1).all()
    batches = [SPAN.reduce(rows[None], np.array([len(rows)]))[0] for rows in logits]
    predictions = SPAN.predict(encoded, batches)
    for number in fitting:
        answers = examples[number].answers
        assert answers and predictions[number] == answers[0].text  # to the character


@pytest.mark.real
def test_a_model_that_knows_the_answer_scores_100_on_real_data() -> None:
    shared = Path(__file__).parents[4] / "shared"
    file = shared / "models" / "mini-xlmr" / "tokenizer.json"
    if not file.is_file() or not (shared / "data").is_dir():
        pytest.skip("the shared data are not beside the repository")
    data = Data.open(DataSpec(str(shared / "data")))
    tokenizer, raw = TextEncoder(file), Tokenizer.from_file(str(file))
    total = crossed = long = 0
    sets = [
        (name, language, data.examples(task(name), language, split, 40))
        for name, split in (("xquad", "test"), ("mlqa", "dev"))
        for language in data.languages(task(name), split)
    ]
    trained_on = sorted((shared / "data" / "xtreme" / "tydiqa").rglob("*.train.json"))
    sets += [("tydiqa", file.name.split(".")[2], questions(file, labelled=True)[:40]) for file in trained_on]
    assert {name for name, _, _ in sets} == {"xquad", "mlqa", "tydiqa"}
    for name, language, read in sets:
        wanted = task(name)
        examples = [one for one in read if isinstance(one, Question)]
        boundaries = [token_boundaries(raw, example) for example in examples]
        fits = [span is not None and span[1] - span[0] < 30 for span in boundaries]
        total += len(examples)
        crossed += sum(span is None for span in boundaries)
        long += sum(span is not None and not fit for span, fit in zip(boundaries, fits, strict=True))
        encoded = SPAN.encode(examples, tokenizer, wanted)
        outcomes = exact(examples, encoded, gold_logits(encoded, examples, boundaries), wanted, language)
        assert (outcomes[np.array(fits)] == 1).all(), (name, language)
    # tokens that reach beyond the answer (a final full stop) and answers of more than 30 tokens stay out
    assert 0 < crossed / total < 0.1 and long / total < 0.05, (crossed, long, total)


def test_official_and_language_aware_scores_stand_side_by_side() -> None:
    examples = [Question("1", "?", "東京都庁 1990", (Answer("東京都庁", 0),))]
    scored = SPAN.score(examples, ["東京"], XQUAD, "zh")
    assert scored.metrics["exact_match"] == scored.metrics["f1"] == 0.0
    assert scored.metrics["f1_language_aware"] == pytest.approx(100 * 2 / 3)
    by_characters = SPAN.score(examples, ["東京"], MLQA, "zh").metrics
    assert by_characters == {"exact_match": 0.0, "f1": pytest.approx(100 * 2 / 3)}


def test_outcomes_add_up_and_are_shares() -> None:
    examples = [Question(str(n), "?", "the red house", (Answer("red house", 4),)) for n in range(3)]
    scored = SPAN.score(examples, ["red house", "house", "dog"], XQUAD, "en")
    assert scored.outcomes.dtype == np.float64
    assert scored.outcomes[:, 1].tolist() == [1.0, pytest.approx(2 / 3), 0.0]
    assert scored.metrics["f1"] == pytest.approx(100 * (5 / 3) / 3)
    one = SPAN.metrics(scored.outcomes[[0, 0, 1]].sum(axis=0))
    assert one["exact_match"] == pytest.approx(200 / 3)
    assert float(SPAN.metrics(np.zeros(4))["f1"]) == 0.0


def test_saying_nothing_is_right_only_where_there_is_nothing() -> None:
    examples = [Question("a", "?", "abc", ()), Question("b", "?", "abc", (Answer("abc", 0),))]
    assert SPAN.outcomes(examples, ["", ""], XQUAD, "en")[:, :2].tolist() == [[1, 1], [0, 0]]
    assert SPAN.outcomes(examples, ["abc", "abc"], XQUAD, "en")[:, :2].tolist() == [[0, 0], [1, 1]]


def test_a_set_with_unanswerable_questions_lets_the_model_say_nothing(unigram: Make) -> None:
    tokenizer = TextEncoder(unigram(["abcd efgh"]))
    answered = Question("a", "abcd", "abcd efgh", (Answer("efgh", 5),))
    for examples, said in (([answered], "abcd efgh"), ([answered, Question("b", "e", "abcd", ())], "")):
        encoded = SPAN.encode(examples, tokenizer, XQUAD)
        logits = [np.zeros((len(ids), 2), np.float32) for ids in encoded.input_ids]
        places = np.flatnonzero(encoded.windows.can_end[: len(logits[0])])  # type: ignore[union-attr]
        logits[0][places[0], 0] = logits[0][places[-1], 1] = 1
        logits[0][0] = 2  # <s> is likelier
        assert SPAN.predict(encoded, logits)[0] == said


def test_withheld_answers_cannot_be_scored() -> None:
    with pytest.raises(InputError, match="withheld"):
        SPAN.outcomes([Question("1", "?", "abc", None)], ["abc"], XQUAD, "en")


def test_padding_changes_nothing_and_a_broken_model_is_an_error() -> None:
    output = np.random.default_rng(0).normal(size=(2, 6, 2)).astype(np.float32)
    lengths = np.array([3, 6])
    spoilt = output.copy()
    spoilt[0, 3:] = np.nan
    for one, other in zip(SPAN.reduce(output, lengths), SPAN.reduce(spoilt, lengths), strict=True):
        assert np.array_equal(one, other) and not np.shares_memory(one, output)
    for value in (np.nan, np.inf, -np.inf):
        output[1, 2, 1] = value
        with pytest.raises(ArithmeticError, match="not finite"):
            SPAN.reduce(output, lengths)
