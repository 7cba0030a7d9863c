"""Print the runtimes, probes and objectives that a recipe can name."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from xpareto.eval.objectives import OBJECTIVES
from xpareto.eval.probing import PROBES
from xpareto.eval.runtimes import RUNTIMES
from xpareto.pipelines.display.table import first_line, print_table
from xpareto.pipelines.recipe import nameable, taken

if TYPE_CHECKING:
    from xpareto.eval.probing import Taken

_PROBE_KINDS: dict[Taken, tuple[str, str]] = {
    "remembered": ("scores", "once per content"),
    "once": ("costs", "once"),
    "with twin": ("costs", "in blocks, A/A twin too"),
    "in blocks": ("costs", "in blocks"),
    "by submit": ("files", "never; xpareto submit"),
}


def show_runtimes(verbose: bool, *only: str) -> None:
    """Print every runtime, or `only` these, with its facts and settings where these are asked for."""
    rows = []
    for name in only or RUNTIMES.names:
        runtime = RUNTIMES.load(name)
        known = {key: value for key, value in runtime.facts().items() if key != "threads"}  # set when opened
        facts = ", ".join(f"{key} {value}" for key, value in known.items()) if verbose else ""
        rows.append((name, runtime.format, first_line(type(runtime).__doc__), facts))
        for field, info in runtime.settings.model_fields.items() if verbose else ():
            rows.append(("", "", f"{field}: {info.get_default()!r}", info.description or ""))
    print_table(rows, "runtime", "opens", "", "")


def show_probes(verbose: bool, *only: str) -> None:
    """Print every probe, or `only` these: what it finds, and how often it is taken."""
    rows = []
    for name in only or (*nameable(), *taken("by submit")):
        probe = PROBES.load(name)
        kind_columns = _PROBE_KINDS[probe.taken]
        told = inspect.getdoc(type(probe)) if verbose else first_line(type(probe).__doc__)
        rows.append((name, "default" if probe.default else "", *kind_columns, told or ""))
    print_table(rows, "probe", "", "finds", "measured", "")


def show_objectives(verbose: bool, *only: str) -> None:
    """Print every objective, or `only` these, with the limits that `choose` takes on it, and what they limit."""
    rows: list[tuple[str, ...]] = []
    for name in only or OBJECTIVES.names:
        item = OBJECTIVES.load(name)
        options = "" if verbose else " ".join(limit.option for limit in item.limits)
        rows.append((name, item.role, item.sense, item.unit, options, item.title))
        if verbose:
            prefer = f"of all that fit, {item.superlative}"
            rows.append(("", "", "", "", f"--prefer {item.aim}", prefer))
            rows += [("", "", "", limit.unit, limit.option, limit.help) for limit in item.limits]
    print_table(
        rows, "objective", "role", "sense", "unit", "options of choose" if verbose else "limits of choose", ""
    )
