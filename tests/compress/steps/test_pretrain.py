from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from tests.tiny_world import special_tokens
from xpareto.compress.core.artifact import sha256_file
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import ChainState, Context, IncompatibleStep
from xpareto.compress.data.mlm import MaskedBatches, mask_tokens
from xpareto.compress.pretraining.alignment import aligned_embeddings, ppmi
from xpareto.compress.pretraining.tokenizer_training import train_tokenizer
from xpareto.compress.pretraining.unigram import segment, unigram_pieces
from xpareto.compress.steps.pretrain import STEP, Pretrain

SUBJECTS = {"en": ["cats", "dogs", "birds", "cows"], "de": ["Katzen", "Hunde", "Vögel", "Kühe"]}
VERBS = {"en": ["sleep", "run", "sing"], "de": ["schlafen", "rennen", "singen"]}
TEXT = {
    language: [f"{a} {b}" for a, b in itertools.product(SUBJECTS[language], VERBS[language])] * 4
    for language in ("en", "de")
}
SMALL = {
    "vocab_size": 80, "layers": 1, "hidden_size": 16, "heads": 2, "ffn": 32, "max_positions": 34,
    "max_length": 32, "steps": 12, "batch_size": 8,
}  # fmt: skip


class Texts:
    def __init__(self, text: Mapping[str, Sequence[str]]) -> None:
        self._text = text

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        return self._text


def pretrain(folder: Path, text: Mapping[str, Sequence[str]] = TEXT, seed: int = 0, **fields: Any) -> Any:
    folder.mkdir()
    context = Context(Texts(text), seed, 1, folder, lambda done, total, what: None)  # type: ignore[arg-type]
    return Pretrain(**{**SMALL, **fields}).apply(None, folder, context)


def test_equal_fields_give_equal_bytes_whatever_the_seed_of_the_run(tmp_path: Path) -> None:
    made = pretrain(tmp_path / "a", seed=1)
    pretrain(tmp_path / "b", seed=2)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json"]
    for name in names:
        assert sha256_file(tmp_path / "a" / name) == sha256_file(tmp_path / "b" / name)
    assert (made.format, made.head, made.notes["steps"]) == ("torch", "mlm", 12)


def test_fixed_embeddings_stay_as_the_alignment_made_them(tmp_path: Path) -> None:
    words = "roberta.embeddings.word_embeddings.weight"
    pretrain(tmp_path / "short", align_fixed=True, steps=1)
    pretrain(tmp_path / "long", align_fixed=True, steps=5)
    pretrain(tmp_path / "free", steps=5)
    short, long, free = (load_file(tmp_path / n / "model.safetensors") for n in ("short", "long", "free"))
    assert np.array_equal(short[words], long[words]) and not np.array_equal(long[words], free[words])
    layer = "roberta.encoder.layer.0.output.dense.weight"
    assert not np.array_equal(short[layer], long[layer])


def test_the_loss_falls_below_that_of_guessing(tmp_path: Path) -> None:
    made = pretrain(tmp_path / "a", steps=150, learning_rate=5e-3)
    assert made.notes["loss"][-1][1] < 0.75 * math.log(made.notes["vocab_size"])


def test_the_tokenizer_has_the_ids_and_templates_of_xlm_r(tmp_path: Path) -> None:
    size = train_tokenizer(TEXT, 80, tmp_path / "tokenizer.json")
    tokenizer = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert size <= 80
    ids = [tokenizer.token_to_id(name) for name in ("<s>", "<pad>", "</s>", "<unk>", "<mask>")]
    assert ids == [0, 1, 2, 3, size - 1]
    one = tokenizer.encode("cats sleep")
    assert one.ids[0] == 0 and one.ids[-1] == 2
    assert tokenizer.decode(one.ids) == "cats sleep"
    pair = tokenizer.encode("cats", "dogs").tokens
    middle = pair.index("</s>")
    assert pair[0] == "<s>" and pair[middle : middle + 2] == ["</s>", "</s>"] and pair[-1] == "</s>"


PIECES = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.floats(-9, -1), max_size=9)


@given(st.text("abc", min_size=1, max_size=7), PIECES)
def test_segmentation_is_the_best_of_all_splits(word: str, scores: dict[str, float]) -> None:
    def value(parts: Sequence[str]) -> float:
        return sum(scores.get(part, -100.0 if len(part) == 1 else -math.inf) for part in parts)

    splits = []
    for cuts in itertools.product([False, True], repeat=len(word) - 1):
        bounds = [0, *(at + 1 for at, cut in enumerate(cuts) if cut), len(word)]
        splits.append([word[a:b] for a, b in itertools.pairwise(bounds)])
    found = segment(word, scores)
    assert "".join(found) == word
    assert value(found) == pytest.approx(max(map(value, splits)))


def test_pieces_are_probabilities_within_the_size_and_frequent_words_are_whole() -> None:
    words = {"▁cat": 50, "▁cats": 20, "▁dog": 40, "▁xyz": 1}
    pieces = unigram_pieces(words, 20)
    assert len(pieces) <= 20
    assert sum(math.exp(score) for _, score in pieces) == pytest.approx(1.0)
    assert {"▁cat", "▁dog"} <= {piece for piece, _ in pieces}
    assert pieces == unigram_pieces(dict(reversed(words.items())), 20)


def test_masking_hides_the_share_asked_for_and_never_a_special_token() -> None:
    ids = np.tile(np.array([0, 7, 8, 9, 2, 1]), (4000, 1))
    corrupted, labels = mask_tokens(ids, special_tokens(100), 0.25, np.random.default_rng(0))
    ordinary, chosen = ids >= 4, labels != -100
    assert not chosen[~ordinary].any()
    assert chosen[ordinary].mean() == pytest.approx(0.25, abs=0.02)
    assert (labels[chosen] == ids[chosen]).all() and (corrupted[~chosen] == ids[~chosen]).all()
    assert (corrupted[chosen] == 99).mean() == pytest.approx(0.8, abs=0.03)
    assert (corrupted[chosen] == ids[chosen]).mean() == pytest.approx(0.1, abs=0.03)


def test_translation_inputs_hold_one_line_in_two_languages() -> None:
    lines = {"a": [[10], [11], [12]], "b": [[20], [], [22]]}
    batches = MaskedBatches(
        lines, batch_size=8, max_length=16, special=special_tokens(31), share=1e-9, translation=1.0, seed=0
    )
    seen = {
        tuple(token for token in row if token >= 4)
        for batch in map(batches.batch, range(20))
        for row in batch["input_ids"].tolist()
    }
    assert seen == {(10, 20), (20, 10), (11,), (12, 22), (22, 12)}


def test_ppmi_equals_its_definition() -> None:
    table = np.random.default_rng(0).integers(0, 4, (5, 6)).astype(float)
    rows, columns = np.nonzero(table)
    found = ppmi(table[rows, columns], rows, columns)
    smoothed = table.sum(0) ** 0.75 / (table.sum(0) ** 0.75).sum()
    for value, row, column in zip(found, rows, columns, strict=True):
        joint = table[row, column] / table.sum()
        expected = max(0.0, math.log(joint / (table[row].sum() / table.sum() * smoothed[column])))
        assert value == pytest.approx(expected)


def test_translations_start_next_to_each_other() -> None:
    random = np.random.default_rng(0)
    one = [random.choice(np.arange(4, 34), 6, replace=False).tolist() for _ in range(400)]
    two = [[token + 30 for token in row][::-1] for row in one]
    vectors = aligned_embeddings({"a": one, "b": two}, 64, 16, seed=0)
    assert not vectors[:4].any() and vectors.dtype == np.float32
    assert vectors[4:].std() == pytest.approx(1.0, abs=0.01)
    unit = vectors[4:] / np.linalg.norm(vectors[4:], axis=1, keepdims=True)
    nearest = (unit[:30] @ unit[30:].T).argmax(1)
    assert (nearest == np.arange(30)).mean() > 0.9


def test_pretrain_starts_a_chain_and_follows_nothing() -> None:
    assert STEP is Pretrain
    assert Pretrain().follow(ChainState(), {}) == ChainState("torch", "mlm")
    with pytest.raises(IncompatibleStep, match="takes nothing, but what comes before it gives torch"):
        Pretrain().follow(ChainState("torch", "mlm"), {})


@pytest.mark.parametrize(
    ("fields", "text", "message"),
    [
        ({"heads": 3}, TEXT, "hidden_size: expected a multiple of heads"),
        ({"max_length": 64}, TEXT, "max_length: expected at most max_positions - 2 = 32, found 64"),
        ({}, {"en": [], "de": []}, "holds no line"),
        ({}, {"en": ["a b"], "de": ["a", "b"]}, "not the same number of lines"),
    ],
)
def test_what_cannot_be_trained_is_refused(
    fields: dict[str, Any], text: dict[str, list[str]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        pretrain(tmp_path / "a", text, **fields)
