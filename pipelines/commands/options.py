"""Arguments and options that several commands take."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from xpareto.pipelines.commands import completion

Text = Optional[str]  # noqa: UP045 - typer reads the annotation at run time
Folder = Optional[Path]  # noqa: UP045
Number = Optional[float]  # noqa: UP045

RecipeName = Annotated[
    str,
    typer.Argument(
        metavar="RECIPE", help="A .yaml file, or a shipped recipe's name.", autocompletion=completion.recipes
    ),
]
Sets = Annotated[
    list[str],
    typer.Option(
        "--set",
        metavar="STEP.FIELD=VALUE",
        help="Override a step's field or a recipe key.",
        autocompletion=completion.settings,
    ),
]
BaseNames = Annotated[
    list[str],
    typer.Option(
        "--base",
        metavar="[TASK=]DIR_OR_ID",
        help="Checkpoint to start from; or, once for each task, one that is fine-tuned for it.",
        autocompletion=completion.bases,
    ),
]
DataName = Annotated[
    Text,
    typer.Option(
        "--data",
        metavar="DIR",
        help="XTREME's download/ folder, or `hub` or `embedded`.",
        autocompletion=completion.data,
    ),
]
LockFile = Annotated[
    Folder, typer.Option("--lock", metavar="FILE", help="A run's lock.json: the same hub commits.")
]
StorePlace = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="DIR_OR_URL",
        help="Where artifacts are kept: a folder, or s3://BUCKET/PREFIX, gs://...",
    ),
]
RunsFolder = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where run folders are made.")]
RunsLookup = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where runs are looked for by name.")]
StoreLookup = Annotated[
    Text,
    typer.Option("--store", metavar="DIR_OR_URL", help="Where the artifacts are, if the store was moved."),
]
RunName = Annotated[
    str,
    typer.Argument(
        metavar="RUN", help="A run folder, its name, or `latest`.", autocompletion=completion.runs
    ),
]

Processes = Annotated[
    int,
    typer.Option(
        "--processes", min=1, metavar="N", help="Train with N processes: one for each GPU, or on CPUs."
    ),
]
Workers = Annotated[
    Optional[int],  # noqa: UP045
    typer.Option(
        "--workers",
        min=1,
        metavar="N",
        help="Make and score N at a time, each with its share of cores or its GPU.",
    ),
]
RayAddress = Annotated[
    Text,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Make and score on a Ray cluster: auto, local or host:port.",
    ),
]
SaveEvery = Annotated[
    float,
    typer.Option(
        "--save-every", min=0, metavar="MINUTES", help="How often a training saves where it is; 0: never."
    ),
]

Margin = Annotated[
    float, typer.Option("--margin", metavar="POINTS", help="Differences below this count as none.")
]
Resamples = Annotated[int, typer.Option("--resamples", metavar="N", help="Bootstrap draws.")]
DrawSeed = Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the draws.")]

STORE, RUNS = "store", Path("runs")
CandidateName = Annotated[
    str,
    typer.Argument(
        metavar="CANDIDATE",
        help="A candidate's name as in the report, or as much of its beginning as no other has.",
        autocompletion=completion.candidates,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything as JSON.")]


_OTHER_FOLDERS = {  # how each command that writes is told where
    "run": "Folders are chosen with --store and --out. Finished steps are kept; the same command goes on from there.",
    "search": "Folders are chosen with --store and --out. What is done is kept; the same command goes on from there.",
    "plan": "The folder is chosen with --store.",
    "measure": "What was measured is kept.",
    "report": "The folder is chosen with --out.",
    "claims": "The file is chosen with --out.",
    "compare": "It is written beside the run's report.",
    "track": "Nothing of the run is lost.",
    "export": "The folder is the last argument.",
    "submit": "The folder is the last argument.",
}


def other_folders() -> str:
    """Return how the command at hand is told where to write; "" where it writes nothing."""
    told = _OTHER_FOLDERS.get(sys.argv[1] if len(sys.argv) > 1 else "")
    return f" {told}" if told else ""


def command_line() -> str:
    """Return the command as it was given, to be told in what it writes."""
    return shlex.join(["xpareto", *sys.argv[1:]])


def refuse_undecodable() -> None:
    """Refuse words of the command line that are no text: files of ours, which repeat them, could not be written."""
    from xpareto.compress.core import InputError

    for word in sys.argv[1:]:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise InputError(
                f"expected text in UTF-8 on the command line, found {word!a}. Rename it."
            ) from None
