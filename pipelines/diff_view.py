"""Show in a terminal what changed between two runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from pipelines.printing import printer
from pipelines.regressions import ALL, AVERAGE_NAME, COSTS, LANGUAGES, LOST, LOST_COST, TASKS
from reports.numbers import points, ratio
from reports.text import visible

_COLOURS = {"better": "green", "worse": "red", "equivalent": "blue", "undetermined": ""}
_TITLES = {AVERAGE_NAME: "average", TASKS: "task", LANGUAGES: "language", COSTS: "cost", LOST_COST: LOST_COST}


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
    found += _together(document)
    shown = f"{document['tolerance']:g} points, {document['cost_tolerance']:g} % of a cost"
    if document["undetermined"] and not document["strict"]:
        found.append(
            f"Undetermined, so neither shown to be worse than the tolerance nor to be within it: "
            f"{_counted(document['undetermined'])}; --strict counts them as regressions."
        )
    count = len(document["regressions"])
    if not count:
        return [*found, f"No regression beyond the tolerance ({shown})."]
    found.append(f"{count} regression{'s' * (count > 1)} beyond the tolerance ({shown}):")
    return found + [f"  {_regression(own)}" for own in document["regressions"]]


def _counted(places: Sequence[Mapping[str, Any]]) -> str:
    """Return how many averages, tasks, languages and costs there are."""
    counts = Counter(_TITLES[own["what"]] for own in places)
    return ", ".join(f"{count} {what}{'s' * (count > 1)}" for what, count in counts.items())


def _together(document: Mapping[str, Any]) -> list[str]:
    """Return a line for each cost of all candidates, and what no such line can tell."""
    found = []
    for name, own in document["together"].items():
        words = "worse by more than the tolerance" if own["beyond"] else own["verdict"]
        basis = (
            f"blocks of one run lie up to {ratio(own['drift'])} apart"
            if own["noise"] == "blocks"
            else "one block each, so its noise is assumed"
        )
        found.append(
            f"{ALL}: {name} {ratio(own['ratio'])} ({ratio(own['ratio_low'])} to {ratio(own['ratio_high'])}), "
            f"{words}; {own['candidates']} candidates, {basis}"
        )
    if found:
        found.append(
            "What a whole run shares, such as the machine's day, no interval holds: two runs cannot tell it from "
            "a change. Measure both again before a change of all candidates is blamed on the code."
        )
    return found


def _regression(own: Mapping[str, Any]) -> str:
    if own["what"] == LOST:
        return f"{own['candidate']}: has no score any more: {own['name']}"
    told = f"{own['candidate']}: {_TITLES[own['what']]} {own['name']}".rstrip()
    if "why" in own:
        told += f": {own['why']}"
    return told + (" (not shown to be within the tolerance)" if own.get("undetermined") else "")
