"""Tell an experiment tracker of a run."""

from __future__ import annotations

from typing import Annotated

import typer

from xpareto.pipelines.commands import completion
from xpareto.pipelines.commands.options import RUNS, RunName, RunsLookup
from xpareto.pipelines.commands.output import tell


def track(
    run: RunName,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="TRACKER", help="mlflow or trackio.", autocompletion=completion.trackers
        ),
    ],
    runs: RunsLookup = RUNS,
) -> None:
    """Write a run's parameters, metrics and report into MLflow or trackio; a run that is there is updated.

    Where that is, their own variables say, such as MLFLOW_TRACKING_URI.
    """
    from xpareto.pipelines import Run

    tell(Run.open(run, runs).track(to))
