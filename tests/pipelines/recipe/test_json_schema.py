from __future__ import annotations

import jsonschema
import pytest

from xpareto.compress.core.registry import STEPS
from xpareto.pipelines.recipe.checks import shipped_recipes
from xpareto.pipelines.recipe.json_schema import recipe_schema
from xpareto.pipelines.recipe.located_yaml import parse_yaml, read_yaml
from xpareto.pipelines.recipe.probe_groups import by_default, nameable


def test_shipped_recipes_are_valid_under_the_schema() -> None:
    schema = recipe_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    for path in shipped_recipes().values():
        jsonschema.validate(read_yaml(path).value, schema)


def test_every_field_of_every_step_is_in_the_schema() -> None:
    definitions = recipe_schema()["$defs"]
    for name, kind in STEPS.all().items():
        assert set(kind.model_fields) <= set(definitions[f"step_{name}"]["properties"])


def test_an_editor_is_told_every_probe_and_what_is_measured_by_default() -> None:
    schema = recipe_schema()
    probes = schema["$defs"]["Measure"]["properties"]["probes"]
    assert probes["items"] == {"type": "string", "enum": list(nameable())}
    assert probes["default"] == schema["properties"]["measure"]["default"]["probes"] == by_default()


@pytest.mark.parametrize(
    ("old", "new"),
    [("name: tiny", "nmae: tiny"), ("step: train", "step: trian"), ("epochs: 1", "epohcs: 1"),
     ("epochs: 1", "epochs: many"), ("tasks: [udpos", "tasks: [1"),
     ("name: tiny", "name: tiny\nmeasure: {probes: [energi]}"),
     ("name: tiny", "name: tiny\nmeasure: {probes: [predictions]}")],
)  # fmt: skip
def test_the_schema_refuses_what_the_check_refuses(good: str, old: str, new: str) -> None:
    value = parse_yaml(good.replace(old, new, 1), "r.yaml").value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, recipe_schema())


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("epochs: 1", "epohcs: 1", ("epohcs",)),
        ("on: mnli, epochs: 2", "on: mnli, epohcs: 2", ("epohcs",)),
        ("[udpos,", "[{task: udpos, limt: 3},", ("limt",)),
        ("step: train", "step: trian", ("trian", "train")),
        ("  - arms", "  - amrs", ("arms", "expected")),
    ],
)
def test_the_schema_names_what_is_misspelt_and_nothing_else(
    good: str, old: str, new: str, words: tuple[str, ...]
) -> None:
    value = parse_yaml(good.replace(old, new, 1), "r.yaml").value
    errors = list(jsonschema.Draft202012Validator(recipe_schema()).iter_errors(value))
    assert len(errors) == 1 and all(word in errors[0].message for word in words)
