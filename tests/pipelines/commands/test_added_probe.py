"""A probe is one file: put into a copy of the packages, it can be named, listed and measured with."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.copied_house import copy_house, xpareto
from xpareto.eval.records.measurement import LOAD

PROBE = '''\
"""A probe that a test adds."""

from xpareto.eval.probing.probe import Probe


class Added(Probe):
    """One row: the number of artifacts."""

    name = "{name}"
    taken = "{taken}"
    timed = {timed}

    def measure(self, opened):
        """Yield the row, in artifacts."""
        yield opened.row(self.name, self.name, float(len(opened.artifacts)), "artifacts")


PROBE = Added()
'''

RECIPE = """\
xpareto: 1
name: tiny
base: BASE
data: embedded
tasks: [udpos]
languages: [en]
steps:
  - {step: train, on: each, max_steps: 2, batch_size: 4, dev_limit: 4}
runtimes: [torch]
measure: {limit: 4, threads: 1, blocks: 2, retries: 0, probes: [pulse, wordcount]}
"""

ADDED = {"pulse": ("with twin", True), "wordcount": ("remembered", False)}


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """Return a folder with a copy of the packages that differs by two more files in eval/probes/."""
    folder = copy_house(tmp_path_factory.mktemp("added"))
    for name, (taken, timed) in ADDED.items():
        file = folder / "eval" / "probes" / f"{name}.py"
        file.write_text(PROBE.format(name=name, taken=taken, timed=timed), encoding="utf-8")
    (folder / "tiny.yaml").write_text(RECIPE.replace("BASE", str(base)), encoding="utf-8")
    return folder


def test_it_is_listed_and_offered_to_editors(copied: Path) -> None:
    shown = {
        line.split()[0]: " ".join(line.split())
        for line in xpareto(copied, "list", "probes").stdout.splitlines()
    }
    assert shown["pulse"] == "pulse costs in blocks, A/A twin too One row: the number of artifacts."
    assert shown["wordcount"] == "wordcount scores once per content One row: the number of artifacts."
    probes = json.loads(xpareto(copied, "schema").stdout)["$defs"]["Measure"]["properties"]["probes"]
    assert {"pulse", "wordcount"} <= set(probes["items"]["enum"]) and "pulse" not in probes["default"]


def test_a_near_miss_of_its_name_is_told(copied: Path) -> None:
    done = xpareto(copied, "plan", "tiny.yaml", "--set", "measure.probes=[puls]")
    assert done.returncode == 2 and 'Did you mean "pulse"?' in done.stderr


@pytest.mark.slow
def test_a_run_takes_its_rows_as_it_declares(copied: Path) -> None:
    done = xpareto(copied, "run", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    (file,) = copied.glob("runs/*/measurements.jsonl")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert {row["status"] for row in rows} == {"ok"}
    found = Counter(
        (row["probe"], row["repeat"]) for row in rows if row["statistic"].removeprefix("aa_") in ADDED
    )
    assert found == {("wordcount", 0): 1, ("pulse", 0): 1, ("pulse", 1): 1, ("aa", 0): 1, ("aa", 1): 1}
    assert any(row["probe"] == "pulse" and row["statistic"] == LOAD for row in rows)  # since it is timed
