from __future__ import annotations

import json
from pathlib import Path

import pytest

from xpareto.pipelines.runs.agenda import Agenda, Console, Status, done_before, times_of_earlier_runs


class Told(Console):
    def __init__(self) -> None:
        self.shown: list[Status] = []

    def show(self, status: Status) -> None:
        self.shown.append(status)


class Clock:
    now = 0.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def time_at(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr("xpareto.pipelines.runs.agenda.time", clock)
    return clock


def test_the_time_to_go_is_what_alike_pieces_took(time_at: Clock) -> None:
    told = Told()
    agenda = Agenda(told, {"make fp32": 2, "measure cost": 3})
    with agenda.piece("make fp32", "fp32 (udpos)"):
        assert told.shown[-1].to_go == "time to go not known yet"
        time_at.now += 10
    assert (agenda.now.left, agenda.now.gone) == (40.0, 10.0)  # what is not timed yet counts as what is
    with agenda.piece("make fp32", "fp32 (mnli)") as piece:
        assert told.shown[-1].to_go == "roughly 40 s to go" and told.shown[-1].at == "step 2 of 5"
        time_at.now += 2
        piece.tell(100, 400, "updates")
        time_at.now += 3
        piece.tell(200, 400, "updates, loss 0.31")
        assert told.shown[-1].parts == "200 of 400 updates, loss 0.31, 6 s left"
        assert told.shown[-1].left == pytest.approx(6 + 3 * 10)
        time_at.now += 6
    with agenda.piece("measure cost", "cost of a"):
        time_at.now += 1
    assert agenda.now.left == pytest.approx(2 * 1.0)
    with agenda.piece("measure cost", "cost of b"):
        assert told.shown[-1].to_go == "about 2 s to go"


def test_training_that_goes_on_is_timed_from_where_it_goes_on(time_at: Clock) -> None:
    told = Told()
    agenda = Agenda(told, {"make fp32": 1})
    with agenda.piece("make fp32", "fp32") as piece:
        time_at.now += 20  # to load what was saved
        piece.tell(900, 1000, "updates")
        time_at.now += 5
        piece.tell(950, 1000, "updates")
    assert told.shown[-1].piece_left == pytest.approx(5)


def test_pieces_that_are_left_out_and_unforeseen_ones_keep_the_count(time_at: Clock) -> None:
    agenda = Agenda(Console(), {"a": 2})
    agenda.skip("a")
    with agenda.piece("a", "a"):
        pass
    assert agenda.now.at == "step 2 of 2"
    with agenda.piece("b", "made again"):
        pass
    assert agenda.now.at == "step 3 of 3"


def test_a_piece_that_fails_says_nothing_of_the_time_that_one_takes(time_at: Clock) -> None:
    agenda = Agenda(Console(), {"a": 2})
    with pytest.raises(ValueError, match="broken"), agenda.piece("a", "a"):
        raise ValueError("broken")
    assert agenda.seconds == {}


def test_the_times_of_earlier_runs_are_read_from_their_events(tmp_path: Path) -> None:
    for stamp, seconds in (("1", 5.0), ("2", 7.0)):
        folder = tmp_path / f"{stamp}-tiny-12345678"
        folder.mkdir()
        lines = [
            {"event": "made", "label": "fp32", "seconds": seconds},
            {"event": "measured", "probe": "cost", "seconds": 2.0},
            {"event": "cached", "label": "onnx"},
        ]
        (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "3-tiny-12345678").mkdir()
    (tmp_path / "3-tiny-12345678" / "events.jsonl").write_text('{"event": "ma')  # a kill cut it
    expected = {"make fp32": [5.0, 7.0], "measure cost": [2.0, 2.0]}
    assert times_of_earlier_runs(tmp_path, "tiny") == expected
    assert times_of_earlier_runs(tmp_path, "other") == {}


def test_a_run_that_goes_on_counts_its_steps_from_where_it_was(time_at: Clock) -> None:
    events = [
        {"event": "started", "key": "k1"},
        {"event": "made", "key": "k1", "seconds": 4.0},
        {"event": "made", "key": "k2", "seconds": 5.0},  # damaged since, and made again
        {"event": "made", "key": "k2", "seconds": 6.0},
        {"event": "made", "key": "k3", "seconds": 7.0},
        {"event": "cached", "key": "k0"},
        {"event": "measured", "probe": "int8"},  # that it could not be made: no piece of work
        {"event": "measured", "probe": "cost", "seconds": 2.0},
    ]
    assert done_before(events, {"k3"}) == (3, 12.0)
    agenda = Agenda(Console(), {"make k3": 1, "measure cost": 2}, {}, *done_before(events, {"k3"}))
    assert agenda.now.total == 6
    with agenda.piece("make k3", "k3"):
        time_at.now += 8
        assert agenda.now.at == "step 4 of 6"
    assert agenda.now.gone == 20.0
