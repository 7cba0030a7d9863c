"""What `xpareto submit` tells; that what it writes is right, tests/pipelines/runs/test_run.py shows."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.runs.later_actions import check_empty
from xpareto.pipelines.runs.repeat import measure_again
from xpareto.pipelines.runs.run import Console
from xpareto.pipelines.runs.submission import Submission
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.pipelines.storage.store import Store


def test_every_task_of_the_nine_is_told_of_written_or_not() -> None:
    made = Submission(
        Path("out"),
        {"xnli": {"de": 10, "en": 12}, "tatoeba": {"de": 5}},
        {"xnli": {"sw": "no test examples in the data"}, "panx": {"th": "no a", "zh": "no b", "af": "no a"}},
        ("pawsx", "udpos", "xquad", "mlqa", "tydiqa", "bucc2018"),
        7,
    )
    assert list(made.lines()) == [
        "xnli: 2 of 3 languages, 22 examples",
        "  no test examples in the data: sw",
        "panx: 0 of 3 languages, 0 examples",
        "  no a: th, af",
        "  no b: zh",
        "tatoeba: 1 of 1 languages, 5 examples",
        "not in this run, so not written: pawsx, udpos, xquad, mlqa, tydiqa, bucc2018",
        "only the first 7 examples of each language: the leaderboard wants them all",
    ]


def test_a_target_may_be_new_or_empty(tmp_path: Path) -> None:
    check_empty(tmp_path)
    check_empty(tmp_path / "new")
    (tmp_path / "file").touch()
    for target in (tmp_path, tmp_path / "file"):
        with pytest.raises(InputError, match="new or empty folder"):
            check_empty(target)


def test_predictions_are_no_measurement(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="xpareto submit"):
        measure_again(RunFolder(tmp_path), Store(tmp_path / "store"), "predictions", Console())
