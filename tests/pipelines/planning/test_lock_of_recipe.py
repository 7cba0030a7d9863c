"""`--data hub`: a run locks the repositories that its recipe reads, all of them and no other."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import xpareto.pipelines.storage.lock
from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import Data
from xpareto.eval.tasks import task
from xpareto.pipelines.planning.graph import Plan
from xpareto.pipelines.planning.inputs import Start, open_start
from xpareto.pipelines.planning.plan import make_plan
from xpareto.pipelines.planning.workload import workloads
from xpareto.pipelines.recipe.schema import Checked
from xpareto.pipelines.runs.submission import _data as submission_data
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.pipelines.storage.store import Store

COMMIT = "c" * 40
READ = {"google/xtreme", "facebook/xnli"}  # udpos and tatoeba; xnli, whose training set is mnli


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for the hub; return the repositories that it was asked for."""
    found: list[str] = []

    def ask(repo: str, kind: str) -> str:
        assert kind == "dataset"
        found.append(repo)
        return COMMIT

    monkeypatch.setattr(xpareto.pipelines.storage.lock, "_ask_hub", ask)
    return found


@pytest.fixture
def started(tmp_path: Path, base: Path, checked: Callable[..., Checked]) -> Callable[..., tuple[Start, Plan]]:
    """Return a function: recipe, lock -> its start and plan, its work known too, as a run has them."""

    def start(text: str, lock: Path | None = None) -> tuple[Start, Plan]:
        found = checked(text)
        start = open_start(
            found.recipe, Store(tmp_path / "store"), recipe_folder=tmp_path, recipe_file="r.yaml",
            base=str(base), data="hub", lock_file=lock,
        )  # fmt: skip
        plan = make_plan(found, start)
        workloads(found.recipe, start)
        return start, plan

    return start


def test_only_what_the_recipe_reads_is_resolved_each_once(
    asked: list[str], started: Callable[..., tuple[Start, Plan]], good: str
) -> None:
    started(good)
    assert sorted(asked) == sorted(READ)
    started(good)
    assert len(asked) == len(READ)


@pytest.mark.parametrize(
    ("on", "more"),
    [
        ("[anli, commonsenseqa]", {"facebook/anli", "stanfordnlp/snli", "tau/commonsense_qa"}),
        ("qqp", {"nyu-mll/glue"}),
        ("squad_v2", {"rajpurkar/squad_v2"}),
    ],
)
def test_every_set_that_an_arm_trains_on_is_resolved_before_any_work(
    asked: list[str], started: Callable[..., tuple[Start, Plan]], good: str, on: str, more: set[str]
) -> None:
    started(good.replace("on: mnli", f"on: {on}"))
    assert set(asked) == READ | more


def test_the_lock_is_all_that_a_worker_needs(
    asked: list[str],
    started: Callable[..., tuple[Start, Plan]],
    good: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start, plan = started(good.replace("on: mnli", "on: [anli, qqp]"))
    monkeypatch.setattr(
        xpareto.pipelines.storage.lock, "_ask_hub", lambda *_: pytest.fail("the hub was asked")
    )
    worker = Data.open(start.spec)  # as pipelines.execution.work opens it, with nobody to ask
    read = [
        file
        for node in plan.nodes.values()
        for name in node.data
        if name.startswith("training:") and name != "training:encoder"
        for split in ("train", "dev")
        for file in worker.training_files(name.partition(":")[2], split)
    ]
    read += [file for name in ("udpos", "xnli", "tatoeba") for file in worker.task_files(task(name), "de")]
    assert len(read) > 8 and all(str(file).split("@")[1].startswith(COMMIT) for file in read)
    with pytest.raises(InputError, match=r"no commit of rajpurkar/squad; it locks facebook/anli"):
        worker.training_files("squad_v1", "train")


def test_a_given_lock_of_those_repositories_suffices(
    asked: list[str], started: Callable[..., tuple[Start, Plan]], good: str, tmp_path: Path
) -> None:
    lock = tmp_path / "lock.json"
    lock.write_text(json.dumps(dict.fromkeys(READ, "f" * 40)))
    start, _ = started(good, lock)
    assert asked == []
    (file,) = start.data.task_files(task("xnli"), "de")
    assert str(file) == f"facebook/xnli@{'f' * 40}/de/test"
    with pytest.raises(InputError, match="rajpurkar/squad is not in it"):
        started(good.replace("on: mnli", "on: squad_v1"), lock)


def test_a_submission_on_other_data_resolves_its_tasks_before_it_predicts(
    asked: list[str], tmp_path: Path
) -> None:
    run = RunFolder(tmp_path / "r")
    spec = submission_data(run, Store(tmp_path / "store"), "hub", tmp_path / "recipe.yaml", ["xquad", "xnli"])
    assert sorted(asked) == ["facebook/xnli", "google/xquad"]
    (file,) = Data.open(spec).task_files(task("xquad"), "de")
    assert f"google/xquad@{COMMIT}" in str(file)
