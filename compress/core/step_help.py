"""What a step says of itself: its example recipe, and its fields with what they take."""

from __future__ import annotations

import inspect
import re
import sys
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import StringIO
from typing import Any

from pydantic import BaseModel

from xpareto.compress.core.step import Step


@dataclass(frozen=True)
class FieldDoc:
    """One field: what it takes in words, its default and an example as YAML, what it means.

    `default` None: required. A field of a field has both names: `calibration.text`.
    """

    name: str
    takes: str
    default: str | None
    example: str | None
    description: str


def field_docs(kind: type[BaseModel]) -> tuple[FieldDoc, ...]:
    """Return the documentation of every field of a model, fields of its fields included.

    >>> from pydantic import Field
    >>> class Cut(BaseModel):
    ...     layers: int | None = Field(None, ge=1, description="how many stay", examples=[6])
    >>> field_docs(Cut)[0].takes, field_docs(Cut)[0].default, field_docs(Cut)[0].example
    ('integer >= 1, null', 'null', 'layers: 6')
    """
    schema = kind.model_json_schema(mode="validation")
    return tuple(_docs(schema, schema.get("$defs", {}), ""))


def formats(kind: type[Step]) -> str:
    """Return in words what a step takes and what it gives, as it declares.

    >>> from xpareto.compress.steps.export_onnx import ExportOnnx
    >>> formats(ExportOnnx)
    'Takes torch (no mlm), gives onnx.'
    """
    but = f" (no {', '.join(kind.refuses)})" if kind.refuses else ""
    return f"Takes {kind.takes or 'nothing'}{but}, gives {kind.gives}."


def example_recipe(kind: type[BaseModel]) -> str:
    """Return the YAML list of steps in a docstring: its indented or fenced blocks; "" where it has none.

    >>> class Cut(BaseModel):
    ...     '''Cut a model.
    ...
    ...         - {step: cut, layers: 6}
    ...
    ...     More words.
    ...     '''
    >>> example_recipe(Cut)
    '- {step: cut, layers: 6}\\n'
    """
    return "".join(_blocks(kind)[1])


def prose(kind: type[BaseModel]) -> str:
    """Return the docstring without its examples."""
    return re.sub(r"\n{3,}", "\n\n", _blocks(kind)[0]).strip()


def _blocks(kind: type[BaseModel]) -> tuple[str, list[str]]:
    """Return the docstring's prose and its blocks of YAML: fenced, or indented and starting with a dash."""
    yaml_blocks: list[str] = []

    def take(match: re.Match[str]) -> str:
        yaml_blocks.append(textwrap.dedent(match[1]))
        return "\n"

    text = inspect.cleandoc(kind.__doc__ or "") + "\n"
    text = re.sub(r"^```yaml\n(.*?)^```\n", take, text, flags=re.M | re.S)
    return re.sub(r"^((?: {4}- .*\n)(?: {4,}.*\n)*)", take, text, flags=re.M), yaml_blocks


def _docs(schema: Mapping[str, Any], known: Mapping[str, Any], above: str) -> Iterator[FieldDoc]:
    for field, about in schema.get("properties", {}).items():
        required = field in schema.get("required", ())
        default = about.get("default")
        shown = about["examples"][0] if about.get("examples") else default
        yield FieldDoc(
            above + field,
            ", ".join(dict.fromkeys(_takes(about, known))),
            None if required else _yaml(default),
            f"{field}: {_yaml(shown)}" if shown not in (None, [], {}) else None,
            about.get("description", ""),
        )
        for inner in _models(about, known):
            yield from _docs(inner, known, f"{above}{field}.")


def _models(about: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield the schemas of the models that a field holds."""
    for part in (about, *about.get("anyOf", ())):
        if "$ref" in part:
            model_schema = known[part["$ref"].rpartition("/")[2]]
            if "properties" in model_schema:
                yield model_schema


def _takes(about: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[str]:
    """Yield in words what a JSON Schema takes.

    >>> list(_takes({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, {}))
    ['number > 0 and <= 1']
    """
    if "anyOf" in about:
        for part in about["anyOf"]:
            yield from _takes(part, known)
    elif "$ref" in about:
        yield from _takes(known[about["$ref"].rpartition("/")[2]], known)
    elif "enum" in about or "const" in about:
        yield " | ".join(map(str, about.get("enum") or [about["const"]]))
    elif about.get("type") == "array":
        yield f"list of ({', '.join(_takes(about.get('items', {}), known))})"
    elif about.get("type") == "object":
        yield "settings" if "properties" in about else "mapping"
    else:
        names = {"boolean": "true | false", "string": "text", None: "anything"}
        signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
        limits = [f"{sign} {about[name]:g}" for name, sign in signs.items() if name in about]
        kind = about.get("type")
        yield " ".join([names.get(kind, str(kind)), " and ".join(limits)]).strip()


def _yaml(value: Any) -> str:
    from ruamel.yaml import YAML

    yaml: Any = YAML(typ="safe", pure=True)
    yaml.default_flow_style, yaml.sort_base_mapping_type_on_output, yaml.width = True, False, sys.maxsize
    stream = StringIO()
    yaml.dump(value, stream)
    return stream.getvalue().removesuffix("\n").removesuffix("\n...")
