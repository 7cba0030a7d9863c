"""What a tracker is told of a run: parameters and metrics of every candidate, and the files of its report."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpareto.eval.analyses.documents import Analysis
from xpareto.eval.results import Candidate, RunSummary
from xpareto.pipelines.storage import RunFolder
from xpareto.reports.findings import deploy_words


@dataclass(frozen=True)
class TrackedCandidate:
    """One candidate: its name, the fields of its steps as text, and what was measured of it."""

    name: str
    params: Mapping[str, str]
    metrics: Mapping[str, float]
    failed: bool


@dataclass(frozen=True)
class Tracked:
    """One run: `experiment` is its recipe, `deploy` what to deploy, "" where nothing is decided.

    `milliseconds` is when it was measured last, since 1970. `folders` are those whose files are kept with it.
    """

    name: str
    experiment: str
    params: Mapping[str, str]
    deploy: str
    milliseconds: int
    candidates: tuple[TrackedCandidate, ...]
    report: Path
    recipe: Path

    @property
    def metrics(self) -> Mapping[str, float]:
        """Return what is told of the run as a whole: how many candidates it has, and how many failed."""
        failed = sum(candidate.failed for candidate in self.candidates)
        return {"candidates": float(len(self.candidates)), "failed": float(failed)}


def tracked(run: RunFolder, run_summary: RunSummary, analysis: Analysis, milliseconds: int) -> Tracked:
    """Return what a tracker is told of a run."""
    (origin,) = run_summary.run.origins
    params = {
        "recipe": origin.recipe,
        "base": origin.base,
        "data": origin.data,
        "baseline": run_summary.run.baseline,
        "command": origin.command,
        "xpareto": origin.xpareto,
    }
    return Tracked(
        name=origin.run,
        experiment=origin.recipe,
        params={name: text for name, text in params.items() if text},
        deploy="".join(deploy_words(run_summary, analysis)),
        milliseconds=milliseconds,
        candidates=tuple(
            TrackedCandidate(
                candidate.name,
                candidate_params(candidate),
                dict(_metrics(run_summary, analysis, candidate.name)),
                run_summary.failed(candidate.name),
            )
            for candidate in run_summary.run.candidates
        ),
        report=run.path / "report",
        recipe=run.path / "recipe.yaml",
    )


def candidate_params(candidate: Candidate) -> dict[str, str]:
    """Return what a candidate is: arm, stage, runtime, seed, and each step's fields as `--set` names them."""
    params = {
        "arm": candidate.arm,
        "stage": candidate.stage,
        "runtime": candidate.runtime,
        "seed": str(candidate.seed),
    }
    for step in candidate.steps:
        params[f"{step.label}.step"] = step.step
        params |= {f"{step.label}.{field}": _text(value) for field, value in step.fields.items()}
    return params


def _metrics(run_summary: RunSummary, analysis: Analysis, name: str) -> Iterable[tuple[str, float]]:
    """Yield the objectives by name, every metric as task/metric/language, and drifts as task/drift_*/language."""
    for objective, value in run_summary.values[name].items():
        if value is not None:
            yield objective, value
    gain = run_summary.gain(name)
    if gain is not None:
        yield "score_change", gain
    tasks = run_summary.run.tasks
    for row in run_summary.run.rows[name]:  # a later repeat counts
        known = row.probe == "accuracy" and row.task in tasks and row.value is not None
        if known and row.value is not None and row.statistic in tasks[row.task].metrics:
            yield f"{row.task}/{row.statistic}/{row.language}", row.value
    system = _system(analysis, name)
    for entry in analysis.drift if analysis and system is not None else ():
        for statistic, of_systems in entry.values.items():
            if system is not None and (estimate := of_systems[system]) is not None:
                yield f"{entry.task}/drift_{statistic}/{entry.language}", estimate.value


def _system(analysis: Analysis, name: str) -> int | None:
    """Return the place of the system that is this candidate alone; of several seeds drifts are not each one's own."""
    places = [at for at, members in enumerate(analysis.members) if members == (name,)] if analysis else []
    return places[0] if places else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
