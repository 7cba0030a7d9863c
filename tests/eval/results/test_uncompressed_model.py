"""The uncompressed model in a candidate's runtime, found among the candidates of a run."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from xpareto.eval.results.document import Candidate, StepFacts
from xpareto.eval.results.uncompressed_model import uncompressed

TRAIN = StepFacts("train", "fp32", 1, {"epochs": 1})
EXPORT = StepFacts("export_onnx", "onnx", 1, {})
INT8 = StepFacts("quantize_dynamic", "int8", 1, {})
PRUNE = StepFacts("prune_width", "half", 1, {})
FOREIGN = StepFacts("somebody_elses_step", "other", 1, {})


def candidate(name: str, runtime: str, *steps: StepFacts, arm: str = "none", **more: Any) -> Candidate:
    facts = {"stage": name, "seed": 0, "settings": {}, "artifacts": {}, "made_seconds": None, "run": "r"}
    return Candidate(name=name, arm=arm, runtime=runtime, steps=(TRAIN, *steps), **(facts | more))


CANDIDATES = [
    candidate("pruned", "onnxruntime", PRUNE, EXPORT),
    candidate("base", "torch"),
    candidate("int8", "onnxruntime", EXPORT, INT8),
    candidate("onnx", "onnxruntime", EXPORT),
    candidate("other", "openvino", EXPORT, INT8),
    candidate("foreign", "onnxruntime", FOREIGN),
    candidate("mnli-onnx", "onnxruntime", EXPORT, arm="mnli"),
    candidate("onnx-1", "onnxruntime", EXPORT, seed=1),
    candidate("int8-1", "onnxruntime", EXPORT, INT8, seed=1),
    candidate("int8-b", "onnxruntime", EXPORT, INT8, run="b"),
]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("int8", "onnx"),
        ("pruned", "onnx"),
        ("foreign", "onnx"),
        ("onnx", "onnx"),
        ("mnli-onnx", "onnx"),  # the model that drops are taken from, not each arm's own
        ("int8-1", "onnx-1"),  # of its own seed
        ("int8-b", "onnx"),  # of another run where its own has none
        ("base", "base"),
        ("other", "base"),  # nothing uncompressed was measured in that runtime
    ],
)
def test_a_candidate_is_compared_in_its_own_runtime(name: str, expected: str) -> None:
    by_name: Mapping[str, Candidate] = {own.name: own for own in CANDIDATES}
    run: Any = SimpleNamespace(candidates=CANDIDATES, baseline="base", candidate=by_name.__getitem__)
    assert uncompressed(run, by_name[name]).name == expected
