"""Questions with options as sequences: against the pair template, and against a slow twin."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.choices import encode_choices
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.encoding.training import training_examples
from xpareto.eval.tasks import Choice

WORD = st.sampled_from("abcdefghij")
TEXT = st.lists(WORD, max_size=6).map(" ".join)
QUESTION = st.builds(Choice, TEXT, TEXT, st.lists(TEXT, min_size=2, max_size=4).map(tuple), st.none())


@pytest.fixture(scope="module")
def tokenizer_file(onnx_artifact: Callable[..., Artifact]) -> Path:
    return onnx_artifact("encoder").file("tokenizer.json")


@pytest.fixture(scope="module")
def tokenizer(tokenizer_file: Path) -> TextEncoder:
    return TextEncoder(tokenizer_file)


@given(st.lists(QUESTION, max_size=3))
def test_what_fits_is_the_pair_of_context_with_question_and_option(
    tokenizer: TextEncoder, questions: list[Choice]
) -> None:
    sequences, options = encode_choices(questions, tokenizer, 64)
    pairs = [(f"{item.context} {item.question}", option) for item in questions for option in item.options]
    assert sequences == tokenizer.pairs(pairs, 64)
    assert options == [len(item.options) for item in questions]


@given(QUESTION, st.integers(6, 20))
def test_what_does_not_fit_is_cut_from_the_context_first(
    tokenizer: TextEncoder, item: Choice, max_length: int
) -> None:
    def ids(text: str) -> list[int]:
        return [tokenizer.ids([word])[word][0] for word in text.split()]

    context, question, options = ids(item.context), ids(item.question), [ids(text) for text in item.options]
    room = max_length - 4
    while context and len(context) + len(question) + max(map(len, options)) > room:
        context.pop()
    found, _ = encode_choices([item], tokenizer, max_length)
    for sequence, option in zip(found, options, strict=True):
        first = context + question
        assert len(sequence) == 4 + min(room, len(first) + len(option))
        if len(first) + len(option) <= room:
            assert sequence == [0, *first, 2, 2, *option, 2]


def test_all_options_of_a_question_see_the_same_context(tokenizer: TextEncoder) -> None:
    item = Choice("a b c d e f g h", "i j", ("k", "l m n o"), 0)
    (one, other), _ = encode_choices([item], tokenizer, 14)
    ids = tokenizer.ids(list("abcdij"))
    first = [ids[letter][0] for letter in "abcdij"]
    assert one[1:7] == other[1:7] == first
    assert (len(one), len(other)) == (11, 14)


def test_no_room_is_an_error(tokenizer: TextEncoder) -> None:
    with pytest.raises(InputError, match="max_length: choices need at least 6 tokens, found 5"):
        encode_choices([Choice("", "a", ("b", "c"), 0)], tokenizer, 5)


def test_training_examples_carry_the_number_of_options_and_the_right_one(
    tmp_path: Path, tokenizer_file: Path
) -> None:
    folder = tmp_path / "intermediate" / "hellaswag"
    folder.mkdir(parents=True)
    (tmp_path / "xtreme").mkdir()
    records = [
        {"ctx": "a b", "endings": ["c", "d e", "f"], "label": 2},
        {"ctx": "g", "endings": ["h", "i"], "label": "0"},
    ]
    (folder / "hellaswag_train.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    data = Data.open(DataSpec(str(tmp_path)))
    found = training_examples(data, "hellaswag", "train", tokenizer_file, 16)
    assert (found.labels, found.options, len(found.input_ids)) == ([2, 0], [3, 2], 5)
    assert [len(sequence) for sequence in found.input_ids] == [7, 8, 7, 6, 6]
    one = training_examples(data, "hellaswag", "train", tokenizer_file, 16, limit=1)
    assert (one.labels, one.options, len(one.input_ids)) == ([2], [3], 3)
    assert not training_examples(data, "hellaswag", "dev", tokenizer_file, 16).input_ids


@pytest.mark.real
@pytest.mark.parametrize("name", ["commonsenseqa", "cosmosqa", "hellaswag"])
def test_real_questions_are_encoded_as_context_and_question_in_one_text(name: str) -> None:
    shared = Path(__file__).parents[3].parent / "shared"
    if not shared.is_dir():
        pytest.skip("no ../shared beside the repository")
    tokenizer = TextEncoder(shared / "models" / "mini-xlmr" / "tokenizer.json")
    found = Data.open(DataSpec(str(shared / "data"))).training(name, "train", 200)
    questions = [item for item in found if isinstance(item, Choice)]
    sequences, options = encode_choices(questions, tokenizer, 512)
    pairs = [
        (f"{item.context} {item.question}".strip(), option) for item in questions for option in item.options
    ]
    assert sequences == tokenizer.pairs(pairs, 512)
    assert len(options) == 200
