"""Say which variant to deploy."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipelines.commands.options import RUNS, DrawSeed, Number, Resamples, RunName, RunsLookup, Text


def choose(
    run: RunName,
    max_drop: Annotated[
        Number, typer.Option("--max-drop", metavar="POINTS", help="Most points to lose on average.")
    ] = None,
    worst_language_drop: Annotated[
        Number,
        typer.Option("--worst-language-drop", metavar="POINTS", help="Most points to lose in any language."),
    ] = None,
    p95_ms: Annotated[
        Number,
        typer.Option(
            "--p95-ms",
            metavar="MS",
            help="95th percentile at batch 1, slowest task; with tokenization where that was measured.",
        ),
    ] = None,
    rss_mb: Annotated[
        Number, typer.Option("--rss-mb", metavar="MB", help="Peak memory of the largest model.")
    ] = None,
    load_ms: Annotated[
        Number, typer.Option("--load-ms", metavar="MS", help="Time that a fresh process takes to load it.")
    ] = None,
    size_mb: Annotated[
        Number, typer.Option("--size-mb", metavar="MB", help="Files of the largest model.")
    ] = None,
    energy_j: Annotated[
        Number, typer.Option("--energy-j", metavar="J", help="Gross energy per example, dearest task.")
    ] = None,
    prefer: Annotated[
        str,
        typer.Option("--prefer", metavar="WHAT", help="latency, throughput, size, memory, energy or score."),
    ] = "latency",
    tasks: Annotated[str, typer.Option("--tasks", metavar="A,B", help="Only these tasks count.")] = "",
    languages: Annotated[
        str, typer.Option("--languages", metavar="EN,SW", help="Only these languages count.")
    ] = "",
    weights: Annotated[
        str,
        typer.Option("--weights", metavar="XNLI=2,SW=3", help="How much tasks and languages count; else 1."),
    ] = "",
    seed_policy: Annotated[
        str,
        typer.Option(
            "--seed-policy",
            metavar="each|mean",
            help="each: every trained model for itself; mean: the seeds of a variant together.",
        ),
    ] = "each",
    point_estimates: Annotated[
        bool,
        typer.Option(
            "--point-estimates", help="Take drops and costs as measured, without their uncertainty."
        ),
    ] = False,
    report_on: Annotated[
        Text,
        typer.Option(
            "--report-on",
            metavar="RUN",
            help="Score what was chosen on another run, such as the test split's.",
        ),
    ] = None,
    folds: Annotated[
        int, typer.Option("--folds", metavar="N", help="Parts to choose and score apart; 0: none.")
    ] = 5,
    resamples: Resamples = 2000,
    seed: DrawSeed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    runs: RunsLookup = RUNS,
) -> None:
    """Say which variant to deploy under limits, why, and what kept the others out.

    A limit on a drop or a cost is met when the upper end of its interval meets it. Intervals of drops hold
    at 95 % for all variants and languages at once, those of costs each by itself. A cost that was measured
    once is judged by its value.
    Exit code 3 when nothing fits; the nearest miss is named then.
    """
    from pipelines.runfolder import RunFolder
    from pipelines.runs.choose import choose_run
    from pipelines.seal_warning import warn_of_changes
    from pipelines.wish import OPTIONS, Wish, named_numbers, names

    given = dict(
        zip(OPTIONS, (max_drop, worst_language_drop, p95_ms, rss_mb, load_ms, size_mb, energy_j), strict=True)
    )
    wish = Wish(
        {name: value for name, value in given.items() if value is not None},
        prefer, names(tasks), names(languages), named_numbers(weights), seed_policy, point_estimates,
        resamples, seed, folds,
    )  # fmt: skip
    found = RunFolder.find(run, runs)
    other = None if report_on is None else RunFolder.find(report_on, runs)
    warn_of_changes(*[found] if other is None else [found, other])
    document = choose_run(found, wish, other)
    if as_json:
        sys.stdout.write(document.as_json(indent=1))
    else:
        from pipelines.choose_view import show_choice

        show_choice(document)
    if document.chosen is None:
        raise typer.Exit(3)
