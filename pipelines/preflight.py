"""Read all data of a plan once before any work, so that a bad file is told in seconds, not hours."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

from compress.errors import InputError
from eval.task import ENCODER, Task
from eval.task import task as find_task
from pipelines.contamination import refuse_contamination
from pipelines.plan import Plan
from pipelines.recipe import Recipe
from pipelines.start import Start
from pipelines.store import Store


@dataclass(frozen=True)
class Workload:
    """A task with the languages that can be evaluated and those that cannot, for want of data."""

    task: Task
    split: str
    limit: int | None
    languages: tuple[str, ...]
    missing: tuple[str, ...]
    fingerprints: tuple[str, ...]  # of each language, in order

    @property
    def asked(self) -> tuple[str, ...]:
        """Return all languages that were asked for, those without data included."""
        wanted = {*self.languages, *self.missing}
        return tuple(language for language in self.task.languages if language in wanted)


def workloads(recipe: Recipe, start: Start) -> tuple[Workload, ...]:
    """Return what is to be evaluated; InputError when a language that was named has no data."""
    found = []
    for choice in recipe.choices():
        task = find_task(choice.task)
        if choice.trained_on is not None:
            task = replace(task, trained_on=choice.trained_on)
        present = start.data.languages(task, choice.split)
        if choice.split == "train":  # English is what the head is trained on
            present = tuple(language for language in present if language != "en")
        wanted = task.languages if choice.languages in ("all", None) else choice.languages or []
        languages = tuple(
            language for language in task.languages if language in wanted and language in present
        )
        missing = tuple(
            language for language in task.languages if language in wanted and language not in present
        )
        if missing and choice.languages != "all":
            raise InputError(
                f"tasks.{task.name}: the recipe names {', '.join(missing)}, but {start.data_name} has no "
                f"{choice.split} data of them; present: {', '.join(present) or 'none'}. "
                "Add the files, or leave these languages out."
            )
        if not languages:
            raise InputError(
                f"tasks.{task.name}: {start.data_name} has no {choice.split} data in any language that is "
                f"asked for. Expected XTREME's folder {task.name}/. Add it, or leave the task out."
            )
        prints = tuple(start.task_fingerprint(task.name, item, choice.split) for item in languages)
        found.append(Workload(task, choice.split, choice.limit, languages, missing, prints))
    return tuple(found)


def check_data(work: tuple[Workload, ...], plan: Plan, start: Start, store: Store) -> None:
    """Parse every file that the plan reads; files parsed before and unchanged since are skipped."""
    seen = store.root / "checked"
    seen.mkdir(exist_ok=True)
    for item in work:
        for language, fingerprint in zip(item.languages, item.fingerprints, strict=True):
            mark = _mark(seen, repr(item.task), fingerprint)
            if not mark.exists():
                for split in filter(None, (item.split, item.task.calibrated_on(item.split))):
                    if not start.data.examples(item.task, language, split, item.limit):
                        raise InputError(f"tasks.{item.task.name}: no {split} example in {language}.")
                mark.touch()
    needed = {name for node in plan.nodes.values() for name in node.data}
    refuse_contamination(work, needed, start.data)
    for name in sorted(needed):
        kind, _, what = name.partition(":")
        if kind != "training" or what == ENCODER:
            continue
        fingerprint = next(node.data[name] for node in plan.nodes.values() if name in node.data)
        mark = _mark(seen, name, fingerprint)
        if not mark.exists():
            for split in ("train", "dev"):
                start.data.training(what, split)
            mark.touch()


def incomplete(plan: Plan, start: Start) -> dict[str, list[str]]:
    """Return, for each training set of the plan that lacks a part of it, which ones."""
    needs = {name.partition(":") for node in plan.nodes.values() for name in node.data}
    names = {what for kind, _, what in needs if kind == "training"} - {ENCODER}
    found = {name: list(start.data.absent_parts(name)) for name in sorted(names)}
    return {name: parts for name, parts in found.items() if parts}


def _mark(folder: Path, *parts: str) -> Path:
    from importlib.metadata import version

    text = "\n".join([*parts, version("xpareto")])
    return folder / hashlib.sha256(text.encode()).hexdigest()
