"""Print the catalogues, and what this machine can measure."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING

from xpareto.compress.core import STEPS, InputError, example_recipe, field_docs, formats, hint, prose
from xpareto.compress.quantization import EXACT, probe
from xpareto.eval.hardware import abilities, machine_facts
from xpareto.eval.objectives import OBJECTIVES
from xpareto.eval.probing import PROBES
from xpareto.eval.runtimes import RUNTIMES
from xpareto.eval.tasks import TASKS, TRAINING_SETS
from xpareto.pipelines.recipe import nameable, read_yaml, shipped_recipes, taken
from xpareto.reports.terminal import printer

if TYPE_CHECKING:
    from xpareto.eval.probing import Taken

WHAT = ("steps", "tasks", "training", "runtimes", "probes", "objectives", "recipes")

_PROBE_KINDS: dict[Taken, tuple[str, str]] = {
    "remembered": ("scores", "once per content"),
    "once": ("costs", "once"),
    "with twin": ("costs", "in blocks, A/A twin too"),
    "in blocks": ("costs", "in blocks"),
    "by submit": ("files", "never; xpareto submit"),
}


def show(what: str, verbose: bool) -> None:
    """Print one catalogue."""
    if what not in WHAT:
        named = f'"{what}".{hint(what, WHAT)}' if what else "nothing."
        raise InputError(f"Expected one of {', '.join(WHAT)}, found {named}")
    shown = {
        "steps": _steps, "tasks": _tasks, "training": _training, "runtimes": _runtimes,
        "probes": _probes, "objectives": _objectives, "recipes": _recipes,
    }  # fmt: skip
    shown[what](verbose)


def print_table(rows: Sequence[tuple[str, ...]], *columns: str) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    printer().print(table)


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def _steps(verbose: bool) -> None:
    kinds = STEPS.all()
    if not verbose:
        print_table([(name, _first_line(kind.__doc__)) for name, kind in kinds.items()], "step", "")
        return
    for name, kind in kinds.items():
        print(
            f"{name}\n{'=' * len(name)}\n\n{prose(kind)}\n\n{formats(kind)}\n\n{example_recipe(kind)}", end=""
        )
        for rule in kind.rules:
            print(f"\n{rule.told(name)}")
        print()
        print_table(
            [
                (doc.name, doc.takes, doc.default or "required", doc.example or "", doc.description)
                for doc in field_docs(kind)
            ],
            "field", "takes", "default", "example", "meaning",
        )  # fmt: skip
        print()


def _tasks(verbose: bool) -> None:

    rows = []
    for name, task in TASKS.all().items():
        languages = " ".join(task.languages) if verbose else str(len(task.languages))
        first, rest = " + ".join(task.metrics[: task.scored_by]), task.metrics[task.scored_by :]
        rows.append((name, task.group, ", ".join([first, *rest]), task.trained_on, languages))
    print_table(
        rows, "task", "group", "metrics (the first, or mean, is the score)", "trained on", "languages"
    )


def _training(verbose: bool) -> None:

    rows: list[tuple[str, ...]] = []
    for name, training_set in TRAINING_SETS.all().items():
        hub = " + ".join(item.repo for item in (training_set.hub, *training_set.more_hub) if item is not None)
        rows.append(
            (
                name,
                training_set.kind,
                training_set.head,
                "name@language" if training_set.translated else "",
                hub,
            )
        )
        if verbose:
            for split, files in training_set.files.items():
                rows += [("", split, "en", "", file) for file in files]
            for split, files in training_set.translated.items():
                rows += [("", split, "@", "", file) for file in files]
    print_table(
        rows, "training set", "kind", "head", "other languages", "on the hub, or from the first file found"
    )


def _runtimes(verbose: bool) -> None:

    rows = []
    for name, runtime in RUNTIMES.all().items():
        known = {key: value for key, value in runtime.facts().items() if key != "threads"}  # set when opened
        facts = ", ".join(f"{key} {value}" for key, value in known.items()) if verbose else ""
        rows.append((name, runtime.format, _first_line(type(runtime).__doc__), facts))
        for field, info in runtime.settings.model_fields.items() if verbose else ():
            rows.append(("", "", f"{field}: {info.get_default()!r}", info.description or ""))
    print_table(rows, "runtime", "opens", "", "")


def _probes(verbose: bool) -> None:

    rows = []
    for name in (*nameable(), *taken("by submit")):
        probe = PROBES.load(name)
        kind_columns = _PROBE_KINDS[probe.taken]
        told = inspect.getdoc(type(probe)) if verbose else _first_line(type(probe).__doc__)
        rows.append((name, "default" if probe.default else "", *kind_columns, told or ""))
    print_table(rows, "probe", "", "finds", "measured", "")


def _objectives(verbose: bool) -> None:

    rows = [
        (name, item.role, item.sense, item.unit, " ".join(limit.option for limit in item.limits), item.title)
        for name, item in OBJECTIVES.all().items()
    ]
    print_table(rows, "objective", "role", "sense", "unit", "limits of choose", "")


def _recipes(verbose: bool) -> None:

    rows = []
    for name, path in shipped_recipes().items():
        value = read_yaml(path).value
        rows.append((name, str(value.get("description", ""))))
    print_table(rows, "recipe", "")


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
