"""Say which variant to deploy."""

from __future__ import annotations

import inspect
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand
from typer.main import get_command

from xpareto.pipelines.commands import completion
from xpareto.pipelines.commands.options import RUNS, DrawSeed, Number, Resamples, RunName, RunsLookup, Text

LIMITS = "limits"  # where a command's context keeps those that were given


class LimitOptions(TyperCommand):
    """A command with an option for every limit that an objective declares, such as --p95-ms.

    They are read when the command is used, so that no other command waits for the objectives.
    """

    def get_params(self, ctx: Any) -> list[Any]:
        """Return the limits' options and the command's own parameters."""
        return [*_limit_options(), *super().get_params(ctx)]


def _limit_options() -> list[Any]:
    """Return an option for each declared limit, as typer makes them of a function's parameters."""
    from xpareto.eval.objectives import declared_limits

    def limits(**values: float) -> None:
        """Stand for a command that has the limits for parameters."""

    limits.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                name,
                inspect.Parameter.KEYWORD_ONLY,
                default=typer.Option(
                    None,
                    limit.option,
                    metavar=limit.unit.upper(),
                    help=limit.help,
                    expose_value=False,
                    callback=_keep,
                ),
                annotation=Number,
            )
            for name, (_, limit) in declared_limits().items()
        ]
    )
    command = typer.Typer(add_completion=False)
    command.command()(limits)
    return list(get_command(command).params)


def _keep(ctx: typer.Context, option: typer.CallbackParam, value: Number) -> None:
    if value is not None:
        ctx.meta.setdefault(LIMITS, {})[option.name] = value


def choose(
    ctx: typer.Context,
    run: RunName,
    prefer: Annotated[
        str,
        typer.Option(
            "--prefer",
            metavar="WHAT",
            autocompletion=completion.aims,
            help="latency, throughput, size, memory, energy, score, or an objective by name (xpareto list "
            "objectives).",
        ),
    ] = "latency",
    tasks: Annotated[str, typer.Option("--tasks", metavar="xnli,panx", help="Only these tasks count.")] = "",
    languages: Annotated[
        str, typer.Option("--languages", metavar="en,sw", help="Only these languages count.")
    ] = "",
    weights: Annotated[
        str,
        typer.Option("--weights", metavar="xnli=2,sw=3", help="How much tasks and languages count; else 1."),
    ] = "",
    seed_policy: Annotated[
        str,
        typer.Option(
            "--seed-policy",
            metavar="each|mean",
            autocompletion=completion.policies,
            help="each: every trained model for itself; mean: the seeds of a variant together.",
        ),
    ] = "each",
    point_estimates: Annotated[
        bool,
        typer.Option(
            "--point-estimates", help="Take drops and costs as measured, without their uncertainty."
        ),
    ] = False,
    count_unlearnt: Annotated[
        bool,
        typer.Option(
            "--count-unlearnt", help="Count tasks and languages, too, that no uncompressed model has learnt."
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

    A limit on a drop or a cost is met when the upper end of its interval meets it. Of variants that lose more
    than a limit on drops allows, in the average or in any language, none is let through in 95 % of cases;
    intervals of costs hold at 95 % each by itself. A cost that was measured once is judged by its value.
    Exit code 3 when nothing fits; the nearest miss is named then.
    """
    from xpareto.eval.analyses import named_numbers, names
    from xpareto.eval.objectives import declared_limits
    from xpareto.pipelines import Requirements, Run

    given = ctx.meta.get(LIMITS, {})
    requirements = Requirements(
        {name: given[name] for name in declared_limits() if name in given},
        prefer, names(tasks), names(languages), named_numbers(weights), seed_policy, point_estimates,
        resamples, seed, folds, count_unlearnt,
    )  # fmt: skip
    other = None if report_on is None else Run.open(report_on, runs)
    document = Run.open(run, runs).choose(requirements, other)
    if as_json:
        sys.stdout.write(document.as_json(indent=1))
    else:
        from xpareto.reports.terminal import show_choice

        show_choice(document)
    if document.chosen is None:
        raise typer.Exit(3)
