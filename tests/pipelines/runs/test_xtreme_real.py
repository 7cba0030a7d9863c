"""The recipe of all nine tasks on a real small model and real data, shortened; skipped without them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

pytestmark = [pytest.mark.real, pytest.mark.slow]  # six heads, seven exports, nine tasks: minutes

SHORT = [
    "tasks=[xnli, {task: pawsx, trained_on: pawsx_dev}, udpos, {task: panx, split: dev}, xquad, "
    "{task: mlqa, split: dev}, {task: tydiqa, split: train, languages: [ko, sw]}, "
    "{task: bucc2018, split: dev, limit: 200}, tatoeba]",
    "fp32.max_steps=4",
    "fp32.limit=100",
    "fp32.dev_limit=20",
    "measure.limit=6",
    "measure.probes=[accuracy, size]",
]
NINE = {"xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba"}


@pytest.fixture(scope="module")
def run(shipped: Callable[[str, Sequence[str]], Path]) -> Path:
    return shipped("xtreme", SHORT)


def predictions(run: Path, candidate: str) -> dict[str, dict[str, list[object]]]:
    files = sorted((run / "predictions" / candidate.replace("/", "__")).glob("*.json"))
    return {file.stem.rpartition("-")[2]: json.loads(file.read_text()) for file in files}


def test_every_task_is_scored_and_absent_languages_are_told(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    scored = {row["task"] for row in rows if row["probe"] == "accuracy" and row["status"] == "ok"}
    assert scored >= NINE
    absent = {(row["task"], row["language"]) for row in rows if row["status"] == "missing"}
    assert {("panx", "th"), ("bucc2018", "fr"), ("pawsx", "en")} <= absent
    assert not [row for row in rows if row["status"] == "failed"]


def test_onnx_predicts_what_torch_predicts_for_every_example(run: Path) -> None:
    one, other = predictions(run, "main/fp32/torch"), predictions(run, "main/onnx/onnxruntime")
    assert set(one) == NINE
    for task, languages in one.items():
        for language, answers in languages.items():
            assert answers == other[task][language], (task, language)
