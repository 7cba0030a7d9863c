"""A narrow terminal breaks names where they are read, not in a word."""

from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from xpareto.reports.terminal.tables import Name


@pytest.mark.parametrize(
    ("width", "lines"),
    [
        (40, ["english/onnx/onnxruntime"]),
        (24, ["english/onnx/onnxruntime"]),
        (23, ["english/onnx/", "onnxruntime"]),
        (11, ["english/", "onnx/", "onnxruntime"]),
        (6, ["englis", "h/", "onnx/", "onnxru", "ntime"]),
    ],
)
def test_a_name_is_broken_after_its_slashes(width: int, lines: list[str]) -> None:
    stream = StringIO()
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(overflow="fold")
    table.add_row(Name("english/onnx/onnxruntime"))
    Console(file=stream, width=width, highlight=False).print(table)
    assert [line.rstrip() for line in stream.getvalue().splitlines()] == lines
