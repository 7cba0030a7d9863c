"""Run a recipe: make what is missing, measure what is not yet measured, seal, report."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from xpareto.compress.core import Artifact, ArtifactDamaged, InputError, title
from xpareto.compress.quantization import probe
from xpareto.eval.hardware import machine_facts
from xpareto.eval.probing import threading_variables
from xpareto.eval.results import CONTROL, COST, turns, write_document
from xpareto.pipelines.execution import Executor, Job, LocalExecutor, StepError
from xpareto.pipelines.planning import (
    EMBEDDED,
    Candidate,
    Options,
    Plan,
    Prepared,
    Start,
    Workload,
    check_data,
    incomplete,
    prepare,
    workloads,
)
from xpareto.pipelines.recipe import groups
from xpareto.pipelines.runs.measure import Measuring, failure
from xpareto.pipelines.runs.report import build_report
from xpareto.pipelines.runs.results import results_of
from xpareto.pipelines.storage import SCHEMA, RunFolder


class Console:
    """What a run tells while it works; this one is silent, the command line's draws."""

    def say(self, text: str) -> None:
        """Tell one line."""

    def progress(self, done: int, total: int, text: str) -> None:
        """Show how far the current step is."""


@dataclass(frozen=True)
class Result:
    """A finished run: its folder, its report files, and the candidates that failed."""

    run: RunFolder
    report: Sequence[Path]
    failed: Mapping[str, str] = field(default_factory=dict)


def run_recipe(options: Options, console: Console) -> Result:
    """Run a recipe to its report; a run that was killed goes on where it stopped."""
    ready = prepare(options)
    recipe = ready.checked.recipe
    work = workloads(recipe, ready.start)
    check_data(work, ready.plan, ready.start, ready.store)
    run, resumed = RunFolder.start_or_resume(options.runs, recipe.name, _run_key(ready, work))
    with run.held():
        if resumed:
            run.drop_unfinished()
            console.say(f"Going on with {run.path}")
        else:
            console.say(f"Run {run.path}")
        for name, parts in incomplete(ready.plan, ready.start).items():
            console.say(f"Training set {name} is read without {', '.join(parts)}, which the data lack")
        threads = recipe.measure.threads or cores()
        _describe(run, ready, options, threads)
        executor = LocalExecutor(run.path / "worker.log", options.processes, threads)
        builder = _ArtifactBuilder(ready, run, executor, threads, console, options.save_minutes)
        try:
            made = {candidate.name: builder.bundle(candidate) for candidate in ready.plan.candidates}
        finally:
            executor.close()
        measuring = Measuring(
            run, ready.store, ready.start, work, recipe.measure, threads, recipe.runtime_settings
        )
        _measure(ready.plan, made, builder, measuring, recipe.measure.probes, console)
        write_document(
            run.path,
            results_of(
                run.name,
                options.command,
                recipe,
                ready.start,
                ready.plan,
                work,
                ready.store,
                builder.verified,
            ),
        )
        run.event("finished", failed=len(builder.failed_candidates(ready.plan)))
        run.seal()

    report = build_report([run.path], run.path / "report")
    return Result(run, report, builder.failed_candidates(ready.plan))


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run_key(ready: Prepared, work: tuple[Workload, ...]) -> str:
    """Return what tells this run from others of its recipe: its plan and what it evaluates."""
    import hashlib

    prints = [(item.task.name, item.split, item.limit, item.asked, item.fingerprints) for item in work]
    return hashlib.sha256(repr((ready.plan.key, prints)).encode()).hexdigest()


@dataclass
class _ArtifactBuilder:
    """Makes the artifacts of candidates; each node at most once."""

    ready: Prepared
    run: RunFolder
    executor: Executor
    threads: int
    console: Console
    save_minutes: float = 5.0
    verified: dict[str, Artifact] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # node key -> why

    def bundle(self, candidate: Candidate) -> dict[str, Artifact] | None:
        """Return a candidate's artifacts, made where they are missing; None when one failed."""
        artifacts = {name: self.artifact(key) for name, key in candidate.artifacts.items()}
        whole = {name: artifact for name, artifact in artifacts.items() if artifact is not None}
        return whole if len(whole) == len(artifacts) else None

    def artifact(self, key: str) -> Artifact | None:
        """Return the artifact of a node, verified byte by byte, made when it is not there."""
        if key in self.verified:
            return self.verified[key]
        if key in self.failed:
            return None
        node = self.ready.plan.nodes[key]
        artifact = self._stored(key)
        if artifact is None:
            for given in (node.parent, node.teacher):
                if given is not None and self.artifact(given) is None:
                    self.failed[key] = self.failed[given]
                    return None
            artifact = self._stored(key) or self._make(key)  # the parent may have been rebuilt
        if artifact is not None:
            self.verified[key] = artifact
        return artifact

    def _stored(self, key: str) -> Artifact | None:
        try:
            artifact = self.ready.store.find(key, verify=True)
        except ArtifactDamaged as error:
            with self.ready.store.lock(key):
                self.ready.store.set_aside(key)
            self.run.event("damaged", key=key, error=str(error))
            self.console.say(f"Damaged, so made again: {error}")
            return None
        if artifact is not None:
            self.run.event("cached", key=key, label=self.ready.plan.nodes[key].label, digest=artifact.digest)
        return artifact

    def _make(self, key: str) -> Artifact | None:
        node = self.ready.plan.nodes[key]
        sets = [title(item.fields["on"]) for item in self.ready.plan.ancestors(key) if item.fields.get("on")]
        what = " ".join([node.label, *sets[:1]])
        self.run.event("started", key=key, label=node.label, step=node.step)
        start = self.ready.start
        work = Job.of(node, self.ready.store, start.spec, self.threads, start.base, self.save_minutes)
        try:
            self.executor.do(
                work, lambda done, total, text: self.console.progress(done, total, f"{what}: {text}")
            )
        except StepError as error:
            self.failed[key] = str(error)
            self.run.event("failed", key=key, label=node.label, error=str(error))
            self.console.say(f"Failed: {what}: {error}")
            return None
        made = self.ready.store.find(key, verify=False)
        if made is None:
            raise InputError(
                f"{self.ready.store.root}: the artifact of {what} is gone right after it was made."
            )
        self.run.event("made", key=key, label=node.label, digest=made.digest, seconds=made.manifest.seconds)
        self.console.say(f"Made {what} in {made.manifest.seconds:.1f} s")
        return made

    def failed_candidates(self, plan: Plan) -> dict[str, str]:
        """Return why each candidate that could not be made failed, by name."""
        reasons = {}
        for candidate in plan.candidates:
            for key in candidate.artifacts.values():
                if key in self.failed:
                    reasons[candidate.name] = self.failed[key]
        return reasons

    def failed_step(self, candidate: Candidate) -> str:
        """Return the label of the first step of a candidate that failed."""
        for key in candidate.artifacts.values():
            line = [node for node in self.ready.plan.ancestors(key) if node.key in self.failed]
            if line:
                return line[-1].label
        return "unknown"


def _measure(
    plan: Plan,
    made: Mapping[str, dict[str, Artifact] | None],
    builder: _ArtifactBuilder,
    measuring: Measuring,
    probes: Sequence[str],
    console: Console,
) -> None:
    """Measure every candidate: first all scores, then all costs in blocks, so that they are near in time."""
    run = measuring.run
    finished = run.finished()
    by_name = {candidate.name: candidate for candidate in plan.candidates}
    wanted = {group for group, names in groups().items() if set(names) & set(probes)}
    work = [(group, name, 0) for group in groups() if group in wanted - {COST, CONTROL} for name in by_name]
    if COST in wanted:
        timed = CONTROL in wanted  # sizes are counted: once is enough, and no A/A control
        order = turns(list(by_name), plan.baseline, measuring.settings.blocks if timed else 1, plan.key)
        work += [(turn.group, turn.candidate, turn.block) for turn in order if timed or not turn.control]
    for number, (group, name, repeat) in enumerate(work, start=1):
        candidate, bundle = by_name[name], made[name]
        block = f", block {repeat + 1}" if group in (COST, CONTROL) else ""
        console.progress(
            number, len(work), f"measuring: {'A/A' if group == CONTROL else group} of {name}{block}"
        )
        if bundle is None:
            step = builder.failed_step(candidate)
            if (name, step, 0) not in finished:
                error = builder.failed_candidates(plan)[name]
                run.add_rows(failure(run.name, candidate, step, error))
                finished.add((name, step, 0))
        elif (name, group, repeat) not in finished:
            rows = measuring.rows_of(candidate, bundle, group, repeat)
            run.add_rows(rows)
            run.event("measured", candidate=name, probe=group, seconds=rows[-1].value)
            for row in rows:
                if row.status == "failed":
                    console.say(f"Failed: {row.probe} of {name}: {row.error.splitlines()[0]}")


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
                "recipe": options.recipe,
                "overrides": list(options.overrides),
                "base": _base_name(ready.start),
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


def _base_name(start: Start) -> str | None:
    if start.base is None:
        return None
    by_name = start.base.folder is None or start.base.name == EMBEDDED  # it ships: its folder may move
    return start.base.name if by_name else str(start.base.folder)
