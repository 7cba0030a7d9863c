"""The shipped recipe on a real small model and real data, shortened; skipped where they are not there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import Tagged
from xpareto.eval.tasks import task as find_task

SHARED = Path(__file__).parents[4] / "shared"

pytestmark = [pytest.mark.real, pytest.mark.slow]  # trains, exports and measures for minutes

SHORT = [
    "languages=[en, de, nl, ru, zh]",
    "fp32.max_steps=160",
    "fp32.per_set={mnli: {max_steps: 20}}",  # the tags learn; of the pairs only the machinery is seen
    "fp32.dev_limit=200",
    "intermediate.max_steps=10",
    "measure.limit=60",
    "measure.probes=[accuracy, size]",
    "tasks=[udpos, {task: xnli, limit: 20}, {task: tatoeba, languages: [de, ru, zh]}]",
]


@pytest.fixture(scope="module")
def run(shipped: Callable[[str, Sequence[str]], Path]) -> Path:
    return shipped("mini-real", SHORT)


NOMINALS = {"PROPN": "NOUN"}  # German writes every noun as English writes names


def accuracy(run: Path, candidate: str, task: str, statistic: str = "accuracy") -> dict[str, float]:
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    return {
        row["language"]: row["value"]
        for row in rows
        if row["candidate"] == candidate and row["task"] == task and row["statistic"] == statistic
    }


def most_frequent_tag(language: str) -> float:
    """Return the accuracy, in percent, of the same tag for every word of the examples that were scored."""
    tags = Counter(tag for one in scored(language) for tag in one.tags or ())
    return 100 * tags.most_common(1)[0][1] / tags.total()


def scored(language: str) -> list[Tagged]:
    """Return the sentences of udpos that were scored."""
    data = Data.open(DataSpec(root=str(SHARED / "data")))
    found = data.examples(find_task("udpos"), language, limit=60)
    return [one for one in found if isinstance(one, Tagged)]


def test_a_short_training_already_tags_english_and_transfers(run: Path) -> None:
    found = accuracy(run, "none/fp32/torch", "udpos")
    assert found["en"] > 75
    assert found["nl"] > 33
    assert found["de"] > 30  # known red: 26 to 29 in all trainings so far, for the reason told below


def test_other_languages_are_above_their_most_frequent_tag(run: Path) -> None:
    found = accuracy(run, "none/fp32/torch", "udpos")
    for language in ("de", "nl", "ru"):  # by four standard errors of a share of 900 words
        assert found[language] > most_frequent_tag(language) + 6, language


def test_german_transfers_but_for_its_capitals(run: Path) -> None:
    """English teaches that a capital letter inside a sentence is a name: German nouns come out as names.

    So accuracy stays below 30 % however long the training is (nine nouns in ten are called PROPN after a
    whole epoch); with nouns and names as one tag the transfer is seen.
    """
    stored = next((run / "predictions/none__fp32__torch").glob("*udpos.json"))
    predicted = json.loads(stored.read_text(encoding="utf-8"))["de"]
    pairs = [
        (tag, guess)
        for one, guesses in zip(scored("de"), predicted, strict=True)
        for tag, guess in zip(one.tags or (), guesses, strict=True)
    ]
    nouns = [guess for tag, guess in pairs if tag == "NOUN"]
    assert nouns.count("PROPN") > len(nouns) / 2
    same = [NOMINALS.get(tag, tag) == NOMINALS.get(guess, guess) for tag, guess in pairs]
    nominals = sum(NOMINALS.get(tag, tag) == "NOUN" for tag, _ in pairs)
    assert 100 * sum(same) / len(same) > 100 * nominals / len(pairs) + 10


def test_onnx_predicts_what_torch_predicts(run: Path) -> None:
    for arm in ("none", "mnli"):
        for task in ("udpos", "xnli", "tatoeba"):
            torch = np.load(next((run / f"outcomes/{arm}__fp32__torch").glob(f"*{task}.npz")))
            onnx = np.load(next((run / f"outcomes/{arm}__onnx__onnxruntime").glob(f"*{task}.npz")))
            for language in set(torch.files) - {"columns"}:
                assert np.array_equal(torch[language], onnx[language]), (arm, task, language)


def test_int8_is_close_and_about_a_quarter(run: Path) -> None:
    full = accuracy(run, "none/onnx/onnxruntime", "udpos")
    small = accuracy(run, "none/int8/onnxruntime", "udpos")
    assert max(abs(full[language] - small[language]) for language in full) < 4
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    sizes = {
        (row["candidate"], row["artifact"]): row["value"]
        for row in rows
        if row["probe"] == "size" and row["component"] == "model"
    }
    totals = {
        stage: sum(value for (name, _), value in sizes.items() if name == f"none/{stage}/onnxruntime")
        for stage in ("onnx", "int8")
    }
    assert totals["int8"] < 0.27 * totals["onnx"]
