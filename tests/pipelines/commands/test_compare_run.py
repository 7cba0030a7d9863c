"""A real run, however tiny, leaves what xpareto compare needs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow  # writes the embedded data and starts seven processes

RECIPE = """\
xpareto: 1
name: tiny-arms
base: BASE
data: embedded
tasks: [xnli, tatoeba]
languages: [en, de, zh]
steps:
  - arms
  - {step: train, label: fp32, on: each, steps: 2, batch_size: 8, dev_limit: 20}
arms:
  none: []
  multilingual:
    - {step: train, label: intermediate, on: mnli, languages: [en, de], limit: 40, steps: 2, batch_size: 8}
runtimes: [torch]
measure: {limit: 12, threads: 1, probes: [accuracy, size]}
"""


def xpareto(folder: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "xpareto.pipelines", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "200", "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_run_is_compared_verified_and_read_into_the_table_of_claims(tmp_path: Path, base: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE.replace("BASE", str(base)), encoding="utf-8")
    xpareto(tmp_path, "run", "r.yaml")
    shown = xpareto(tmp_path, "compare", "latest", "--arms", "none", "multilingual", "--resamples", "200")
    assert "these trained models only" in shown
    (file,) = tmp_path.glob("runs/*/report/compare-none-multilingual.json")
    found = json.loads(file.read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in (file.parents[1] / "measurements.jsonl").read_text().splitlines()]
    assert set(found["rests_on"]["unlearnt"]["xnli"]) == {"de", "en", "zh"}  # two updates teach nothing
    for language, contrast in found["variants"][0]["languages"]["tatoeba"].items():
        for side, arm in (("a", "none"), ("b", "multilingual")):
            (value,) = [
                row["value"] for row in rows
                if (row["candidate"], row["task"], row["language"], row["statistic"])
                == (f"{arm}/fp32/torch", "tatoeba", language, "accuracy")
            ]  # fmt: skip
            assert contrast[side] == pytest.approx(value)
    assert set(found["rests_on"]["tasks"]) == {"tatoeba"}
    assert "updates" in {caveat["key"] for caveat in found["caveats"]}
    assert "every file and artifact is as it was sealed" in xpareto(tmp_path, "verify", "latest")
    claims = xpareto(tmp_path, "claims", "latest")
    assert "1 of 1 candidates with an intermediate task" in claims
