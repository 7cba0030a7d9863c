"""Write the folder that XTREME's leaderboard takes, with a candidate of a finished run."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.core import InputError, writing
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.probes.predictions import FOLDER
from xpareto.eval.probing import Ask, Job, launch
from xpareto.eval.records import Measurement
from xpareto.eval.results import read_document
from xpareto.eval.submission import NINE
from xpareto.eval.tasks import task as find_task
from xpareto.pipelines.planning import dataset_commits, open_data
from xpareto.pipelines.recipe import check, read_yaml
from xpareto.pipelines.runs.agenda import Agenda, Console
from xpareto.pipelines.runs.later_actions import artifacts_of, check_empty, options_of
from xpareto.pipelines.runs.run import cores
from xpareto.pipelines.storage import Lock, RunFolder, Store, remove

SPLIT = "test"  # the leaderboard takes no other


@dataclass(frozen=True)
class Submission:
    """What was written: per task the languages with their numbers of examples, and what was not, and why."""

    folder: Path
    written: Mapping[str, Mapping[str, int]]
    missing: Mapping[str, Mapping[str, str]]
    not_in_run: tuple[str, ...]
    limit: int | None

    def lines(self) -> Iterator[str]:
        """Yield one line per task, and one for what the leaderboard would still want."""
        for name in NINE:
            if name in self.not_in_run:
                continue
            there, away = self.written.get(name, {}), self.missing.get(name, {})
            count = f"{sum(there.values())} examples"
            yield f"{name}: {len(there)} of {len(there) + len(away)} languages, {count}"
            for reason in dict.fromkeys(away.values()):
                languages = [language for language, why in away.items() if why == reason]
                yield f"  {reason}: {', '.join(languages)}"
        if self.not_in_run:
            yield f"not in this run, so not written: {', '.join(self.not_in_run)}"
        if self.limit is not None:
            yield f"only the first {self.limit} examples of each language: the leaderboard wants them all"


def submit(
    run: RunFolder,
    store: Store,
    name: str,
    target: Path,
    *,
    data: str | None,
    limit: int | None,
    console: Console,
) -> Submission:
    """Predict the test sets of every XTREME task of a run with one candidate; write `target`.

    All languages that the data has, gold or none, on the candidate's own runtime; `data` names other
    data than the run's. `target` appears whole or not at all. InputError when the candidate has no
    artifacts, the target is not empty, or no task has test data.
    """
    document = read_document(run.path)
    candidate = document.candidate(name)
    check_empty(target)
    artifacts = {part: str(made.path) for part, made in artifacts_of(run, store, candidate).items()}
    tasks = [task for task in NINE if task in document.tasks]
    if not tasks:
        raise InputError(f"{run.path}: none of the tasks of this run is XTREME's: {', '.join(NINE)}.")
    recipe_file = run.path / "recipe.yaml"
    job = Job(
        run.name,
        name,
        candidate.runtime,
        check(read_yaml(recipe_file)).recipe.measure.threads or cores(),
        artifacts,
        _data(run, store, data, recipe_file, tasks),
        tuple(Ask(task, None, SPLIT, limit) for task in tasks),
        ("predictions",),
    )
    agenda = Agenda(console, {"predict": 1})
    predicting = agenda.piece("predict", f"predictions of {name} for {', '.join(tasks)}")
    with predicting, tempfile.TemporaryDirectory() as scratch:
        rows = launch(job, Path(scratch))
        for row in rows:
            if row.status == "failed":
                raise InputError(f"{name}: its predictions failed: {row.error}")
        if all(row.status == "missing" for row in rows):
            where = data or options_of(run).data
            raise InputError(
                f"{where}: no {SPLIT} data of {', '.join(tasks)}, so there is nothing to predict."
            )
        _move(Path(scratch) / FOLDER, target)
    return _submission(rows, target, tasks, limit)


def _data(
    run: RunFolder, store: Store, name: str | None, recipe_file: Path, tasks: Sequence[str]
) -> DataSpec:
    """Return the data of that name, else the run's own, from the hub at the run's own commits."""
    lock = store.hub_lock() if name is not None else Lock.read(run.path / "lock.json")
    spec = open_data(
        name or options_of(run).data, run.path, "--data" if name else f"{recipe_file}: data", store, lock
    )[0]
    if spec.hub:  # the process that predicts obeys the lock, so it has to be complete before
        data = Data.open(spec, dataset_commits(lock))
        for wanted in map(find_task, tasks):
            data.task_files(wanted, wanted.languages[0], SPLIT)
    return spec


def _move(made: Path, target: Path) -> None:
    """Put the files where they are wanted, so that they appear all at once."""
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        building = target.with_name(f".{target.name}.writing")
        remove(building)
        shutil.copytree(made, building)
        if target.exists():
            target.rmdir()
        building.replace(target)


def _submission(
    rows: Sequence[Measurement], target: Path, tasks: Sequence[str], limit: int | None
) -> Submission:
    written: dict[str, dict[str, int]] = {}
    missing: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.status == "ok":
            written.setdefault(row.task, {})[row.language] = row.examples
        else:
            missing.setdefault(row.task, {})[row.language] = row.error
    not_in_run = tuple(name for name in NINE if name not in tasks)
    return Submission(target, written, missing, not_in_run, limit)
