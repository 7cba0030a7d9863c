"""A search of two settings at a time is killed, goes on, and leaves an ordinary run that tells what was searched."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.documents import SEARCH, SearchReport
from xpareto.pipelines import Console, Run, Status, plan, run, search

RECIPE: dict[str, Any] = {
    "xpareto": 1,
    "name": "searched",
    "base": "embedded",
    "data": "embedded",
    "tasks": ["tatoeba"],
    "languages": ["de", "el"],
    "steps": [
        {"step": "export_onnx", "label": "onnx"},
        {"step": "quantize_weights", "label": "weights", "products": "int8", "embeddings": "int8"},
    ],
    "runtimes": ["onnxruntime"],
    "measure": {"probes": ["accuracy", "size"], "limit": 80, "threads": 1},
    "objectives": ["score", "size_bytes"],
    "search": {
        "space": {"weights.products": ["int8", "int4"], "weights.embeddings": ["int8", "int4"]},
        "budget": {"candidates": 3},
        "screening": {"examples": 20, "growth": 2},
        "finalists": 2,
    },
}


class Killed(Exception):
    pass


class Kill(Console):
    """Ends the search at its third screening."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def show(self, status: Status) -> None:
        if status.what.startswith("screening"):
            self.seen.add(status.what)
        if len(self.seen) == 3:
            raise Killed


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Run:
    pytest.importorskip("optuna")
    folder = tmp_path_factory.mktemp("search")
    where = {"store": folder / "store", "runs": folder / "runs"}
    with pytest.raises(Killed):
        search(RECIPE, **where, workers=2, progress=Kill())
    (begun,) = (folder / "runs").iterdir()
    result = search(RECIPE, **where, workers=2)
    assert result.path.name == begun.name and not result.failed  # it went on
    return result


def test_it_ends_with_a_run_of_the_finalists(done: Run) -> None:
    report = SearchReport.read(done.path / SEARCH)
    arms = [*done.candidates()["arm"]]
    assert arms == ["baseline", *report.finalists] and 1 <= len(report.finalists) <= 2
    assert [one.name for one in report.tried] == ["t0", "t1", "t2"]
    assert report.tried[0].settings == {
        "weights.products": "int8",
        "weights.embeddings": "int8",
    }  # as it stands
    settings = [json.dumps(one.settings) for one in report.tried]
    assert len({*settings}) == 3  # nothing twice, not even what the kill interrupted
    volumes = [one.hypervolume for one in report.tried]
    assert volumes == sorted(volumes) and volumes[0] > 0
    assert all(one.why for one in report.tried if one.dropped_after is not None)
    made = json.loads((done.path / "candidates.json").read_text("utf-8"))["made"]
    first = [one for one in report.tried if one.seconds > 0]
    assert first and sum(one.seconds for one in report.tried) >= 0.5 * sum(
        one["seconds"] for one in made.values()
    )


def test_what_chose_the_finalists_is_not_what_they_are_reported_on(done: Run) -> None:
    (rounds,) = ({one.number: one for one in SearchReport.read(done.path / SEARCH).rounds},)
    assert rounds[1].examples == 20
    document = json.loads((done.path / "candidates.json").read_text("utf-8"))
    facts = document["tasks"]["tatoeba"]
    assert facts["skip"] == 40 and facts["limit"] == 40  # of 80 the second half
    assert all(one.examples <= facts["skip"] for one in rounds.values())
    assert set(done.scores()["examples"]) == {40}


def test_its_recipe_is_an_ordinary_one(done: Run) -> None:
    planned = plan(done.path / "recipe.yaml", store=done.store or "store")
    names = [one.name for one in planned.plan.candidates]
    assert names == [*done.candidates()["candidate"]]
    assert "search" not in (done.path / "recipe.yaml").read_text("utf-8").replace("searched", "")


def test_the_page_shows_what_was_searched(done: Run) -> None:
    page, summary = ((done.report / name).read_text("utf-8") for name in ("index.html", "summary.md"))
    assert 'id="search"' in page and "weights.products=int8" in page and "Hypervolume" in page
    assert "## Search" in summary and "reported on the rest" in summary


def test_the_study_can_be_read_by_others(done: Run) -> None:
    import optuna
    from optuna.storages.journal import JournalFileBackend, JournalStorage

    storage = JournalStorage(JournalFileBackend(str(done.path / "search" / "study.journal")))
    study = optuna.load_study(study_name="searched", storage=storage)
    assert [trial.state.name for trial in study.trials] == ["COMPLETE"] * 3
    assert study.metric_names == ["score", "size_bytes"]


def test_each_command_says_which_one_a_recipe_is_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Give it to `xpareto search`"):
        run(RECIPE, store=tmp_path / "store", runs=tmp_path / "runs")
    pytest.importorskip("optuna")
    with pytest.raises(InputError, match="expected a recipe with the key `search`"):
        search({**RECIPE, "search": None}, store=tmp_path / "store", runs=tmp_path / "runs")


def test_without_optuna_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(InputError, match=r"pip install 'xpareto\[search\]'"):
        search(RECIPE, store=tmp_path / "store", runs=tmp_path / "runs")
