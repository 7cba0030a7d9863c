"""Show in a terminal what changed between two runs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from xpareto.eval.analyses.documents import ALL_TOGETHER, CandidateChanges, Change, Difference, What
from xpareto.eval.statistics import Contrast
from xpareto.reports.findings import unlearnt_text
from xpareto.reports.terminal.tables import WIDEST, Name, printer
from xpareto.reports.text import points, ratio, visible

_COLOURS = {"better": "green", "worse": "red", "equivalent": "blue", "undetermined": ""}
_TITLES: Mapping[What, str] = {
    "average": "average", "tasks": "task", "languages": "language", "qualities": "quality", "costs": "cost",
    "lost cost": "lost cost",
}  # fmt: skip


def show_diff(document: Difference) -> None:
    """Print the verdicts on averages and costs, whatever is not equivalent below them, and regressions."""
    console = printer()
    console.print(Text(visible(f"{document.runs[1]} against {document.runs[0]}")))
    table = _table(document)
    if Measurement.get(console, console.options.update(max_width=WIDEST), table).maximum > console.width:
        table = _table(document, once=True)
    console.print(table)
    for line in notes(document):
        console.print(Text(visible(line)))


def _table(document: Difference, once: bool = False) -> Table:
    """Return a row for each change; `once`: a candidate is named in its first row, since names have to be folded."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("candidate", "what", "change", "95 % interval", "verdict"):
        table.add_column(column, overflow="fold", no_wrap=column != "candidate")
    for name, changes in document.candidates.items():
        for place, (what, change, ends, contrast) in enumerate(_rows(changes)):
            verdict = Text(contrast.verdict, style=_COLOURS[contrast.verdict])
            told = "" if once and place else visible(name)
            table.add_row(Name(told), Text(visible(what)), change, ends, verdict)
    return table


def _rows(changes: CandidateChanges) -> Iterator[tuple[str, str, str, Contrast]]:
    """Yield (what, change, interval, contrast): the average, what of tasks and languages got better or worse,
    and the costs.
    """
    scores = [("average", changes.average)]
    for title, contrasts in (("task", changes.tasks), ("language", changes.languages)):
        told = {
            name: contrast for name, contrast in contrasts.items() if contrast.verdict in ("better", "worse")
        }
        scores += [(f"{title} {name}", contrast) for name, contrast in told.items()]
    scores += [(f"quality {name}", contrast) for name, contrast in changes.qualities.items()]
    for what, contrast in scores:
        yield (
            what,
            points(contrast.difference),
            f"{points(contrast.low)} to {points(contrast.high)}",
            contrast,
        )
    for name, cost in changes.costs.items():
        yield f"cost {name}", ratio(cost.ratio), f"{ratio(cost.ratio_low)} to {ratio(cost.ratio_high)}", cost


def notes(document: Difference) -> list[str]:
    """Return what the table does not say, the regressions last."""
    uncounted = unlearnt_text(document.unlearnt, document.tasks, document.nothing_learnt)
    lines = [uncounted] if uncounted else []
    apart = [name for name, paired in document.paired.items() if not paired]
    if apart:
        lines.append(f"Answered on other examples, so not paired: {', '.join(apart)}.")
    if not document.same_machine:
        lines.append("The runs were measured on different machines: costs tell of those as well.")
    lines += [f"{cost} is {basis} in both runs." for cost, basis in document.bases.items()]
    for side, names in (("first", document.only_in_a), ("second", document.only_in_b)):
        if names:
            lines.append(f"Only in the {side} run: {', '.join(names)}.")
    lines += _together(document)
    once = sorted({name for own in document.candidates.values() for name in own.costs_in_one_block})
    if once:
        lines.append(
            f"Measured in one block in either run, so that nothing can tell a change from noise: {', '.join(once)}. "
            "Measure both runs with measure.blocks: 4 or more."
        )
    disturbed = max(
        (c.disturbed for own in document.candidates.values() for c in own.costs.values()), default=0.0
    )
    if disturbed:
        lines.append(
            f"Other work took up to {disturbed:.0%} of the cores' time while costs were measured, so that no time of "
            "the candidates concerned is called better or worse by itself. Measure again on a calm machine."
        )
    if any(of_costs for of_costs in (own.costs for own in document.candidates.values())):
        lines.append(
            "Each interval holds for itself; the verdicts on one cost hold for all candidates at once (Holm)."
        )
    shown = f"{document.tolerance:g} points, {document.cost_tolerance:g} % of a cost"
    if document.undetermined and not document.strict:
        lines.append(
            f"Undetermined, so neither shown to be worse than the tolerance nor to be within it: "
            f"{_counted(document.undetermined)}; --strict counts them as regressions."
        )
    count = len(document.regressions)
    if not count:
        return [*lines, f"No regression beyond the tolerance ({shown})."]
    lines.append(f"{count} regression{'s' * (count > 1)} beyond the tolerance ({shown}):")
    return lines + [f"  {_regression(change)}" for change in document.regressions]


def _counted(places: Sequence[Change]) -> str:
    """Return how many averages, tasks, languages and costs there are."""
    counts = Counter(_TITLES[change.what] for change in places)
    return ", ".join(f"{count} {what if count == 1 else _plural(what)}" for what, count in counts.items())


def _plural(what: str) -> str:
    return f"{what[:-1]}ies" if what.endswith("y") else f"{what}s"


def _together(document: Difference) -> list[str]:
    """Return a line for each cost of all candidates, and what no such line can tell."""
    lines = []
    for name, common in document.together.items():
        words = "worse by more than the tolerance" if common.beyond else common.verdict
        lines.append(
            f"{ALL_TOGETHER}: {name} {ratio(common.ratio)} ({ratio(common.ratio_low)} to {ratio(common.ratio_high)}), "
            f"{words}; {common.candidates} candidates, blocks of one run lie up to {ratio(common.drift)} apart"
        )
    if lines:
        lines.append(
            "What a whole run shares, such as the machine's day, no interval holds: two runs cannot tell it from "
            "a change. Measure both again before a change of all candidates is blamed on the code."
        )
    return lines


def _regression(change: Change) -> str:
    if change.what == "lost":
        return f"{change.candidate}: has no score any more: {change.name}"
    told = f"{change.candidate}: {_TITLES[change.what]} {change.name}".rstrip()
    if change.why:
        told += f": {change.why}"
    if change.beside is not None:
        value, low, high = map(ratio, change.beside)
        told += f": {value} ({low} to {high}) of the other candidates' change"
    return told + (" (not shown to be within the tolerance)" if change.undetermined else "")
