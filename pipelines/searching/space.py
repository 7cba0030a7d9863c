"""The settings that a search may try: fields of steps, whether a step is there, and which chain.

A point of the space has a value for every field that matters in it: fields of a step that is left out, or that the
chosen arm has not, are no part of it (a conditional space, which Optuna samples as it is defined by running).
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from xpareto.compress.core import STEPS
from xpareto.pipelines.recipe import ARM, ARMS, ENABLED, Range, Recipe, label_of, with_value

if TYPE_CHECKING:
    from optuna.trial import BaseTrial

Point = Mapping[str, Any]
"""Path -> value, of the fields that matter, in the order of the space."""
_DIGITS = 12  # of a number that is a sum of steps


def point_key(point: Point) -> str:
    """Return the text that stands for a point, whatever the order of its fields.

    >>> point_key({"b.x": 1, "arm": "a"})
    '{"arm": "a", "b.x": 1}'
    """
    return json.dumps(dict(point), sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class Space:
    """What a checked recipe searches; `value` is the recipe as it stands, as plain data."""

    recipe: Recipe
    value: Mapping[str, Any]

    @cached_property
    def dimensions(self) -> Mapping[str, Sequence[Any] | Range]:
        """Return the values of each path: arms first, then what may be left out, then fields."""
        assert self.recipe.search is not None, "the caller checks that the recipe has a search"
        given = dict(self.recipe.search.space)
        if ARM not in given and len(self.recipe.arms) > 1:
            given[ARM] = [*self.recipe.arms]
        return dict(sorted(given.items(), key=lambda item: (item[0] != ARM, not _switches(item[0]))))

    @cached_property
    def _enabled(self) -> Mapping[str, Mapping[str, bool]]:
        """Return by arm and label whether the step is there as the recipe stands."""
        return {
            arm: {label_of(item): bool(item.get(ENABLED, True)) for item in self.items(arm)}
            for arm in self.recipe.arms
        }

    def items(self, arm: str) -> list[dict[str, Any]]:
        """Return the steps of an arm's whole chain as the recipe has them."""
        own = list((self.value.get("arms") or {}).get(arm) or [])
        steps = self.value["steps"]
        chain = [] if ARMS in steps else list(own)
        for item in steps:
            chain += own if item == ARMS else [item]
        return copy.deepcopy(chain)

    def chain(self, point: Point) -> list[dict[str, Any]]:
        """Return the steps of the chain at a point, those that are left out among them: they may be teachers."""
        items = self.items(self.arm(point))
        for path, value in point.items():
            label, _, field = path.partition(".")
            if path != ARM:
                items = [
                    with_value(item, field, value) if label_of(item) == label else item for item in items
                ]
        return items

    def arm(self, point: Point) -> str:
        """Return the arm of a point."""
        return str(point.get(ARM, next(iter(self.recipe.arms))))

    def active(self, path: str, point: Point) -> bool:
        """Does a path matter, given what a point has of the paths before it?"""
        if path == ARM:
            return True
        label = path.partition(".")[0]
        enabled = self._enabled[self.arm(point)].get(label)
        if enabled is None or _switches(path):
            return enabled is not None
        return bool(point.get(f"{label}.{ENABLED}", enabled))

    def suggested(self, trial: BaseTrial) -> Point:
        """Return the point that an Optuna trial suggests."""
        point: dict[str, Any] = {}
        for path, values in self.dimensions.items():
            if self.active(path, point):
                point[path] = _suggested(trial, path, values)
        return point

    def parameters(self, point: Point) -> dict[str, Any]:
        """Return a point as Optuna's trials hold it, for one that is enqueued."""
        return {
            path: value if isinstance(self.dimensions[path], Range) else _encoded(value)
            for path, value in point.items()
        }

    def points(self) -> Iterator[Point]:
        """Yield every point of a finite space; ValueError where a range has no step and is not of whole numbers."""
        yield from self._points(list(self.dimensions), {})

    def _points(self, paths: Sequence[str], point: dict[str, Any]) -> Iterator[Point]:
        if not paths:
            yield dict(point)
            return
        path, *rest = paths
        if not self.active(path, point):
            yield from self._points(rest, point)
            return
        for value in _all(path, self.dimensions[path]):
            yield from self._points(rest, {**point, path: value})

    def as_it_stands(self) -> Point | None:
        """Return the point that the recipe itself is at; None where one of its own values is not in the space."""
        point: dict[str, Any] = {}
        for path, values in self.dimensions.items():
            if path == ARM:
                point[ARM] = next(iter(self.recipe.arms))
            elif self.active(path, point):
                point[path] = self._own(path, point)
            if path in point and not _holds(values, point[path]):
                return None
        return point

    def _own(self, path: str, point: Point) -> Any:
        label, _, field = path.partition(".")
        item = next(item for item in self.items(self.arm(point)) if label_of(item) == label)
        if field == ENABLED:
            return item.get(ENABLED, True)
        kind = STEPS.load(item["step"])
        value: Any = kind.model_validate({key: one for key, one in item.items() if key in kind.model_fields})
        value = value.model_dump()
        for part in field.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
        return value


def _switches(path: str) -> bool:
    return path.endswith(f".{ENABLED}")


def _encoded(value: Any) -> Any:
    """Return a choice as Optuna keeps it: scalars as they are, others as JSON."""
    return value if value is None or isinstance(value, bool | int | float | str) else json.dumps(value)


def _suggested(trial: BaseTrial, path: str, values: Sequence[Any] | Range) -> Any:
    if not isinstance(values, Range):
        chosen = trial.suggest_categorical(path, [_encoded(value) for value in values])
        return next(
            value for value in values if _encoded(value) == chosen and type(_encoded(value)) is type(chosen)
        )
    if values.whole:
        step = 1 if values.step is None else int(values.step)
        low, high = int(values.from_), int(values.to)
        return trial.suggest_int(path, low, low + (high - low) // step * step, step=step, log=values.log)
    start = float(values.from_)
    if values.step is None:
        return trial.suggest_float(path, start, float(values.to), log=values.log)
    steps = _steps(values)
    return _rounded(
        trial.suggest_float(path, start, _rounded(start + steps * values.step), step=float(values.step))
    )


def _all(path: str, values: Sequence[Any] | Range) -> Sequence[Any]:
    if not isinstance(values, Range):
        return values
    if values.whole:
        return range(int(values.from_), int(values.to) + 1, int(values.step or 1))
    if values.step is None:
        raise ValueError(f"{path}: expected a step of what is enumerated")
    return [_rounded(values.from_ + at * values.step) for at in range(_steps(values) + 1)]


def _holds(values: Sequence[Any] | Range, value: Any) -> bool:
    if not isinstance(values, Range):
        return any(one == value and isinstance(one, bool) == isinstance(value, bool) for one in values)
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not values.from_ <= value <= values.to or (values.whole and value != int(value)):
        return False
    if values.whole or values.step is not None:
        return any(one == _rounded(value) for one in itertools.islice(_all("", values), 100_000))
    return True


def _steps(values: Range) -> int:
    assert values.step is not None
    return int((values.to - values.from_) / values.step + 1e-9)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
