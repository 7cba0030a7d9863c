"""A recipe is data: what to start from, what to do to it, and what to measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from xpareto.compress.core import Step
from xpareto.eval.tasks import ENCODER, UNTRAINED, task
from xpareto.pipelines.recipe.probe_groups import by_default


def _task_choice(value: Any) -> Any:
    return {"task": value} if isinstance(value, str) else value


def _languages(value: Any) -> Any:
    codes = isinstance(value, list) and bool(value) and all(isinstance(item, str) for item in value)
    if value is not None and value != "all" and not codes:
        raise ValueError("expected `all` or a list of ISO 639-1 codes such as [en, sw]")
    return value


_NAME, _SHAPE, _COUNTRY = r"^[a-z0-9][a-z0-9._-]*$", r"^[1-9]\d*x[1-9]\d*$", "^[A-Z]{3}$"
PATTERNS = {  # what each takes, in words
    _NAME: "a name of lower-case letters, digits, dots, _ and -, a letter or digit first",
    _SHAPE: "batch x length, such as 8x128",
    _COUNTRY: "three capital letters, such as DEU",
}
Name = Annotated[str, Field(pattern=_NAME, max_length=64)]
Positive = Annotated[int, Field(gt=0)]

ARMS = "arms"  # the item of `steps` where each arm's own steps are put in


class Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


Languages = Annotated[
    Literal["all"] | list[str], BeforeValidator(_languages, json_schema_input_type=Literal["all"] | list[str])
]


_SPLITS = Literal["train", "dev", "test"]
_Text = Annotated[str, Field(min_length=1)]
_Share = Annotated[float, Field(gt=0, lt=1, strict=False)]


class HubChoice(Frozen):
    """Where a task of one's own lies on the hub."""

    repo: _Text = Field(description="The data set's id, such as owner/name.")
    config: str = Field(default="default", description="Its configuration; {language} stands for the code.")
    splits: dict[_SPLITS, str] = Field(
        default={"train": "train", "dev": "validation", "test": "test"},
        description="Its names of train, dev and test.",
    )
    where: dict[str, str] = Field(
        default_factory=dict, description="Rows to keep: column -> value; {language} stands for the code."
    )
    label_names: dict[str, str] = Field(default_factory=dict, description="Its name of a label -> yours.")


class Cutting(Frozen):
    """What is cut from train in place of splits that have no file."""

    test: _Share = Field(default=0.2, description="Share of train that is tested on, where there is no test.")
    dev: _Share = Field(
        default=0.1, description="Share of train that chooses weights, where there is no dev."
    )
    seed: Annotated[int, Field(ge=0)] = Field(default=0, description="Draws what is cut.")


class TaskChoice(Frozen):
    """A task of the recipe with settings of its own; with `kind` one that the recipe declares."""

    task: str = Field(
        description="A task's name; see: xpareto list tasks. With `kind`: what yours shall be called."
    )
    kind: Literal["classify", "tag", "span", "retrieve"] | None = Field(
        default=None,
        description="Declares a task of your own: a label for each text or pair of texts (classify), a tag for each "
        "word (tag), an answer in a context (span), or the text that belongs to each (retrieve).",
    )
    files: (
        Annotated[str, Field(min_length=1)] | Annotated[dict[_SPLITS, _Text], Field(min_length=1)] | None
    ) = Field(
        default=None,
        description="Files of your task, below the recipe's folder or --data: one by split, or one that {split} and "
        "{language} stand in, or one that is all train. csv, tsv, jsonl and parquet; CoNLL for tag; SQuAD's json for "
        "span.",
    )
    hub: HubChoice | None = Field(default=None, description="Your task on the hub, in place of files.")
    columns: dict[str, str | Annotated[int, Field(gt=0)]] = Field(
        default_factory=dict,
        description="What the files call text (or first, second), label; words, tags (in CoNLL: their numbers); "
        "source, target; and language, split, where a column has them.",
    )
    labels: list[_Text] | None = Field(
        default=None,
        min_length=2,
        description="Labels of your task; default: those that its train split shows.",
    )
    metrics: list[str] | None = Field(
        default=None, min_length=1, description="Metrics of your task, of which the first is its score."
    )
    max_length: Annotated[int, Field(ge=8)] | None = Field(
        default=None, description="Most subwords of an example of your task; default: 128, of span 384."
    )
    parallel: bool = Field(
        default=False, description="Is row i of your task's files the same example in every language?"
    )
    train_languages: list[_Text] | None = Field(
        default=None,
        min_length=1,
        description="Languages that your task learns from; default: all of its train split.",
    )
    splits: dict[_SPLITS, _Text] = Field(
        default_factory=dict, description="What {split}, or a column of splits, calls train, dev and test."
    )
    language_names: dict[str, str] = Field(
        default_factory=dict,
        description="What {language}, or a column of languages, calls a code: {de: German}.",
    )
    cut: Cutting = Field(
        default_factory=Cutting, description="What is cut from train where a split has no file."
    )
    trained_on: str | None = Field(
        default=None,
        description="A training set of the same kind and labels in place of the task's own, such as "
        "squad_v2 for mlqa; default: the task's own, of yours its train split.",
    )
    languages: Languages | None = Field(
        default=None, description="Languages of this task; default: the recipe's."
    )
    limit: Positive | None = Field(
        default=None, description="Evaluate the first examples of each language only; default: measure.limit."
    )
    split: Literal["test", "dev", "train"] = Field(
        default="test",
        description="The split to evaluate. `train`: the labelled training part of languages other than "
        "English, for tasks whose test set is not at hand; not the official score.",
    )

    @model_validator(mode="after")
    def _declares(self) -> TaskChoice:
        declaring = self.model_fields_set & {*DECLARING}
        if self.kind is None and declaring:
            raise ValueError(
                f"{', '.join(sorted(declaring))}: only for a task of your own, which needs the key `kind` "
                "(classify, tag, span or retrieve)"
            )
        if self.kind is not None and (self.files is None) == (self.hub is None):
            raise ValueError(f"the task {self.task} needs either `files` or `hub`")
        return self

    @property
    def training_set(self) -> str:
        """Return the training set whose model answers the task; ENCODER for one that trains nothing."""
        if self.trained_on is not None:
            return self.trained_on
        if self.kind is None:
            return str(task(self.task).trained_on)
        return ENCODER if self.kind in UNTRAINED else self.task


DECLARING = tuple(
    name
    for name in TaskChoice.model_fields
    if name not in ("task", "kind", "trained_on", "languages", "limit", "split")
)
"""The keys that only a task of one's own has."""


def _default_probes() -> list[str]:

    return by_default()


class Measure(Frozen):
    """What is measured, and for how long."""

    probes: list[str] = Field(
        default_factory=_default_probes,
        description="The probes to run on every candidate; what each finds, and which are the default: "
        "xpareto list probes",
    )
    limit: Positive | None = Field(
        default=None, description="Evaluate the first examples of each language only; default: all."
    )
    threads: Annotated[int, Field(gt=0, le=4096)] | None = Field(
        default=None, description="Threads of a measured process; default: the cores of this machine."
    )
    seconds: Annotated[float, Field(gt=0, strict=False)] = Field(
        default=2.0,
        description="Length of one throughput or energy window, in seconds. Energy that counters measure "
        "wants 30 and more; such a window goes on to 200 inferences in any case.",
    )
    latency_samples: Annotated[int, Field(ge=10)] = Field(
        default=64, description="Inferences at batch size 1 for the latency percentiles of a task."
    )
    shapes: list[Annotated[str, Field(pattern=_SHAPE)]] = Field(
        default=["1x16", "1x128", "8x128"],
        min_length=1,
        description="Batch x length of the probes shapes, roofline and operators.",
    )
    batching: Literal["bucketed", "padded", "packed"] = Field(
        default="bucketed",
        description="Batches of throughput and energy, the same for all candidates: of equal lengths, as they "
        "come, or several sequences in a row (packed: needs packed: true in export_onnx).",
    )
    blocks: Positive = Field(
        default=4,
        description="Rounds in which all candidates are timed in turn, each in a process of its own, in random "
        "order and back (A B B A); the baseline twice in the first two, as a check. Of one round no noise is known.",
    )
    max_foreign_load: Annotated[float, Field(gt=0, le=1, strict=False)] = Field(
        default=0.1,
        description="Share of the cores' time that other processes and the hypervisor may take; a "
        "measurement with more is thrown away and made again.",
    )
    retries: Annotated[int, Field(ge=0)] = Field(
        default=1, description="How often a disturbed measurement is made again; the calmest is kept."
    )
    allow_modelled_energy: bool = Field(
        default=True,
        description="Accept energy modelled by codecarbon's process mode where no counter is readable; it "
        "stands on a frontier only where `objectives` names energy_j.",
    )
    country: Annotated[str, Field(pattern=_COUNTRY)] | None = Field(
        default=None, description="ISO 3166 alpha-3 country of the machine, for carbon intensity."
    )


class Recipe(Frozen):
    """A checked recipe, except for its steps, which `settings` holds as validated settings."""

    xpareto: Literal[1] = Field(description="Version of the recipe format.")
    name: Name = Field(description="Names the run folders.")
    description: str = Field(default="", description="One sentence on what the recipe shows.")
    base: str | Annotated[dict[str, str], Field(min_length=1)] | None = Field(
        default=None,
        description="Checkpoint to start from: a hub id, a local folder, or `embedded` (a tiny one that ships); or "
        "several that are fine-tuned, one for each task (and `encoder`, for those that compare vectors): {xnli: DIR}. "
        "Leave it out when the first step makes one (pretrain), or give it with --base.",
    )
    data: str | None = Field(
        default=None,
        description="Folder in XTREME's layout, `hub`, or `embedded` (synthetic); or give it with --data.",
    )
    tasks: list[
        Annotated[TaskChoice, BeforeValidator(_task_choice, json_schema_input_type=str | TaskChoice)]
    ] = Field(
        min_length=1,
        description="Tasks to evaluate: names, settings with the key `task`, or declarations of your own.",
    )
    languages: Languages = Field(
        default="all", description="Languages to evaluate; `all`: every language of a task that has data."
    )
    steps: list[Any] = Field(min_length=1, description="The chain; the item `arms` marks where arms go in.")
    arms: dict[Name, list[Any]] = Field(
        default_factory=lambda: {"main": []}, min_length=1, description="Alternative step lists, by name."
    )
    sweep: dict[str, list[Any]] = Field(
        default_factory=dict, description="Values to try for a step's field: `label.field: [a, b]`."
    )
    seeds: list[Annotated[int, Field(ge=0, lt=2**32)]] = Field(
        default=[0], min_length=1, description="Training seeds; every candidate is made once per seed."
    )
    runtimes: list[str] = Field(
        default=["torch", "onnxruntime"], min_length=1, description="Runtimes to measure on."
    )
    runtime_settings: dict[str, dict[str, Any]] = Field(
        default_factory=dict,
        description="Settings of runtimes, such as {onnxruntime: {spinning: false}}; "
        "see: xpareto list runtimes -v",
    )
    measure: Measure = Field(default_factory=Measure, description="What to measure.")
    objectives: list[str] = Field(
        default=["score", "latency_ms", "size_bytes", "peak_rss_bytes", "energy_j", "throughput"],
        min_length=1,
        description="What the frontier weighs; see: xpareto list objectives",
    )

    def own(self) -> tuple[TaskChoice, ...]:
        """Return the tasks that the recipe declares."""
        return tuple(item for item in self.tasks if item.kind is not None)

    def choices(self) -> tuple[TaskChoice, ...]:
        """Return the tasks with the recipe's defaults filled in."""
        return tuple(
            item.model_copy(
                update={
                    "languages": item.languages if item.languages is not None else self.languages,
                    "limit": item.limit if item.limit is not None else self.measure.limit,
                }
            )
            for item in self.tasks
        )


class StepKeys(Frozen):
    """The keys that every step of a recipe may carry beside its own fields."""

    step: str = Field(description="The step's name; see: xpareto list steps")
    label: Name | None = Field(
        default=None, description="Names the step in --set, sweeps and candidates; default: its name."
    )
    candidate: bool | None = Field(
        default=None,
        description="Measure what this step gives; default: yes once there is one model per training set.",
    )
    enabled: bool = Field(default=True, description="false leaves the step out; meant for sweeps.")


@dataclass(frozen=True)
class Setting:
    """One step of a chain with its settings, and where in the recipe it stands."""

    name: str
    label: str
    step: Step
    candidate: bool | None
    enabled: bool
    where: str
    chosen: tuple[tuple[str, Any], ...] = ()  # the swept fields and their values here


@dataclass(frozen=True)
class Checked:
    """A recipe whose every part is known and in range.

    `chains` holds, per arm, the positions of the chain; each position lists the alternatives
    that the sweep asks for (one where nothing is swept).
    """

    recipe: Recipe
    chains: Mapping[str, Sequence[Sequence[Setting]]]
    source: str  # the recipe as YAML text, overrides applied
    notes: tuple[str, ...] = ()  # what may not be meant, though it is right
