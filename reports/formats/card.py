"""The model card of one exported candidate."""

from __future__ import annotations

from collections.abc import Iterator

from xpareto.compress.core import InputError, hint
from xpareto.eval.analyses.documents import Analysis
from xpareto.eval.probing import sentences_of
from xpareto.eval.results import INTERVAL, Candidate, RunSummary, TaskFacts
from xpareto.eval.runtimes import max_tokens
from xpareto.eval.tasks import HEAD_OF_KIND, training_set
from xpareto.reports.findings import (
    change_tasks,
    change_words,
    changes,
    compared_with,
    informed_caveats,
    languages_counted,
    versus_baseline,
)
from xpareto.reports.formats.card_metadata import Released, front_matter
from xpareto.reports.formats.markdown_table import table
from xpareto.reports.formats.snippets import IN_WORDS, Opened, snippets
from xpareto.reports.text import code, markdown, number


def model_card(
    run_summary: RunSummary,
    analysis: Analysis,
    candidate: str,
    training: str | None = None,
    released: Released | None = None,
) -> str:
    """Return README.md: YAML front matter with a model-index, how to use it, then what a user must know.

    Costs, changes and caveats are those that the report of the same run and analysis shows. `training` narrows
    the card to the model trained on that set, and so to the tasks it serves; `released` is what lies in its folder.
    InputError for a candidate or a training set that the run does not have.
    """
    names = [entry.name for entry in run_summary.run.candidates]
    if candidate not in names:
        raise InputError(
            f'Unknown candidate "{candidate}".{hint(candidate, names)} The run has: {", ".join(names)}.'
        )
    artifacts = run_summary.run.candidate(candidate).artifacts
    if training is not None and training not in artifacts:
        raise InputError(
            f'{candidate}: unknown training set "{training}".{hint(training, artifacts)} '
            f"It has: {', '.join(artifacts)}."
        )
    tasks = _tasks(run_summary, candidate, training)
    front = front_matter(run_summary, candidate, training, tasks, released)
    body = "\n".join(_body(run_summary, analysis, candidate, training, tasks, released))
    return f"---\n{front.rstrip()}\n---\n\n{body.rstrip()}\n"


def _tasks(run_summary: RunSummary, candidate: str, training: str | None) -> list[str]:
    """Return the tasks that the training set's model was measured on (all, for no training set)."""
    if training is None:
        return [name for name, facts in run_summary.run.tasks.items() if facts.languages]
    digest = run_summary.run.candidate(candidate).artifacts[training]
    served = {
        row.task
        for row in run_summary.run.rows[candidate]
        if row.probe == "accuracy" and row.artifact == digest
    }
    return [name for name in run_summary.run.tasks if name in served]


def _body(
    run_summary: RunSummary,
    analysis: Analysis,
    candidate: str,
    training: str | None,
    tasks: list[str],
    released: Released | None,
) -> Iterator[str]:
    run = run_summary.run
    exported = run.candidate(candidate)
    yield from (f"# {markdown(candidate)}" + (f": {markdown(training)}" if training else ""), "")
    if run.synthetic:
        yield from ("> **Trained and tested on synthetic data: evidence for the machinery only.**", "")
    origin = next(origin for origin in run.origins if origin.run == exported.run)
    begun = f", beginning with {code(origin.base)}" if origin.base else ""
    yield (
        f"Made by xpareto from the recipe {markdown(origin.recipe)}{begun}, for the runtime "
        f"{markdown(exported.runtime)}."
    )
    yield ""
    if released is not None:
        yield from _use(run_summary, exported, training, tasks, released)
    yield from _costs(run_summary, analysis, candidate)
    yield from _scores(run_summary, analysis, candidate, tasks)
    yield from _made(exported, training)
    yield from ("", "## Caveats", "")
    for caveat in informed_caveats(run_summary, analysis):
        yield f"- **{markdown(caveat.title)}.** {markdown(caveat.text)}"
    yield from ("", "## How to reproduce", "")
    yield from ("```sh", code(origin.command).strip("`"), "```", "")


def _use(
    run_summary: RunSummary, exported: Candidate, training: str | None, tasks: list[str], released: Released
) -> Iterator[str]:
    """Yield how the model in the folder is loaded and asked."""
    manifest = released.artifact.manifest
    config = released.config
    longest = max_tokens(config)
    tokens = min(longest, max((_tokens(run_summary.run.tasks[name]) for name in tasks), default=longest))
    kind = next(kind for kind, head in HEAD_OF_KIND.items() if head == manifest.head)
    sentences = sentences_of(released.artifact)
    tokens = min(tokens, sentences.longest or tokens)
    opened = Opened(
        kind, manifest.format, exported.runtime, tokens, _pairs(run_summary, training), released.plain,
        sentences.pooling, sentences.prompt, released.graph, released.settings,
    )  # fmt: skip
    yield from ("## How to use it", "")
    if released.vectors:
        pooled = ", joined with ".join(IN_WORDS[name] for name in sentences.pooling)
        begins = f", which begins with {code(sentences.prompt)}" if sentences.prompt else ""
        yield (
            f"The vector of a sentence{begins} is {pooled}. The "
            f"{config['num_hidden_layers']} layers in this folder end at the hidden state that was scored, so the "
            "first output is the one to read. `modules.json` and `1_Pooling` say so to sentence-transformers and "
            "text-embeddings-inference."
        )
        yield ""
    if not released.plain:
        yield (
            "transformers' own classes cannot hold this model, whose layers differ in width or whose embeddings are "
            "a product of two matrices, and refuse it (`model_type`). `pip install xpareto` loads it."
        )
        yield ""
    for takes, snippet, language in snippets(opened):
        yield from (f"With {takes}, in this folder:", "", f"```{language}", snippet, "```", "")


def _tokens(facts: TaskFacts) -> int:
    return facts.task.max_length if facts.known else 128


def _pairs(run_summary: RunSummary, training: str | None) -> bool:
    """Tell whether the examples of a set for classification are pairs of texts."""
    for facts in run_summary.run.tasks.values():
        if facts.declared is not None and facts.task.trained_on == training:
            return "text" not in facts.task.columns
    try:
        known = training_set(training or "")
    except InputError:
        return True
    return "text" not in (known.columns or (known.hub.columns if known.hub else {}))


def _costs(run_summary: RunSummary, analysis: Analysis, candidate: str) -> Iterator[str]:
    """Yield what the candidate costs and scores, and beside which other one."""
    yield from ("## Cost and score", "")
    rows = []
    for name, objective in run_summary.objectives.items():
        value = number(run_summary.value(candidate, name), objective.unit)
        quality = objective.role == "quality"
        other = run_summary.run.baseline if quality else compared_with(run_summary, candidate)
        change = versus_baseline(run_summary, analysis, candidate, name) if other != candidate else ""
        points = " points" if quality and change else ""
        rows.append(
            [
                markdown(objective.title),
                value + (" %" if objective.unit == "percent" else ""),
                f"{change}{points}" or "–",
                code(other) if change else "–",
            ]
        )
    yield from table(["", "this candidate", "difference", "from"], rows)
    count = len(set(run_summary.run.candidate(candidate).artifacts.values()))
    size = f"the mean of its {count} models, without tokenizer" if count > 1 else "without tokenizer"
    yield (
        f"Of the whole candidate, over all its models; size is {size}; latency and memory are those of the machine "
        "of the run."
    )
    yield ""


def _scores(run_summary: RunSummary, analysis: Analysis, candidate: str, tasks: list[str]) -> Iterator[str]:
    """Yield the score of every task, with its change from the baseline where the analysis has it."""
    yield from ("## Scores by task", "", markdown(INTERVAL), "")
    own = _changes(run_summary, analysis, candidate)
    lines = []
    for name in tasks:
        score, facts = run_summary.task_score(candidate, name), run_summary.run.tasks[name]
        half = "" if score is None or score.half is None else f" ± {score.half:.1f}"
        text = "failed or not measured" if score is None else f"{score.value:.1f}{half}"
        line = [
            markdown(name),
            markdown(facts.score_name),
            languages_counted(facts, run_summary.counted),
            text,
        ]
        lines.append([*line, own.get(name, "–")] if own else line)
    head = ["task", "metric", "mean over", "mean, %"]
    if own:
        head.append(f"from {code(run_summary.run.baseline)}, points")
    yield from table(head, lines, numeric_from=2)
    if own and analysis:
        yield from (markdown(change_words(analysis)), "")


def _changes(run_summary: RunSummary, analysis: Analysis, candidate: str) -> dict[str, str]:
    """Return the change of each task, of a candidate that is a system of the analysis by itself."""
    if not analysis or analysis.seeded or (candidate,) not in analysis.members:
        return {}
    name = analysis.names[analysis.members.index((candidate,))]
    for row in changes(run_summary, analysis):
        if row.name == name:
            names = change_tasks(run_summary, analysis)
            return {task_name: change.text for task_name, change in zip(names, row.tasks, strict=True)}
    return {}


def _made(exported: Candidate, training: str | None) -> Iterator[str]:
    yield from ("## How it was made", "")
    for place, step in enumerate(exported.steps, start=1):
        label = f" ({markdown(step.label)})" if step.label else ""
        fields = ", ".join(code(f"{key} = {value}") for key, value in step.fields.items())
        yield f"{place}. {markdown(step.step)}{label}, version {step.version}" + (
            f": {fields}" if fields else ""
        )
    yield ""
    for name, digest in exported.artifacts.items():
        if training in (None, name):
            yield f"- {markdown(name)}: sha256 {code(digest)}"
