"""OpenVINO answers what onnxruntime answers, from the same file; runtimes' settings are obeyed and checked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.eval.runtimes._runtime import RUNTIMES

pytest.importorskip("openvino")
Build = Callable[..., Artifact]
HEADS = [
    ("classification", ("a", "b", "c"), None),
    ("tagging", ("A", "B"), None),
    ("encoder", (), 1),
    ("encoder", (), 3),
]


def batch(lengths: list[int]) -> tuple[np.ndarray, np.ndarray]:
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    return np.where(mask == 1, np.random.default_rng(0).integers(4, 60, mask.shape), 1), mask


@pytest.mark.parametrize(("head", "labels", "layer"), HEADS)
def test_openvino_answers_for_every_head_and_layer(
    onnx_artifact: Build,
    onnx_oracle: Callable[..., np.ndarray],
    head: str,
    labels: tuple[str, ...],
    layer: int | None,
) -> None:
    session = RUNTIMES.load("openvino").open(onnx_artifact(head, labels, layer), 1)
    answers = []
    for lengths in ([7], [1, 9, 4], [5, 5]):
        ids, mask = batch(lengths)
        answers.append((session.run(ids, mask), onnx_oracle(head, labels, layer, ids, mask)))
    session.close()
    for found, expected in answers:  # compared at the end: no answer was overwritten by a later one
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("graph", ["all", "extended", "basic", "off"])
def test_settings_of_onnxruntime_change_no_answer(
    onnx_artifact: Build, onnx_oracle: Callable[..., np.ndarray], graph: str
) -> None:
    ids, mask = batch([3, 8])
    session = RUNTIMES.load("onnxruntime").open(
        onnx_artifact("tagging", ("A", "B")), 1, {"graph": graph, "arena": False, "spinning": False}
    )
    expected = onnx_oracle("tagging", ("A", "B"), None, ids, mask)
    np.testing.assert_allclose(session.run(ids, mask), expected, atol=1e-5)


def test_torch_in_half_precision_stays_near_and_says_so(torch_artifact: Build) -> None:
    artifact, (ids, mask) = torch_artifact("classification", ("a", "b")), batch([9, 4])
    runtime = RUNTIMES.load("torch")
    whole = runtime.open(artifact, 1).run(ids, mask)
    half = runtime.open(artifact, 1, {"precision": "bf16"}).run(ids, mask)
    facts = dict(runtime.facts())
    plain = runtime.open(artifact, 1, {"packed": False}).run(ids, mask)
    assert half.dtype == np.float32 and not np.array_equal(half, whole)
    np.testing.assert_allclose(half, whole, atol=0.05 * np.abs(whole).max())
    np.testing.assert_allclose(plain, whole, atol=1e-5)
    assert (facts["dtype"], facts["products"]) == ("bfloat16", "torch")


@pytest.mark.parametrize("name", RUNTIMES.names)
def test_settings_have_defaults_descriptions_and_no_unknown_field(name: str) -> None:
    settings: Any = RUNTIMES.load(name).settings
    assert settings().model_dump() == settings.model_validate({}).model_dump()
    assert all(field.description for field in settings.model_fields.values())
    with pytest.raises(ValidationError):
        settings.model_validate({"spining": True})


def test_another_format_is_refused(torch_artifact: Build) -> None:
    with pytest.raises(InputError, match="opens onnx artifacts"):
        RUNTIMES.load("openvino").open(torch_artifact("encoder"), 1)
