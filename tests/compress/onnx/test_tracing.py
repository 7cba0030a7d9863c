"""A graph that is kept without weights gives the next model's file byte for byte."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tiny_world import TinyWorld
from xpareto.compress.core import Artifact
from xpareto.compress.onnx import MODEL, export, tracing


def other_weights(source: Artifact, folder: Path) -> Artifact:
    """Return the artifact with its weights' rows in another order."""
    folder.mkdir()
    for file in source.path.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    for name, weight in weights.items():
        torch.manual_seed(random.Random(name).randrange(1 << 30))
        weights[name] = weight[torch.randperm(len(weight))].contiguous() if weight.ndim else weight
    (folder / "model.safetensors").unlink()
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return replace(source, path=folder)


@pytest.fixture
def traces(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the classes of the models traced from here on, with nothing kept at the start."""
    traced, real = [], tracing._trace
    monkeypatch.setattr(tracing, "_kept", tracing._kept.__class__())
    monkeypatch.setattr(
        tracing, "_trace", lambda model, *rest: traced.append(type(model).__name__) or real(model, *rest)
    )
    return traced


def test_a_second_model_of_the_same_shapes_is_not_traced(
    world: TinyWorld, tmp_path: Path, traces: list[str]
) -> None:
    first = world.source("tagging")
    second = other_weights(first, tmp_path / "second")
    files = []
    for source in (first, second, first):
        target = tmp_path / f"onnx{len(files)}"
        target.mkdir()
        export(source, target, threads=1)  # compares with torch
        files.append((target / MODEL).read_bytes())
    assert len(traces) == 1 and files[0] == files[2] != files[1]
    assert all(
        value.const_value is None or value.const_value.size < 64 or value.const_value.dtype.is_integer()
        for program, _ in tracing._kept.values()
        for value in program.graph.initializers.values()
    ), "a kept graph holds weights"


@pytest.mark.slow
@pytest.mark.parametrize("head", ["classification", "tagging", "qa", "choice", "encoder"])
@pytest.mark.parametrize("packed", [False, True])
def test_what_it_gives_is_what_a_trace_of_its_own_gives(
    world: TinyWorld, tmp_path: Path, traces: list[str], head: str, packed: bool
) -> None:
    source = world.source(head)
    second = other_weights(source, tmp_path / "second")
    files = []
    for artifact, forget in ((source, False), (second, False), (second, True)):
        if forget:
            tracing._kept.clear()
        target = tmp_path / f"onnx{len(files)}"
        target.mkdir()
        export(artifact, target, threads=1, packed=packed)
        files.append((target / MODEL).read_bytes())
    assert len(traces) == 2 and files[1] == files[2] != files[0]


def test_tensors_that_were_equal_in_the_first_model_need_not_be_in_the_next(
    world: TinyWorld, tmp_path: Path, traces: list[str]
) -> None:
    source = world.source("tagging")
    drawn = other_weights(source, tmp_path / "drawn")
    weights = load_file(drawn.path / "model.safetensors")
    for name, weight in weights.items():
        if name.endswith("bias"):  # zeros in a new model, which the exporter leaves out or stores once
            weights[name] = torch.randn(weight.shape)
    save_file(weights, drawn.path / "model.safetensors", metadata={"format": "pt"})
    for place, artifact in enumerate((source, drawn)):
        (tmp_path / f"onnx{place}").mkdir()
        export(artifact, tmp_path / f"onnx{place}", threads=1)  # compares with torch
    assert len(traces) == 2
