"""Measure the artifacts of a run once more. Until the new measurements are whole, the run stays as it was sealed."""

from __future__ import annotations

from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.probing import PROBES
from xpareto.eval.results import CONTROL, read_document
from xpareto.pipelines.planning import check_evaluation, check_training, make_plan, open_start, workloads
from xpareto.pipelines.recipe import BY_SUBMIT, check, groups, read_yaml
from xpareto.pipelines.runs.agenda import Agenda, Console, measuring, times_of_earlier_runs
from xpareto.pipelines.runs.later_actions import options_of
from xpareto.pipelines.runs.measure import Measuring, failed_probes
from xpareto.pipelines.runs.report import build_report
from xpareto.pipelines.runs.run import Result, cores
from xpareto.pipelines.storage import RunFolder, Store, open_store, remove

_STAGE = "probe/again"  # in the run's folder, which no seal covers


def measure_again(run: RunFolder, store: Store, probe: str | None, console: Console) -> Result:
    """Measure the artifacts of a run once more, as a further repeat, and build its report anew.

    Nothing is trained or made: InputError when an artifact is not in the store any more, or is not what was sealed,
    and when the run is not as it was sealed: it would be sealed anew as it is. What an earlier call had finished
    when it was killed is taken, too.
    """
    if probe is not None and PROBES.load(probe).taken == "by submit":
        raise InputError(f"The probe {probe} {BY_SUBMIT}")
    options = options_of(run)
    checked = check(read_yaml(run.path / "recipe.yaml"))
    start = open_start(
        checked.recipe,
        store,
        recipe_folder=Path(options.folder) if options.folder else run.path,  # its own tasks lie beside it
        recipe_file=str(run.path / "recipe.yaml"),
        base=options.base,
        data=options.data,
        lock_file=Path(options.lock) if options.lock else None,
    )
    plan = make_plan(checked, start)
    work = check_evaluation(workloads(checked.recipe, start), start, store)
    check_training(work, plan, start, store)
    settings = checked.recipe.measure
    wanted = set(settings.probes)
    chosen = (
        [probe]
        if probe is not None
        else [name for name, group in groups().items() if wanted & set(group) and name != CONTROL]
    )
    store = open_store(store.address)  # outcomes are remembered there
    with run.held():
        staged = _stage(run, console)
        repeat = 1 + max((row.repeat for row in run.rows()), default=-1)
        measurer = Measuring(
            run,
            store,
            start,
            work,
            settings,
            settings.threads or cores(),
            checked.recipe.runtime_settings,
            staged,
        )
        made = {item.name: item for item in read_document(run.path).candidates if not item.unmade}
        candidates = [item for item in plan.candidates if item.name in made and made[item.name].artifacts]
        if not candidates:
            raise InputError(f"{run.path}: no candidate of this run has artifacts to measure.")
        digests = {digest for item in candidates for digest in made[item.name].artifacts.values()}
        artifacts = {digest: store.open(digest, verify=True) for digest in sorted(digests)}
        counts = {measuring(name): len(candidates) for name in chosen}
        agenda = Agenda(console, counts, times_of_earlier_runs(run.path.parent, checked.recipe.name))
        try:
            for name in chosen:
                for candidate in candidates:
                    parts = made[candidate.name].artifacts
                    bundle = {part: artifacts[digest] for part, digest in parts.items()}
                    with agenda.piece(measuring(name), f"{name} of {candidate.name}"):
                        rows, kept = measurer.rows_of(candidate, bundle, name, repeat)
                    staged.add_rows(rows, kept, candidate=candidate.name, probe=name, seconds=rows[-1].value)
        finally:  # what was measured counts, also where the rest was not
            failed = failed_probes(staged.rows())
            if staged.rows():
                run.take(staged, probes=chosen, repeat=repeat)
    return Result(run, build_report([run.path], run.path / "report"), failed)


def _stage(run: RunFolder, console: Console) -> RunFolder:
    """Return the empty folder for new measurements of a run that is as it was sealed, InputError for another run."""
    staged = RunFolder(run.path / _STAGE)
    run.finish_taking(staged)
    problems = run.damaged()
    if problems:
        raise InputError(
            f"{problems[0]} The run would be sealed as it is now. See: xpareto verify {run.path}. Put back what was "
            "sealed, or repeat the run."
        )
    staged.drop_unfinished()
    if staged.rows():
        staged.check_measured()
        console.say("An interrupted measurement had finished some probes, which are taken")
        run.take(staged, probes=sorted({row.probe for row in staged.rows()}), interrupted=True)
    remove(staged.path)
    staged.path.mkdir(parents=True)
    return staged
