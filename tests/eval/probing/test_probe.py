from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import DataSpec
from xpareto.eval.probing.probe import launch
from xpareto.eval.probing.registry import PROBES
from xpareto.eval.probing.request import Ask, Job

JOB = Job(
    "run", "candidate", "torch", 2, {"mnli": "/nowhere"}, DataSpec("/data"),
    (Ask("xnli", ("en", "sw"), "dev", 5), Ask("tatoeba")), ("accuracy", "latency"), {"seconds": 0.1}, 3,
)  # fmt: skip


def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    """Let a shell script stand in for the interpreter; $J is the job's folder."""
    script = tmp_path / "fake-python"
    script.write_text(f'#!/bin/sh\nJ=$(dirname "$4")\n{body}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(sys, "executable", str(script))


def test_a_job_survives_json() -> None:
    assert Job.from_json(JOB.to_json()) == JOB


def test_a_wrong_probe_is_refused_before_anything_runs(tmp_path: Path) -> None:
    job = Job("r", "c", "torch", 1, {}, DataSpec("/data"), (), ("latncy",))
    with pytest.raises(InputError, match='Did you mean "latency"'):
        launch(job, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_killed_probe_keeps_its_rows_and_the_next_still_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = '{"run": "r", "candidate": "c", "probe": "p", "statistic": "s", "value": 1.0, "unit": "ms", "schema": 1}'
    body = f"""
    if grep -q '"accuracy"' "$J/job.json"; then
      printf accuracy > "$J/current.txt"; echo '{row}' > "$J/rows.jsonl"; printf '{{"torn' >> "$J/rows.jsonl"
      echo "Allocating too much" >&2; kill -9 $$
    fi
    printf latency > "$J/current.txt"; echo '{row}' > "$J/rows.jsonl"
    """
    child(tmp_path, monkeypatch, body)
    found = launch(JOB, tmp_path / "out")
    assert [(row.probe, row.status) for row in found] == [("p", "ok"), ("accuracy", "failed"), ("p", "ok")]
    assert "signal 9" in found[1].error and "out of memory" in found[1].error
    assert "Allocating too much" in found[1].error
    assert found[1].value is None and found[1].basis == "unavailable"


def test_a_process_that_never_started_a_probe_fails_them_all_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    child(tmp_path, monkeypatch, f'echo "line 1" >&2; echo x >> "{tmp_path}/starts"; exit 7')
    found = launch(JOB, tmp_path / "out")
    assert [(row.probe, row.status) for row in found] == [("accuracy", "failed"), ("latency", "failed")]
    assert all("exit code 7\nline 1" in row.error for row in found)
    assert (tmp_path / "starts").read_text() == "x\n"


def test_the_child_is_told_its_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOMP_SPINCOUNT", raising=False)
    child(
        tmp_path,
        monkeypatch,
        f'echo "$OMP_NUM_THREADS $MKL_NUM_THREADS $GOMP_SPINCOUNT" > "{tmp_path}/threads"',
    )
    assert launch(JOB, tmp_path / "out") == []
    assert (tmp_path / "threads").read_text() == "2 2 1000\n"


def test_a_missing_artifact_comes_back_as_a_clean_message(tmp_path: Path) -> None:
    found = launch(JOB, tmp_path / "out")
    assert {row.status for row in found} == {"failed"}
    assert all("/nowhere" in row.error and "Traceback" not in row.error for row in found)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="needs per-child processor times")
def test_the_parent_sleeps_while_the_child_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    child(tmp_path, monkeypatch, "sleep 1")
    before = os.times()
    launch(JOB, tmp_path / "out")
    after = os.times()
    assert (after.user + after.system) - (before.user + before.system) < 0.3


def test_memory_is_the_probe_that_goes_first() -> None:
    assert [name for name in PROBES.names if PROBES.load(name).first] == ["memory"]
    assert all(PROBES.load(name).name == name for name in PROBES.names)
