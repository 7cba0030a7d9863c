from __future__ import annotations

import itertools

import pytest

from xpareto.eval.objectives import OBJECTIVES
from xpareto.pipelines.searching.importance import importance

pytest.importorskip("optuna")
OBJECTIVES_OF_TWO = [OBJECTIVES.load("score"), OBJECTIVES.load("size_bytes")]


def test_the_field_that_decides_an_objective_has_the_greatest_share() -> None:
    points = [
        {"trim.enabled": trim, **({"trim.coverage": coverage} if trim else {}), "weights.products": bits}
        for trim, coverage, bits in itertools.product([True, False], [0.9, 0.99], ["int8", "int4", "fp16"])
    ]
    values = [
        [
            70.0 - 20 * point["trim.enabled"],
            100.0 * ["int4", "int8", "fp16"].index(str(point["weights.products"])),
        ]
        for point in points
    ]
    _, told = importance(points, values, OBJECTIVES_OF_TWO, 0)
    # whether the step is there is told by its own field and by that of its coverage alike
    score = told["score"]
    assert score["trim.enabled"] + score["trim.coverage"] > 0.8
    assert max(told["size_bytes"], key=told["size_bytes"].__getitem__) == "weights.products"
    assert importance(points[:3], values[:3], OBJECTIVES_OF_TWO, 0)[1] == {}
