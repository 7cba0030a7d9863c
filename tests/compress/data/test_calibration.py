"""Calibration draws what it says, per language, whatever the other languages are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from tokenizers import Tokenizer, models, pre_tokenizers

from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import DataNeed, IncompatibleStep
from xpareto.compress.data.batching import Rows
from xpareto.compress.data.calibration import Calibration, CalibrationSet, counts, draw, shares

WORDS = ["<s>", "<pad>", "</s>", "<unk>", *(f"w{number}" for number in range(60)), "<mask>"]
TEXT = {
    "de": [f"w{number} w1 w2" for number in range(20)] + ["", " "],
    "en": [f"w{number}" for number in range(30)],
    "sw": [f"w{number} w1 w2 w3 w4 w5" for number in range(4)],
    "xx": ["", ""],
}


class Texts:
    """A supply of one text, of a tagging set in two languages, and of one multiple-choice set."""

    def text(self, name: str) -> Mapping[str, Sequence[str]]:
        return TEXT if name == "parallel" else {}

    def examples(self, name: str, split: str, tokenizer: Path, longest: int, limit: int | None) -> Rows:
        if name == "choices":
            return Rows([[0, number, 2] for number in range(4, 14)], [0, 1, 0, 1], [2, 3, 2, 3])
        count = {"udpos": 12, "udpos@de": 6}.get(name, 0)
        offset = 20 if name == "udpos@de" else 4
        ids = [[0, offset + number, 2][:longest] for number in range(count)]
        return Rows(ids, [[-100, number, -100] for number in range(count)])


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = Tokenizer(models.WordLevel({word: at for at, word in enumerate(WORDS)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    file = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    made.save(str(file))
    return file


def drawn(tokenizer: Path, seed: int = 0, most: int = 128, **fields: Any) -> CalibrationSet:
    return draw(Calibration(**fields), Texts(), tokenizer, most, seed)  # type: ignore[arg-type]


def test_stratified_calibration_has_all_languages_alike_and_no_empty_line(tokenizer: Path) -> None:
    found = drawn(tokenizer, examples=24)
    assert found.languages == ("de", "en", "sw")
    assert found.notes()["examples"] == {"de": 10, "en": 10, "sw": 4}  # sw has only four lines
    rows = [row for rows in found.by_language.values() for row in rows]
    assert all(row[0] == 0 and row[-1] == 2 and len(row) > 2 for row in rows)
    assert len({tuple(row) for row in rows}) == 24, "no line twice"
    assert found.labels is None


def test_english_only_is_a_field_and_draws_the_english_of_any_other_calibration(tokenizer: Path) -> None:
    english, both = (
        drawn(tokenizer, examples=8, languages=["en"]),
        drawn(tokenizer, examples=16, languages=["en", "de"]),
    )
    assert english.languages == ("en",)
    assert english.by_language["en"] == both.by_language["en"]


def test_weightings_give_the_shares_that_they_document(tokenizer: Path) -> None:
    natural = drawn(tokenizer, examples=27, weighting="natural").notes()["examples"]
    assert natural == {"de": 10, "en": 15, "sw": 2}
    worst = drawn(tokenizer, examples=9, languages=["de", "en"], weighting="worst").notes()["examples"]
    assert worst == {"de": 6, "en": 3}  # de costs three subwords a line, en one


def test_a_language_of_unknown_characters_is_dear(tokenizer: Path) -> None:
    class Unknown(Texts):
        def text(self, name: str) -> Mapping[str, Sequence[str]]:
            return {"en": ["w1 w2 w3"] * 9, "yy": ["abcdefgh"] * 9}

    found = draw(Calibration(weighting="worst", examples=6), Unknown(), tokenizer, 128, 0)  # type: ignore[arg-type]
    assert found.notes()["examples"] == {"en": 2, "yy": 4}


def test_the_seed_decides_the_draw(tokenizer: Path) -> None:
    one, same, other = (drawn(tokenizer, seed, examples=9, languages=["en"]) for seed in (1, 1, 2))
    assert one.rows == same.rows
    assert one.rows != other.rows


def test_batches_hold_every_sequence_once_with_its_language(tokenizer: Path) -> None:
    found = drawn(tokenizer, examples=20)
    seen: dict[str, list[list[int]]] = {language: [] for language in found.languages}
    for batch in found.batches(3):
        assert batch.input_ids.shape == batch.attention_mask.shape and len(batch.languages) <= 3
        for ids, mask, language in zip(batch.input_ids, batch.attention_mask, batch.languages, strict=True):
            seen[language].append(ids[: mask.sum()].tolist())
            assert (ids[mask.sum() :] == 1).all()
    assert {name: sorted(rows) for name, rows in seen.items()} == {
        name: sorted(rows) for name, rows in found.by_language.items()
    }


def test_rows_are_cut_to_the_shorter_of_the_field_and_the_model(tokenizer: Path) -> None:
    by_field = drawn(tokenizer, languages=["sw"], max_length=8)
    assert max(map(len, by_field.by_language["sw"])) == 8
    by_model = drawn(tokenizer, languages=["sw"], most=5)
    assert {(len(row), row[-1]) for row in by_model.by_language["sw"]} == {(5, 2)}


def test_labelled_calibration_keeps_rows_and_labels_together(tokenizer: Path) -> None:
    found = drawn(tokenizer, on="udpos", languages=["en", "de"], examples=10)
    assert found.notes() == {
        "examples": {"de": 5, "en": 5}, "tokens": {"de": 15, "en": 15}, "labelled": True,
    }  # fmt: skip
    for row, label, language in zip(found.rows.input_ids, found.rows.labels, found.language_of, strict=True):
        assert row[1] - (20 if language == "de" else 4) == label[1]  # type: ignore[index]
    assert sum(len(batch["labels"]) for batch in found.labelled_batches(4)) == 10
    assert drawn(tokenizer, on="udpos", examples=3).languages == ("en",)


def test_a_question_keeps_all_its_options(tokenizer: Path) -> None:
    found = drawn(tokenizer, on="choices", examples=4)
    assert found.rows.options is not None and sorted(found.rows.options) == [2, 2, 3, 3]
    assert len(found.by_language["en"]) == 10 and found.examples == 4
    starts = np.cumsum([0, *found.rows.options])
    firsts = [found.rows.input_ids[start][1] for start in starts[:-1]]
    assert sorted(firsts) == [4, 6, 9, 11]
    for batch in found.labelled_batches(2):
        assert batch["input_ids"].ndim == 3
    assert sum(len(batch.languages) for batch in found.batches(3)) == 10


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0.1, 9)), min_size=1, max_size=6), st.integers(0, 60))
def test_counts_sum_to_what_was_asked_and_stay_within_what_there_is(
    languages: list[tuple[int, float]], extra: int
) -> None:
    available, weights = [one for one, _ in languages], [weight for _, weight in languages]
    total = len(languages) + extra
    found = counts(available, weights, total)
    assert sum(found) == min(total, sum(available))
    assert all(1 <= given <= most for given, most in zip(found, available, strict=True))


def test_equal_shares_differ_by_one_at_most() -> None:
    found = counts([99] * 7, shares("equal", [99] * 7, [0.0] * 7), 45)
    assert max(found) - min(found) <= 1


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"languages": ["fr"]}, 'no line in "fr".*It has: de, en, sw'),
        ({"languages": ["xx"]}, 'no line in "xx"'),
        ({"text": "mono"}, "mono holds no line"),
        ({"examples": 2}, "at least one for each of 3 languages, found 2"),
        ({"on": "udpos", "languages": ["en", "fr"]}, "udpos@fr has no example"),
    ],
)
def test_data_that_cannot_serve_are_refused(tokenizer: Path, fields: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        drawn(tokenizer, **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"text": "mono", "on": "udpos"}, {"text": None}, {"on": "each"}, {"on": "encoder"}, {"on": "mlm:mono"},
        {"languages": []}, {"languages": ["en", "en"]}, {"examples": 0}, {"weighting": "best"}, {"share": 1},
    ],
)  # fmt: skip
def test_fields_that_contradict_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Calibration(**fields)


def test_it_names_what_it_reads_and_survives_a_round_trip() -> None:
    assert Calibration().reads() == (DataNeed("text", "parallel"),)
    labelled = Calibration(on="mnli", languages=["en", "de"])
    assert labelled.text is None
    assert labelled.reads() == (DataNeed("training", "mnli"), DataNeed("training", "mnli@de"))
    assert Calibration(on="mnli@de").reads() == (DataNeed("training", "mnli@de"),)
    for one in (Calibration(), labelled):
        assert Calibration.model_validate(one.model_dump()) == one


def test_an_unknown_training_set_is_a_misfit_with_a_near_miss() -> None:
    Calibration().check("prune_width", {})
    Calibration(on="udpos").check("prune_width", {"udpos": "tagging"})
    with pytest.raises(IncompatibleStep, match=r'prune_width: calibration: on: .*"udpo".*mean "udpos"'):
        Calibration(on="udpo").check("prune_width", {"udpos": "tagging"})
    with pytest.raises(IncompatibleStep, match="named by @ already"):
        Calibration(on="udpos@de", languages=["de"]).check("prune_width", {"udpos": "tagging"})
