"""What a recipe evaluates: each task with the languages that have data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xpareto.compress.core import InputError
from xpareto.eval.tasks import Task
from xpareto.pipelines.planning.inputs import Start
from xpareto.pipelines.recipe import Recipe


@dataclass(frozen=True)
class Withheld:
    """Why one language of a task cannot be scored, and the file that would have to hold its gold."""

    why: str
    file: str


@dataclass(frozen=True)
class Workload:
    """A task with the languages that can be evaluated and those that cannot, for want of data."""

    task: Task
    split: str
    limit: int | None
    languages: tuple[str, ...]
    missing: tuple[str, ...]
    fingerprints: tuple[str, ...]  # of each language, in order
    skip: int = 0  # examples at the beginning that are left out
    withheld: Mapping[str, Withheld] = field(default_factory=dict)  # language -> why it cannot be scored

    @property
    def examined(self) -> int | str | None:
        """Return which examples of a language are evaluated, as keys hold it."""
        return f"{self.limit} behind {self.skip}" if self.skip else self.limit

    @property
    def scored(self) -> tuple[str, ...]:
        """Return the languages whose gold is there."""
        return tuple(language for language in self.languages if language not in self.withheld)

    @property
    def asked(self) -> tuple[str, ...]:
        """Return all languages that were asked for, those without data included."""
        wanted = {*self.languages, *self.missing}
        return tuple(language for language in self.task.languages if language in wanted)


def workloads(recipe: Recipe, start: Start) -> tuple[Workload, ...]:
    """Return what is to be evaluated; InputError when a language that was named has no data."""
    wanted_workloads = []
    for choice in recipe.choices():
        task = start.data.task(choice.task)
        if choice.trained_on is not None:
            task = replace(task, trained_on=choice.trained_on)
        present = start.data.languages(task, choice.split)
        if choice.split == "train" and not task.own:  # English is what the head is trained on
            present = tuple(language for language in present if language != "en")
        wanted = task.languages if choice.languages in ("all", None) else choice.languages or []
        if task.own and not {*wanted} & {*task.languages}:
            raise InputError(
                f"tasks.{task.name}: it has none of {', '.join(wanted)}. It has: {', '.join(task.languages)}. Name "
                "some of these, or leave `languages` out."
            )
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
                f"asked for. {_expected(task)} Add it, or leave the task out."
            )
        prints = tuple(start.task_fingerprint(task.name, item, choice.split) for item in languages)
        wanted_workloads.append(
            Workload(task, choice.split, choice.limit, languages, missing, prints, choice.skip)
        )
    return tuple(wanted_workloads)


def _expected(task: Task) -> str:
    """Return where the examples of a task are looked for, as a sentence."""
    if task.own:
        shown = ", ".join(f"{split} ({' and '.join(files)})" for split, files in task.files.items())
        return f"Its files are of {shown or 'no split'}."
    return f"Expected XTREME's folder {task.name}/."
