"""A student holds its source's layers and, where it is narrower, the nearest embeddings there are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from tests.tiny_world import TRAINED, TinyWorld
from xpareto.compress.core.artifact import Head
from xpareto.compress.distillation.student import Student, make_student
from xpareto.compress.models.checkpoint import load_model


def student(world: TinyWorld, head: Head, **fields: Any) -> tuple[Any, dict[str, Any], Any]:
    source = world.source(head)
    found, notes = make_student(
        source.path, head, source.manifest.labels, Student.model_validate(fields), seed=7
    )
    return found, notes, load_model(source.path, head, source.manifest.labels, keep_head=True)


@pytest.mark.parametrize("head", ["mlm", *TRAINED])
def test_the_layers_taken_the_embeddings_and_the_head_are_the_sources(head: Head, world: TinyWorld) -> None:
    found, notes, source = student(world, head, layers=1, take=[1])
    assert notes == {"taken_layers": [1], "fresh": []} and len(found.base_model.encoder.layer) == 1
    theirs = source.base_model.encoder.layer[1].state_dict()
    ours = found.base_model.encoder.layer[0].state_dict()
    assert all(torch.equal(value, theirs[name]) for name, value in ours.items())
    state = source.state_dict()
    rest = {name: value for name, value in found.state_dict().items() if ".layer." not in name}
    assert rest and all(torch.equal(value, state[name]) for name, value in rest.items())
    shares = student(world, head, layers=0.5)[1]
    assert shares["taken_layers"] == [1]  # of two layers the last


def test_narrower_embeddings_are_the_nearest_of_their_rank(world: TinyWorld) -> None:
    """What is lost equals the singular values that are left out, by numpy's own decomposition."""
    found, notes, source = student(world, "mlm", hidden_size=6, heads=2, ffn=10)
    table = source.get_input_embeddings().weight.detach().double().numpy()
    narrow = found.get_input_embeddings().weight.detach().double().numpy()
    singular = np.linalg.svd(table, compute_uv=False)
    coefficients, *_ = np.linalg.lstsq(narrow, table, rcond=None)
    lost = ((narrow @ coefficients - table) ** 2).sum()
    assert lost == pytest.approx((singular[6:] ** 2).sum(), rel=1e-4)
    assert (narrow**2).sum() == pytest.approx((singular[:6] ** 2).sum(), rel=1e-4)
    assert notes["fresh"] == ["layers", "head"]
    assert found.lm_head.decoder.weight is found.get_input_embeddings().weight


def test_other_heads_or_neurons_leave_embeddings_and_head_and_draw_the_layers_by_the_seed(
    world: TinyWorld,
) -> None:
    found, notes, source = student(world, "tagging", ffn=10)
    again = student(world, "tagging", ffn=10)[0]
    assert notes["fresh"] == ["layers"]
    assert torch.equal(found.get_input_embeddings().weight, source.get_input_embeddings().weight)
    assert torch.equal(found.classifier.weight, source.classifier.weight)
    for name, value in found.state_dict().items():
        assert torch.equal(value, again.state_dict()[name]), name
    fresh, notes, _ = student(world, "tagging", init="fresh")
    assert notes["fresh"] == ["embeddings", "layers", "head"]
    assert not torch.equal(fresh.get_input_embeddings().weight, source.get_input_embeddings().weight)
