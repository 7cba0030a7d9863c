"""Print the tasks and the training sets that a recipe can name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xpareto.eval.data import DataSpec
from xpareto.eval.tasks import TASKS, TRAINING_SETS, Task, task_of
from xpareto.pipelines.display.table import print_table
from xpareto.pipelines.planning import find_folder, with_own_tasks
from xpareto.pipelines.recipe import find_recipe, load_recipe


def show_tasks(verbose: bool, *only: str) -> None:
    """Print every task, or `only` these, with its languages or how many they are."""
    _print([TASKS.load(name) for name in only or TASKS.names], verbose)


def show_recipe_tasks(file: Path, verbose: bool) -> None:
    """Print the tasks of a recipe, those that it declares included, with what their files show."""
    recipe = load_recipe(find_recipe(str(file))).recipe
    root = find_folder(recipe.data, file.parent) if recipe.data is not None else None
    spec = DataSpec(None if root is None else str(root))
    own = {one["name"]: task_of(one) for one in with_own_tasks(spec, recipe, file.parent, str(file), "").own}
    _print([own.get(choice.task) or TASKS.load(choice.task) for choice in recipe.choices()], verbose)


def _print(tasks: Sequence[Task], verbose: bool) -> None:
    rows = []
    for task in tasks:
        languages = " ".join(task.languages) if verbose else str(len(task.languages))
        first, rest = " + ".join(task.metrics[: task.scored_by]), task.metrics[task.scored_by :]
        rows.append((task.name, task.group, ", ".join([first, *rest]), task.trained_on, languages))
    print_table(
        rows, "task", "group", "metrics (the first, or mean, is the score)", "trained on", "languages"
    )


def show_training(verbose: bool, *only: str) -> None:
    """Print every training set, or `only` these, and where its files are looked for."""
    rows: list[tuple[str, ...]] = []
    for name in only or TRAINING_SETS.names:
        training_set = TRAINING_SETS.load(name)
        hub = " + ".join(item.repo for item in (training_set.hub, *training_set.more_hub) if item is not None)
        rows.append(
            (
                name,
                training_set.kind,
                training_set.head,
                "name@language" if training_set.translated else "",
                hub,
            )
        )
        if verbose:
            for split, files in training_set.files.items():
                rows += [("", split, "en", "", file) for file in files]
            for split, files in training_set.translated.items():
                rows += [("", split, "@", "", file) for file in files]
    print_table(
        rows, "training set", "kind", "head", "other languages", "on the hub, or from the first file found"
    )
