"""A recipe is data: what to start from, what to do to it, and what to measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from xpareto.compress.core import Step
from xpareto.pipelines.recipe.probe_groups import by_default
from xpareto.pipelines.recipe.search_block import Search
from xpareto.pipelines.recipe.task_choice import Frozen, Languages, Positive, TaskChoice


def _task_choice(value: Any) -> Any:
    return {"task": value} if isinstance(value, str) else value


_NAME, _SHAPE, _COUNTRY = r"^[a-z0-9][a-z0-9._-]*$", r"^[1-9]\d*x[1-9]\d*$", "^[A-Z]{3}$"
PATTERNS = {  # what each takes, in words
    _NAME: "a name of lower-case letters, digits, dots, _ and -, a letter or digit first",
    _SHAPE: "batch x length, such as 8x128",
    _COUNTRY: "three capital letters, such as DEU",
}
Name = Annotated[str, Field(pattern=_NAME, max_length=64)]

ARMS = "arms"  # the item of `steps` where each arm's own steps are put in


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
    on: Name | None = Field(
        default=None,
        description="Measure costs on nodes of a Ray cluster (--ray) that carry this custom resource, one candidate at "
        "a time, alone; default: on the machine that the command runs on.",
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
    search: Search | None = Field(
        default=None, description="Settings to search for under a budget, with: xpareto search"
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
    plain: Mapping[str, Any] = field(default_factory=dict)  # the same as plain data
    notes: tuple[str, ...] = ()  # what may not be meant, though it is right
