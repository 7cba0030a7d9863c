"""The shipped recipe on a real small model and real data, shortened; skipped where they are not there."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from eval.data import Data, DataSpec
from eval.task import Tagged
from eval.task import task as find_task

SHARED = Path(__file__).parents[3] / "shared"

pytestmark = [pytest.mark.real, pytest.mark.slow]  # trains, exports and measures for minutes

SHORT = [
    "languages=[en, de, ru, zh]",
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


def accuracy(run: Path, candidate: str, task: str, statistic: str = "accuracy") -> dict[str, float]:
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    return {
        row["language"]: row["value"]
        for row in rows
        if row["candidate"] == candidate and row["task"] == task and row["statistic"] == statistic
    }


def most_frequent_tag(language: str) -> float:
    """Return the accuracy, in percent, of the same tag for every word of the examples that were scored."""
    data = Data.open(DataSpec(root=str(SHARED / "data")))
    found = data.examples(find_task("udpos"), language, limit=60)
    tags = Counter(tag for one in found if isinstance(one, Tagged) for tag in one.tags or ())
    return 100 * tags.most_common(1)[0][1] / tags.total()


def test_a_short_training_already_tags_english_and_transfers(run: Path) -> None:
    found = accuracy(run, "none/fp32/torch", "udpos")
    assert found["en"] > 60
    assert found["de"] > 30
    for language in ("de", "ru"):  # by four standard errors of a share of 900 words
        assert found[language] > most_frequent_tag(language) + 6, language


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
