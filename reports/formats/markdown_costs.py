"""What candidates cost, as tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterator

from xpareto.eval.results import RunSummary
from xpareto.reports.costs import (
    LOAD_NOTE,
    ORACLE,
    ROOFLINE_NOTE,
    TIMES_NOTE,
    TUNING_NOTE,
    clock_words,
    curves,
    effort_view,
    energy_rows,
    energy_words,
    gross_words,
    load_times,
    reached,
    spent,
    tuned,
)
from xpareto.reports.formats.markdown_table import table
from xpareto.reports.text import code, duration, markdown, number


def depth_lines(run_summary: RunSummary) -> Iterator[str]:
    shown_curves = curves(run_summary)
    if not shown_curves:
        return
    yield from ("## Retrieval by layer", "", f"{ORACLE} **In use**, †oracle.", "")
    layers = max(len(curve.scores) for curve in shown_curves)
    rows = []
    for curve in shown_curves:
        cells = [f"{score:.1f}" for score in curve.scores]
        cells[curve.in_use] = f"**{cells[curve.in_use]}**"
        cells[curve.oracle] += "†"
        cells += ["–"] * (layers - len(cells))
        rows.append([code(curve.candidate), markdown(curve.task), *cells])
    yield from table(["candidate", "task", *map(str, range(layers))], rows, numeric_from=2)


def roofline_lines(run_summary: RunSummary) -> Iterator[str]:
    """Yield what was reached of the machine's peaks, and where the time goes, of runs that asked for it."""
    places = reached(run_summary)
    if places:
        yield from ("## Roofline", "", ROOFLINE_NOTE, "")
        rows = (
            [code(one.candidate), one.shape, f"{one.operations / 1e9:.3g}", f"{one.intensity:.3g}",
             f"{one.attainable / 1e9:.3g}", f"{one.attained / 1e9:.3g}", f"{one.share:.0f}", markdown(one.bound)]
            for one in places
        )  # fmt: skip
        costs = ["G op", "op/byte", "attainable G op/s", "attained", "share (%)"]
        head = ["candidate", "shape", *costs, "bound by"]
        yield from table(head, rows, numeric_from=2)
    profiled = spent(run_summary)
    if profiled:
        yield from ("## Where the time goes", "", TIMES_NOTE, "")
        rows = (
            [code(one.candidate), one.shape, *(
                markdown(", ".join(f"{part} {share:.0f} %" for part, share in parts))
                for parts in (one.operators, one.components)
            )]
            for one in profiled
        )  # fmt: skip
        yield from table(["candidate", "shape", "operators", "parts of the encoder"], rows, numeric_from=4)


def tuning_lines(run_summary: RunSummary) -> Iterator[str]:
    """Yield what other settings of the runtime gave, of runs that asked for it."""
    settings = tuned(run_summary)
    if not settings:
        return
    yield from ("## Settings of the runtime", "", TUNING_NOTE, "")
    rows = (
        [code(one.candidate), markdown(one.settings), f"{one.latency_ms:.3g}", f"{one.quicker:.2f}×",
         f"{one.throughput:.3g}", f"{one.more:.2f}×"]
        for one in settings
    )  # fmt: skip
    head = ["candidate", "settings", "latency, ms", "as set over it", "examples/s", "over as set"]
    yield from table(head, rows, numeric_from=2)


def use_lines(run_summary: RunSummary) -> Iterator[str]:
    """Yield what a fresh process takes to load, and energy, gross and net."""
    loads = load_times(run_summary)
    energies = {energy_row.name: energy_row for energy_row in energy_rows(run_summary)}
    if not loads and not energies:
        return
    yield from ("## Loading and energy", "")
    yield " ".join(
        markdown(text)
        for text in (
            LOAD_NOTE if loads else "", clock_words(run_summary), gross_words(run_summary), energy_words(run_summary),
        )
        if text
    )  # fmt: skip
    yield ""
    basis = next((energy_row.basis for energy_row in energies.values()), "")
    net = any(energy_row.net is not None for energy_row in energies.values())
    head = ["candidate", *(["load time", "least to most"] if loads else [])]
    head += [*([f"energy, gross, {basis}"] if energies else []), *(["net, measured"] if net else [])]
    rows = []
    for candidate in run_summary.run.candidates:
        row, load, energy = [code(candidate.name)], loads.get(candidate.name), energies.get(candidate.name)
        if loads:
            spread = f"{number(load.least_ms, 'ms')} to {number(load.most_ms, 'ms')}" if load else "–"
            row += [number(load.mean_ms if load else None, "ms"), spread]
        if energies:
            row.append(number(energy.gross if energy else None, "J"))
        if net:
            row.append(number(energy.net if energy else None, "J"))
        rows.append(row)
    yield from table(head, rows)


def effort_lines(run_summary: RunSummary) -> Iterator[str]:
    effort = effort_view(run_summary.run)
    if not effort.bars.rows:
        return
    yield from ("## What it took to make them", "")
    yield (
        "Every step behind a candidate, over all its training sets; shared work counts in full for each, and "
        f"“own” is what no other candidate rests on. {markdown(effort.run)} {markdown(effort.basis)}"
    )
    yield ""
    rows = [
        [
            code(row.name),
            duration(row.seconds),
            duration(row.own),
            duration(row.cpu),
            row.joules(),
            row.joules(own=True),
        ]
        for row in effort.rows
    ]
    yield from table(["candidate", "time", "own", "processor time", "energy", "own energy"], rows)
