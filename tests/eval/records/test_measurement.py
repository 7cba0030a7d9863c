"""A row's value is a finite number, or the row is a failure: when it is written and when it is read."""

from __future__ import annotations

import json
import math

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.records.measurement import Measurement, from_json, to_json

ROW = Measurement("r", "c", "latency", "latency", 5.0, "ms")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_written_and_read_as_a_failure(value: float) -> None:
    row = Measurement(**{**vars(ROW), "value": value})
    foreign = json.dumps(vars(row))  # as another program writes it: NaN, Infinity
    assert "NaN" in foreign or "Infinity" in foreign
    for read in (from_json(to_json(row), "f:1"), from_json(foreign, "f:1")):
        assert read.value is None and read.status == "failed"
        assert f"value is {value}" in read.error and "finite" in read.error


def test_a_number_too_large_for_a_float_is_a_failure_too_and_keeps_its_reason() -> None:
    line = to_json(ROW).replace("5.0", "1e999").replace('"error": ""', '"error": "odd"')
    read = from_json(line, "f:1")
    assert read.status == "failed" and read.error == "odd; value is inf, not a finite number"


def test_a_value_that_is_no_number_is_named() -> None:
    with pytest.raises(InputError, match="f:1"):
        from_json(to_json(ROW).replace("5.0", '"fast"'), "f:1")


def test_a_finite_row_is_read_as_it_was() -> None:
    assert from_json(to_json(ROW), "f:1") == ROW
