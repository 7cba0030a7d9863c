"""A recipe, made ready: checked, with its store, what it starts from, and its plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xpareto.pipelines.planning.base_checkpoint import Base, Given
from xpareto.pipelines.planning.graph import Plan
from xpareto.pipelines.planning.inputs import Start, open_start
from xpareto.pipelines.planning.kept_heads import kept_notes
from xpareto.pipelines.planning.own_tasks import cut_notes, language_notes
from xpareto.pipelines.planning.plan import make_plan
from xpareto.pipelines.planning.preflight import check_evaluation
from xpareto.pipelines.planning.withheld_gold import judgement_notes
from xpareto.pipelines.planning.workload import Workload, workloads
from xpareto.pipelines.recipe import Checked, Recipe, apply_overrides, check, read_recipe
from xpareto.pipelines.storage import Store, open_store


@dataclass(frozen=True)
class Options:
    """What the command line, or a caller from Python, chose for a recipe: its file, its name, or its content."""

    recipe: str | Mapping[str, Any]
    overrides: tuple[str, ...] = ()
    base: Given | None = None
    data: str | None = None
    lock: Path | None = None
    store: str | Path = "store"  # a folder, or a URL of fsspec's
    runs: Path = Path("runs")
    command: str = ""
    processes: int = 1  # that train together
    workers: int | None = (
        None  # how many nodes are made at a time; None: 1, of a cluster what it has room for
    )
    ray: str | None = None  # address of the cluster that makes them
    save_minutes: float = 5.0  # between two saved states of a training; 0: none


@dataclass(frozen=True)
class Prepared:
    """A recipe, checked, with its store, its start, its plan and what it evaluates."""

    checked: Checked
    store: Store
    start: Start
    plan: Plan
    work: tuple[Workload, ...]
    folder: Path  # in which the recipe's relative names begin

    @property
    def notes(self) -> tuple[str, ...]:
        """What of the recipe may not be meant, what of it and of its base is not used, and what is damaged."""
        damaged = self.store.damaged_records(self.plan.nodes)
        return (
            *self.checked.notes,
            *cut_notes(tuple(self.start.data.own.tasks.values())),
            *language_notes(tuple(self.start.data.own.tasks.values())),
            *judgement_notes(self.work, self.start.data),
            *_unused(self.plan),
            *notes_of_base(self.start.base, self.plan, self.checked.recipe),
            *(
                f"{file} is damaged, so {self.plan.nodes[key].label} is made again."
                for key, file in damaged.items()
            ),
        )


def prepare(options: Options) -> Prepared:
    """Check a recipe and plan it; imports no torch."""
    source, folder = read_recipe(options.recipe)
    checked = check(apply_overrides(source, options.overrides))
    store = open_store(options.store)
    start = open_start(
        checked.recipe,
        store,
        recipe_folder=folder,
        recipe_file=source.file,
        base=options.base,
        data=options.data,
        lock_file=options.lock,
    )
    plan = make_plan(checked, start)
    work = workloads(checked.recipe, start)
    if not start.spec.hub:  # what the hub has is fetched by who runs, not by who plans
        work = check_evaluation(work, start, store)
    start.fingerprints.save()
    store.look_up(plan.nodes)
    return Prepared(checked, store, start, plan, work, folder)


def notes_of_base(base: Base | None, plan: Plan, recipe: Recipe) -> Iterator[str]:
    """Yield what there is to tell of a base, which depends on whether the plan keeps its head."""
    if base is None:
        return
    taken = [node.fields for node in plan.nodes.values() if node.step == "base"]
    kept = [fields for fields in taken if "training_set" in fields]
    for checkpoint in base.checkpoints:
        if checkpoint.dropped and len(kept) < len(taken):
            yield checkpoint.dropped
        yield from checkpoint.notes
    yield from kept_notes(recipe, [fields["training_set"] for fields in kept], base)


def _unused(plan: Plan) -> tuple[str, ...]:
    if not plan.unused:
        return ()
    runtimes = ", ".join(dict.fromkeys(candidate.runtime for candidate in plan.candidates))
    return (
        f"No candidate is made of {', '.join(plan.unused)}, so nothing of it is made: its candidates run on "
        f"{runtimes}. Add a runtime that opens its format, or leave the steps out.",
    )
