"""Give a candidate's files out, and check what was given."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal, Optional

import typer

from xpareto.pipelines.commands.options import (
    RUNS,
    AsJson,
    CandidateName,
    RunName,
    RunsLookup,
    StoreLookup,
    Text,
)
from xpareto.pipelines.commands.output import tell

License = Annotated[
    Text,
    typer.Option(
        "--license",
        metavar="ID",
        help="The hub's identifier, for the cards; default: the base's, if known.",
    ),
]
LayoutName = Annotated[
    Literal["flat", "hub", "openvino"] | None,
    typer.Option(
        "--layout",
        help="hub: ONNX in onnx/, under the names that transformers.js and the hub's repositories use; openvino: "
        "OpenVINO's own format, as optimum-intel reads it (default for its candidates); flat: model.onnx.",
    ),
]


def export(
    run: RunName,
    candidate: CandidateName,
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    given_license: License = None,
    layout: LayoutName = None,
    runs: RunsLookup = RUNS,
    store: StoreLookup = None,
) -> None:
    """Write a candidate's models out, with config, tokenizer, manifest, and a card that says how to use them."""
    from xpareto.pipelines import Run

    for folder in Run.open(run, runs, store).export(candidate, target, given_license, layout):
        tell(folder)


def push(
    run: RunName,
    candidate: CandidateName,
    repo: Annotated[
        str, typer.Argument(metavar="OWNER/NAME", help="A repository of the hub, made if missing.")
    ],
    private: Annotated[bool, typer.Option("--private", help="Make it private, where it is made.")] = False,
    given_license: License = None,
    layout: LayoutName = "hub",
    runs: RunsLookup = RUNS,
    store: StoreLookup = None,
) -> None:
    """Export a candidate to the Hugging Face hub, with its cards; of several models, each to OWNER/NAME-SET."""
    from xpareto.pipelines import Run

    found = Run.open(run, runs, store)
    for address in found.push(candidate, repo, private=private, license=given_license, layout=layout):
        tell(address)


def outliers(
    run: RunName,
    candidate: CandidateName,
    runs: RunsLookup = RUNS,
    store: StoreLookup = None,
) -> None:
    """Tell where a quantized candidate's activations have outliers: by product, channel and language."""
    from xpareto.pipelines.display import show_outliers
    from xpareto.pipelines.runs import full_name, store_of, warn_of_changes
    from xpareto.pipelines.storage import RunFolder

    run_folder = RunFolder.find(run, runs)
    warn_of_changes(run_folder)
    show_outliers(run_folder, store_of(run_folder, store), full_name(run_folder, candidate))


def submit(
    run: RunName,
    candidate: CandidateName,
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    data: Annotated[
        Text, typer.Option("--data", metavar="DIR", help="Other test data than the run's; or `hub`.")
    ] = None,
    limit: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option("--limit", metavar="N", min=1, help="Examples per language; default: all."),
    ] = None,
    runs: RunsLookup = RUNS,
    store: StoreLookup = None,
) -> None:
    """Write XTREME's leaderboard folder: a candidate's predictions for every test set of the run's tasks."""
    from xpareto.pipelines.display import Terminal
    from xpareto.pipelines.runs import full_name, store_of, warn_of_changes
    from xpareto.pipelines.runs import submit as submit_candidate
    from xpareto.pipelines.storage import RunFolder

    run_folder = RunFolder.find(run, runs)
    warn_of_changes(run_folder)
    with Terminal() as terminal:
        made = submit_candidate(
            run_folder,
            store_of(run_folder, store),
            full_name(run_folder, candidate),
            target,
            data=data,
            limit=limit,
            console=terminal,
        )
    for line in made.lines():
        tell(line)
    tell(made.folder)


def score(
    predictions: Annotated[
        Path, typer.Argument(metavar="PREDICTIONS", help="Folder of {task}/test-{language} files.")
    ],
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Folder of gold files of the same names.")],
    as_json: AsJson = False,
) -> None:
    """Score a leaderboard folder with XTREME's official metrics, without a model."""
    from xpareto.eval.submission import score_folder
    from xpareto.reports.terminal import scores_json, scores_text

    show = scores_json if as_json else scores_text
    sys.stdout.write(show(score_folder(predictions, labels), predictions, labels))


def verify(run: RunName, runs: RunsLookup = RUNS, store: StoreLookup = None) -> None:
    """Rehash a run and all its artifacts; exit code 1 when something differs."""
    from xpareto.pipelines.runs import store_of
    from xpareto.pipelines.runs import verify as verify_run
    from xpareto.pipelines.storage import RunFolder

    run_folder = RunFolder.find(run, runs)
    problems = verify_run(run_folder, store_of(run_folder, store))
    for problem in problems:
        tell(problem, error=True)
    if problems:
        raise typer.Exit(1)
    tell(f"{run_folder.path}: every file and artifact is as it was sealed.")
