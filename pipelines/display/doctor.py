"""Print what this machine can measure."""

from __future__ import annotations

from xpareto.compress.quantization import EXACT, probe
from xpareto.eval.hardware import abilities, machine_facts
from xpareto.pipelines.display.table import print_table


def show_doctor() -> None:
    """Print what this machine can measure and what to mind."""
    print_table([(name, _plain(value)) for name, value in machine_facts().items()], "fact", "")
    print()
    rows = [(item.name, "yes" if item.ok else "no", item.detail) for item in abilities()]
    whole, seven = probe() == EXACT, probe(64) == EXACT
    told = (
        "tried in onnxruntime: full-range u8 x s8 products add up exactly"
        if whole
        else "tried in onnxruntime: u8 x s8 products saturate at 16 bits; use reduce_range, compare the scores"
    )
    rows.append(("int8 without saturation", "yes" if whole else "no", told))
    rows.append(("7-bit weights without saturation", "yes" if seven else "no", "what reduce_range relies on"))
    print_table(rows, "can it", "", "why")


def _plain(value: object) -> str:
    """Return a fact as words, without the marks of Python."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list):
        return " ".join(map(_plain, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)
