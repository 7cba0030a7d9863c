"""Show a comparison of two arms in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from xpareto.eval.analyses.documents import THESE_MODELS, ArmComparison
from xpareto.eval.statistics import Contrast
from xpareto.reports.comparisons import VERDICTS, basis, headline, interval, p_text, ratio_interval, tally
from xpareto.reports.terminal.tables import Name, printer
from xpareto.reports.text import points, three_digits, visible

_COLOURS = {"better": "green", "worse": "red", "equivalent": "blue", "undetermined": ""}


def show_comparison(document: ArmComparison) -> None:
    """Print the answer, the tables that carry it, what it rests on and its caveats."""
    console = printer()
    a, b = document.labels
    console.print(Text(visible(headline(document)), style="bold"))
    if document.scope == THESE_MODELS:
        console.print(Text("One seed per arm: every verdict is on these trained models only.", style="red"))
    variants = document.variants
    scores = _table("average", a, b, "difference", "95 % interval", "p (Holm)", "verdict")
    for variant in variants:
        _add(scores, variant.variant, variant.average)
    for variant in variants:
        if variant.without_retrieval:
            _add(scores, f"{variant.variant} without retrieval", variant.without_retrieval)
    console.print(scores)
    first = variants[0]
    tasks = _table(
        f"task in {first.variant}", a, b, "difference", "95 % interval", "p (Holm)", "verdict", "share"
    )
    for task, contrast in first.tasks.items():
        share = first.attribution[task].share
        _add(tasks, task, contrast, "–" if share is None else f"{share:.1f} %")
    console.print(tasks)
    if len(variants) > 1:
        changes = _table("change under compression", "points", "95 % interval", "p (Holm)", "verdict")
        for variant in variants:
            change = variant.change
            if change is not None:
                changes.add_row(
                    Name(variant.variant), points(change.difference), interval(change), *_judged(change)
                )
        console.print(changes)
    counted = _table(f"languages in {first.variant}", *VERDICTS)
    for name, task, counts in tally(document):
        if name == first.variant:
            counted.add_row(Text(task), *(str(counts[verdict]) for verdict in VERDICTS))
    console.print(counted)
    _frontiers(console, document)
    for line in basis(document):
        console.print(Text(visible(line)))
    console.print()
    for caveat in document.caveats:
        console.print(Text.assemble((caveat.title + ". ", "bold"), visible(caveat.text)))


def _frontiers(console: Console, document: ArmComparison) -> None:
    if not document.hypervolume:
        return
    a, b = document.labels
    volumes = _table("hypervolume", a, b, "difference", "95 % interval", "p (Holm)", "verdict")
    every = dict(document.hypervolume)
    if document.joint_hypervolume:
        every["all costs together"] = document.joint_hypervolume
    for name, volume in every.items():
        values = [three_digits(value) for value in (volume.a, volume.b, volume.difference)]
        between = f"{three_digits(volume.low)} to {three_digits(volume.high)}"
        volumes.add_row(Text(name), *values, between, *_judged(volume))
    console.print(volumes)
    costs = _table("cost of equal scores", f"{b} / {a}", "95 % interval", "p (Holm)", "verdict")
    for name, iso in document.iso_cost.items():
        contrast = iso.contrast
        if contrast is None:
            costs.add_row(Text(name), "–", "–", "–", Text(iso.reason))
        else:
            costs.add_row(Text(name), *ratio_interval(contrast), *_judged(contrast))
    console.print(costs)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for place, column in enumerate(columns):
        right = 0 < place < len(columns) - 1
        whole = column in ("verdict", "95 % interval", "difference")  # a narrow terminal folds names first
        table.add_column(
            Name(visible(column)), justify="right" if right else "left", overflow="fold", no_wrap=whole
        )
    return table


def _add(table: Table, name: str, contrast: Contrast, *more: str) -> None:
    scores = [f"{score:.1f}" for score in (contrast.a, contrast.b)]
    table.add_row(
        Name(name), *scores, points(contrast.difference), interval(contrast), *_judged(contrast), *more
    )


def _judged(contrast: Contrast) -> tuple[str, Text]:
    verdict = contrast.verdict
    return p_text(contrast.p_adjusted), Text(verdict, style=_COLOURS[verdict])
