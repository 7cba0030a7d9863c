from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

from tests.compress.training.scaled_training import Tagger, trained
from tests.tiny_world import TinyWorld
from xpareto.compress.core.registry import STEPS
from xpareto.compress.core.step import Context
from xpareto.compress.data.batching import IGNORED
from xpareto.compress.data.sharding import labelled, share
from xpareto.compress.training.distributed import Processes, alone, join


@given(st.integers(1, 9), st.integers(1, 12), st.integers(0, 99))
def test_the_shares_of_a_batch_are_its_rows_and_their_counts_add_up(
    rows: int, shares: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    labels = np.where(random.random((rows, 3)) < 0.5, random.integers(0, 4, (rows, 3)), IGNORED)
    batch = {"input_ids": np.arange(rows), "labels": labels}
    parts = [share(batch, number, shares) for number in range(shares)]
    assert sorted(row for part in parts[:rows] for row in part["input_ids"]) == list(range(rows))
    assert all(len(part["labels"]) for part in parts)
    counts = [labelled(batch, number, shares) for number in range(shares)]
    assert sum(counts) == labelled(batch) == sum(label != IGNORED for row in labels.tolist() for label in row)
    assert not any(counts[rows:])


def close(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert torch.allclose(found[name], value, rtol=1e-5, atol=1e-5), name


@pytest.mark.parametrize("accumulate", [2, 3, 16])
def test_a_batch_in_parts_gives_the_update_of_the_whole_batch(accumulate: int) -> None:
    whole, one = trained()
    parts, several = trained(accumulate=accumulate)
    assert several.loss_curve == pytest.approx(np.asarray(one.loss_curve), rel=1e-5)
    close(parts.state_dict(), whole.state_dict())
    assert torch.equal(parts.unused.weight, Tagger().unused.weight)


def test_two_processes_learn_what_one_learns(tmp_path: Path) -> None:
    script = Path(__file__).with_name("scaled_training.py")
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2",
        "--main_process_port", "0", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
        str(script), str(tmp_path),
    ]  # fmt: skip
    root = str(Path(__file__).parents[3])
    environment = os.environ | {"PYTHONPATH": root, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in tmp_path.glob("process-*")) == ["process-0-of-2", "process-1-of-2"]
    model, fitted = trained()
    told = json.loads((tmp_path / "told.json").read_text())
    assert [step for step, _ in told["loss"]] == [step for step, _ in fitted.loss_curve]
    assert [loss for _, loss in told["loss"]] == pytest.approx(
        [loss for _, loss in fitted.loss_curve], rel=1e-5
    )
    assert np.asarray(told["dev"]) == pytest.approx(np.asarray(fitted.dev_scores), rel=1e-5)
    assert told["best"] == fitted.best_step
    close(load_file(tmp_path / "model.safetensors"), model.state_dict())


def test_one_process_is_alone_and_a_step_can_be_alone_among_several(monkeypatch: pytest.MonkeyPatch) -> None:
    assert join() == Processes(0, 1)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with alone():
        assert join() == Processes(0, 1)


@pytest.mark.parametrize("name", [name for name in STEPS.names if STEPS.load(name).together])
def test_a_process_that_only_trains_along_runs_the_same_step_and_writes_no_model(
    name: str, world: TinyWorld, tmp_path: Path
) -> None:
    kind = STEPS.load(name)
    source = None if kind.takes is None else world.source("mlm")
    for first in (True, False):
        target, scratch = tmp_path / f"target-{first}", tmp_path / f"scratch-{first}"
        target.mkdir()
        context = Context(world.provider, 0, 1, scratch, lambda *_: None, first=first)
        made = kind(**kind.quick).apply(source, target, context)
        assert (target / "model.safetensors").is_file() == first
        assert made.notes["steps"] == 2
