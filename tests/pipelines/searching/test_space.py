from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.recipe.checks import check
from xpareto.pipelines.recipe.located_yaml import parse_yaml
from xpareto.pipelines.searching.space import Point, Space

RECIPE = """\
xpareto: 1
name: tiny
tasks: [tatoeba]
steps:
  - arms
  - {step: prune_width, label: narrow, keep: 0.5, calibration: {examples: 64}}
  - {step: export_onnx, label: onnx}
  - {step: quantize_weights, label: weights}
arms:
  whole: []
  shallow: [{step: prune_depth, label: cut, layers: 4}]
search:
  space:
    cut.layers: {from: 2, to: 4}
    narrow.enabled: [true, false]
    narrow.keep: {from: 0.5, to: 0.7, step: 0.1}
    narrow.calibration.examples: [32, 64]
    weights.products: [int8, int4]
  budget: {candidates: 8}
"""


def space(text: str = RECIPE) -> Space:
    checked = check(parse_yaml(text, "r.yaml"))
    return Space(checked.recipe, checked.plain)


def test_fields_of_what_is_not_there_are_no_part_of_a_point() -> None:
    points = list(space().points())
    assert len(points) == (1 + 3) * (1 + 3 * 2) * 2  # depths, narrow or not, products
    for point in points:
        assert ("cut.layers" in point) == (point["arm"] == "shallow")
        assert ("narrow.keep" in point) == point["narrow.enabled"]


def test_a_chain_has_the_values_of_its_point_and_nothing_else_changes() -> None:
    of = space()
    point = {"arm": "shallow", "narrow.enabled": True, "cut.layers": 2, "narrow.keep": 0.7,
             "narrow.calibration.examples": 32, "weights.products": "int4"}  # fmt: skip
    cut, narrow, onnx, weights = of.chain(point)
    assert cut == {"step": "prune_depth", "label": "cut", "layers": 2}
    assert narrow["keep"] == 0.7 and narrow["calibration"] == {"examples": 32} and narrow["enabled"] is True
    assert onnx == {"step": "export_onnx", "label": "onnx"} and weights["products"] == "int4"
    assert of.items("shallow")[0]["layers"] == 4  # the recipe is as it was


def test_the_recipe_itself_is_a_point_where_the_space_has_its_values() -> None:
    assert space().as_it_stands() == {
        "arm": "whole", "narrow.enabled": True, "narrow.keep": 0.5, "narrow.calibration.examples": 64,
        "weights.products": "int4",
    }  # fmt: skip
    assert space(RECIPE.replace("keep: 0.5,", "keep: 0.9,")).as_it_stands() is None


def test_every_point_survives_optuna_and_back() -> None:
    optuna = pytest.importorskip("optuna")
    of = space()
    for point in of.points():
        assert of.suggested(optuna.trial.FixedTrial(of.parameters(point))) == point


@given(st.integers(0, 10_000))
def test_what_optuna_draws_is_a_point_of_the_space(seed: int) -> None:
    optuna = pytest.importorskip("optuna")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    of = space()
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    point: Point = of.suggested(study.ask())
    assert point in list(of.points())


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "cut.layers: {from: 2, to: 4}",
            "cut.layers: {from: 4, to: 2}",
            "or `from` below `to`, found 4 and 2",
        ),
        (
            "cut.layers:",
            "cat.layers:",
            "search.space.cat.layers: expected label.field with a step of this recipe",
        ),
        ("narrow.keep:", "narrow.kept:", 'prune_width has no field "kept". Did you mean "keep"?'),
        ("[int8, int4]", "[int8, int5]", "search.space.weights.products.1: expected 'int8', 'int4'"),
        ("[int8, int4]", "[int8, int8]", "'int8' is given twice"),
        ("narrow.enabled: [true, false]", "narrow.enabled: [1, 0]", "expected [true, false]"),
        (
            "    cut.layers",
            "    arm: [whole, shalow]\n    cut.layers",
            'unknown arm "shalow". Did you mean "shallow"?',
        ),
        ("{candidates: 8}", "{}", "expected candidates, hours or joules"),
        ("{candidates: 8}", "{candidates: 8, minutes: 3}", "unknown key"),
        (
            "  budget",
            "  limits: {max_dropp: 2}\n  budget",
            'unknown limit "max_dropp". Did you mean "max_drop"?',
        ),
        ("search:", "sweep: {cut.layers: [2, 3]}\nsearch:", "expected `search` or `sweep`, found both"),
        ("search:", "objectives: [score]\nsearch:", "a search weighs the score against a cost"),
    ],
)
def test_what_is_wrong_with_a_search_is_told_where_it_stands(old: str, new: str, said: str) -> None:
    assert old in RECIPE
    with pytest.raises(InputError) as told:
        check(parse_yaml(RECIPE.replace(old, new, 1), "r.yaml"))
    assert said in str(told.value) and "r.yaml:" in str(told.value)


def test_a_recipe_without_a_search_is_as_it_was() -> None:
    text: Any = RECIPE[: RECIPE.index("search:")]
    assert check(parse_yaml(text, "r.yaml")).recipe.search is None
