from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.results.run import read_runs

Make = Callable[..., Path]


def _edit(folder: Path, **changes: Any) -> None:
    file = folder / "candidates.json"
    file.write_text(json.dumps(json.loads(file.read_text("utf-8")) | changes), encoding="utf-8")


def test_a_newer_schema_is_refused_with_the_fix(make_run: Make) -> None:
    folder = make_run(schema=2)
    with pytest.raises(InputError, match=r"candidates\.json: schema: expected at most 1, found 2.*upgrade"):
        read_runs([folder])


@pytest.mark.parametrize("name", ["candidates.json", "measurements.jsonl"])
def test_a_folder_without_its_files_is_no_run(make_run: Make, name: str) -> None:
    folder = make_run()
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        read_runs([folder])


@pytest.mark.parametrize("text", ["{", "[]", '{"schema": "1"}', '{"schema": 1}', '{"schema": true}'])
def test_a_damaged_list_of_candidates_is_named(make_run: Make, text: str) -> None:
    folder = make_run()
    (folder / "candidates.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"candidates\.json"):
        read_runs([folder])


def test_a_baseline_that_is_no_candidate_is_refused(make_run: Make) -> None:
    folder = make_run()
    _edit(folder, baseline="nobody")
    with pytest.raises(InputError, match="baseline: 'nobody'"):
        read_runs([folder])


def test_a_missing_language_is_never_counted_among_those_with_data(make_run: Make) -> None:
    folder = make_run(missing=False)
    tasks = json.loads((folder / "candidates.json").read_text("utf-8"))["tasks"]
    tasks["udpos"]["missing"] = ["de"]
    _edit(folder, tasks=tasks)
    assert "de" not in read_runs([folder]).tasks["udpos"].languages


def test_a_run_without_environment_and_recipe_still_reads(make_run: Make) -> None:
    folder = make_run()
    (folder / "environment.json").unlink()
    (folder / "recipe.yaml").unlink()
    assert read_runs([folder]).origins[0].recipe_text == ""


def test_two_runs_join_and_keep_their_candidates_apart(make_run: Make) -> None:
    one, two = make_run(run="first"), make_run(run="second", synthetic=False)
    run = read_runs([one, two])
    assert run.baseline == "first: none/target/torch"
    assert len({candidate.name for candidate in run.candidates}) == 16
    assert run.synthetic
    assert all(run.rows[candidate.name] for candidate in run.candidates)


def test_the_same_run_twice_is_refused(make_run: Make) -> None:
    folder = make_run()
    with pytest.raises(InputError, match="twice"):
        read_runs([folder, folder])


def test_no_run_at_all_is_refused() -> None:
    with pytest.raises(InputError, match="at least one"):
        read_runs([])
