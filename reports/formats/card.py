"""The model card of one exported candidate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, hint
from xpareto.eval.results import INTERVAL, RunSummary, read_runs, summarize
from xpareto.reports.findings import caveats
from xpareto.reports.formats.markdown import table
from xpareto.reports.text import code, markdown, number, points, ratio, visible

_PIPELINES = {  # XTREME's group -> the hub's name of the task
    "classification": "text-classification",
    "tagging": "token-classification",
    "retrieval": "feature-extraction",
    "qa": "question-answering",
}


def model_card(run_folder: Path, candidate: str, training_set: str | None = None) -> str:
    """Return the card of one candidate of a run folder (see `card`)."""
    return card(summarize(read_runs([run_folder])), candidate, training_set)


def card(run_summary: RunSummary, candidate: str, training_set: str | None = None) -> str:
    """Return README.md: YAML front matter with a model-index, then what a user must know.

    `training_set` narrows the card to the model trained on that set, and so to the tasks it serves.
    InputError for a candidate or a training set that the run does not have.
    """
    names = [entry.name for entry in run_summary.run.candidates]
    if candidate not in names:
        raise InputError(
            f'Unknown candidate "{candidate}".{hint(candidate, names)} The run has: {", ".join(names)}.'
        )
    artifacts = run_summary.run.candidate(candidate).artifacts
    if training_set is not None and training_set not in artifacts:
        raise InputError(
            f'{candidate}: unknown training set "{training_set}".{hint(training_set, artifacts)} '
            f"It has: {', '.join(artifacts)}."
        )
    from huggingface_hub import CardData  # writes as the hub reads, such as the language no in quotes

    tasks = _tasks(run_summary, candidate, training_set)
    front = CardData(**_front_matter(run_summary, candidate, tasks)).to_yaml()
    return (
        f"---\n{front}\n---\n\n"
        + "\n".join(_body(run_summary, candidate, training_set, tasks)).rstrip()
        + "\n"
    )


def _tasks(run_summary: RunSummary, candidate: str, training_set: str | None) -> list[str]:
    """Return the tasks that the training set's model was measured on (all, for no training set)."""
    if training_set is None:
        return [name for name, facts in run_summary.run.tasks.items() if facts.languages]
    digest = run_summary.run.candidate(candidate).artifacts[training_set]
    served = {
        row.task
        for row in run_summary.run.rows[candidate]
        if row.probe == "accuracy" and row.artifact == digest
    }
    return [name for name in run_summary.run.tasks if name in served]


def _front_matter(run_summary: RunSummary, candidate: str, tasks: list[str]) -> Mapping[str, Any]:
    run = run_summary.run
    facts = [run.tasks[name] for name in tasks]
    groups = {_PIPELINES[fact.group] for fact in facts if fact.group in _PIPELINES}
    front: dict[str, Any] = {"language": sorted({code for fact in facts for code in fact.languages})}
    if run.candidate(candidate).runtime == "onnxruntime":
        front["library_name"] = "onnx"
    if len(groups) == 1:
        front["pipeline_tag"] = groups.pop()
    front["tags"] = ["xpareto", "multilingual", "xtreme", *(["synthetic-data"] if run.synthetic else [])]
    front["model-index"] = [
        {"name": visible(candidate), "results": list(_results(run_summary, candidate, tasks))}
    ]
    return front


def _results(run_summary: RunSummary, candidate: str, tasks: list[str]) -> Iterator[Mapping[str, Any]]:
    cells = run_summary.cells[candidate]
    for name in tasks:
        facts = run_summary.run.tasks[name]
        kind = _PIPELINES.get(facts.group, facts.group or "other")
        for language in facts.languages:
            cell = cells.get((name, language))
            if cell is None or cell.score is None:
                continue
            dataset = {"name": f"{name} ({language})", "type": name, "config": language, "split": facts.split}
            yield {
                "task": {"type": kind, "name": name},
                "dataset": dataset,
                "metrics": [
                    {
                        "type": "_".join(facts.score_metrics),
                        "name": f"{facts.score_name}, percent",
                        "value": round(cell.score.value, 3),
                    }
                ],
            }


def _body(
    run_summary: RunSummary, candidate: str, training_set: str | None, tasks: list[str]
) -> Iterator[str]:
    run = run_summary.run
    exported = run.candidate(candidate)
    yield from (f"# {markdown(candidate)}" + (f": {markdown(training_set)}" if training_set else ""), "")
    if run.synthetic:
        yield from ("> **Trained and tested on synthetic data: evidence for the machinery only.**", "")
    recipe = next(origin.recipe for origin in run.origins if origin.run == exported.run)
    yield f"Made by xpareto from the recipe {markdown(recipe)}, for the runtime {markdown(exported.runtime)}."
    yield ""
    yield from ("## Cost and score", "")
    rows = [
        [
            markdown(objective.title),
            number(run_summary.value(candidate, name), objective.unit)
            + (" %" if objective.unit == "percent" else ""),
            f"{points(run_summary.gain(candidate, name))} points"
            if objective.role == "quality"
            else ratio(run_summary.ratio(candidate, name)),
        ]
        for name, objective in run_summary.objectives.items()
    ]
    yield from table(["", "this candidate", f"against {code(run.baseline)}"], rows)
    yield "Of the whole candidate, over all its models; latency and memory are those of the machine of the run."
    yield ""
    yield from ("## Scores by task", "", markdown(INTERVAL), "")
    lines = []
    for name in tasks:
        score, facts = run_summary.task_score(candidate, name), run.tasks[name]
        half = "" if score is None or score.half is None else f" ± {score.half:.1f}"
        text = "failed or not measured" if score is None else f"{score.value:.1f}{half}"
        lines.append([markdown(name), markdown(facts.score_name), str(len(facts.languages)), text])
    yield from table(["task", "metric", "languages", "mean, %"], lines, numeric_from=2)
    yield from ("## How it was made", "")
    for place, step in enumerate(exported.steps, start=1):
        label = f" ({markdown(step.label)})" if step.label else ""
        fields = ", ".join(code(f"{key} = {value}") for key, value in step.fields.items())
        yield f"{place}. {markdown(step.step)}{label}, version {step.version}" + (
            f": {fields}" if fields else ""
        )
    yield ""
    for name, digest in exported.artifacts.items():
        if training_set in (None, name):
            yield f"- {markdown(name)}: sha256 {code(digest)}"
    yield from ("", "## Caveats", "")
    for caveat in caveats(run_summary):
        yield f"- **{markdown(caveat.title)}.** {markdown(caveat.text)}"
    yield from ("", "## How to reproduce", "")
    for origin in run.origins:
        if origin.run == exported.run:
            yield from ("```sh", " ".join(origin.command.split()).replace("`", "′"), "```", "")
