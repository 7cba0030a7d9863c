"""Measure candidates: one group of probes of one candidate at a time; outcomes of scores are remembered."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from xpareto.compress.core import Artifact, json_sha256, writing
from xpareto.eval.probing import Ask, Job, launch
from xpareto.eval.records import LOAD, Measurement, append_rows, read_rows
from xpareto.eval.results import CONTROL, COST, OUTCOMES, PREDICTIONS, kept_folder, kept_name
from xpareto.eval.runtimes import RUNTIMES
from xpareto.pipelines.execution import brought
from xpareto.pipelines.planning import Candidate, Start, Workload
from xpareto.pipelines.recipe import Measure, groups, taken
from xpareto.pipelines.storage import TERMINATOR, RunFolder, Store, remove, utc_now

# Statistics: the interference of what was thrown away, and of what was kept all the same.
DISCARDED, KEPT = "discarded", "kept_load"

_KEPT = {OUTCOMES: "**/*.npz", PREDICTIONS: "predictions/*.json"}  # in the run <- in a probe's folder

Launch = Callable[[Job, Path, Callable[[str], None]], list[Measurement]]
"""Measures a candidate as eval.probing.launch does, and tells where as soon as that is known."""

OUTCOMES_VERSION = 5  # raise it when equal inputs start to give other accuracy rows or outcomes


def launch_here(job: Job, folder: Path, begins: Callable[[str], None]) -> list[Measurement]:
    """Measure a candidate on this machine, in a process of its own."""
    return launch(brought(job), folder)


def _untold(where: str) -> None:
    return None


@dataclass(frozen=True)
class Measuring:
    """What all candidates of a run are measured with."""

    run: RunFolder
    store: Store
    start: Start
    workloads: tuple[Workload, ...]
    settings: Measure
    threads: int
    runtimes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # settings by runtime
    into: RunFolder | None = None  # where outcomes and predictions go, if not into the run
    launch: Launch = launch_here

    @property
    def folder(self) -> Path:
        return (self.into or self.run).path

    def rows_of(
        self,
        candidate: Candidate,
        artifacts: Mapping[str, Artifact],
        group: str,
        repeat: int,
        begins: Callable[[str], None] = _untold,
    ) -> tuple[list[Measurement], list[Path]]:
        """Return the rows of one group of probes on one candidate, closed by their terminator, and the kept files.

        `group` is one of `groups()`, of which the probes that the recipe asks for are run, or a probe.
        """
        started = time.monotonic()
        folder = self.folder / "probe" / candidate.name.replace("/", "__") / f"{group}-{repeat}"
        wanted: set[str] = set(self.settings.probes)
        probes = tuple(name for name in groups().get(group, ()) if name in wanted) or (group,)
        once = set(taken("once"))
        if repeat and set(probes) - once:
            probes = tuple(name for name in probes if name not in once)
        job = self._job(candidate, artifacts, probes)
        if set(probes) <= set(taken("remembered")) and repeat == 0:
            rows = self._remembered(job, folder, candidate, artifacts, begins)
        else:
            rows = self._calmest(job, folder, begins)
        kept = self._keep(folder, candidate, group, repeat)
        closing = Measurement(
            run=self.run.name,
            candidate=candidate.name,
            probe=group,
            statistic=TERMINATOR,
            value=round(time.monotonic() - started, 3),
            unit="s",
            runtime=candidate.runtime,
            time=utc_now(),
            basis="measured",
        )
        labelled = [replace(row, run=self.run.name, candidate=candidate.name) for row in rows]
        if (
            group == CONTROL
        ):  # told apart by name, since objectives take whatever is called latency for their own
            labelled = [
                replace(row, probe=CONTROL, statistic=f"{CONTROL}_{row.statistic}") for row in labelled
            ]
        return [replace(row, repeat=repeat) for row in (*labelled, closing)], kept

    def _calmest(self, job: Job, folder: Path, begins: Callable[[str], None] = _untold) -> list[Measurement]:
        """Measure until nothing disturbs, at most `retries` times again; return the calmest rows.

        An attempt in which fewer probes failed goes before a calmer one: a crash has no load to tell.
        Rows of what was thrown away tell its load, and why it failed if it did, so that it can be counted.
        """
        kept: list[Measurement] = []
        thrown: list[tuple[float, str]] = []
        least = (0, 0.0)  # probes that failed, load
        for attempt in range(self.settings.retries + 1):
            attempt_folder = folder.with_name(f"{folder.name}.{attempt}")
            remove(attempt_folder)
            rows = self.launch(job, attempt_folder, begins)
            trouble = (len(_failed(rows)), disturbance(rows))
            if not attempt or trouble < least:
                if attempt:
                    thrown.append((least[1], _reason(kept)))
                remove(folder)
                attempt_folder.rename(folder)
                kept, least = rows, trouble
            else:
                remove(attempt_folder)
                thrown.append((trouble[1], _reason(rows)))
            if least[1] <= self.settings.max_foreign_load:  # rows that tell no load have none
                break
        discarded = [replace(_load_row(job, DISCARDED, load), error=why) for load, why in thrown]
        return [*kept, *discarded, *[_load_row(job, KEPT, least[1])] * (least[1] > 0)]

    def _job(self, candidate: Candidate, artifacts: Mapping[str, Artifact], probes: tuple[str, ...]) -> Job:
        options: dict[str, Any] = {
            "seconds": self.settings.seconds,
            "latency_samples": self.settings.latency_samples,
            "batching": self.settings.batching,
            "shapes": list(self.settings.shapes),
            "allow_modelled": self.settings.allow_modelled_energy,
        }
        if self.runtimes.get(candidate.runtime):
            options["runtime"] = dict(self.runtimes[candidate.runtime])
        if self.settings.country is not None:
            options["country"] = self.settings.country
        tasks = tuple(
            Ask(work.task.name, work.asked, work.split, work.limit, work.task.trained_on, work.skip)
            for work in self.workloads
        )
        places = {name: self.store.address_of(artifact.digest) for name, artifact in artifacts.items()}
        return Job(
            self.run.name,
            candidate.name,
            candidate.runtime,
            self.threads,
            places,
            self.start.spec,
            tasks,
            probes,
            options,
        )

    def _remembered(
        self,
        job: Job,
        folder: Path,
        candidate: Candidate,
        artifacts: Mapping[str, Artifact],
        begins: Callable[[str], None],
    ) -> list[Measurement]:
        """Return rows of scores: a pure function of content, so equal inputs are computed once."""
        key = self._outcome_key(candidate, artifacts, job.probes)
        with self.store.lock(f"measured-{key}"):
            sealed = self.store.find_measured(key)
            if sealed is None:
                building = self.store.root / "building" / f"measured-{key}"
                remove(building)
                rows = self.launch(job, building, begins)
                if any(row.status == "failed" for row in rows):
                    _copy(building, folder)
                    return rows  # a failure may be the machine's: not remembered
                (building / "rows.jsonl").unlink(missing_ok=True)
                append_rows(building / "rows.jsonl", rows)
                (building / "job.json").unlink(missing_ok=True)
                sealed = self.store.put_measured(key, building)
            _copy(sealed, folder)
            return list(read_rows(sealed / "rows.jsonl"))

    def _outcome_key(
        self, candidate: Candidate, artifacts: Mapping[str, Artifact], probes: Sequence[str]
    ) -> str:

        parts = [
            OUTCOMES_VERSION,
            list(probes),
            candidate.runtime,
            dict(RUNTIMES.load(candidate.runtime).facts()),
            dict(self.runtimes.get(candidate.runtime, {})),
            self.threads,
            {name: artifact.digest for name, artifact in artifacts.items()},
            [
                [repr(work.task), work.split, work.examined, work.asked, work.fingerprints]
                for work in self.workloads
            ],
        ]
        return json_sha256(parts)

    def _keep(self, folder: Path, candidate: Candidate, group: str, repeat: int) -> list[Path]:
        """Keep raw samples, and per-example outcomes and predictions, with the run; return their files there."""
        files = []
        for kept, pattern in _KEPT.items():
            target = kept_folder(self.folder, kept, candidate.name)
            for file in sorted(folder.glob(pattern)):
                target.mkdir(parents=True, exist_ok=True)
                files.append(target / kept_name(group, repeat, file.name))
                shutil.copyfile(file, files[-1])
        remove(folder)
        return files


def disturbance(rows: Sequence[Measurement]) -> float:
    """Return the greatest share of the cores' time that was not the candidate's during any of its probes."""
    shares: dict[str, float] = {}
    for row in rows:
        if row.statistic == LOAD and row.unit == "share" and row.value is not None:
            shares[row.probe] = shares.get(row.probe, 0.0) + row.value
    return max(shares.values(), default=0.0)


def failed_probes(rows: Iterable[Measurement]) -> dict[str, str]:
    """Return by candidate which of its probes failed, each with the first line of why."""
    by_candidate: dict[str, dict[str, str]] = {}
    for row in rows:
        if row.status == "failed":
            reason = (row.error or "no reason given").splitlines()[0]
            by_candidate.setdefault(row.candidate, {}).setdefault(row.probe, reason)
    return {
        name: "; ".join(f"{probe}: {reason}" for probe, reason in probes.items())
        for name, probes in by_candidate.items()
    }


def _failed(rows: Sequence[Measurement]) -> dict[str, str]:
    """Return the probes of which a row failed, with the reason."""
    return {row.probe: row.error for row in rows if row.status == "failed"}


def _reason(rows: Sequence[Measurement]) -> str:
    return "; ".join(f"{probe} failed: {why or 'no reason given'}" for probe, why in _failed(rows).items())


def _load_row(job: Job, statistic: str, load: float) -> Measurement:
    return Measurement(
        run=job.run, candidate=job.candidate, probe=COST, statistic=statistic, value=load, unit="share",
        runtime=job.runtime, time=utc_now(), basis="measured",
    )  # fmt: skip


def _copy(source: Path, target: Path) -> None:
    with writing(target):
        remove(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(source, target)


def failure(run: str, candidate: Candidate, step: str, error: str) -> Sequence[Measurement]:
    """Return the rows that say that a candidate could not be made, and why."""
    failed = Measurement(
        run=run,
        candidate=candidate.name,
        probe=step,
        statistic="made",
        value=None,
        unit="",
        runtime=candidate.runtime,
        time=utc_now(),
        basis="unavailable",
        status="failed",
        error=error,
    )
    closing = replace(failed, statistic=TERMINATOR, value=0.0, unit="s", status="ok", error="")
    return [failed, closing]
