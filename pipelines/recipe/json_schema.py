"""The JSON Schema of a recipe, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from xpareto.compress.core import STEPS
from xpareto.pipelines.recipe.probe_groups import nameable
from xpareto.pipelines.recipe.schema import ARMS, Measure, Recipe, StepKeys


def recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a recipe, with every step and probe of the catalogues."""
    schema = Recipe.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    common = StepKeys.model_json_schema()["properties"]
    refs = []
    for name, kind in STEPS.all().items():
        step_schema = kind.model_json_schema()
        definitions.update(step_schema.pop("$defs", {}))
        definitions[f"step_{name}"] = {
            "type": "object",
            "title": name,
            "description": step_schema.get("description", ""),
            "additionalProperties": False,
            "required": ["step", *step_schema.get("required", [])],
            "properties": {**common, "step": {"const": name}, **step_schema.get("properties", {})},
        }
        refs.append({"$ref": f"#/$defs/step_{name}"})
    step = {"oneOf": refs}
    properties = schema["properties"]
    properties["steps"]["items"] = {"anyOf": [step, {"const": ARMS}]}
    properties["arms"]["additionalProperties"] = {"type": "array", "items": step}
    settings = Measure().model_dump(mode="json")
    properties["measure"]["default"] = settings
    probes = definitions["Measure"]["properties"]["probes"]
    probes |= {"default": settings["probes"], "items": {"type": "string", "enum": list(nameable())}}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "xpareto recipe"
    return schema
