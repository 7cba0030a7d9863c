"""Run a recipe: make what is missing, measure what is not yet measured, seal, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError
from xpareto.compress.quantization import probe
from xpareto.eval.hardware import machine_facts, usable_cores
from xpareto.eval.probing import threading_variables
from xpareto.eval.results import CONTROL, COST, write_document
from xpareto.pipelines.execution import Executor, LocalExecutor, LocalWorkers, RayCluster, RayExecutor
from xpareto.pipelines.planning import (
    Options,
    Prepared,
    Workload,
    check_evaluation,
    check_training,
    incomplete,
    prepare,
    withheld_notes,
)
from xpareto.pipelines.recipe import Measure
from xpareto.pipelines.runs.agenda import (
    Agenda,
    Console,
    done_before,
    making,
    measuring,
    span,
    times_of_earlier_runs,
)
from xpareto.pipelines.runs.building import ArtifactBuilder, missing
from xpareto.pipelines.runs.measure import Launch, Measuring, failed_probes, launch_here
from xpareto.pipelines.runs.report import build_report
from xpareto.pipelines.runs.results import results_of
from xpareto.pipelines.runs.turns import Measurer, turns_to_take
from xpareto.pipelines.storage import SCHEMA, RunFolder

REPORTING = "report"  # the kind of work that writes the report


@dataclass(frozen=True)
class Result:
    """A finished run: its folder, its report files, and what failed by candidate: its making, or probes of it."""

    run: RunFolder
    report: Sequence[Path]
    failed: Mapping[str, str] = field(default_factory=dict)


def run_recipe(options: Options, console: Console) -> Result:
    """Run a recipe to its report; a run that was killed goes on where it stopped."""
    ready = prepare(options)
    recipe = ready.checked.recipe
    if recipe.search is not None:
        raise InputError(
            f"{recipe.name}: this recipe searches. Give it to `xpareto search`, or leave its `search` out."
        )
    work = check_evaluation(ready.work, ready.start, ready.store)
    check_training(work, ready.plan, ready.start, ready.store)
    with held_run(ready, work, options, console) as (run, cluster):
        agenda, failed = carry_out(ready, work, run, options, console, cluster)
    return reported(run, failed, agenda)


@contextmanager
def held_run(
    ready: Prepared, work: tuple[Workload, ...], options: Options, console: Console, begins: str = "Run"
) -> Iterator[tuple[RunFolder, RayCluster | None]]:
    """Give the folder of a run, held, which goes on where it was killed, and the Ray cluster that it works on.

    A cluster that cannot be reached, or that `measure.on` does not fit, leaves no folder.
    """
    recipe = ready.checked.recipe
    with _cluster_of(options, recipe.measure) as cluster:
        run, resumed = RunFolder.start_or_resume(options.runs, recipe.name, run_key(ready, work))
        with run.held():
            if resumed:
                run.check_measured()
                run.drop_unfinished()
            console.say(f"{'Going on with' if resumed else begins} {run.path}")
            yield run, cluster


def carry_out(
    ready: Prepared,
    work: tuple[Workload, ...],
    run: RunFolder,
    options: Options,
    console: Console,
    cluster: RayCluster | None,
) -> tuple[Agenda, Mapping[str, str]]:
    """Make and measure what a plan has and a held run has not yet, and seal the run.

    Return the agenda, of which the report is left, and what failed.
    """
    recipe = ready.checked.recipe
    for note in ready.notes:
        console.say(f"Note: {note}")
    for note in withheld_notes(work):
        console.say(note)
    for name, parts in incomplete(ready.plan, ready.start).items():
        console.say(f"Training set {name} is read without {', '.join(parts)}, which the data lack")
    executor = executor_of(options, recipe.measure, run, cluster)
    on = cluster.labelled if cluster is not None else None
    facts = dict(on.facts) if on else machine_facts()
    threads = threads_of(recipe.measure, cluster)
    share = share_of(options, recipe.measure)
    if executor.at_once > 1 or cluster is not None:
        told = f"{executor.at_once} at a time, {share} thread{'s' * (share > 1)} each"
        console.say(f"On Ray, {told}" if cluster is not None else f"Workers: {told}")
    _describe(run, ready, options, facts | {"probe_variables": threading_variables(threads)})
    to_measure = turns_to_take(ready.plan, recipe.measure, run.finished())
    to_make = missing(ready)
    counts = Counter(
        [*map(making, to_make.values()), *(measuring(turn.group) for turn in to_measure), REPORTING]
    )
    times = times_of_earlier_runs(options.runs, recipe.name)
    alone = {measuring(COST), measuring(CONTROL), REPORTING}
    before = done_before(run.events(), to_make)
    agenda = Agenda(console, counts, times, *before, executor.at_once, alone)
    builder = ArtifactBuilder(ready, run, executor, share, agenda, options.save_minutes, threads)
    try:
        try:
            builder.mend()
            costs = Measuring(
                run, ready.store, ready.start, work, recipe.measure, threads, recipe.runtime_settings
            )
            scores = replace(costs, threads=share, launch=executor.measure)
            measurer = Measurer(builder, agenda)
            to_score = [turn for turn in to_measure if not turn.alone]
            together = executor.at_once + executor.ahead
            ends = [key for candidate in ready.plan.candidates for key in candidate.artifacts.values()]
            builder.build(ends, measurer.uses(to_score, scores) if together > 1 else None)
            if cluster is None:
                executor.close()  # a worker that waits would hold memory beside what is scored
            measurer.take(to_score, scores, together)
            if not on:
                executor.close()
            costs = replace(costs, launch=launch_of_costs(executor, cluster))
            measurer.take([turn for turn in to_measure if turn.alone], costs)
        finally:
            executor.close()
    except KeyboardInterrupt:
        console.say(_stopped(builder))
        raise
    document = results_of(
        run.name, options.command, recipe, ready.start, ready.plan, work, ready.store, builder.verified
    )
    write_document(run.path, document)
    failed = {**failed_probes(run.rows()), **builder.failed_candidates(ready.plan)}
    run.event("finished", failed=len(failed))
    run.seal()
    return agenda, failed


def reported(run: RunFolder, failed: Mapping[str, str], agenda: Agenda) -> Result:
    """Return a sealed run with its report, which is written."""
    with agenda.piece(REPORTING, "report"):
        report = build_report([run.path], run.path / "report", warn=agenda.console.say)
    return Result(run, report, failed)


def _stopped(builder: ArtifactBuilder) -> str:
    """Return where a run that is stopped stands, and what of it is kept where."""
    now = builder.agenda.now
    pieces = sorted((now, *now.beside), key=lambda one: one.number) if now.number else []
    at = [f"Stopped at {one.at}, {one.what}{f': {one.parts}' if one.parts else ''}." for one in pieces]
    kept = {"what was made": builder.ready.store.root, "what was measured": builder.run.path}
    places = list(kept.items())
    places += [(f"this training as it was {span(seconds)} ago", file) for file, seconds in builder.saved()]
    return "\n".join([*at, *(f"Kept, {what}: {_from_here(path)}" for what, path in places)])


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def cores() -> int:
    """Return how many cores this process may use, a container's quota considered."""
    return usable_cores()


def run_key(ready: Prepared, work: tuple[Workload, ...]) -> str:
    """Return what tells this run from others of its recipe: its plan and what it evaluates."""
    import hashlib

    prints = [(item.task.name, item.split, item.examined, item.asked, item.fingerprints) for item in work]
    return hashlib.sha256(repr((ready.plan.key, prints)).encode()).hexdigest()


def threads_of(settings: Measure, cluster: RayCluster | None) -> int:
    """Return the threads that costs are measured in: all cores of the machine where that is, if no number is set."""
    on = cluster.labelled if cluster is not None else None
    return settings.threads or (int(on.facts["cores"]) if on else cores())


def launch_of_costs(executor: Executor, cluster: RayCluster | None) -> Launch:
    """Return what measures costs: on the nodes that carry the label `measure.on`, or here."""
    if isinstance(executor, RayExecutor) and cluster is not None and cluster.labelled is not None:
        return executor.measure_on(cluster.labelled)
    return launch_here


def share_of(options: Options, settings: Measure) -> int:
    """Return the threads of a piece of work that is made or scored: on a cluster as if it had a machine."""
    return settings.threads or max(1, cores() // (1 if options.ray else options.workers or 1))


@contextmanager
def _cluster_of(options: Options, settings: Measure) -> Iterator[RayCluster | None]:
    """Give the Ray cluster that --ray names, and leave it at the end; None without.

    InputError where there is none, or where `measure.on` names no nodes of it that can be compared.
    """
    if options.ray is None:
        if settings.on is not None:
            raise InputError(
                f"measure.on: {settings.on} names nodes of a Ray cluster, but none is given. Give its address with "
                "--ray, or leave measure.on out."
            )
        yield None
        return
    cluster = RayCluster(options.ray, share_of(options, settings), settings.on)
    try:
        yield cluster
    finally:
        cluster.end()


def executor_of(options: Options, settings: Measure, run: RunFolder, cluster: RayCluster | None) -> Executor:
    """Return what makes and scores: one process, several, or a cluster."""
    log, threads = run.path / "worker.log", share_of(options, settings)
    if cluster is not None:
        return RayExecutor(cluster, log, threads, options.workers)
    if options.workers is not None and options.workers > 1:
        return LocalWorkers(log, options.workers, threads)
    return LocalExecutor(log, options.processes, threads)


def _describe(run: RunFolder, ready: Prepared, options: Options, facts: dict[str, Any]) -> None:
    """Write down what runs, from what, and what the machine is that costs are measured on, before it runs."""
    run.write_text("recipe.yaml", ready.checked.source)
    run.write_json(
        "plan.json",
        {
            "schema": SCHEMA,
            "xpareto": version("xpareto"),
            "key": ready.plan.key,
            "options": {
                "command": options.command,
                "recipe": options.recipe if isinstance(options.recipe, str) else "recipe.yaml",
                "folder": str(ready.folder.absolute()),
                "overrides": list(options.overrides),
                "base": ready.start.base.given if ready.start.base else None,
                "data": ready.start.spec.root if not ready.start.spec.hub else ready.start.data_name,
                "lock": str(options.lock) if options.lock else None,
                "store": ready.store.address,
            },
            "nodes": {key: dict(vars(node)) for key, node in ready.plan.nodes.items()},
        },
    )
    if any(node.step.startswith("quantize") for node in ready.plan.nodes.values()):
        facts = facts | {"int8_products": probe()}
    run.write_json("environment.json", facts)
    run.write_json("lock.json", dict(sorted(ready.start.lock.commits.items())))
