from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import DataSpec
from xpareto.pipelines.execution.executor import LocalExecutor, StepError
from xpareto.pipelines.execution.work import Job
from xpareto.pipelines.planning.graph import Node


def work(tmp_path: Path, step: str, fields: dict, folder: Path | None = None) -> Job:
    node = Node("d" * 64, step, step, 1, fields, None, None, {}, {}, "r.yaml:3")
    (tmp_path / "data" / "xtreme").mkdir(parents=True, exist_ok=True)
    data = DataSpec(str(tmp_path / "data"))
    return Job(node, str(tmp_path / "store"), data, 1, str(folder) if folder else None)


def test_the_worker_gives_the_digest_and_ends_when_closed(tmp_path: Path, base: Path) -> None:
    executor = LocalExecutor(tmp_path / "log")
    digest = executor.do(work(tmp_path, "base", {}, base), lambda *_: None)
    assert len(digest) == 64
    process = executor._process
    assert process is not None
    executor.close()
    assert process.returncode == 0


def test_the_working_directory_is_no_code_for_the_worker(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    for name in ("eval", "compress", "pipelines", "reports"):  # folders that a user may well have
        (here / name).mkdir(parents=True)
    for name in ("queue", "sitecustomize", "safetensors", "tokenizers", "transformers", "eval/__init__"):
        (here / f"{name}.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write({name!r})")
    monkeypatch.chdir(here)
    monkeypatch.setenv("PYTHONPATH", os.pathsep + os.environ.get("PYTHONPATH", ""))
    executor = LocalExecutor(tmp_path / "log")
    digest = executor.do(work(tmp_path, "base", {}, base), lambda *_: None)
    executor.close()
    assert len(digest) == 64 and not (tmp_path / "ran").exists()


def test_bad_input_in_a_step_is_told_and_the_worker_lives_on(tmp_path: Path, base: Path) -> None:
    executor = LocalExecutor(tmp_path / "log")
    with pytest.raises(InputError, match="expected a folder with a checkpoint"):
        executor.do(work(tmp_path, "base", {}, tmp_path / "nothing"), lambda *_: None)
    first = executor._process
    executor.do(work(tmp_path, "base", {}, base), lambda *_: None)
    assert executor._process is first
    executor.close()


def test_a_bug_in_a_step_is_a_failed_step_with_its_traceback_in_the_log(tmp_path: Path) -> None:
    executor = LocalExecutor(tmp_path / "log")
    with pytest.raises(StepError, match="AssertionError"):
        executor.do(work(tmp_path, "train", {"on": "mnli"}), lambda *_: None)
    executor.close()
    assert "Traceback" in (tmp_path / "log").read_text()


def test_a_worker_that_is_killed_is_a_failed_step(tmp_path: Path, base: Path) -> None:
    executor = LocalExecutor(tmp_path / "log")
    process = executor._begin()

    def kill() -> None:
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)

    threading.Thread(target=kill).start()
    with pytest.raises(StepError, match="killed"):
        executor.do(work(tmp_path, "base", {}, base), lambda *_: None)
    executor.close()


def test_a_worker_ends_with_its_parent(tmp_path: Path) -> None:
    executor = LocalExecutor(tmp_path / "log")
    process = executor._begin()
    assert process.stdin is not None
    process.stdin.close()  # what the system does when the parent dies
    assert process.wait(timeout=30) == 0
    process.stdout.close()  # type: ignore[union-attr]
