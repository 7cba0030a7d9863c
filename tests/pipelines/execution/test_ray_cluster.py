"""What becomes of tasks that are sent to a cluster: with a Ray that runs them in threads, so that they can go wrong."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.execution import ray_cluster, ray_tasks
from xpareto.pipelines.execution.executor import StepError, WorkerDied
from xpareto.pipelines.execution.ray_cluster import RayCluster

exceptions = pytest.importorskip("ray.exceptions")
ONE = {"num_cpus": 1}


class Called:
    """What Ray makes of a function: `.remote()` runs it in a thread, `.options()` asks for other resources."""

    def __init__(self, ray: Threads, function: Callable[..., Any]) -> None:
        self._ray, self._function = ray, function

    def options(self, **wants: Any) -> Called:
        self._ray.counts[f"options of {self._function.__name__}"] += 1
        return self

    def remote(self, *words: Any) -> Any:
        future = self._ray.pool.submit(self._function, *words)
        return SimpleNamespace(future=lambda: future)


class Threads:
    """As much of the module `ray` as we use, on a cluster of two nodes, of which the second is `quiet`."""

    def __init__(self) -> None:
        self.pool = ThreadPoolExecutor(8)
        self.counts: Counter[str] = Counter()
        self.boards = 0  # reads of the board that fail

    def init(self, **_: Any) -> None:
        self.counts["init"] += 1

    def nodes(self) -> list[dict[str, Any]]:
        resources: list[dict[str, float]] = [{"CPU": 2.0}, {"CPU": 1.0, "quiet": 1.0}, {"CPU": 64.0}]
        return [
            {"NodeID": str(at) * 56, "Alive": at < 2, "Resources": one} for at, one in enumerate(resources)
        ]

    def get_runtime_context(self) -> Any:
        return SimpleNamespace(get_node_id=lambda: "0" * 56)

    def remote(self, **options: Any) -> Callable[[Any], Any]:
        def made(what: Any) -> Any:
            self.counts[what.__name__] += 1
            if isinstance(what, type):
                actor = what()
                methods = {name: Called(self, getattr(actor, name)) for name in ("tell", "news")}
                return SimpleNamespace(remote=lambda: SimpleNamespace(**methods))
            return Called(self, what)

        return made

    def get(self, tasks: Any, timeout: float | None = None) -> Any:
        if isinstance(tasks, list):
            return [task.future().result() for task in tasks]
        if self.boards:
            self.boards -= 1
            raise exceptions.RayError("the board's machine is lost")
        return tasks.future().result()

    def cancel(self, task: Any, force: bool) -> None:
        self.counts["cancelled"] += 1

    def shutdown(self) -> None:
        self.counts["shutdown"] += 1


@pytest.fixture
def ray(monkeypatch: pytest.MonkeyPatch) -> Threads:
    made = Threads()
    monkeypatch.setattr(ray_cluster, "_import_ray", lambda: made)
    monkeypatch.setattr(ray_tasks, "SECONDS_BETWEEN_NEWS", 0.02)
    monkeypatch.setattr(ray_tasks, "facts", facts)
    return made


def facts() -> dict[str, Any]:
    return {"cpu": "A", "cores": 1, "gpus": []}


def untold(*_: Any) -> None:
    return None


def echo(text: str, number: str, board: Any) -> str:
    return text


def test_a_function_is_sent_once_for_all_its_tasks_of_equal_wants(ray: Threads) -> None:
    cluster = RayCluster("auto", 1)
    assert [cluster.call(echo, str(at), ONE, untold, untold) for at in range(9)] == list("012345678")
    cluster.call(echo, "9", {"num_cpus": 2}, untold, untold)
    assert ray.counts["echo"] == 1 and ray.counts["options of echo"] == 2
    cluster.end()


def test_room_and_size_are_those_of_nodes_that_live(ray: Threads) -> None:
    cluster = RayCluster("auto", 2)
    assert cluster.most["CPU"] == 2.0 and cluster.room == 1 and cluster.cpus(8) == 2
    cluster.end()


def test_what_tasks_tell_reaches_who_waits_for_them_although_the_board_was_lost(ray: Threads) -> None:
    ray.boards = 2
    heard = threading.Event()
    told: list[Any] = []

    def tells(text: str, number: str, board: Any) -> str:
        for _ in range(400):  # what the board knew is lost with it
            board.tell._function(number, where="there", progress=(1, 2, "updates"))
            if heard.wait(0.05):
                return text
        raise AssertionError("nobody was told")

    def progress(*parts: Any) -> None:
        told.append(parts)
        heard.set()

    cluster = RayCluster("auto", 1)
    assert cluster.call(tells, "x", ONE, progress, told.append) == "x"
    assert told[:2] == ["there", (1, 2, "updates")] and not ray.boards
    cluster.end()


def test_what_who_waits_raises_is_raised_where_it_waits(ray: Threads) -> None:
    over = threading.Event()

    def tells(text: str, number: str, board: Any) -> None:
        board.tell._function(number, where="there")
        assert over.wait(20)

    def begins(where: str) -> None:
        raise KeyError(where)

    cluster = RayCluster("auto", 1)
    with pytest.raises(KeyError, match="there"):
        cluster.call(tells, "", ONE, untold, begins)
    over.set()
    cluster.end()


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (lambda: exceptions.RayTaskError("f", "trace", InputError("bad file")), InputError),
        (lambda: exceptions.RayTaskError("f", "trace", ValueError("bug")), StepError),
        (lambda: exceptions.WorkerCrashedError(), WorkerDied),
    ],
)
def test_each_way_to_fail_is_told_as_what_it_is(
    ray: Threads, raised: Callable[[], Exception], expected: type[Exception]
) -> None:
    def fails(text: str, number: str, board: Any) -> None:
        raise raised()

    cluster = RayCluster("auto", 1)
    with pytest.raises(expected) as caught:
        cluster.call(fails, "", ONE, untold, untold)
    assert type(caught.value) is expected
    cluster.end()


def test_leaving_tells_who_waits_and_the_next_task_begins_anew(ray: Threads) -> None:
    begun, over = threading.Event(), threading.Event()

    def waits(text: str, number: str, board: Any) -> None:
        begun.set()
        assert over.wait(20)

    cluster = RayCluster("auto", 1)
    with ThreadPoolExecutor(1) as threads:
        waiting: Future[Any] = threads.submit(cluster.call, waits, "", ONE, untold, untold)
        assert begun.wait(20)
        cluster.end()
        with pytest.raises(WorkerDied, match="it was stopped"):
            waiting.result(20)
    over.set()
    assert ray.counts["cancelled"] == ray.counts["shutdown"] == 1
    assert cluster.call(echo, "again", ONE, untold, untold) == "again" and ray.counts["init"] == 2
    cluster.end()


def test_a_label_is_looked_for_when_the_cluster_is_met(ray: Threads) -> None:
    cluster = RayCluster("auto", 1, "quiet")
    assert cluster.labelled is not None and cluster.labelled.facts == facts()
    assert cluster.labelled.wants == {"num_cpus": 1.0, "num_gpus": 0.0, "resources": {"quiet": 1.0}}
    cluster.end()
    with pytest.raises(InputError, match="expected a node of the Ray cluster with the resource loud"):
        RayCluster("auto", 1, "loud")
    assert ray.counts["shutdown"] == ray.counts["init"] == 2  # nothing stays connected
