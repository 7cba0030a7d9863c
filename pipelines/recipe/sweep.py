"""What a sweep makes of a recipe's steps: each of them once for every choice of the values that are tried."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from xpareto.compress.core import Step, hint, shortened
from xpareto.pipelines.recipe.explanations import refusal
from xpareto.pipelines.recipe.located_yaml import Located, Where
from xpareto.pipelines.recipe.overrides import label_of, step_items
from xpareto.pipelines.recipe.schema import Setting, StepKeys

MOST_CHOICES = 20_000
"""Combinations that a sweep may ask for: more take minutes to plan, and would take years to run."""


def swept(
    source: Located, settings: Mapping[Where, Setting], problems: list[str]
) -> dict[Where, list[Setting]]:
    """Return the alternatives of every step: itself, or one for each choice of the values that are swept."""
    values_of: dict[str, dict[str, list[Any]]] = {}
    sweep = source.value.get("sweep")
    for path, values in (sweep if isinstance(sweep, dict) else {}).items():
        at = source.at(("sweep", path))
        label, dot, name = path.partition(".")
        labels = sorted({label_of(item) for _, item in step_items(source.value)})
        if not dot or label not in labels:
            problems.append(
                f"{at}: expected label.field with a step of this recipe ({', '.join(labels)})."
                f"{hint(label, labels)}"
            )
        elif not isinstance(values, list) or not values:
            problems.append(f"{at}: expected a list of values, found {shortened(values)}.")
        else:
            values_of.setdefault(label, {})[name] = values
    choices = math.prod(len(values) for fields in values_of.values() for values in fields.values())
    if choices > MOST_CHOICES:
        problems.append(
            f"{source.at(('sweep',))}: expected at most {MOST_CHOICES:,} combinations of values, found {choices:,}. "
            "Sweep fewer fields at once, or fewer values."
        )
        return {where: [setting] for where, setting in settings.items()}
    return {
        where: _alternatives(setting, values_of[setting.label], source, problems)
        if setting.label in values_of
        else [setting]
        for where, setting in settings.items()
    }


def _alternatives(
    setting: Setting, swept: Mapping[str, Sequence[Any]], source: Located, problems: list[str]
) -> list[Setting]:
    """Return a step once for each choice of values; note what is wrong with a value where it stands."""
    made = []
    for places in itertools.product(*(range(len(values)) for values in swept.values())):
        at: dict[str, Where] = {
            name: ("sweep", f"{setting.label}.{name}", place)
            for name, place in zip(swept, places, strict=True)
        }
        chosen = {name: swept[name][place] for name, place in zip(swept, places, strict=True)}
        fields = {name: value for name, value in chosen.items() if name not in StepKeys.model_fields}
        keys = {name: value for name, value in chosen.items() if name in StepKeys.model_fields}
        others = [name for name in keys if name != "enabled"]
        problems += [
            f"{source.at(at[name])}: of the common keys only `enabled` can be swept." for name in others
        ]
        if others:
            continue
        kind = type(setting.step)
        try:
            step = kind.model_validate(setting.step.model_dump() | fields)
            StepKeys.model_validate({"step": setting.name} | keys)
        except ValidationError as error:
            problems += _swept_problems(error, setting.name, kind, source, at)
            continue
        shown = tuple((f"{setting.label}.{name}", value) for name, value in chosen.items())
        made.append(replace(setting, step=step, enabled=keys.get("enabled", setting.enabled), chosen=shown))
    return made


def _swept_problems(
    error: ValidationError, step: str, kind: type[Step], source: Located, at: Mapping[str, Where]
) -> Iterator[str]:
    """Yield what is wrong with the values of a sweep; `at` says where each swept field has its value."""
    fields: dict[str, list[Any]] = {}
    for problem in error.errors(include_url=False):
        fields.setdefault(str(problem["loc"][0]) if problem["loc"] else "", []).append(problem)
    for field, problems in fields.items():
        where = source.at(at.get(field, next(iter(at.values()))))
        if problems[0]["type"] == "extra_forbidden":
            name = str(problems[0]["loc"][-1])
            yield f'{where}: {step} has no field "{name}".{hint(name, list(kind.model_fields))}'
        else:
            yield f"{where}: {refusal(problems, kind)}"
