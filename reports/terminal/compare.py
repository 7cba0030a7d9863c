"""Show a comparison of two arms in a terminal: the answer and what carries it; the whole of it is written to a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xpareto.eval.analyses.documents import ArmComparison
from xpareto.eval.statistics import Contrast
from xpareto.reports.comparisons import VERDICTS, basis, headline, interval
from xpareto.reports.terminal.tables import Name, printer
from xpareto.reports.text import points, three_digits, visible

_COLOURS = {"better": "green", "worse": "red", "equivalent": "blue", "undetermined": ""}


def show_comparison(document: ArmComparison) -> None:
    """Print the answer, the tables that carry it, what it rests on and which caveats there are."""
    console = printer()
    a, b = document.labels
    console.print(Text(visible(headline(document)), style="bold"))
    variants, first = document.variants, document.variants[0]
    console.print()
    averages = _table("average of tasks", a, b, "points", "95 % interval", "verdict")
    for variant in variants:
        _add(averages, variant.variant, variant.average)
    if first.without_retrieval:
        _add(averages, f"{first.variant} without retrieval", first.without_retrieval)
    console.print(averages)
    console.print()
    tasks = _table(f"task in {first.variant}", a, b, "points", "95 % interval", "verdict", "share")
    for task, contrast in first.tasks.items():
        share = first.attribution[task].share
        _add(tasks, task, contrast, "–" if share is None else f"{round(share)} %".replace("-", "−"))
    console.print(tasks)
    console.print()
    for line in (*_further(document), *basis(document)[:2]):
        console.print(Text(visible(line)))
    _caveats(console, document)


def _further(document: ArmComparison) -> list[str]:
    """Return in a line each what else was compared."""
    lines = []
    changes = [variant.change.verdict for variant in document.variants if variant.change]
    if changes:
        lines.append(f"What compression does to the difference, by variant: {_counted(changes)}.")
    first = document.variants[0]
    languages = [
        contrast.verdict for by_language in first.languages.values() for contrast in by_language.values()
    ]
    lines.append(f"Languages of all tasks in {first.variant}: {_counted(languages)}.")
    volume = document.joint_hypervolume
    if volume:
        lines.append(
            f"Frontier of score against all costs together: {volume.verdict} (hypervolume "
            f"{three_digits(volume.difference)}, {three_digits(volume.low)} to {three_digits(volume.high)})."
        )
    return lines


def _counted(verdicts: Iterable[str]) -> str:
    counts = Counter(verdicts)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


def _caveats(console: Console, document: ArmComparison) -> None:
    titles = "; ".join(caveat.title for caveat in document.caveats)
    console.print(Text.assemble(("Before you rely on this: ", "bold"), visible(f"{titles}.")))
    console.print("What that means, p-values, every language, and the frontiers:")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        whole = column in (
            "verdict",
            "95 % interval",
            "points",
            "share",
        )  # a narrow terminal folds names first
        table.add_column(
            Name(visible(column)),
            justify="left" if place == 0 or column == "verdict" else "right",
            overflow="fold",
            no_wrap=whole,
        )
    return table


def _add(table: Table, name: str, contrast: Contrast, *more: str) -> None:
    scores = [f"{score:.1f}" for score in (contrast.a, contrast.b)]
    verdict = Text(contrast.verdict, style=_COLOURS[contrast.verdict])
    table.add_row(Name(name), *scores, points(contrast.difference), interval(contrast), verdict, *more)
