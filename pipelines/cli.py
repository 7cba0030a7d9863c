"""The command line. Imports stay inside the commands, so that --help answers at once."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

app = typer.Typer(
    name="xpareto",
    help="Compress multilingual encoders and see, on XTREME, which variant to deploy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Text = Optional[str]  # noqa: UP045 - typer reads the annotation at run time
Folder = Optional[Path]  # noqa: UP045
Number = Optional[float]  # noqa: UP045

RecipeName = Annotated[
    str, typer.Argument(metavar="RECIPE", help="A .yaml file, or a shipped recipe's name.")
]
Sets = Annotated[
    list[str],
    typer.Option("--set", metavar="STEP.FIELD=VALUE", help="Override a step's field or a recipe key."),
]
BaseName = Annotated[Text, typer.Option("--base", metavar="DIR_OR_ID", help="Checkpoint to start from.")]
DataName = Annotated[
    Text, typer.Option("--data", metavar="DIR", help="XTREME's download/ folder, or `hub` or `embedded`.")
]
LockFile = Annotated[
    Folder, typer.Option("--lock", metavar="FILE", help="A run's lock.json: the same hub commits.")
]
StoreFolder = Annotated[Path, typer.Option("--store", metavar="DIR", help="Where artifacts are kept.")]
RunsFolder = Annotated[Path, typer.Option("--out", metavar="DIR", help="Where run folders are made.")]
RunsLookup = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where runs are looked for by name.")]
StoreLookup = Annotated[
    Folder, typer.Option("--store", metavar="DIR", help="Where the artifacts are, if the store was moved.")
]
RunName = Annotated[str, typer.Argument(metavar="RUN", help="A run folder, its name, or `latest`.")]

Processes = Annotated[
    int,
    typer.Option(
        "--processes", min=1, metavar="N", help="Train with N processes: one for each GPU, or on CPUs."
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

STORE, RUNS = Path("store"), Path("runs")


@app.command()
def run(
    recipe: RecipeName,
    sets: Sets = [],
    base: BaseName = None,
    data: DataName = None,
    lock: LockFile = None,
    out: RunsFolder = RUNS,
    store: StoreFolder = STORE,
    processes: Processes = 1,
    save_every: SaveEvery = 5.0,
) -> None:
    """Make what a recipe describes, measure every candidate, and write the report.

    A run that was killed goes on where it stopped when the same command is given again.
    """
    from pipelines.run import Options, run_recipe
    from pipelines.team import check_launch
    from pipelines.terminal import Terminal

    check_launch(processes)
    options = Options(recipe, tuple(sets), base, data, lock, store, out, _command(), processes, save_every)
    with Terminal() as terminal:
        result = run_recipe(options, terminal)
    terminal.summary(result)
    if result.failed:
        raise typer.Exit(1)


@app.command()
def plan(
    recipe: RecipeName,
    sets: Sets = [],
    base: BaseName = None,
    data: DataName = None,
    lock: LockFile = None,
    store: StoreFolder = STORE,
    as_json: Annotated[bool, typer.Option("--json", help="Print the whole plan as JSON.")] = False,
) -> None:
    """Show what would run and what is cached, without running it."""
    from pipelines.planview import plan_json, show_plan
    from pipelines.run import Options, prepare

    ready = prepare(Options(recipe, tuple(sets), base, data, lock, store))
    if as_json:
        sys.stdout.write(plan_json(ready))
    else:
        show_plan(ready)


@app.command()
def measure(
    run: RunName,
    probe: Annotated[
        Text, typer.Option("--probe", metavar="NAME", help="One probe only; default: all.")
    ] = None,
    runs: RunsLookup = RUNS,
    store: StoreLookup = None,
) -> None:
    """Measure the existing artifacts of a run once more, as a further repeat."""
    from pipelines.afterwards import measure_again, store_of
    from pipelines.runfolder import RunFolder
    from pipelines.terminal import Terminal

    found = RunFolder.find(run, runs)
    with Terminal() as terminal:
        files = measure_again(found, store_of(found, store), probe, terminal)
    for file in files:
        typer.echo(file)


@app.command()
def report(
    run: Annotated[
        list[str], typer.Argument(metavar="RUN...", help="Run folders, their names, or `latest`.")
    ],
    out: Annotated[
        Folder, typer.Option("--out", metavar="DIR", help="Default: the first run's report/.")
    ] = None,
    paper: Annotated[bool, typer.Option("--paper", help="Figures as SVG and PDF, too.")] = False,
    runs: RunsLookup = RUNS,
) -> None:
    """Write the report of one run or of several together, from their rows alone."""
    from pipelines.analysis import build_report
    from pipelines.runfolder import RunFolder

    found = [RunFolder.find(name, runs).path for name in run]
    for file in build_report(found, out if out is not None else found[0] / "report", paper):
        typer.echo(file)


@app.command()
def compare(
    run: RunName,
    arms: Annotated[
        tuple[str, str],
        typer.Option(
            "--arms", metavar="A B", help="Two arms; the verdict is on B. One arm twice: A/A check."
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
    from pipelines.comparison import as_json as document_json
    from pipelines.comparison import compare_run, write_comparison
    from pipelines.runfolder import RunFolder

    found = RunFolder.find(run, runs)
    document = compare_run(found, *arms, margin=margin, resamples=resamples, seed=seed)
    files = write_comparison(found, document)
    if as_json:
        sys.stdout.write(document_json(document))
        return
    from pipelines.compare_view import show_comparison

    show_comparison(document)
    for file in files:
        typer.echo(file)


@app.command()
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
        Number, typer.Option("--p95-ms", metavar="MS", help="95th percentile at batch 1, slowest task.")
    ] = None,
    rss_mb: Annotated[
        Number, typer.Option("--rss-mb", metavar="MB", help="Peak memory of the largest model.")
    ] = None,
    size_mb: Annotated[
        Number, typer.Option("--size-mb", metavar="MB", help="Files of the largest model.")
    ] = None,
    energy_j: Annotated[
        Number, typer.Option("--energy-j", metavar="J", help="Energy per example, dearest task.")
    ] = None,
    prefer: Annotated[
        str, typer.Option("--prefer", metavar="WHAT", help="latency, size, energy or score.")
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
        bool, typer.Option("--point-estimates", help="Take drops as measured, without their uncertainty.")
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
    resamples: Annotated[int, typer.Option("--resamples", metavar="N", help="Bootstrap draws.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the draws.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
    runs: RunsLookup = RUNS,
) -> None:
    """Say which variant to deploy under limits, why, and what kept the others out.

    A limit on a drop is met when the upper end of its interval meets it; the intervals of all variants
    and languages hold together at 95 %. Exit code 3 when nothing fits; the nearest miss is named then.
    """
    from pipelines.choosing import choose_run
    from pipelines.comparison import as_json as document_json
    from pipelines.runfolder import RunFolder
    from pipelines.wish import OPTIONS, Wish, named_numbers, names

    given = dict(
        zip(OPTIONS, (max_drop, worst_language_drop, p95_ms, rss_mb, size_mb, energy_j), strict=True)
    )
    wish = Wish(
        {name: value for name, value in given.items() if value is not None},
        prefer, names(tasks), names(languages), named_numbers(weights), seed_policy, point_estimates,
        resamples, seed, folds,
    )  # fmt: skip
    other = None if report_on is None else RunFolder.find(report_on, runs)
    document = choose_run(RunFolder.find(run, runs), wish, other)
    if as_json:
        sys.stdout.write(document_json(document))
    else:
        from pipelines.choose_view import show_choice

        show_choice(document)
    if document["chosen"] is None:
        raise typer.Exit(3)


@app.command()
def diff(
    run_a: Annotated[str, typer.Argument(metavar="RUN_A", help="The earlier run: a folder or its name.")],
    run_b: Annotated[str, typer.Argument(metavar="RUN_B", help="The run that is judged, or `latest`.")],
    tolerance: Annotated[
        float, typer.Option("--tolerance", metavar="POINTS", help="Score differences up to this are none.")
    ] = 1.0,
    cost_tolerance: Annotated[
        float, typer.Option("--cost-tolerance", metavar="PERCENT", help="The same for costs.")
    ] = 5.0,
    resamples: Annotated[int, typer.Option("--resamples", metavar="N", help="Bootstrap draws.")] = 2000,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the draws.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
    runs: RunsLookup = RUNS,
) -> None:
    """Tell what got better or worse between two runs; exit code 1 when there is a regression.

    Candidates match by name. A regression is what is shown to be worse, noise considered, by more than
    the tolerance: an average, a task, a language, a cost; or a candidate that failed since.
    """
    from pipelines.comparison import as_json as document_json
    from pipelines.differing import diff_runs
    from pipelines.runfolder import RunFolder

    first, second = (RunFolder.find(name, runs) for name in (run_a, run_b))
    document = diff_runs(first, second, tolerance, cost_tolerance, resamples, seed)
    if as_json:
        sys.stdout.write(document_json(document))
    else:
        from pipelines.diff_view import show_diff

        show_diff(document)
    if document["regressions"]:
        raise typer.Exit(1)


@app.command()
def claims(
    run: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Argument(metavar="[RUN...]", help="Run folders, their names, or `latest`, once compared."),
    ] = None,
    out: Annotated[
        Folder, typer.Option("--out", metavar="FILE", help="Write the Markdown there; default: print it.")
    ] = None,
    compare_first: Annotated[
        bool, typer.Option("--compare", help="First make every comparison that a claim speaks of.")
    ] = False,
    margin: Margin = 1.0,
    resamples: Resamples = 2000,
    seed: DrawSeed = 0,
    runs: RunsLookup = RUNS,
) -> None:
    """Show the source study's claims, how to test each, and what the runs' comparisons say of it."""
    from pipelines.claims import claims_of, compare_for_claims
    from pipelines.durable import replace_text, writing
    from pipelines.runfolder import RunFolder
    from pipelines.terminal import Terminal

    found = [RunFolder.find(name, runs) for name in run or ()]
    if compare_first:
        with Terminal() as terminal:
            compare_for_claims(found, terminal, margin, resamples, seed)
    text = claims_of(found, _command())
    if out is None:
        typer.echo(text, nl=False)
        return
    with writing(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        replace_text(out, text)
    typer.echo(out)


@app.command()
def export(
    run: RunName,
    candidate: Annotated[
        str, typer.Argument(metavar="CANDIDATE", help="A candidate's name as in the report.")
    ],
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new folder.")],
    runs: RunsLookup = RUNS,
    store: StoreLookup = None,
) -> None:
    """Copy a candidate's models out, with config, tokenizer, model card and manifest."""
    from pipelines.afterwards import export as export_candidate
    from pipelines.afterwards import store_of
    from pipelines.runfolder import RunFolder

    found = RunFolder.find(run, runs)
    for folder in export_candidate(found, store_of(found, store), candidate, target):
        typer.echo(folder)


@app.command()
def outliers(
    run: RunName,
    candidate: Annotated[
        str, typer.Argument(metavar="CANDIDATE", help="A candidate's name as in the report.")
    ],
    runs: RunsLookup = RUNS,
    store: StoreLookup = None,
) -> None:
    """Tell where a quantized candidate's activations have outliers: by product, channel and language."""
    from pipelines.afterwards import store_of
    from pipelines.outlierview import show_outliers
    from pipelines.runfolder import RunFolder

    found = RunFolder.find(run, runs)
    show_outliers(found, store_of(found, store), candidate)


@app.command()
def submit(
    run: RunName,
    candidate: Annotated[
        str, typer.Argument(metavar="CANDIDATE", help="A candidate's name as in the report.")
    ],
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
    from pipelines.afterwards import store_of
    from pipelines.runfolder import RunFolder
    from pipelines.submission import submit as submit_candidate
    from pipelines.terminal import Terminal

    found = RunFolder.find(run, runs)
    with Terminal() as terminal:
        made = submit_candidate(
            found, store_of(found, store), candidate, target, data=data, limit=limit, console=terminal
        )
    for line in made.lines():
        typer.echo(line)
    typer.echo(made.folder)


@app.command()
def score(
    predictions: Annotated[
        Path, typer.Argument(metavar="PREDICTIONS", help="Folder of {task}/test-{language} files.")
    ],
    labels: Annotated[Path, typer.Argument(metavar="LABELS", help="Folder of gold files of the same names.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Score a leaderboard folder with XTREME's official metrics, without a model."""
    from eval.submission.scoring import score_folder
    from pipelines.scoreview import scores_json, scores_text

    show = scores_json if as_json else scores_text
    sys.stdout.write(show(score_folder(predictions, labels), predictions, labels))


@app.command()
def verify(run: RunName, runs: RunsLookup = RUNS, store: StoreLookup = None) -> None:
    """Rehash a run and all its artifacts; exit code 1 when something differs."""
    from pipelines.afterwards import store_of
    from pipelines.afterwards import verify as verify_run
    from pipelines.runfolder import RunFolder

    found = RunFolder.find(run, runs)
    problems = verify_run(found, store_of(found, store))
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        raise typer.Exit(1)
    typer.echo(f"{found.path}: every file and artifact is as it was sealed.")


@app.command(name="list")
def list_entries(
    what: Annotated[
        str, typer.Argument(metavar="WHAT", help="steps, tasks, training, runtimes, objectives or recipes.")
    ],
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show every field.")] = False,
) -> None:
    """List what recipes can name."""
    from pipelines.listing import show

    show(what, verbose)


@app.command()
def schema() -> None:
    """Print the JSON Schema of recipes."""
    import json

    from pipelines.schema import recipe_schema

    typer.echo(json.dumps(recipe_schema(), indent=1))


@app.command()
def doctor() -> None:
    """Tell what this machine can measure, and what to mind."""
    from pipelines.listing import show_doctor

    show_doctor()


def _command() -> str:
    import shlex

    return shlex.join(["xpareto", *sys.argv[1:]])


def main() -> None:
    """Run the command line; input errors end with a message and exit code 2, never a traceback."""
    from compress.errors import InputError
    from pipelines.team import follow, helps

    if helps():  # one of several processes that `accelerate launch` started: the first one is the command
        if sys.argv[1:2] == ["run"]:
            follow(lambda reason: print(reason, file=sys.stderr))
        return
    try:
        app()
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from here\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)  # the reader of our output, such as head, has seen enough
    except OSError as error:
        from pipelines.durable import disk_error

        known = disk_error(error, Path())
        if known is None:
            raise
        sys.stderr.write(f"error: {known}\n")
        sys.exit(2)
