"""From Python what the command line does, by the same calls: plan and run a recipe, and ask a run.

Data frames are pandas'. What is wrong with what was given is an InputError, with the message of the command line.
"""

from __future__ import annotations

import json
import logging
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpareto.compress.core import InputError as InputError
from xpareto.compress.onnx import Layout
from xpareto.eval.analyses import Requirements as Requirements
from xpareto.eval.analyses.documents import Recommendation
from xpareto.eval.results import SCORE, RunSummary, read_runs, summarize
from xpareto.pipelines.execution import check_launch, check_ray
from xpareto.pipelines.planning import Options, Prepared, prepare
from xpareto.pipelines.runs import Console as Console
from xpareto.pipelines.runs import Result, choose_run, full_name, run_recipe, store_of, warn_of_changes
from xpareto.pipelines.runs import Status as Status
from xpareto.pipelines.runs import export as export_candidate
from xpareto.pipelines.runs import push as push_candidate
from xpareto.pipelines.searching import search_recipe
from xpareto.pipelines.storage import RunFolder
from xpareto.pipelines.trackers import track_run

if TYPE_CHECKING:
    from pandas import DataFrame

Recipe = str | Path | Mapping[str, Any]
"""A recipe's file, the name of one that ships with xpareto, or what such a file holds."""
Overrides = Mapping[str, Any] | Sequence[str]
"""As `--set`: {"fp32.epochs": 2}, ["fp32.epochs=2"] or "fp32.epochs=2"."""
Base = str | Path | Mapping[str, str | Path] | None
"""As `--base`: a folder or a hub id, or by task those that are fine-tuned."""
_log = logging.getLogger("xpareto")


class _Progress(Console):
    """Hands on where a run stands; its lines go to the log `xpareto`."""

    def __init__(self, call: Callable[[Status], None]) -> None:
        self._call = call

    def say(self, text: str) -> None:
        _log.info("%s", text)

    def show(self, status: Status) -> None:
        self._call(status)


@dataclass(frozen=True)
class Run:
    """A run on disk, finished or not. `failed`: what of it could not be made or measured, by candidate.

    `store` is where its artifacts lie, where that is not where they were made.
    """

    path: Path
    store: str | Path | None = None
    failed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def open(
        cls, name: str | Path = "latest", runs: str | Path = "runs", store: str | Path | None = None
    ) -> Run:
        """Return a run by its folder, by its name in `runs`, or the latest there; InputError where there is none."""
        folder = RunFolder.find(str(name), Path(runs))
        return cls(folder.path, store)

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.path)

    @property
    def report(self) -> Path:
        """The folder of the report: index.html, summary.md, tables and figures."""
        return self.path / "report"

    def measurements(self) -> DataFrame:
        """Return everything that was measured, one row per fact: the fields of eval.records.Measurement."""
        rows = [asdict(row) for of_one in self._summary().run.rows.values() for row in of_one]
        return _frame(rows)

    def scores(self) -> DataFrame:
        """Return the score of every candidate, task and language, in percent.

        Columns: candidate, task, language, status (ok, failed, missing), score, half_width (half of the 95 % interval
        of the score by itself, in points), examples.
        """
        rows = [
            {
                "candidate": name,
                "task": task,
                "language": language,
                "status": cell.status,
                "score": None if cell.score is None else cell.score.value,
                "half_width": None if cell.score is None else cell.score.half,
                "examples": None if cell.score is None else cell.score.examples,
            }
            for name, cells in self._summary().cells.items()
            for (task, language), cell in cells.items()
        ]
        return _frame(rows)

    def candidates(self) -> DataFrame:
        """Return one row per candidate: what it is, and each objective of the run, in its unit.

        Columns: candidate, arm, stage, runtime, seed, baseline, then the objectives by their names, such as score
        (percent), latency_ms, size_bytes; missing where nothing, or less than of the others, was measured.
        """
        return _candidates(self._summary())

    def frontier(self, cost: str, quality: str = SCORE) -> DataFrame:
        """Return the candidates that no other dominates in a cost and a quality as measured, the best in cost first.

        The columns are those of `candidates`. InputError for objectives that were not measured, or do not rank.
        """
        summary = self._summary()
        frontiers = summary.frontiers
        if (cost, quality) not in frontiers:
            known = sorted({name for pair in frontiers for name in pair})
            raise InputError(
                f"{self.path}: expected two objectives of {', '.join(known)}, found {cost} and {quality}."
            )
        by_name = _candidates(summary).set_index("candidate", drop=False)
        return by_name.loc[list(frontiers[cost, quality])].reset_index(drop=True)

    def choose(self, requirements: Requirements, report_on: Run | None = None) -> Recommendation:
        """Return which variant to deploy, why, and what kept the others out, as `xpareto choose` does.

        `report_on`: what is chosen here is scored on that run. `chosen` is None where nothing fits.
        """
        other = None if report_on is None else report_on.folder
        warn_of_changes(self.folder, *[] if other is None else [other])
        return choose_run(self.folder, requirements, other)

    def export(
        self, candidate: str, target: str | Path, license: str | None = None, layout: Layout | None = None
    ) -> list[Path]:
        """Write a candidate's models into a new folder, as `xpareto export` does; return one folder for each.

        `candidate` is its name, or as much of its beginning as no other has; `license` the hub's identifier for the
        cards; `layout` "hub" has an ONNX graph where the hub's tools look for one of its precision, in onnx/;
        "openvino", by default of candidates of that runtime, has it in OpenVINO's format.
        """
        run = self.folder
        warn_of_changes(run)
        name = full_name(run, candidate)
        return export_candidate(run, store_of(run, self.store), name, Path(target), license, layout)

    def push(
        self,
        candidate: str,
        repo: str,
        *,
        private: bool = False,
        license: str | None = None,
        layout: Layout | None = "hub",
    ) -> list[str]:
        """Export a candidate into repositories of the hub, as `xpareto push` does; return their addresses.

        Its one model goes to `repo` (OWNER/NAME), several each to ``repo-TRAINING_SET``; they are made where missing.
        """
        run = self.folder
        warn_of_changes(run)
        name, store = full_name(run, candidate), store_of(run, self.store)
        return push_candidate(run, store, name, repo, private=private, given_license=license, layout=layout)

    def track(self, to: str) -> str:
        """Write parameters, metrics and report into a tracker, mlflow or trackio, as `xpareto track` does.

        Return in a sentence where it is. A run that is there is updated. InputError where it could not be told.
        """
        warn_of_changes(self.folder)
        return track_run(self.folder, to)

    def _summary(self) -> RunSummary:
        return summarize(read_runs([self.path]))


def plan(
    recipe: Recipe,
    *,
    overrides: Overrides = (),
    base: Base = None,
    data: str | Path | None = None,
    lock: str | Path | None = None,
    store: str | Path = "store",
) -> Prepared:
    """Check a recipe and plan it, as `xpareto plan` does; imports no torch.

    `plan.candidates` of the result are what would be measured, `plan.nodes` the pieces of work, `notes` what may not
    be meant. InputError lists every problem of the recipe.
    """
    return prepare(_options(recipe, overrides, base, data, lock, store))


def run(
    recipe: Recipe,
    *,
    overrides: Overrides = (),
    base: Base = None,
    data: str | Path | None = None,
    lock: str | Path | None = None,
    store: str | Path = "store",
    runs: str | Path = "runs",
    processes: int = 1,
    workers: int | None = None,
    ray: str | None = None,
    save_minutes: float = 5.0,
    progress: Console | Callable[[Status], None] | None = None,
    command: str = "",
) -> Run:
    """Make what a recipe describes, measure every candidate, and write the report, as `xpareto run` does.

    A run that was stopped goes on when it is called again with the same. `progress` is called with where the run
    stands, several times a second; or it is a Console, which is told lines as well. `processes` train together,
    `workers` make and score several things at a time, on the Ray cluster at the address `ray` where one is given,
    `store` is a folder or a URL as text, `save_minutes` lie between two saved states of a training (0: none), and
    `command` is what the report says repeats the run. Work is done in processes of its own; the caller's needs no guard
    for __main__.
    """
    more: dict[str, Any] = {"runs": Path(runs), "processes": processes, "workers": workers, "ray": ray}
    more |= {"save_minutes": save_minutes, "command": command}
    return _done(run_recipe, _options(recipe, overrides, base, data, lock, store, **more), progress)


def search(
    recipe: Recipe,
    *,
    overrides: Overrides = (),
    base: Base = None,
    data: str | Path | None = None,
    lock: str | Path | None = None,
    store: str | Path = "store",
    runs: str | Path = "runs",
    processes: int = 1,
    workers: int | None = None,
    ray: str | None = None,
    save_minutes: float = 5.0,
    progress: Console | Callable[[Status], None] | None = None,
    command: str = "",
) -> Run:
    """Search the space of a recipe within its budget and run the finalists, as `xpareto search` does; see `run`."""
    more: dict[str, Any] = {"runs": Path(runs), "processes": processes, "workers": workers, "ray": ray}
    more |= {"save_minutes": save_minutes, "command": command}
    return _done(search_recipe, _options(recipe, overrides, base, data, lock, store, **more), progress)


def _done(
    do: Callable[[Options, Console], Result],
    options: Options,
    progress: Console | Callable[[Status], None] | None,
) -> Run:
    check_launch(options.processes, options.workers or 1, options.ray)
    if options.ray is not None:
        check_ray()
    verb = "search" if do is search_recipe else "run"
    options = replace(options, command=options.command or _command(options, verb))
    console = progress if isinstance(progress, Console) else _Progress(progress or (lambda status: None))
    done = do(options, console)
    return Run(done.run.path, options.store, done.failed)


def _options(
    recipe: Recipe,
    overrides: Overrides,
    base: Base,
    data: str | Path | None,
    lock: str | Path | None,
    store: str | Path,
    **more: Any,
) -> Options:
    if isinstance(overrides, str):
        overrides = [overrides]
    elif isinstance(overrides, Mapping):
        overrides = [f"{path}={_yaml(path, value)}" for path, value in overrides.items()]
    named = {task: str(name) for task, name in base.items()} if isinstance(base, Mapping) else None
    return Options(
        recipe if isinstance(recipe, Mapping) else str(recipe),
        tuple(overrides),
        named or (None if base is None else str(base)),
        None if data is None else str(data),
        None if lock is None else Path(lock),
        store,
        **more,
    )


def _command(options: Options, verb: str) -> str:
    """Return the command that repeats a run; a recipe that had no file lies in the run's folder."""
    words = ["xpareto", verb, options.recipe if isinstance(options.recipe, str) else "recipe.yaml"]
    for override in options.overrides:
        words += ["--set", override]
    if isinstance(options.base, str):
        words += ["--base", options.base]
    for task, name in options.base.items() if isinstance(options.base, Mapping) else ():
        words += ["--base", f"{task}={name}"]
    for option, value in (("--data", options.data), ("--lock", options.lock)):
        words += [] if value is None else [option, str(value)]
    return shlex.join(words)


def _yaml(path: str, value: Any) -> str:
    """Return a value as YAML on one line: JSON is that."""
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise InputError(
            f"overrides: {path}: expected text, a number, true or false, None, or a list or dict of these, found "
            f"{value!r} ({error})."
        ) from error


def _candidates(summary: RunSummary) -> DataFrame:
    return _frame(
        [
            {
                "candidate": one.name,
                "arm": one.arm,
                "stage": one.stage,
                "runtime": one.runtime,
                "seed": one.seed,
                "baseline": one.name == summary.run.baseline,
                **summary.values[one.name],
            }
            for one in summary.run.candidates
        ]
    )


def _frame(rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    from pandas import DataFrame  # half a second

    return DataFrame(rows)
