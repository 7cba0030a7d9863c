"""Token ids against what transformers makes of the same tokenizer, and pieces that lose nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.text import IGNORED, TextEncoder, encode_pairs, encode_tagged, longest_first
from xpareto.eval.encoding.training import training_examples
from xpareto.eval.tasks import Pair, Tagged

SENTENCES = (
    "der Hund schläft im Garten", "the dog sleeps in the garden", "кошка спит на стуле",
    "猫在椅子上睡觉", "ang aso ay natutulog", "ο σκύλος κοιμάται", "dogs sleeping dogs slept",
)  # fmt: skip
ZERO_WIDTH = "\u200b"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small tokenizer.json of XLM-R's make: unigram pieces, metaspace, its pair template."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFKC(), normalizers.Replace(ZERO_WIDTH, ""), normalizers.Strip()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.UnigramTrainer(
        vocab_size=120, special_tokens=special, unk_token="<unk>", show_progress=False
    )
    tokenizer.train_from_iterator(SENTENCES * 4, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    # What a file was saved with must not leak into what we make of it.
    tokenizer.enable_truncation(5)
    tokenizer.enable_padding(length=9)
    saved = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(saved))
    return saved


@pytest.fixture(scope="module")
def ours(file: Path) -> TextEncoder:
    return TextEncoder(file)


@pytest.fixture(scope="module")
def theirs(file: Path) -> Any:
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_file=str(file), bos_token="<s>", eos_token="</s>", unk_token="<unk>", pad_token="<pad>"
    )


WORD = st.sampled_from([word for sentence in SENTENCES for word in sentence.split()] + ["Ω", "x" * 30])
TEXT = st.lists(WORD, max_size=12).map(" ".join)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=4), st.integers(5, 40))
def test_pairs_equal_those_of_transformers(
    ours: TextEncoder, theirs: Any, pairs: list[tuple[str, str]], max_length: int
) -> None:
    examples = [Pair(one, other, None) for one, other in pairs]
    # In one batch: called with a single pair, transformers takes an empty second text for none.
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    expected = theirs(first, second, truncation="longest_first", max_length=max_length)["input_ids"]
    assert encode_pairs(examples, ours, max_length) == expected


@given(st.lists(TEXT, min_size=1, max_size=4), st.integers(3, 20))
def test_single_texts_equal_those_of_transformers(
    ours: TextEncoder, theirs: Any, texts: list[str], max_length: int
) -> None:
    expected = [theirs(text, truncation=True, max_length=max_length)["input_ids"] for text in texts]
    assert ours.texts(texts, max_length) == expected


@given(st.lists(WORD, min_size=1, max_size=8))
def test_words_equal_text_split_into_words_in_transformers(
    ours: TextEncoder, theirs: Any, words: list[str]
) -> None:
    expected = theirs(words, is_split_into_words=True)
    encoded = encode_tagged([Tagged(tuple(words), None)], ours, max_length=1000)
    assert encoded.input_ids == [expected["input_ids"]]
    word_ids = expected.word_ids()
    firsts = [i for i, word in enumerate(word_ids) if word is not None and word_ids[i - 1] != word]
    assert encoded.starts == [firsts]


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 40))
def test_cutting_token_by_token_from_the_longer_part_keeps_as_many(
    first: int, second: int, room: int
) -> None:
    keep, keep_other = longest_first(first, second, room)
    one, other = first, second
    while one + other > room:
        if one > other:
            one -= 1
        else:
            other -= 1
    assert keep + keep_other == one + other
    assert abs(keep - one) <= 1  # who gets the odd token is the library's choice, tested above


@given(st.lists(st.lists(st.one_of(WORD, st.just(ZERO_WIDTH)), max_size=30), max_size=4), st.integers(4, 12))
def test_pieces_joined_again_are_the_sentence(
    ours: TextEncoder, sentences: list[list[str]], max_length: int
) -> None:
    examples = [Tagged(tuple(words), None) for words in sentences]
    encoded = encode_tagged(examples, ours, max_length)
    joined: list[list[int]] = [[] for _ in examples]
    found = [0] * len(examples)
    for ids, owner, starts in zip(encoded.input_ids, encoded.owners, encoded.starts, strict=True):
        assert len(ids) <= max_length - 1  # as XTREME: 127 of 128, so 125 subwords
        assert (ids[0], ids[-1]) == (ours.bos, ours.eos)
        joined[owner].extend(ids[1:-1])
        found[owner] += len(starts)
        pieces = ours.words(examples[owner].words)
        assert all(0 < start < len(ids) - 1 for start in starts)
        firsts = [pieces[word][0] for word in examples[owner].words][
            found[owner] - len(starts) : found[owner]
        ]
        assert [ids[start] for start in starts] == firsts
    assert joined == [[id_ for word in words for id_ in ours.words(words)[word]] for words in sentences]
    assert found == [len(words) for words in sentences]


def test_a_piece_holds_whole_words_where_they_fit(ours: TextEncoder) -> None:
    sentence = Tagged(("garden",) * 100, None)
    size = len(ours.words(["garden"])["garden"])
    encoded = encode_tagged([sentence], ours, max_length=128)
    assert len(encoded.input_ids) > 1
    assert all((len(ids) - 2) % size == 0 for ids in encoded.input_ids)


def test_a_word_that_tokenises_to_nothing_becomes_unknown(ours: TextEncoder) -> None:
    assert ours.words([ZERO_WIDTH, ""]) == {ZERO_WIDTH: [ours.unknown], "": [ours.unknown]}


def test_a_file_that_is_no_tokenizer_is_refused(tmp_path: Path) -> None:
    bad = tmp_path / "tokenizer.json"
    for content in ("", "{}", "[1", '{"model": 3}'):
        bad.write_text(content)
        with pytest.raises(InputError, match=r"tokenizer\.json: not a readable"):
            TextEncoder(bad)
    with pytest.raises(InputError, match="expected a tokenizer"):
        TextEncoder(tmp_path / "absent.json")


def test_a_tokenizer_of_another_model_is_refused(tmp_path: Path, file: Path) -> None:
    from tokenizers import Tokenizer, processors

    other = Tokenizer.from_file(str(file))
    other.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    other.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(
        InputError, match=r"expected a tokenizer that makes .* of a pair.*an empty text gives \[0\]"
    ):
        TextEncoder(tmp_path / "tokenizer.json")


def test_too_short_a_piece_is_refused(ours: TextEncoder) -> None:
    with pytest.raises(InputError, match="max_length"):
        encode_tagged([Tagged(("a",), None)], ours, max_length=3)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    (tmp_path / "udpos").mkdir()
    train = "the\tDET\ndog\tNOUN\nsleeps\tVERB\n\ngarden\tNOUN\n\n"
    (tmp_path / "udpos" / "train-en.tsv").write_text(train)
    (tmp_path / "xnli").mkdir()
    (tmp_path / "xnli" / "train-en.tsv").write_text("the dog\ta dog\tneutral\r\nthe\tdog\tcontradictory\r\n")
    return Data.open(DataSpec(str(tmp_path)))


def test_tags_are_on_first_subwords_and_nowhere_else(data: Data, file: Path, ours: TextEncoder) -> None:
    found = training_examples(data, "udpos", "train", file, max_length=128)
    assert [len(row) for row in found.input_ids] == [len(row) for row in found.labels]  # type: ignore[arg-type]
    pieces = ours.words(["the", "dog", "sleeps", "garden"])
    expected = [IGNORED]
    for word, tag in (("the", 5), ("dog", 7), ("sleeps", 15)):  # DET, NOUN, VERB of the 17
        expected += [tag] + [IGNORED] * (len(pieces[word]) - 1)
    assert found.labels[0] == [*expected, IGNORED]


def test_a_cut_sentence_keeps_all_its_labels(data: Data, file: Path) -> None:
    found = training_examples(data, "udpos", "train", file, max_length=4)
    labels = [label for row in found.labels for label in row if label != IGNORED]  # type: ignore[union-attr]
    assert labels == [5, 7, 15, 7]
    assert len(found.input_ids) > 2


def test_pair_labels_are_indices_and_a_limit_keeps_the_first(data: Data, file: Path) -> None:
    assert training_examples(data, "mnli", "train", file, 128).labels == [2, 0]
    assert training_examples(data, "mnli", "train", file, 128, limit=1).labels == [2]


def test_a_missing_dev_split_gives_no_examples(data: Data, file: Path) -> None:
    found = training_examples(data, "mnli", "dev", file, 128)
    assert (found.input_ids, found.labels) == ([], [])


def test_encoding_loads_no_model_library(file: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from xpareto.eval.encoding.text import TextEncoder;"
        "import xpareto.eval.data.source;"
        "from xpareto.eval.tasks import KINDS; KINDS.all();"
        f"TextEncoder(Path({str(file)!r})).texts(['a'], 8);"
        "print([name for name in ('torch', 'transformers', 'datasets', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.real
def test_the_real_tokenizer_gives_what_transformers_gives() -> None:
    folder = Path(__file__).parents[3].parent / "shared"
    if not folder.is_dir():
        pytest.skip("no ../shared beside the repository")
    from transformers import AutoTokenizer

    from xpareto.eval.tasks import task

    model = folder / "models" / "mini-xlmr"
    theirs, ours = AutoTokenizer.from_pretrained(model), TextEncoder(model / "tokenizer.json")
    data = Data.open(DataSpec(str(folder / "data")))
    for language in data.languages(task("xnli")):
        pairs = [pair for pair in data.examples(task("xnli"), language, limit=200) if isinstance(pair, Pair)]
        expected = theirs(
            [pair.first for pair in pairs], [pair.second for pair in pairs], truncation=True, max_length=48
        )
        assert encode_pairs(pairs, ours, 48) == expected["input_ids"], language
    compared = 0
    for language in data.languages(task("udpos")):
        for sentence in data.examples(task("udpos"), language, limit=100):
            assert isinstance(sentence, Tagged)
            plain = theirs(list(sentence.words), is_split_into_words=True)
            if set(plain.word_ids()) >= set(range(len(sentence.words))):  # no word tokenises to nothing
                encoded = encode_tagged([sentence], ours, max_length=100_000)
                assert encoded.input_ids == [plain["input_ids"]], language
                compared += 1
    assert compared > 2000
