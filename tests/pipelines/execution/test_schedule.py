from __future__ import annotations

import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.pipelines.execution.schedule import Schedule, longest_paths


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    size = draw(st.integers(1, 12))
    return {
        str(place): [str(one) for one in range(place) if draw(st.integers(0, 3)) == 0]
        for place in range(size)
    }


class Recorder:
    """Notes which pieces of work ran, after which others, and how many together."""

    def __init__(self, failing: str | None = None) -> None:
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.before: dict[str, set[str]] = {}
        self.beside: dict[str, set[str]] = {}
        self.failing = failing
        self._lock = threading.Lock()

    def __call__(self, key: str) -> None:
        with self._lock:
            self.before[key] = set(self.ended)
            running = set(self.begun) - set(self.ended)
            self.beside[key] = running
            for other in running:
                self.beside[other].add(key)
            self.begun.append(key)
        time.sleep(0.001)
        with self._lock:
            self.ended.append(key)
        if key == self.failing:
            raise ValueError(f"{key} failed")


@given(graphs(), st.integers(1, 4), st.sets(st.integers(0, 11).map(str)))
def test_everything_runs_once_after_what_it_needs_and_never_too_much_at_once(
    needs: dict[str, list[str]], at_once: int, alone: set[str]
) -> None:
    recorder = Recorder()
    Schedule(at_once, alone=alone).run(needs, recorder)
    assert sorted(recorder.begun) == sorted(needs)
    for key, given_keys in needs.items():
        assert set(given_keys) <= recorder.before[key]
        assert key not in alone or not recorder.beside[key]
    assert not any(len(beside) >= at_once and at_once == 1 for beside in recorder.beside.values())


def test_independent_pieces_run_together() -> None:
    met = threading.Barrier(3, timeout=20)  # breaks unless three are there at a time
    Schedule(3).run({"a": (), "b": (), "c": ()}, lambda key: met.wait())


@pytest.mark.parametrize("at_once", [1, 2])
def test_the_longest_way_goes_first_and_equal_ones_in_the_order_given(at_once: int) -> None:
    needs = {"root": [], "short": ["root"], "long": ["root"], "longer": ["root"], "end": ["longer"]}
    rests = longest_paths(needs, {"short": 1, "long": 4, "longer": 3, "end": 2})
    assert rests == {"root": 5, "short": 1, "long": 4, "longer": 5, "end": 2}
    recorder = Recorder()
    Schedule(at_once, {key: -rest for key, rest in rests.items()}).run(needs, recorder)
    expected = ["root", "longer", "long", "end", "short"]
    assert recorder.begun == expected if at_once == 1 else set(recorder.begun[1:3]) == {"longer", "long"}


def test_a_failure_lets_what_runs_finish_and_starts_nothing_more() -> None:
    met = threading.Barrier(2, timeout=20)
    ended = []

    def work(key: str) -> None:
        met.wait()
        if key == "bad":
            raise ValueError("bad failed")
        time.sleep(0.2)
        ended.append(key)

    with pytest.raises(ValueError, match="bad failed"):
        Schedule(2).run({"bad": (), "good": (), "later": ()}, work)
    assert ended == ["good"]


def test_what_has_no_room_beside_others_waits_and_one_always_runs() -> None:
    recorder = Recorder()
    Schedule(3, fits=lambda running, key: False).run({"a": (), "b": (), "c": ()}, recorder)
    assert recorder.begun == ["a", "b", "c"] and not any(recorder.beside.values())


def test_a_stop_ends_what_runs() -> None:
    ended = threading.Event()
    begun = threading.Event()

    def work(key: str) -> None:
        begun.set()
        assert ended.wait(20), "nothing ended it"

    def stopped(running: object, key: str) -> bool:
        assert begun.wait(20)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Schedule(2, fits=stopped, abandon=ended.set).run({"a": (), "b": ()}, work)
