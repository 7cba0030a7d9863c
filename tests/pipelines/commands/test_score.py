"""`xpareto score` as a person would use it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from xpareto.pipelines.cli import main

ROOT = Path(__file__).parents[3]
MOCK = ROOT.parent / "shared" / "data" / "xtreme-mock"

# What XTREME's evaluate.py gives with seqeval 0.0.12 (README of the mock submission).
OFFICIAL = {
    "pawsx": 51.42857142857143, "xnli": 30.666666666666668, "panx": 57.50793650793652,
    "udpos": 70.21746048354693, "bucc2018": 55.0, "tatoeba": 53.611111111111114,
}  # fmt: skip
OFFICIAL_QA = {
    "xquad": (77.27272727272727, 79.9586776859504),
    "mlqa": (57.142857142857146, 81.76870748299321),
    "tydiqa": (88.88888888888889, 97.22222222222223),
}
OFFICIAL_GROUPS = {
    "classification": 41.04761904761905, "tagging": 63.862698495741725, "qa": 80.37568011593986,
    "retrieval": 54.30555555555556,
}  # fmt: skip
ALL_NINE = 62.17319850507246


@dataclass(frozen=True)
class Done:
    returncode: object
    stdout: str
    stderr: str


@pytest.fixture
def xpareto(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Return a function that runs the command line in this process."""

    def run(*words: str | Path) -> Done:
        monkeypatch.setattr(sys, "argv", ["xpareto", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        found = capsys.readouterr()
        return Done(ended.value.code, found.out, found.err)

    return run


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    write(tmp_path / "ours", "xnli/test-en.tsv", "neutral\nneutral\n")
    write(tmp_path / "gold", "xnli/test-en.tsv", "neutral\nentailment\n")
    write(tmp_path / "gold", "xnli/test-sw.tsv", "neutral\nentailment\n")
    return tmp_path / "ours", tmp_path / "gold"


def test_a_part_of_the_folder_is_scored_and_the_rest_is_named(
    folders: tuple[Path, Path], xpareto: Callable[..., Done]
) -> None:
    done = xpareto("score", *folders)
    assert (done.returncode, done.stderr) == (0, "")
    assert "xnli  classification  1 of 15" in done.stdout and "50.0000000000" in done.stdout
    assert "xnli: no predictions: sw" in done.stdout
    assert "tatoeba: no folder of predictions and of labels" in done.stdout
    assert "only when all nine are complete; complete here: 0" in done.stdout


def test_json_holds_every_number_and_null_for_an_average_that_must_not_be(
    folders: tuple[Path, Path], xpareto: Callable[..., Done]
) -> None:
    done = xpareto("score", *folders, "--json")
    found = json.loads(done.stdout)
    assert found["tasks"]["xnli"]["score"] == 50 and found["tasks"]["xnli"]["complete"] is False
    assert found["tasks"]["xnli"]["languages"]["en"]["examples"] == 2
    assert found["tasks"]["xnli"]["missing_languages"]["sw"] == "no predictions"
    assert (found["overall"], found["overall_without_retrieval"], found["groups"]) == (None, None, {})
    assert len(found["missing_tasks"]) == 8


def test_a_malformed_file_ends_with_its_line_and_exit_code_2(
    folders: tuple[Path, Path], xpareto: Callable[..., Done]
) -> None:
    write(folders[0], "xnli/test-en.tsv", "neutral\nnautral\n")
    done = xpareto("score", *folders)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"error: {folders[0]}/xnli/test-en.tsv:2: expected one of")
    assert "Traceback" not in done.stderr


def test_a_folder_that_is_not_there_is_named(
    folders: tuple[Path, Path], xpareto: Callable[..., Done], tmp_path: Path
) -> None:
    done = xpareto("score", tmp_path / "none", folders[1])
    assert done.returncode == 2 and f"{tmp_path / 'none'}: expected a folder of predictions" in done.stderr


def test_scoring_imports_no_model_library(folders: tuple[Path, Path]) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        "from xpareto.eval.submission.scoring import score_folder\n"
        "from xpareto.reports.terminal.scores import scores_text\n"
        "paths = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "scores_text(score_folder(*paths), *paths)\n"
        "print({'torch', 'transformers', 'onnxruntime', 'tokenizers'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, folders)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "set()"


@pytest.mark.real
def test_the_mock_submission_gets_the_scores_of_the_official_scorer(xpareto: Callable[..., Done]) -> None:
    if not MOCK.is_dir():
        pytest.skip("no ../shared/data/xtreme-mock beside the repository")
    done = xpareto("score", MOCK / "predictions", MOCK / "labels", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    tasks = found["tasks"]
    assert {name: tasks[name]["score"] for name in OFFICIAL} == pytest.approx(OFFICIAL, abs=1e-9)
    for name, (exact_match, f1) in OFFICIAL_QA.items():
        assert tasks[name]["metrics"]["exact_match"] == pytest.approx(exact_match, abs=1e-9)
        assert tasks[name]["metrics"]["f1"] == pytest.approx(f1, abs=1e-9)
        assert tasks[name]["score"] == pytest.approx((exact_match + f1) / 2, abs=1e-9)
    assert found["groups"] == pytest.approx(OFFICIAL_GROUPS, abs=1e-9)
    assert found["overall"] == pytest.approx(ALL_NINE, abs=1e-9)
    seven = [tasks[name]["score"] for name in tasks if tasks[name]["group"] != "retrieval"]
    assert found["overall_without_retrieval"] == pytest.approx(sum(seven) / 7, abs=1e-9)
    assert tasks["udpos"]["metrics"]["accuracy"] == pytest.approx(74.19, abs=5e-3)
    assert tasks["xquad"]["metrics"]["f1_language_aware"] >= tasks["xquad"]["metrics"]["f1"]
    assert (found["missing_tasks"], found["ignored"]) == ({}, [])
    assert all(task["complete"] for task in tasks.values())
    text = xpareto("score", MOCK / "predictions", MOCK / "labels").stdout
    for value in (*OFFICIAL.values(), *OFFICIAL_GROUPS.values(), ALL_NINE):
        assert f"{value:.10f}" in text


@pytest.mark.real
def test_tatoeba_gold_of_the_mock_is_the_order_of_the_sorted_english_sentences() -> None:
    data = MOCK.parent / "xtreme" / "tatoeba"
    if not data.is_dir():
        pytest.skip("no ../shared/data/xtreme beside the repository")
    from xpareto.eval.data.source import Data, DataSpec
    from xpareto.eval.submission.leaderboard import format_of
    from xpareto.eval.tasks import task

    tatoeba = task("tatoeba")
    source = Data.open(DataSpec(str(data.parent)))
    languages = source.languages(tatoeba)
    assert len(languages) >= 20
    for language in languages:
        examples = source.examples(tatoeba, language)
        written = format_of(tatoeba).text(examples, list(range(len(examples)))).split()
        gold = (MOCK / "labels" / "tatoeba" / f"test-{language}.tsv").read_text().split()
        assert written[: len(gold)] == gold, language
