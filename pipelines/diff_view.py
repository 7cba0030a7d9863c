"""Show in a terminal what changed between two runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from pipelines.differing import AVERAGE_NAME, COSTS, LANGUAGES, TASKS
from pipelines.printing import printer
from reports.numbers import points, ratio
from reports.text import visible

_COLOURS = {"better": "green", "worse": "red", "equivalent": "blue", "undetermined": ""}
_TITLES = {AVERAGE_NAME: "average", TASKS: "task", LANGUAGES: "language", COSTS: "cost"}


def show_diff(document: Mapping[str, Any]) -> None:
    """Print the verdicts on averages and costs, whatever is not equivalent below them, and regressions."""
    console = printer()
    console.print(Text(visible(f"{document['runs'][1]} against {document['runs'][0]}")), soft_wrap=True)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("candidate", "what", "change", "95 % interval", "verdict"):
        table.add_column(column, overflow="fold", no_wrap=column != "candidate")
    for name, own in document["candidates"].items():
        for what, item, contrast in _told(own):
            cost = what == COSTS
            change = ratio(contrast["ratio"]) if cost else points(contrast["difference"])
            low, high = ("ratio_low", "ratio_high") if cost else ("low", "high")
            ends = [ratio(contrast[end]) if cost else points(contrast[end]) for end in (low, high)]
            verdict = contrast["verdict"]
            table.add_row(
                Text(visible(name)), Text(visible(f"{_TITLES[what]} {item}".strip())), change,
                " to ".join(ends), Text(verdict, style=_COLOURS[verdict]),
            )  # fmt: skip
    console.print(table)
    for line in notes(document):
        console.print(Text(visible(line)), soft_wrap=True)


def _told(own: Mapping[str, Any]) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return the average and the costs, and of tasks and languages what got better or worse."""
    found = [(AVERAGE_NAME, "", own[AVERAGE_NAME])]
    for what in (TASKS, LANGUAGES):
        found += [(what, n, c) for n, c in own[what].items() if c["verdict"] in ("better", "worse")]
    return found + [(COSTS, name, contrast) for name, contrast in own[COSTS].items()]


def notes(document: Mapping[str, Any]) -> list[str]:
    """Return what the table does not say, the regressions last."""
    found = []
    apart = [name for name, paired in document["paired"].items() if not paired]
    if apart:
        found.append(f"Answered on other examples, so not paired: {', '.join(apart)}.")
    if not document["same_machine"]:
        found.append("The runs were measured on different machines: costs tell of those as well.")
    for side, key in (("first", "only_in_a"), ("second", "only_in_b")):
        if document[key]:
            found.append(f"Only in the {side} run: {', '.join(document[key])}.")
    shown = f"{document['tolerance']:g} points, {document['cost_tolerance']:g} % of a cost"
    if not document["regressions"]:
        return [*found, f"No regression beyond the tolerance ({shown})."]
    found.append(f"{len(document['regressions'])} regressions beyond the tolerance ({shown}):")
    for own in document["regressions"]:
        what = "has no score any more: " if own["what"] == "lost" else f"{_TITLES[own['what']]} "
        found.append(f"  {own['candidate']}: {what}{own['name']}".rstrip())
    return found
