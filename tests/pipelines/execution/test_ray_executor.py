"""What is refused of a cluster, and tasks on a local one; tests/pipelines/runs/test_ray.py has runs."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.pipelines.execution.test_executor import work
from tests.pipelines.two_node_cluster import ENVIRONMENT
from xpareto.compress.core.errors import InputError
from xpareto.pipelines import run
from xpareto.pipelines.execution.distributed import check_launch
from xpareto.pipelines.execution.ray_cluster import check_ray, one_kind
from xpareto.pipelines.execution.ray_executor import RayExecutor
from xpareto.pipelines.execution.ray_tasks import Board, make


def test_without_ray_it_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"pip install 'xpareto\[ray\]'"):
        check_ray()
    with pytest.raises(InputError, match=r"pip install 'xpareto\[ray\]'"):
        run("demo", ray="auto")
    assert not list(tmp_path.iterdir()), "before anything is done"


@pytest.mark.parametrize("options", [(2, 2, None), (2, 1, "auto")])
def test_processes_that_train_together_go_with_nothing_at_once(options: tuple[int, int, str | None]) -> None:
    with pytest.raises(InputError, match="expected one of the two"):
        check_launch(*options)


def test_a_label_without_a_cluster_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"measure\.on: quiet names nodes of a Ray cluster"):
        run("demo", overrides={"measure.on": "quiet"}, store=tmp_path / "store", runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists(), "before a folder of the run is made"


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("127.0.0.1:1", r"expected the address of a Ray cluster that runs \(nobody answers"),
        ("ray://127.0.0.1:1", r"found an address of Ray Client\. .* ray job submit --address"),
    ],
)
def test_where_nobody_answers_no_run_begins(
    address: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "init", None)  # which would try for minutes
    with pytest.raises(InputError, match=told):
        run("demo", ray=address, store=tmp_path / "store", runs=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


MACHINE = {"cpu": "A", "cores": 8, "gpus": []}


@pytest.mark.parametrize(
    ("second", "facts"), [({"CPU": 4.0}, {}), ({"GPU": 1.0}, {}), ({}, {"cpu": "B"}), ({}, {"cores": 4})]
)
def test_labelled_nodes_that_differ_are_refused(second: dict, facts: dict) -> None:
    first = {"CPU": 8.0, "quiet": 1.0}
    with pytest.raises(InputError, match=r"measure\.on: expected nodes of one kind with the resource quiet"):
        one_kind("quiet", [first, first | second], [MACHINE, MACHINE | facts])


def test_a_labelled_node_is_asked_for_as_a_whole() -> None:
    nodes = [{"CPU": 8.0, "GPU": 2.0, "quiet": 1.0}, {"CPU": 8.0, "GPU": 2.0, "quiet": 0.5}]
    found = one_kind("quiet", nodes, [MACHINE | {"kernel": "x"}, MACHINE | {"kernel": "y"}])
    assert found.wants == {"num_cpus": 8.0, "num_gpus": 2.0, "resources": {"quiet": 0.5}}


def test_a_node_that_does_not_see_the_store_says_so(tmp_path: Path) -> None:
    board = SimpleNamespace(tell=SimpleNamespace(remote=lambda *_, **__: None))
    answer = make(work(tmp_path, "base", {}).to_json(), "0", board)
    assert answer["input"] and "expected the store" in answer["failed"]
    assert not (tmp_path / "store").exists(), "nothing is made where nobody looks"


def test_the_board_tells_what_is_new_once() -> None:
    board = Board()
    board.tell("1", where="a")
    board.tell("1", progress=(1, 2, "updates"))
    board.tell("2", where="b")
    assert board.news() == {"1": {"where": "a", "progress": (1, 2, "updates")}, "2": {"where": "b"}}
    assert board.news() == {}


def test_a_task_asks_for_what_its_step_declares(tmp_path: Path) -> None:
    cluster: Any = SimpleNamespace(
        most={"CPU": 4.0, "GPU": 1.0, "memory": 2.0**30}, cpus=lambda threads: min(threads, 4), room=3
    )
    executor = RayExecutor(cluster, tmp_path / "log", 8)

    def wanted(step: str, memory: int | None = None) -> dict:
        return dict(executor._wants(replace(work(tmp_path, step, {}), threads=8, memory_bytes=memory)))

    assert wanted("train") == wanted("quantize_aware") == {"num_cpus": 4, "num_gpus": 1}
    assert wanted("export_onnx") == {"num_cpus": 4}
    assert wanted("base") == wanted("trim_vocab") == {"num_cpus": 1}
    assert wanted("base", 2**26 + 1)["memory"] == 2**27  # alike work asks for the same
    assert wanted("base", 2**40)["memory"] == 2**30  # what no node has would never begin
    assert (executor.at_once, executor.ahead) == (3, 3)
    asked = RayExecutor(cluster, tmp_path / "log", 8, 5)
    assert (asked.at_once, asked.ahead) == (5, 0)


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory, base: Path) -> dict[str, Any]:
    """Return what tests/pipelines/execution/ray_scenario.py found, in a process without our filter of warnings."""
    pytest.importorskip("ray")
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.pipelines.execution.ray_scenario",
            str(tmp_path_factory.mktemp("scenario")), str(base),
        ],
        cwd=Path(__file__).parents[3], env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    if "timed out during startup" in done.stderr:
        pytest.skip("Ray gives itself 30 s to start, which this machine is too busy for")
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def test_a_cluster_makes_what_a_worker_makes_and_says_why_not(found: dict[str, Any]) -> None:
    assert found["made"] == found["made here"] and found["made on"] == [found["machine"]]
    kind, why = found["bad input"]
    assert kind == "InputError" and "expected a folder with a checkpoint" in why
    kind, why = found["bug"]
    assert kind == "StepError" and "AssertionError" in why and "Traceback" in found["log"]


def test_what_the_cluster_lacks_is_refused(found: dict[str, Any]) -> None:
    kind, why = found["no label"]
    assert (
        kind == "InputError"
        and "measure.on: expected a node of the Ray cluster with the resource loud" in why
    )


def test_more_tasks_than_there_is_room_for_wait_and_tell_where_they_begin(found: dict[str, Any]) -> None:
    assert found["many"] == ["0.01"] * 40
    assert not found["many told"], "what is done at once tells where by its result"
    assert found["slow told"] == [found["machine"]]


def test_leaving_a_cluster_tells_who_waits_and_it_can_be_used_again(found: dict[str, Any]) -> None:
    assert found["stopped"] == ["WorkerDied", "it was stopped"]
    assert not found["connected"] and found["again"] == "0"
