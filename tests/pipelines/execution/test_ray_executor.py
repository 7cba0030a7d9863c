"""What is refused before a cluster is asked; tests/pipelines/runs/test_ray.py runs on one."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.pipelines import run
from xpareto.pipelines.execution.distributed import check_launch
from xpareto.pipelines.execution.ray_executor import check_ray
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


def test_a_node_that_does_not_see_the_store_says_so(tmp_path: Path) -> None:
    from types import SimpleNamespace

    from tests.pipelines.execution.test_executor import work

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
