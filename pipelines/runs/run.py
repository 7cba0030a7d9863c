"""Run a recipe: make what is missing, measure what is not yet measured, seal, report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from xpareto.compress.core import Artifact, InputError
from xpareto.compress.quantization import probe
from xpareto.eval.hardware import machine_facts, usable_cores
from xpareto.eval.probing import threading_variables
from xpareto.eval.results import CONTROL, COST, turns, write_document
from xpareto.pipelines.execution import LocalExecutor
from xpareto.pipelines.planning import (
    Options,
    Plan,
    Prepared,
    Workload,
    check_evaluation,
    check_training,
    incomplete,
    prepare,
    withheld_notes,
)
from xpareto.pipelines.recipe import Measure, groups
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
from xpareto.pipelines.runs.measure import Measuring, failed_probes, failure
from xpareto.pipelines.runs.report import build_report
from xpareto.pipelines.runs.results import results_of
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
    run, resumed = RunFolder.start_or_resume(options.runs, recipe.name, _run_key(ready, work))
    with run.held():
        if resumed:
            run.check_measured()
            run.drop_unfinished()
        console.say(f"{'Going on with' if resumed else 'Run'} {run.path}")
        agenda, failed = carry_out(ready, work, run, options, console)
    return reported(run, failed, agenda)


def carry_out(
    ready: Prepared, work: tuple[Workload, ...], run: RunFolder, options: Options, console: Console
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
    threads = recipe.measure.threads or cores()
    _describe(run, ready, options, threads)
    to_measure = _turns(ready.plan, recipe.measure, run.finished())
    to_make = missing(ready)
    counts = Counter(
        [*map(making, to_make.values()), *(measuring(group) for group, _, _ in to_measure), REPORTING]
    )
    times = times_of_earlier_runs(options.runs, recipe.name)
    agenda = Agenda(console, counts, times, *done_before(run.events(), to_make))
    executor = LocalExecutor(run.path / "worker.log", options.processes, threads)
    builder = ArtifactBuilder(ready, run, executor, threads, agenda, options.save_minutes)
    try:
        try:
            builder.mend()
            made = {candidate.name: builder.bundle(candidate) for candidate in ready.plan.candidates}
        finally:
            executor.close()
        measurer = Measuring(
            run, ready.store, ready.start, work, recipe.measure, threads, recipe.runtime_settings
        )
        _measure(to_measure, made, builder, measurer, agenda)
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
    now, saved = builder.agenda.now, builder.saved()
    at = [f"Stopped at {now.at}, {now.what}{f': {now.parts}' if now.parts else ''}."] if now.number else []
    kept = {"what was made": builder.ready.store.root, "what was measured": builder.run.path}
    if saved is not None:
        file, seconds = saved
        kept[f"this training as it was {span(seconds)} ago"] = file
    return "\n".join([*at, *(f"Kept, {what}: {_from_here(path)}" for what, path in kept.items())])


def _from_here(path: Path) -> Path:
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def cores() -> int:
    """Return how many cores this process may use, a container's quota considered."""
    return usable_cores()


def _run_key(ready: Prepared, work: tuple[Workload, ...]) -> str:
    """Return what tells this run from others of its recipe: its plan and what it evaluates."""
    import hashlib

    prints = [(item.task.name, item.split, item.examined, item.asked, item.fingerprints) for item in work]
    return hashlib.sha256(repr((ready.plan.key, prints)).encode()).hexdigest()


Turn = tuple[str, str, int]  # group of probes, candidate, repeat


def _turns(plan: Plan, settings: Measure, finished: AbstractSet[tuple[str, str, int]]) -> list[Turn]:
    """Return what is still to be measured: first all scores, then all costs in blocks, so that they are near
    in time."""
    names = [candidate.name for candidate in plan.candidates]
    wanted = {group for group, probes in groups().items() if set(probes) & set(settings.probes)}
    work = [(group, name, 0) for group in groups() if group in wanted - {COST, CONTROL} for name in names]
    if COST in wanted:
        timed = CONTROL in wanted  # sizes are counted: once is enough, and no A/A control
        order = turns(names, plan.baseline, settings.blocks if timed else 1, plan.key)
        work += [(turn.group, turn.candidate, turn.block) for turn in order if timed or not turn.control]
    return [(group, name, repeat) for group, name, repeat in work if (name, group, repeat) not in finished]


def _measure(
    work: Sequence[Turn],
    made: Mapping[str, dict[str, Artifact] | None],
    builder: ArtifactBuilder,
    measurer: Measuring,
    agenda: Agenda,
) -> None:
    """Measure what can be, and note once of each candidate that could not be made why."""
    run, plan = measurer.run, builder.ready.plan
    finished = run.finished()
    by_name = {candidate.name: candidate for candidate in plan.candidates}
    for group, name, repeat in work:
        candidate, bundle = by_name[name], made[name]
        if bundle is None:
            agenda.skip(measuring(group))
            step = builder.failed_step(candidate)
            if (name, step, 0) not in finished:
                error = builder.failed_candidates(plan)[name]
                run.add_rows(failure(run.name, candidate, step, error), candidate=name, probe=step)
                finished.add((name, step, 0))
            continue
        block = f", block {repeat + 1}" if group in (COST, CONTROL) else ""
        with agenda.piece(measuring(group), f"{'A/A' if group == CONTROL else group} of {name}{block}"):
            rows, kept = measurer.rows_of(candidate, bundle, group, repeat)
        run.add_rows(rows, kept, candidate=name, probe=group, seconds=rows[-1].value)
        for row in rows:
            if row.status == "failed":
                agenda.console.say(f"Failed: {row.probe} of {name}: {row.error.splitlines()[0]}")


def _describe(run: RunFolder, ready: Prepared, options: Options, threads: int) -> None:
    """Write down what runs, from what, on which machine, before it runs."""

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
                "store": str(ready.store.root),
            },
            "nodes": {key: dict(vars(node)) for key, node in ready.plan.nodes.items()},
        },
    )
    facts = machine_facts() | {"probe_variables": threading_variables(threads)}
    if any(node.step.startswith("quantize") for node in ready.plan.nodes.values()):
        facts["int8_products"] = probe()
    run.write_json("environment.json", facts)
    run.write_json("lock.json", dict(sorted(ready.start.lock.commits.items())))
