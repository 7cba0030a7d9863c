"""The table of claims: every status is read from comparisons, catalogues or chains of steps."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from typer.testing import CliRunner

from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.claims import CLAIMS, trained_on
from xpareto.eval.analyses.documents.arm_comparison import TrainingStep
from xpareto.eval.analyses.documents.best_arm import BestArm
from xpareto.eval.analyses.documents.catalogue import document_schema
from xpareto.eval.analyses.documents.claim_status import ClaimStatus
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.claims import claims_of, compare_for_claims
from xpareto.pipelines.runs.compare_arms import compare_run, write_comparison
from xpareto.pipelines.runs.run import Console
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.reports.comparisons.claims import claims_markdown


@pytest.fixture(scope="module")
def made_up() -> ModuleType:
    """Return the module that writes made-up runs."""
    spec = importlib.util.spec_from_file_location("made_up", Path(__file__).with_name("test_compare.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["made_up"] = module
    spec.loader.exec_module(module)
    return module


def status_of(text: str, number: str) -> list[tuple[str, str]]:
    """Return (status, detail) of every row of one claim."""
    rows: list[tuple[str, str]] = []
    at = ""
    for line in text.splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) == 5 and cells[3].startswith("**"):
            at = cells[0] or at
            if at == number:
                rows.append((cells[3].strip("*"), cells[4]))
    return rows


def test_without_runs_no_claim_about_arms_has_a_status() -> None:
    text = claims_markdown(claims_of([], "xpareto claims"))
    for claim in CLAIMS:
        (status, detail) = status_of(text, claim.number)[0]
        assert detail
        if claim.fact not in ("xtreme", "intermediate"):
            assert status == "not tested", claim.number
    assert status_of(text, "8, 13")[0][0] == "holds"
    assert status_of(text, "9, 10, 14, 15")[0][0] == "holds"


def test_every_claim_of_the_study_is_there_once() -> None:
    numbers = [int(n) for claim in CLAIMS for n in claim.number.split(", ")]
    assert sorted(numbers) == list(range(1, 16))


def compared(run: RunFolder, a: str, b: str) -> None:
    write_comparison(run, compare_run(run, a, b, margin=1.0, resamples=200, seed=0))


@pytest.mark.parametrize(("a", "b"), [("none", "english"), ("english", "none")])
def test_a_claim_is_supported_or_contradicted_as_the_verdict_says(
    tmp_path: Path, made_up: ModuleType, a: str, b: str
) -> None:
    run = made_up.write_run(tmp_path / "r", made_up.better_by_ten, seeds=(0, 1, 2), steps={"english": 100})
    compared(run, a, b)
    text = claims_markdown(claims_of([run], "xpareto claims r"))
    ((status, detail),) = status_of(text, "1")
    assert status == "supported"
    assert "english against none" in detail and "better" in detail and "synthetic data" in detail
    assert status_of(text, "4")[0][0] == "contradicted"  # xnli was said to stay where it is
    assert status_of(text, "2")[0][0] == "not tested"
    assert status_of(text, "11") == [("holds", "9 of 9 candidates with an intermediate task: r")]


def test_one_seed_is_told_in_the_status(tmp_path: Path, made_up: ModuleType) -> None:
    run = made_up.write_run(tmp_path / "r", made_up.better_by_ten, seeds=(0,), steps={"english": 100})
    compared(run, "none", "english")
    assert "these trained models only" in status_of(claims_markdown(claims_of([run], "c")), "1")[0][1]


ON = {
    "mnli": "mnli", "squad": "squad_v1", "all": ["mnli", "squad_v1"], "text": "mlm:parallel",
    "translated": "mnli@de",
}  # fmt: skip


def the_task_decides(arm: str, name: str, seed: int) -> float:
    """mnli helps xnli, squad helps tatoeba, both by twenty points; udpos gains nothing."""
    best = {"mnli": "xnli", "squad": "tatoeba"}
    return 60.0 + 20.0 * (best.get(arm) == name) + 0.2 * seed


def study_run(
    folder: Path, made_up: ModuleType, arms: tuple[str, ...] = ("mnli", "squad"), **more: Any
) -> RunFolder:
    found: RunFolder = made_up.write_run(
        folder, the_task_decides, arms=("none", *arms), seeds=(0, 1, 2), on=ON,
        steps=dict.fromkeys(arms, 100), **more,
    )  # fmt: skip
    return found


def test_one_command_compares_whatever_the_claims_speak_of(tmp_path: Path, made_up: ModuleType) -> None:
    run = study_run(tmp_path / "r", made_up, tuple(ON))
    words = ["claims", str(run.path), "--compare", "--resamples", "200", "--out", str(tmp_path / "c.md")]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0, done.output
    made = {file.stem for file in (run.path / "report").glob("*.json")}
    assert made == {
        "compare-none-mnli", "compare-none-squad", "compare-mnli-all", "compare-squad-all",
        "compare-text-mnli", "compare-text-squad", "compare-translated-mnli", "compare-translated-squad",
        "best-arm",
    }  # fmt: skip
    text = (tmp_path / "c.md").read_text(encoding="utf-8")
    status = claims_of([run], "xpareto claims r")
    jsonschema.validate(json.loads(status.as_json()), document_schema("claims"))
    printed = CliRunner().invoke(app, ["claims", str(run.path), "--json"])
    assert ClaimStatus.of(json.loads(printed.stdout), "the output").claims == status.claims
    for number in ("1", "2", "3", "4", "5", "6", "12"):
        assert all(status != "not tested" for status, _ in status_of(text, number)), number
    assert len(status_of(text, "6")) == 4  # each finding once
    ((status, detail),) = status_of(text, "5")
    assert status == "supported"
    assert "best of mnli, squad per task against none" in detail
    assert "by cross-fitting halves of the test examples (xnli, udpos, tatoeba)" in detail
    found = BestArm.read(run.path / "report" / "best-arm.json")
    assert found.tasks["xnli"].chosen == {"mnli": 6}  # three seeds, two halves
    assert found.tasks["tatoeba"].chosen == {"squad": 6}
    assert 10 < found.average.difference < 14
    assert "mnli 100 %" in (run.path / "report" / "best-arm.md").read_text(encoding="utf-8")


def test_a_dev_run_of_the_same_models_chooses_and_is_not_compared_itself(
    tmp_path: Path, made_up: ModuleType
) -> None:
    run = study_run(tmp_path / "r", made_up)
    dev = study_run(tmp_path / "d", made_up, split="dev", chance=1, tasks={"xnli": ("en",)})
    files = compare_for_claims([run, dev], Console(), 1.0, 100, 0)
    assert not [file for file in files if file.is_relative_to(dev.path)]
    found = BestArm.read(run.path / "report" / "best-arm.json")
    assert found.dev_run == "d"
    ways = {name: facts.way for name, facts in found.tasks.items()}
    assert ways == {"xnli": "dev", "udpos": "halves", "tatoeba": "halves"}
    assert found.tasks["xnli"].chosen == {"mnli": 3}
    detail = status_of(claims_markdown(claims_of([run, dev], "c")), "5")[0][1]
    assert "chosen on dev (xnli), by cross-fitting halves of the test examples (udpos, tatoeba)" in detail


def test_a_dev_run_of_other_models_chooses_nothing(tmp_path: Path, made_up: ModuleType) -> None:
    run = study_run(tmp_path / "r", made_up)
    dev = study_run(tmp_path / "d", made_up, split="dev")
    listing = json.loads((dev.path / "candidates.json").read_text())
    listing["candidates"][0]["artifacts"] = {"mnli": "another"}
    (dev.path / "candidates.json").write_text(json.dumps(listing))
    compare_for_claims([run, dev], Console(), 1.0, 100, 0)
    assert BestArm.read(run.path / "report" / "best-arm.json").dev_run is None
    assert (dev.path / "report" / "best-arm.json").is_file()


def test_runs_that_no_claim_speaks_of_are_refused(tmp_path: Path, made_up: ModuleType) -> None:
    run = made_up.write_run(tmp_path / "r", arms=("none",))
    with pytest.raises(InputError, match="No run has arms that a claim compares"):
        compare_for_claims([run], Console(), 1.0, 100, 0)
    (tmp_path / "r/report").mkdir()
    (tmp_path / "r/report/best-arm.json").write_text("{}")
    with pytest.raises(InputError, match="expected the best arm per task of schema 1"):
        claims_of([run], "c")


@pytest.mark.parametrize(
    ("steps", "kind"),
    [
        ([], "no intermediate training"),
        ([{"on": "each"}], "no intermediate training"),
        ([{"on": "mnli", "languages": ["en", "de"]}], "a translated or multilingual task"),
        ([{"on": "mnli@de"}], "a translated or multilingual task"),
        ([{"on": ["mnli", "squad_v1"]}], "several tasks"),
        ([{"on": "mlm:parallel"}], "text alone"),
        ([{"on": ["mnli", "tlm:parallel"]}], "tasks and text mixed"),
    ],
)
def test_arms_are_known_by_what_they_train_on(steps: list[dict[str, Any]], kind: str) -> None:
    assert trained_on([TrainingStep(label="", **step) for step in steps])[0] == kind


def test_the_command_writes_or_prints(tmp_path: Path) -> None:
    printed = CliRunner().invoke(app, ["claims"])
    assert printed.exit_code == 0 and "Phang" in printed.stdout
    target = tmp_path / "docs" / "claims.md"
    assert CliRunner().invoke(app, ["claims", "--out", str(target)]).exit_code == 0
    assert "not tested" in target.read_text(encoding="utf-8")
