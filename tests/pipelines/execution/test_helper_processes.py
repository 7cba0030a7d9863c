from __future__ import annotations

import json
import os
import signal
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import DataSpec
from xpareto.pipelines.execution.distributed import check_launch, helps
from xpareto.pipelines.execution.executor import LocalExecutor, StepError
from xpareto.pipelines.execution.helper_processes import environments
from xpareto.pipelines.execution.work import Job, do
from xpareto.pipelines.planning.graph import Node
from xpareto.pipelines.storage.store import Store

BASE, TRAINED = "d" * 64, "e" * 64
EVERY_UPDATE = 1e-9  # minutes between two saved states
FIELDS = {
    "on": "udpos", "max_steps": 20, "batch_size": 5, "dropout": 0.0, "learning_rate": 1e-2, "max_length": 32,
    "precision": "fp32", "patience": 0,
}  # fmt: skip


def write_data(folder: Path) -> None:
    """Write sentences whose tags follow from the first letter of each word."""
    (folder / "xtreme" / "udpos").mkdir(parents=True)
    random = np.random.default_rng(0)
    tags = ["NOUN", "VERB", "ADJ", "ADV"]
    for split, count in (("train", 41), ("dev", 9)):
        sentences = []
        for _ in range(count):
            words = ["".join(random.choice(list("abcdefgh"), 3)) for _ in range(random.integers(1, 7))]
            sentences.append("".join(f"{word}\t{tags[ord(word[0]) % 4]}\n" for word in words))
        (folder / "xtreme" / "udpos" / f"{split}-en.tsv").write_text("\n".join(sentences), encoding="utf-8")


def works(tmp_path: Path, base: Path, store: str, **changes: object) -> tuple[Job, Job]:
    """Return the work of taking the base and of training it."""
    data, root = DataSpec(str(tmp_path / "data")), str(tmp_path / store)
    first = Node(BASE, "base", "base", 1, {}, None, None, {}, {}, "r.yaml:3")
    second = Node(TRAINED, "train", "train", 1, {**FIELDS, **changes}, BASE, 3, {}, {}, "r.yaml:4")
    return Job(first, root, data, 2, str(base)), Job(second, root, data, 2, save_minutes=EVERY_UPDATE)


def quiet(done: int, total: int, text: str) -> None:
    pass


@pytest.mark.slow
def test_two_processes_train_what_one_trains_also_after_one_of_them_was_killed(
    tmp_path: Path, base: Path
) -> None:
    write_data(tmp_path / "data")
    taken, training = works(tmp_path, base, "two")
    do(taken, quiet)
    executor = LocalExecutor(tmp_path / "log", processes=2, threads=2)
    killed: list[int] = []

    def kill(done: int, total: int, text: str) -> None:
        if done >= 10 and not killed:
            assert executor._helpers is not None
            killed.append(done)
            os.kill(executor._helpers._helpers[0].pid, signal.SIGKILL)

    with pytest.raises(StepError, match="process 2 of 2: out of memory or killed"):
        executor.do(training, kill)
    state = tmp_path / "two" / "scratch" / TRAINED / "training.safetensors"
    assert state.is_file()
    told: list[int] = []
    executor.do(training, lambda done, total, text: told.append(done))
    executor.close()
    assert min(told) > 10  # it went on and did not begin again
    assert not state.parent.exists()

    alone, training_alone = works(tmp_path, base, "one")
    do(alone, quiet)
    do(training_alone, quiet)
    found, expected = (
        Store(tmp_path / name).find(TRAINED, verify=True) for name in ("two", "one")
    )  # fmt: skip
    assert found is not None and expected is not None
    assert np.asarray(found.manifest.notes["loss"]) == pytest.approx(
        np.asarray(expected.manifest.notes["loss"]), abs=1e-4
    )
    weights, wanted = (load_file(item.file("model.safetensors")) for item in (found, expected))
    assert weights.keys() == wanted.keys()
    for name, value in wanted.items():
        assert np.allclose(weights[name], value, rtol=1e-4, atol=1e-4), name


@pytest.mark.slow
def test_what_is_wrong_with_the_input_is_told_whatever_the_number_of_processes(
    tmp_path: Path, base: Path
) -> None:
    write_data(tmp_path / "data")
    taken, training = works(tmp_path, base, "store", freeze=7)
    do(taken, quiet)
    executor = LocalExecutor(tmp_path / "log", processes=2, threads=2)
    started = time.monotonic()
    with pytest.raises(InputError, match=r"freeze: expected 0 .*found 7"):
        executor.do(training, quiet)
    assert executor._process is None and time.monotonic() - started < 60
    executor.close()


def test_a_work_says_how_often_it_saves() -> None:
    node = Node(BASE, "base", "base", 1, {}, None, None, {}, {}, "r.yaml:3")
    work = Job(node, "store", DataSpec("data"), 1)
    assert Job.from_json(replace(work, save_minutes=2.5).to_json()).save_minutes == 2.5
    assert json.loads(work.to_json())["save_minutes"] == 5.0


def test_the_processes_find_each_other_and_share_the_threads() -> None:
    assert environments(1, 8) == [{}]
    three = environments(3, 8)
    assert [one["RANK"] for one in three] == [one["LOCAL_RANK"] for one in three] == ["0", "1", "2"]
    assert {one["WORLD_SIZE"] for one in three} == {"3"} and {one["OMP_NUM_THREADS"] for one in three} == {
        "2"
    }
    assert len({one["MASTER_PORT"] for one in three}) == 1


def test_a_launcher_and_processes_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    check_launch(4)
    assert not helps()
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert helps()
    check_launch(1)
    with pytest.raises(InputError, match="--processes 4: expected 1 under a launcher, which started 2"):
        check_launch(4)
