"""What stands around texts is what the tokenizer's own template says: BERT's, and those of tokenizers by bytes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import transformers
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from tests.tiny_bert import LINES, vocabulary, write_tokenizer
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.special_tokens import SpecialTokens
from xpareto.compress.data.mlm import join
from xpareto.eval.encoding.choices import encode_choices
from xpareto.eval.encoding.qa_windows import encode_questions, training_windows
from xpareto.eval.encoding.text import TextEncoder, encode_tagged
from xpareto.eval.tasks import Answer, Choice, Question, Tagged

WORD = st.sampled_from(
    [word for line in LINES for word in line.split()] + ["É!", "Ω", "ÀÉ", "x" * 120, "猫a"]
)
TEXT = st.lists(WORD, max_size=10).map(" ".join)


def cased(folder: Path) -> None:
    write_tokenizer(folder, vocabulary())


def uncased(folder: Path) -> None:
    write_tokenizer(folder, vocabulary(lower=True), lower=True)


def bytes_of_modern_bert(folder: Path) -> None:
    """Byte-level BPE between [CLS] and [SEP]; [UNK] is an added token that no text gives."""
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=330, special_tokens=["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"], show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )  # fmt: skip
    made.train_from_iterator(LINES, trainer)
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", unk_token="[UNK]",
        mask_token="[MASK]",
    ).save_pretrained(folder)  # fmt: skip


def bytes_of_gemma(folder: Path, unknown: bool = False) -> None:
    """BPE that falls back on bytes, between <bos> and <eos>, without an unknown token unless asked for."""
    special = ["<pad>", "<eos>", "<bos>", *(["<unk>"] if unknown else []), "<mask>"]
    letters = sorted({letter for line in LINES[:6] for letter in line.replace(" ", "▁")})
    pieces = [*special, *(f"<0x{byte:02X}>" for byte in range(256)), *letters, "▁a", "th", "the"]
    vocab = {piece: at for at, piece in enumerate(pieces)}
    made = Tokenizer(
        models.BPE(
            vocab,
            [("▁", "a"), ("t", "h"), ("th", "e")],
            byte_fallback=True,
            unk_token="<unk>" if unknown else None,
        )
    )
    made.normalizer = normalizers.Replace(" ", "▁")
    made.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse()])
    made.post_processor = processors.TemplateProcessing(
        single="<bos> $A <eos>", pair="<bos> $A <eos> $B <eos>", special_tokens=[("<bos>", 2), ("<eos>", 1)]
    )
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token="<bos>", eos_token="<eos>", pad_token="<pad>", mask_token="<mask>",
        **({"unk_token": "<unk>"} if unknown else {}),
    ).save_pretrained(folder)  # fmt: skip


KINDS: tuple[Callable[[Path], None], ...] = (cased, uncased, bytes_of_modern_bert, bytes_of_gemma)


class Both:
    """Our encoder of a tokenizer.json, and transformers' tokenizer of its folder."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "tokenizer.json"
        self.ours = TextEncoder(self.file)
        self.theirs: Any = transformers.AutoTokenizer.from_pretrained(folder)


@pytest.fixture(scope="module", params=KINDS, ids=lambda make: make.__name__)
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Both:
    folder = tmp_path_factory.mktemp("tokenizer")
    request.param(folder)
    return Both(folder)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3), st.integers(4, 40))
def test_texts_and_pairs_are_those_of_transformers(
    both: Both, pairs: list[tuple[str, str]], max_length: int
) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    expected = both.theirs(first, truncation=True, max_length=max_length)["input_ids"]
    assert both.ours.texts(first, max_length) == expected
    expected = both.theirs(first, second, truncation="longest_first", max_length=max_length)["input_ids"]
    assert both.ours.pairs(pairs, max_length) == expected


@given(st.lists(WORD, min_size=1, max_size=8))
def test_words_are_those_of_text_split_into_words(both: Both, words: list[str]) -> None:
    expected = both.theirs(words, is_split_into_words=True)
    encoded = encode_tagged([Tagged(tuple(words), None)], both.ours, max_length=10_000)
    assert encoded.input_ids == [expected["input_ids"]]
    of_words = expected.word_ids()
    assert encoded.starts == [
        [at for at, word in enumerate(of_words) if word is not None and of_words[at - 1] != word]
    ]


@given(
    st.lists(WORD, min_size=2, max_size=5).map(" ".join),
    st.lists(WORD, min_size=1, max_size=60).map(" ".join),
)
def test_windows_of_a_question_are_those_of_transformers(both: Both, question: str, context: str) -> None:
    longest = 48
    asked = both.ours.ids([question])[question]
    assume(len(asked) <= (longest - 3) // 2)  # longer ones are cut, which transformers does not do
    room = longest - 3 - len(asked)
    expected = both.theirs(
        question, context, truncation="only_second", max_length=longest,
        stride=room - min(128, (room + 1) // 2), return_overflowing_tokens=True, return_offsets_mapping=True,
    )  # fmt: skip
    found = encode_questions([Question("1", question, context, None)], both.ours, longest)
    assert found.input_ids == expected["input_ids"]
    windows = found.windows
    for row, (ids, offsets) in enumerate(zip(found.input_ids, expected["offset_mapping"], strict=True)):
        answers = np.flatnonzero(windows.can_end[windows.base[row] :][: len(ids)])
        lead = len(asked) + 2
        assert ((lead <= answers) & (answers < len(ids) - 1)).all()
        for at in answers:
            start, end = windows.offsets[windows.shift[row] + at]
            piece = context[slice(*offsets[at])]
            assert piece.strip() in context[start:end] or context[start:end] in piece


def test_a_training_window_points_at_its_answer(both: Both) -> None:
    context = "a cat sees the dogs of my house"
    answer = Answer("the dogs", context.index("the dogs"))
    found = training_windows([Question("1", "a cat", context, (answer,))], both.ours, 64)
    [ids], [[start, end]] = found.input_ids, found.labels
    assert both.theirs.decode(ids[start : end + 1]).strip() == "the dogs"


def test_an_option_follows_one_separator(both: Both) -> None:
    [one, other], [count] = encode_choices(
        [Choice("a cat", "sees", ("the dogs", "my house"), None)], both.ours, 64
    )
    assert count == 2
    expected = both.theirs(["a cat sees"] * 2, ["the dogs", "my house"])["input_ids"]
    assert [one, other] == expected


def test_masked_language_modelling_writes_the_same_pairs(both: Both) -> None:
    special = SpecialTokens.read(both.file)
    theirs = both.theirs
    assert (special.bos, special.eos) == (both.ours.bos, both.ours.eos)
    assert (special.pad, special.mask, special.unk) == (
        theirs.pad_token_id, theirs.mask_token_id, theirs.unk_token_id,
    )  # fmt: skip
    assert special.separators == both.ours.separators == 1
    first, second = (both.ours.ids([text])[text] for text in ("a cat", "the dogs"))
    assert join(first, second, 64, special) == theirs("a cat", "the dogs")["input_ids"]
    assert len(join(first * 20, second * 20, 21, special)) == 21
    assert join(first, None, 64, special) == theirs("a cat")["input_ids"]


def test_a_piece_of_tagged_words_leaves_xtreme_s_room(both: Both) -> None:
    """run_tag.py counts two special tokens for BERT: 126 subwords of 128."""
    words = ("猫",) * 300
    size = len(both.ours.words(["猫"])["猫"])
    encoded = encode_tagged([Tagged(words, None)], both.ours, max_length=128)
    assert len(encoded.input_ids[0]) == 2 + 126 // size * size
    with pytest.raises(InputError, match="tagging needs at least 3 tokens, found 2"):
        encode_tagged([Tagged(words, None)], both.ours, max_length=2)


def test_a_word_without_pieces_is_unknown_or_where_nothing_is_unknown_the_end(both: Both) -> None:
    unknown = both.theirs.unk_token_id
    assert both.ours.words([""]) == {"": [both.ours.eos if unknown is None else unknown]}


def edited(folder: Path, change: Callable[[Any], Any]) -> Path:
    write_tokenizer(folder, vocabulary())
    data = json.loads((folder / "tokenizer.json").read_text("utf-8"))
    change(data)
    (folder / "tokenizer.json").write_text(json.dumps(data), "utf-8")
    return folder / "tokenizer.json"


def test_without_a_template_bert_s_tokens_are_put_as_bert_does(tmp_path: Path) -> None:
    file = edited(tmp_path, lambda data: data.update(post_processor=None))
    ours = TextEncoder(file)
    assert ours.pairs([("a", "a")], 9) == [[2, *ours.ids(["a"])["a"], 3, *ours.ids(["a"])["a"], 3]]
    assert SpecialTokens.read(file).separators == 1
    nested = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
    file = edited(
        tmp_path, lambda data: data.update(post_processor={"type": "Sequence", "processors": [nested]})
    )
    assert TextEncoder(file).separators == SpecialTokens.read(file).separators == 1


@pytest.mark.parametrize(
    ("make", "special", "separators"),
    [
        (lambda vocab: models.WordPiece(vocab, unk_token="[UNK]"), ("<s>", "</s>", "[CLS]", "[SEP]"), 1),
        (lambda vocab: models.WordLevel(vocab, unk_token="[UNK]"), ("[CLS]", "[SEP]"), 1),
        (lambda vocab: models.WordLevel(vocab, unk_token="[UNK]"), ("<s>", "</s>", "[CLS]", "[SEP]"), 2),
    ],
)
def test_both_readers_take_the_same_template_where_a_file_has_none(
    make: Any, special: tuple[str, ...], separators: int, tmp_path: Path
) -> None:
    names = [*special, "[PAD]", "[UNK]", "a"]
    Tokenizer(make({name: at for at, name in enumerate(names)})).save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "tokenizer_config.json").write_text(json.dumps({"pad_token": "[PAD]"}))
    ours, read = TextEncoder(tmp_path / "tokenizer.json"), SpecialTokens.read(tmp_path / "tokenizer.json")
    assert (ours.bos, ours.eos, ours.separators) == (read.bos, read.eos, read.separators)
    assert ours.separators == separators


def test_gemma_s_unknown_token_is_read(tmp_path: Path) -> None:
    bytes_of_gemma(tmp_path, unknown=True)
    assert TextEncoder(tmp_path / "tokenizer.json").unknown == 3


def test_a_tokenizer_that_cannot_read_everything_is_refused(tmp_path: Path) -> None:
    bytes_of_gemma(tmp_path)
    data = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    data["model"]["byte_fallback"] = False
    (tmp_path / "tokenizer.json").write_text(json.dumps(data), "utf-8")
    with pytest.raises(InputError, match=r"expected a tokenizer with an unknown token.*found neither"):
        TextEncoder(tmp_path / "tokenizer.json")
