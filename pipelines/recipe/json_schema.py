"""The JSON Schema of a recipe, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from xpareto.compress.core import STEPS
from xpareto.pipelines.recipe.include import INCLUDE
from xpareto.pipelines.recipe.probe_groups import nameable
from xpareto.pipelines.recipe.schema import ARMS, Measure, Recipe, StepKeys


def recipe_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of a recipe, with every step and probe of the catalogues."""
    schema = Recipe.model_json_schema()
    definitions = schema.setdefault("$defs", {})
    common = StepKeys.model_json_schema()["properties"]
    kinds: list[dict[str, Any]] = []
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
        # A step is held against its own kind alone, so that the key that is wrong is named and not all kinds.
        kinds.append(
            {
                "if": {"properties": {"step": {"const": name}}, "required": ["step"]},
                "then": {"$ref": f"#/$defs/step_{name}"},
            }
        )
    definitions["step"] = {
        "type": "object",
        "required": ["step"],
        "properties": {"step": {"enum": list(STEPS.names)}},
        "allOf": kinds,
    }
    step = {"$ref": "#/$defs/step"}
    properties = schema["properties"]
    properties["steps"]["items"] = {"if": {"type": "string"}, "then": {"const": ARMS}, "else": step}
    properties["tasks"]["items"] = {"if": {"type": "string"}, "else": {"$ref": "#/$defs/TaskChoice"}}
    properties[INCLUDE] = {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "description": "Files with more tasks, below the key `tasks`; names of files in them begin in their folder.",
    }
    schema["required"] = [key for key in schema["required"] if key != "tasks"]
    schema["anyOf"] = [{"required": ["tasks"]}, {"required": [INCLUDE]}]
    steps = {"type": "array", "items": step}
    properties["arms"]["patternProperties"] = dict.fromkeys(properties["arms"]["patternProperties"], steps)
    settings = Measure().model_dump(mode="json")
    properties["measure"]["default"] = settings
    probes = definitions["Measure"]["properties"]["probes"]
    probes |= {"default": settings["probes"], "items": {"type": "string", "enum": list(nameable())}}
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    schema["title"] = "xpareto recipe"
    return schema
