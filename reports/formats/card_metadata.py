"""The front matter of a model card: what the hub reads of a model."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from xpareto.compress.core import Artifact, InputError, read_json
from xpareto.eval.results import RunSummary, TaskFacts
from xpareto.eval.tasks import ENCODER, training_set
from xpareto.reports.text import visible

_PIPELINES = {  # XTREME's group -> the hub's name of the task
    "classification": "text-classification",
    "tagging": "token-classification",
    "retrieval": "sentence-similarity",
    "qa": "question-answering",
}
_SYNTHETIC = "synthetic"  # where the data are made up, no set of the hub is named


@dataclass(frozen=True)
class Released:
    """What is given away: the files as they lie in the exported folder, and what a run's rows do not tell."""

    artifact: Artifact
    base_model: str = ""  # the hub's name of the checkpoint that the run began with; "": none of the hub
    license: str = "unknown"  # the hub's identifier
    settings: Mapping[str, Any] = field(default_factory=dict)  # what the recipe sets of its runtime

    @cached_property
    def config(self) -> dict[str, Any]:
        """Return the content of config.json."""
        return read_json(self.artifact.path / "config.json")

    @property
    def graph(self) -> str:
        """Return where a graph lies in the folder, as "model.onnx" where there is none."""
        return next(
            (name for name in self.artifact.manifest.files if name.endswith((".onnx", ".xml"))), "model.onnx"
        )

    @property
    def vectors(self) -> bool:
        """Does the model give vectors of texts? Then sentence-transformers' files say which."""
        return "modules.json" in self.artifact.manifest.files

    @property
    def plain(self) -> bool:
        """Can transformers' own classes hold the model?"""
        return not str(self.config["model_type"]).startswith("xpareto-")


def front_matter(
    run_summary: RunSummary, candidate: str, training: str | None, tasks: list[str], released: Released | None
) -> str:
    """Return the YAML between the dashes, with a model-index of every metric of every task and language."""
    from huggingface_hub import EvalResult, ModelCardData  # writes as the hub reads

    run = run_summary.run
    facts = [run.tasks[name] for name in tasks]
    groups = {_PIPELINES[fact.group] for fact in facts if fact.group in _PIPELINES}
    sets = [] if run.synthetic else sorted(set(_trained_on(run_summary, candidate, training)))
    more: dict[str, Any] = {}
    if released is not None:
        more = {"library_name": _library(released), "license": released.license}
        if released.base_model:
            quantized = any(step.step.startswith("quantize") for step in run.candidate(candidate).steps)
            more |= {"base_model": released.base_model}
            more |= {"base_model_relation": "quantized" if quantized else "finetune"}
    data = ModelCardData(
        language=sorted({code for fact in facts for code in fact.languages}),
        pipeline_tag=groups.pop() if len(groups) == 1 else None,
        tags=["xpareto", "multilingual", *_xtreme(facts), *(["synthetic-data"] if run.synthetic else [])],
        datasets=sets or None,
        metrics=list(dict.fromkeys(metric for fact in facts for metric in fact.metrics)) or None,
        model_name=visible(candidate),
        eval_results=[EvalResult(**result) for result in _results(run_summary, candidate, tasks)] or None,
        **more,
    )
    return str(data.to_yaml())


def _xtreme(facts: Sequence[TaskFacts]) -> list[str]:
    return ["xtreme"] if any(fact.declared is None for fact in facts) else []


def _library(released: Released) -> str:
    if released.artifact.manifest.format == "onnx":
        if released.graph.endswith(".xml"):
            return "openvino"
        return "onnx" if released.graph == "model.onnx" else "transformers.js"
    if not released.plain:
        return "xpareto"
    return "sentence-transformers" if released.vectors else "transformers"


def _trained_on(run_summary: RunSummary, candidate: str, training: str | None) -> Iterator[str]:
    """Yield the hub's names of the labelled sets that the model was trained on."""
    named = {training} if training else set(run_summary.run.candidate(candidate).artifacts)
    for step in run_summary.run.candidate(candidate).steps:
        on = step.fields.get("on")
        sets = [on] if isinstance(on, str) else [*on] if isinstance(on, list | dict) else []
        named |= {str(one) for one in sets} - {"each"}
    for name in named - {ENCODER, *run_summary.run.brought}:
        try:
            known = training_set(name)
        except InputError:  # of an extension that is not installed here, or a text
            continue
        for source in (known.hub, *known.more_hub):
            if source is not None:
                yield source.repo.partition("@")[0]


def _results(run_summary: RunSummary, candidate: str, tasks: list[str]) -> Iterator[dict[str, Any]]:
    """Yield one result, in percent, for every metric of every task and language that has a score."""
    run, cells = run_summary.run, run_summary.cells[candidate]
    values = {
        (row.task, row.language, row.statistic): row.value
        for row in run.rows[candidate]
        if row.probe == "accuracy" and row.status == "ok" and row.value is not None
    }
    for name in tasks:
        facts = run.tasks[name]
        for language in facts.languages:
            cell = cells.get((name, language))
            if cell is None or cell.score is None:
                continue
            where = {
                "task_type": _PIPELINES.get(facts.group, facts.group or "other"),
                "task_name": name,
                "dataset_name": f"{name} ({language})",
                **_dataset(facts, language, run.synthetic),
            }
            for metric in facts.metrics:
                value = values.get((name, language, metric))
                if value is not None and math.isfinite(value):
                    yield {
                        **where,
                        "metric_type": metric,
                        "metric_name": f"{metric}, percent",
                        "metric_value": round(value, 3),
                    }


def _dataset(facts: TaskFacts, language: str, synthetic: bool) -> dict[str, Any]:
    hub = facts.task.hub if facts.known else None
    args = {"dataset_args": {"language": language}}
    if hub is None or synthetic:
        kind = _SYNTHETIC if synthetic else facts.name
        return {"dataset_type": kind, "dataset_config": language, "dataset_split": facts.split, **args}
    return {
        "dataset_type": hub.repo.partition("@")[0],
        "dataset_config": hub.config.format(language=hub.language_names.get(language, language)),
        "dataset_split": hub.splits.get(facts.split, facts.split),
        **args,
    }
