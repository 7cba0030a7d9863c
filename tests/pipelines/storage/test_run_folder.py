from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.eval.records.measurement import Measurement
from xpareto.eval.results.integrity import changed_since_seal
from xpareto.pipelines.storage.run_folder import TERMINATOR, RunFolder

KEY = "0123456789abcdef"


def batch(candidate: str, probe: str, values: list[float]) -> list[Measurement]:
    rows = [Measurement("r", candidate, probe, "latency", value, "ms") for value in values]
    return [*rows, Measurement("r", candidate, probe, TERMINATOR, 1.0, "s")]


def new(path: Path) -> RunFolder:
    return RunFolder.start_or_resume(path, "demo", KEY)[0]


def test_an_unfinished_run_is_resumed_and_a_sealed_one_is_not(tmp_path: Path) -> None:
    first, resumed = RunFolder.start_or_resume(tmp_path, "demo", KEY)
    assert not resumed
    again, resumed = RunFolder.start_or_resume(tmp_path, "demo", KEY)
    assert resumed and again == first
    first.add_rows(batch("a", "latency", [1.0]))
    first.seal()
    other, resumed = RunFolder.start_or_resume(tmp_path, "demo", KEY)
    assert not resumed and other != first


def test_another_plan_is_another_run(tmp_path: Path) -> None:
    assert new(tmp_path) != RunFolder.start_or_resume(tmp_path, "demo", "f" * 16)[0]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.lists(st.lists(st.floats(0, 9), max_size=3), min_size=1, max_size=4), st.data())
def test_a_file_cut_at_any_byte_keeps_exactly_the_whole_probes(
    tmp_path: Path, values: list[list[float]], data: st.DataObject
) -> None:
    run = new(tmp_path)
    run.rows_file.unlink(missing_ok=True)
    ends = []
    for index, group in enumerate(values):
        run.add_rows(batch(f"c{index}", "latency", group))
        ends.append(run.rows_file.stat().st_size)
    whole = run.rows_file.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    run.rows_file.write_bytes(whole[:cut])
    run.drop_unfinished()
    expected = max((end for end in ends if end <= cut), default=0)
    assert run.rows_file.read_bytes() == whole[:expected]
    assert run.finished() == {(f"c{i}", "latency", 0) for i, end in enumerate(ends) if end <= cut}


def test_a_sealed_run_tells_which_file_changed(tmp_path: Path) -> None:
    run = new(tmp_path)
    run.add_rows(batch("a", "latency", [1.0]))
    run.write_json("plan.json", {"schema": 1})
    run.seal()
    assert run.damaged() == []
    run.write_json("plan.json", {"schema": 1, "key": "x"})
    assert len(run.damaged()) == 1 and "plan.json" in run.damaged()[0]


def test_rows_are_projected_to_parquet_at_the_seal(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    run = new(tmp_path)
    run.add_rows(batch("a", "latency", [1.0, 2.0]))
    run.seal()
    table = pq.read_table(run.path / "measurements.parquet").to_pylist()
    assert [row["value"] for row in table] == [1.0, 2.0, 1.0]


def test_a_run_of_a_newer_schema_is_refused(tmp_path: Path) -> None:
    run = new(tmp_path)
    run.write_json("plan.json", {"schema": 99})
    with pytest.raises(InputError, match="newer xpareto"):
        RunFolder.find(str(run.path), tmp_path)


def test_rows_of_a_newer_schema_are_refused_with_their_line(tmp_path: Path) -> None:
    run = new(tmp_path)
    run.add_rows(batch("a", "latency", [1.0]))
    record = json.loads(run.rows_file.read_text().splitlines()[0]) | {"schema": 99}
    run.rows_file.write_text(json.dumps(record) + "\n")
    with pytest.raises(InputError, match=r"measurements.jsonl:1: .*schema 99"):
        run.rows()


def test_a_run_is_found_by_folder_name_and_latest(tmp_path: Path) -> None:
    run = new(tmp_path)
    run.write_json("plan.json", {"schema": 1})
    for name in (str(run.path), run.name, "latest"):
        assert RunFolder.find(name, tmp_path).path == run.path
    with pytest.raises(InputError, match="No run"):
        RunFolder.find("nothing", tmp_path)


def test_a_run_is_held_by_one_process_at_a_time(tmp_path: Path) -> None:
    run = new(tmp_path)
    with run.held(), pytest.raises(InputError, match="another process"), RunFolder(run.path).held():
        raise AssertionError("the lock was given twice")


@pytest.mark.parametrize(
    ("plan", "told"),
    [
        ("{}", "expected a whole number from 1 to 1, found none. The run is damaged: repeat it."),
        ('{"schema": "1"}', "expected a whole number from 1 to 1, found '1'. The run is damaged: repeat it."),
        ('{"schema": 2, "xpareto": "9.0"}', "A newer xpareto wrote this run, 9.0; upgrade"),
    ],
)
def test_a_damaged_plan_is_told_from_one_of_a_newer_version(tmp_path: Path, plan: str, told: str) -> None:
    (tmp_path / "plan.json").write_text(plan)
    with pytest.raises(InputError) as caught:
        RunFolder.find(str(tmp_path), tmp_path)
    assert told in str(caught.value)


def test_the_latest_run_is_the_one_that_finished_last_by_its_own_time(tmp_path: Path) -> None:
    def made(name: str, finished: str | None, sealed: bool = True) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "plan.json").write_text('{"schema": 1}')
        if finished is not None:
            event = json.dumps({"time": finished, "event": "finished", "failed": 0})
            (folder / "events.jsonl").write_text(
                f'{{"time": "2026-12-31T00:00:00Z", "event": "started"}}\n{event}\n'
            )
        if sealed:
            (folder / "SEAL.json").write_text("{}")
        return folder

    def latest() -> str:
        return RunFolder.find("latest", tmp_path).name

    made("20260105T000000Z-b", None, sealed=False)
    made("20260101T000000Z-a", None, sealed=False)
    assert latest() == "20260105T000000Z-b"  # none has finished
    made("zzz-kept-for-the-paper", "2026-01-01T10:00:00Z")
    made("20260103T000000Z-a", "2026-01-03T10:00:00Z")
    made("20260102T000000Z-a", "2026-01-04T10:00:00Z")  # was resumed
    made("zzz-without-events", None)
    assert latest() == "20260102T000000Z-a"


def measured(path: Path) -> RunFolder:
    """Return a sealed run with one measurement and a kept file."""
    run = new(path)
    run.write_json("plan.json", {"schema": 1})
    keep(run, "c", 1.0)
    run.seal()
    return run


def keep(run: RunFolder, candidate: str, value: float, repeat: int = 0) -> None:
    file = run.path / "outcomes" / candidate / f"accuracy-{repeat}-xnli.npz"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"outcomes")
    run.add_rows(batch(candidate, "latency", [value]), [file], candidate=candidate, probe="latency")


@pytest.mark.parametrize("after", range(12))
def test_a_run_that_takes_measurements_is_as_sealed_at_every_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    """The run is killed after so many changes of files, and goes on: nothing is lost, nothing twice."""
    run = measured(tmp_path)
    staged = RunFolder(run.path / "probe" / "again")
    staged.path.mkdir(parents=True)
    keep(staged, "c", 2.0, repeat=1)
    moves, replace = [], Path.replace

    def killed(path: Path, target: Path) -> Path:
        if len(moves) == after:
            raise KeyboardInterrupt
        moves.append(target)
        return replace(path, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", killed)
        with suppress(KeyboardInterrupt):
            run.take(staged, repeat=1)
    assert run.damaged() == [] and changed_since_seal(run.path) == ()
    run.finish_taking(staged)
    if staged.rows():  # the kill came before anything was moved
        run.take(staged, repeat=1)
    assert run.damaged() == [] and [row.value for row in run.rows()] == [1.0, 1.0, 2.0, 1.0]
    assert len(list((run.path / "outcomes").rglob("*.npz"))) == 2
    assert [event["event"] for event in run.events()] == ["measured", "measured again"]
    assert not staged.path.exists() and not (run.path / "SEAL.next.json").exists()


def test_a_damaged_run_takes_nothing(tmp_path: Path) -> None:
    run = measured(tmp_path)
    staged = RunFolder(run.path / "probe" / "again")
    staged.path.mkdir(parents=True)
    keep(staged, "c", 2.0, repeat=1)
    seal = (run.path / "SEAL.json").read_bytes()
    run.rows_file.write_text(run.rows_file.read_text().replace('"value": 1.0', '"value": 9.0', 1))
    with pytest.raises(InputError, match=r"measurements.jsonl: expected sha256"):
        run.take(staged, repeat=1)
    assert (run.path / "SEAL.json").read_bytes() == seal and len(run.rows()) == 2


def test_a_file_among_the_outcomes_that_was_not_sealed_is_told(tmp_path: Path) -> None:
    run = measured(tmp_path)
    (run.path / "outcomes" / "c" / "accuracy-9-xnli.npz").write_bytes(b"newer")
    assert "accuracy-9-xnli.npz: expected no such file" in run.damaged()[0]
    assert changed_since_seal(run.path) == ("outcomes/",)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda run: flip(run.rows_file), "are not the rows that were measured"),
        (
            lambda run: next((run.path / "outcomes").rglob("*.npz")).unlink(),
            "expected the file that was measured",
        ),
        (lambda run: (run.path / "events.jsonl").unlink(), "expected what tells of the rows, found none"),
        (lambda run: (run.path / "events.jsonl").write_text("[1]\n"), r"events.jsonl:1: expected an event"),
        (
            lambda run: (run.path / "events.jsonl").write_text("[" * 9999 + "\n"),
            r"events.jsonl:1: expected an event",
        ),
    ],
)
def test_a_run_whose_seal_was_taken_away_is_not_sealed_as_it_is_now(
    tmp_path: Path, damage: Callable[[RunFolder], None], told: str
) -> None:
    run = measured(tmp_path)
    (run.path / "SEAL.json").unlink()
    again, resumed = RunFolder.start_or_resume(tmp_path, "demo", KEY)
    assert resumed and again == run
    again.check_measured()
    damage(run)
    with pytest.raises(InputError, match=told):
        again.check_measured()


def flip(file: Path) -> None:
    file.write_text(file.read_text().replace('"value": 1.0', '"value": 3.0', 1))
