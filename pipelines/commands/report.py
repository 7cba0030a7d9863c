"""Write what the rows of runs show: reports, comparisons, differences, claims."""

from __future__ import annotations

import sys
from typing import Annotated, Optional

import typer

from xpareto.pipelines.commands import completion
from xpareto.pipelines.commands.options import (
    RUNS,
    AsJson,
    DrawSeed,
    Folder,
    Margin,
    Resamples,
    RunName,
    RunsLookup,
    command_line,
)
from xpareto.pipelines.commands.output import tell


def report(
    run: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Run folders, their names, or `latest`.", autocompletion=completion.runs
        ),
    ],
    out: Annotated[
        Folder, typer.Option("--out", metavar="DIR", help="Default: the first run's report/.")
    ] = None,
    paper: Annotated[bool, typer.Option("--paper", help="Figures as SVG and PDF, too.")] = False,
    runs: RunsLookup = RUNS,
) -> None:
    """Write the report of one run or of several together, from their rows alone."""
    from xpareto.pipelines.runs import build_report, warn_of_changes
    from xpareto.pipelines.storage import RunFolder

    def warn(text: str) -> None:
        tell(f"warning: {text}", error=True)

    run_folders = [RunFolder.find(name, runs) for name in run]
    warn_of_changes(*run_folders)
    target = out if out is not None else run_folders[0].path / "report"
    for file in build_report([folder.path for folder in run_folders], target, paper, warn):
        tell(file)


def compare(
    run: RunName,
    arms: Annotated[
        tuple[str, str],
        typer.Option(
            "--arms",
            metavar="A B",
            help="Two arms; the verdict is on B. One arm twice: A/A check.",
            autocompletion=completion.arms,
        ),
    ],
    margin: Margin = 1.0,
    resamples: Resamples = 2000,
    seed: DrawSeed = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole comparison as JSON.")] = False,
    runs: RunsLookup = RUNS,
) -> None:
    """Compare two arms of a run: better, equivalent, worse or undetermined, with intervals.

    Writes compare-A-B.md and compare-A-B.json beside the run's report.
    """
    from xpareto.pipelines.runs import compare_run, warn_of_changes, write_comparison
    from xpareto.pipelines.storage import RunFolder

    run_folder = RunFolder.find(run, runs)
    warn_of_changes(run_folder)
    document = compare_run(run_folder, *arms, margin=margin, resamples=resamples, seed=seed)
    files = write_comparison(run_folder, document)
    if as_json:
        sys.stdout.write(document.as_json(indent=1))
        return
    from xpareto.reports.terminal import show_comparison

    show_comparison(document)
    for file in files:
        tell(file)


def diff(
    run_a: Annotated[
        str,
        typer.Argument(
            metavar="RUN_A", help="The earlier run: a folder or its name.", autocompletion=completion.runs
        ),
    ],
    run_b: Annotated[
        str,
        typer.Argument(
            metavar="RUN_B", help="The run that is judged, or `latest`.", autocompletion=completion.runs
        ),
    ],
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="POINTS", help="Score differences up to this are none.")
    ] = 1.0,
    cost_tolerance: Annotated[
        float, typer.Option("--cost-tolerance", metavar="PERCENT", help="The same for costs.")
    ] = 5.0,
    strict: Annotated[
        bool,
        typer.Option(
            "--strict",
            help="Undetermined differences, whose interval reaches beyond the tolerance, are regressions too.",
        ),
    ] = False,
    resamples: Resamples = 2000,
    seed: DrawSeed = 0,
    as_json: AsJson = False,
    runs: RunsLookup = RUNS,
) -> None:
    """Tell what got better or worse between two runs; exit code 1 when there is a regression.

    Candidates match by name. A regression is what is shown to be worse, noise considered, by more than
    the tolerance: an average, a task, a language, a cost of one candidate or of all together; or a
    candidate or a cost that failed or was not measured any more. With --strict, a difference is one
    unless it is shown to be none.
    """
    from xpareto.pipelines.runs import diff_runs, warn_of_changes
    from xpareto.pipelines.storage import RunFolder

    first, second = (RunFolder.find(name, runs) for name in (run_a, run_b))
    if first.path == second.path:
        tell(f"warning: RUN_A and RUN_B are the same run, {first.path}, so nothing can differ.", error=True)
    warn_of_changes(first, second)
    document = diff_runs(first, second, tolerance, cost_tolerance, resamples, seed, strict)
    if as_json:
        sys.stdout.write(document.as_json(indent=1))
    else:
        from xpareto.reports.terminal import show_diff

        show_diff(document)
    if document.regressions:
        raise typer.Exit(1)


def claims(
    run: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[RUN...]", help="Run folders, their names, or `latest`, once compared."),
    ] = None,
    out: Annotated[
        Folder, typer.Option("--out", metavar="FILE", help="Write the table there; default: print it.")
    ] = None,
    compare_first: Annotated[
        bool, typer.Option("--compare", help="First make every comparison that a claim speaks of.")
    ] = False,
    margin: Margin = 1.0,
    resamples: Resamples = 2000,
    seed: DrawSeed = 0,
    as_json: AsJson = False,
    runs: RunsLookup = RUNS,
) -> None:
    """Show the source study's claims, how to test each, and what the runs' comparisons say of it."""
    from xpareto.compress.core import replace_text, writing
    from xpareto.pipelines.display import Terminal
    from xpareto.pipelines.runs import claims_of, compare_for_claims, warn_of_changes
    from xpareto.pipelines.storage import RunFolder
    from xpareto.reports.comparisons import claims_markdown

    run_folders = [RunFolder.find(name, runs) for name in run or ()]
    warn_of_changes(*run_folders)
    if compare_first:
        with Terminal() as terminal:
            compare_for_claims(run_folders, terminal, margin, resamples, seed)
    status = claims_of(run_folders, command_line())
    text = status.as_json(indent=1) if as_json else claims_markdown(status)
    if out is None:
        typer.echo(text, nl=False)
        return
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_text(out, text)
    tell(out)
