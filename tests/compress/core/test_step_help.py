"""Every step of the catalogue tells its user what it does: in prose, in an example, field by field."""

from __future__ import annotations

import re
from typing import Annotated, Any

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from xpareto.compress.core.registry import STEPS
from xpareto.compress.core.step_help import example_recipe, field_docs, prose

WITHOUT_PAPER = {"export_onnx", "pack_sparse"}  # changes of format, not methods of anyone


def models(kind: type[BaseModel]) -> list[type[BaseModel]]:
    """Return a model and the models that its fields hold."""
    found = [kind]
    for info in kind.model_fields.values():
        for part in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, BaseModel):
                found += models(part)
    return found


@pytest.mark.parametrize("name", STEPS.names)
def test_every_field_has_a_meaning_and_an_example(name: str) -> None:
    for doc in field_docs(STEPS.load(name)):
        assert doc.description, f"{name}.{doc.name}: Field(description=...)"
        assert doc.example or doc.takes == "settings", f"{name}.{doc.name}: Field(examples=[...])"
        assert doc.takes, f"{name}.{doc.name}"


@pytest.mark.parametrize("name", STEPS.names)
def test_the_example_of_a_field_is_a_value_that_it_takes(name: str) -> None:
    config = ConfigDict(strict=True)
    for model in models(STEPS.load(name)):
        for field, info in model.model_fields.items():
            for value in info.examples or ():
                kind: Any = Annotated[(info.annotation, field, *info.metadata)]
                found = TypeAdapter(kind, config=config).validate_python(value)
                plain = found.model_dump(exclude_unset=True) if isinstance(found, BaseModel) else found
                assert plain == value, field


@pytest.mark.parametrize("name", sorted(set(STEPS.names) - WITHOUT_PAPER))
def test_the_docstring_names_the_paper(name: str) -> None:
    assert re.search(r"[A-Z]\w+(?: et al\.| & \w+)?,? (?:19|20)\d\d\b", STEPS.load(name).__doc__), name


@pytest.mark.parametrize("name", STEPS.names)
def test_the_quick_setting_is_one_that_the_step_takes(name: str) -> None:
    kind = STEPS.load(name)
    assert isinstance(kind(**kind.quick), kind)
    assert kind.version >= 1 and kind.model_config["extra"] == "forbid"


def test_fenced_and_indented_examples_are_found_and_are_no_prose() -> None:
    class Cut(BaseModel):
        """Cut it.

        Words.

            - {step: cut, layers: 1}
            - step: cut
              layers: 2

        More words:

        ```yaml
        - {step: cut, layers: 3}
        ```
        """

    assert [item["layers"] for item in yaml.safe_load(example_recipe(Cut))] == [3, 1, 2]
    assert prose(Cut) == "Cut it.\n\nWords.\n\nMore words:"


def test_fields_of_fields_are_told_with_both_names() -> None:
    from xpareto.compress.data.calibration import Calibration

    class Outer(BaseModel):
        calibration: Calibration = Calibration()

    found = {doc.name: doc for doc in field_docs(Outer)}
    assert found["calibration"].takes == "settings"
    assert found["calibration.weighting"].takes == "equal | natural | worst"
    assert found["calibration.languages"].example == "languages: [en]"
