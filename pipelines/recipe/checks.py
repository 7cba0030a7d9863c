"""Turn YAML into a checked recipe; every problem found is told at once, each with its line."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xpareto.compress.core import STEPS, Catalog, InputError, Step, hint, shortened
from xpareto.eval.objectives import OBJECTIVES
from xpareto.eval.probing import PROBES
from xpareto.eval.runtimes import RUNTIMES
from xpareto.eval.tasks import ENCODER, TASKS, TRAINING_SETS, Task, split_language, training_set
from xpareto.pipelines.recipe.check_languages import foreign_languages, shared_languages
from xpareto.pipelines.recipe.check_own_tasks import own_names, own_task_problems
from xpareto.pipelines.recipe.check_search import search_problems
from xpareto.pipelines.recipe.check_training import training_problems
from xpareto.pipelines.recipe.explanations import explain
from xpareto.pipelines.recipe.include import with_included
from xpareto.pipelines.recipe.located_yaml import Located, Where, dump_yaml, plain_data, read_yaml
from xpareto.pipelines.recipe.overrides import apply_overrides, label_of, step_items
from xpareto.pipelines.recipe.probe_groups import BY_SUBMIT, nameable
from xpareto.pipelines.recipe.schema import ARMS, Checked, Recipe, Setting, StepKeys
from xpareto.pipelines.recipe.sweep import swept

RECIPES = Path(__file__).parents[1] / "recipes"


def find_recipe(name: str) -> Path:
    """Return the file of a recipe: a path, or the name of one that ships with xpareto."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"} or path.is_file():
        if not path.is_file():
            raise InputError(f"{name}: no such recipe file.")
        return path
    shipped = shipped_recipes()
    if name not in shipped:
        raise InputError(
            f'Unknown recipe "{name}".{hint(name, shipped)} Give a .yaml file, or see: xpareto list recipes'
        )
    return shipped[name]


def shipped_recipes() -> dict[str, Path]:
    """Return the recipes that ship with xpareto, by name."""
    return {path.stem: path for path in sorted(RECIPES.glob("*.yaml"))}


def read_recipe(given: str | Mapping[str, Any]) -> tuple[Located, Path]:
    """Return a recipe as it stands and the folder in which its relative names begin: of a file, a name, or content.

    Content that Python gives has no lines for messages to name, and its names begin in the working directory.
    """
    if isinstance(given, Mapping):
        return with_included(plain_data(dict(given), "recipe"), Path()), Path()
    file = find_recipe(given)
    return with_included(read_yaml(file), file.parent), file.parent


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Checked:
    """Read, override and check a recipe; InputError lists every problem, one per line."""
    return check(apply_overrides(with_included(read_yaml(path), path.parent), overrides))


def check(source: Located) -> Checked:
    """Return the checked recipe; InputError lists every problem with file, line and field."""

    if not isinstance(source.value, dict):
        raise InputError(f"{source.file}:1: expected a recipe (keys such as name, tasks, steps).")
    problems: list[str] = []
    recipe: Recipe | None = None
    try:
        recipe = Recipe.model_validate(source.value)
    except ValidationError as error:
        problems += explain(error, source, (), Recipe)
    settings = _check_steps(source, problems, own_names(source.value))
    if recipe is not None:
        _check_names(recipe, source, problems)
        _check_place_of_arms(source, problems)
        problems += search_problems(recipe, source)
    alternatives = swept(source, settings, problems)
    if problems or recipe is None:
        raise InputError("\n".join(dict.fromkeys(problems)))
    chains = {arm: _chain(source.value, arm, alternatives) for arm in recipe.arms}
    _check_packing(recipe, chains)
    return Checked(recipe, chains, dump_yaml(source.value), source.value, tuple(_notes(source)))


def _notes(source: Located) -> Iterator[str]:
    """Yield what of a right recipe may not be meant."""
    if any((source.value.get("arms") or {}).values()) and ARMS not in source.value["steps"]:
        yield (
            f"{source.at(('arms',))}: `steps` has no item `- {ARMS}`, so each arm's own steps come before all of "
            f"`steps`. Write `- {ARMS}` where they belong, at the start of `steps` if they belong there."
        )


def _check_packing(recipe: Recipe, chains: Mapping[str, Sequence[Sequence[Setting]]]) -> None:
    """Refuse a graph that takes a row for one sequence where throughput is measured on packed rows."""
    if recipe.measure.batching != "packed" or not {"latency", "energy"} & set(recipe.measure.probes):
        return
    if not any(RUNTIMES.load(name).format == "onnx" for name in recipe.runtimes):
        return
    settings = {id(one): one for chain in chains.values() for place in chain for one in place}.values()
    unfit = [one for one in settings if one.name == "export_onnx" and one.enabled
             and not getattr(one.step, "packed", False)]  # fmt: skip
    if unfit:
        raise InputError(
            "\n".join(
                f"{one.where or recipe.name}: measure.batching is packed, but this export_onnx makes a graph "
                "that takes a row for one sequence. Set packed: true in it, or batching: bucketed for all candidates."
                for one in unfit
            )
        )


# -- the recipe's own keys ------------------------------------------------------------------


def _check_names(recipe: Recipe, source: Located, problems: list[str]) -> None:
    own = own_names(source.value)
    for key in recipe.base if isinstance(recipe.base, dict) else ():
        if key not in (known_keys := (*own, *TASKS.names, ENCODER)):
            problems.append(_unknown("task", key, known_keys, source.at(("base", key))))
    for index, choice in enumerate(recipe.tasks):
        where: Where = ("tasks", index)
        if choice.kind is not None:
            problems += own_task_problems(choice, own, source, where)
            continue
        if choice.task not in TASKS.names:
            _known(TASKS, choice.task, source.at(where), problems)
            continue
        task = TASKS.load(choice.task)
        if choice.skip and task.kind == "mine":
            problems.append(
                f"{source.at((*where, 'skip'))}: a comparable corpus is taken from its beginning. Leave it out."
            )
        if isinstance(choice.languages, list):
            problems += foreign_languages(choice.languages, task, source, (*where, "languages"))
        if choice.trained_on is not None:
            _stand_in(choice.trained_on, task, source.at((*where, "trained_on")), problems)
    if isinstance(recipe.languages, list) and not own:  # of these the data tell which they have
        sharing = [
            TASKS.load(choice.task)
            for choice in recipe.tasks
            if choice.languages is None and choice.task in TASKS.names
        ]
        problems += shared_languages(recipe.languages, sharing, source)
    seen = [choice.task for choice in recipe.tasks]
    for twice in sorted({task for task in seen if seen.count(task) > 1}):
        problems.append(f"{source.at(('tasks',))}: the task {twice} is given twice. Keep one of them.")
    lists: dict[Where, Sequence[Any]] = {
        ("seeds",): recipe.seeds,
        ("languages",): recipe.languages if isinstance(recipe.languages, list) else [],
        ("runtimes",): recipe.runtimes,
        ("objectives",): recipe.objectives,
        ("measure", "probes"): recipe.measure.probes,
        **{("sweep", path): values for path, values in recipe.sweep.items()},
    }
    for where, items in lists.items():
        known: set[str] = set()
        for index, item in enumerate(items):
            if repr(item) in known:  # which tells 1 and True apart
                problems.append(f"{source.at((*where, index))}: {item} is given twice. Keep one of them.")
            known.add(repr(item))
    for index, runtime in enumerate(recipe.runtimes):
        _known(RUNTIMES, runtime, source.at(("runtimes", index)), problems)
    for name, fields in recipe.runtime_settings.items():
        place: Where = ("runtime_settings", name)
        if name not in RUNTIMES.names:
            _known(RUNTIMES, name, source.at(place), problems)
            continue
        model = RUNTIMES.load(name).settings
        try:
            model.model_validate(fields)
        except ValidationError as error:
            problems += explain(error, source, place, model)
    for index, objective in enumerate(recipe.objectives):
        _known(OBJECTIVES, objective, source.at(("objectives", index)), problems)
    for index, probe in enumerate(recipe.measure.probes):
        _nameable(probe, source.at(("measure", "probes", index)), problems)


def _known(catalog: Catalog, name: str, where: str, problems: list[str]) -> None:
    if name not in catalog.names:
        problems.append(_unknown(catalog.noun, name, catalog.names, where))


def _unknown(noun: str, name: str, names: Sequence[str], where: str) -> str:
    return f'{where}: unknown {noun} "{name}".{hint(name, names)} Known: {", ".join(names)}.'


def _nameable(probe: str, where: str, problems: list[str]) -> None:
    """Note why a recipe cannot name a probe, if so; a right name loads that probe alone."""
    if probe not in PROBES.names:
        problems.append(_unknown(PROBES.noun, probe, nameable(), where))
    elif PROBES.load(probe).taken == "by submit":
        problems.append(f"{where}: the probe {probe} {BY_SUBMIT}")


def _stand_in(name: str, task: Task, where: str, problems: list[str]) -> None:
    """Note why a training set cannot take the place of a task's own, if so."""
    set_name, _ = split_language(name)
    if set_name not in TRAINING_SETS.names:
        _known(TRAINING_SETS, set_name, where, problems)
        return
    substitute = training_set(set_name)
    if substitute.kind != task.kind or set(substitute.labels) != set(task.labels):
        problems.append(
            f"{where}: {task.name} needs a training set of kind {task.kind}"
            f"{' with the labels ' + ', '.join(task.labels) if task.labels else ''}, "
            f"found {set_name} of kind {substitute.kind}"
            f"{' with ' + ', '.join(substitute.labels) if substitute.labels else ''}. Name another one."
        )


# -- steps ------------------------------------------------------------------------------------


def _check_steps(source: Located, problems: list[str], own: Collection[str]) -> dict[Where, Setting]:
    settings: dict[Where, Setting] = {}
    for where, item in step_items(source.value):
        setting = _check_step(source, where, item, problems, own)
        if setting is not None:
            settings[where] = setting
    for name in ("steps", "arms"):
        part = source.value.get(name)
        if name == "arms" and not isinstance(part, dict):
            continue  # the recipe's own check tells
        groups = part.items() if name == "arms" else [(None, part)]
        for key, steps in groups:
            base: Where = (name,) if key is None else (name, key)
            for index, item in enumerate(steps if isinstance(steps, list) else []):
                if not isinstance(item, dict) and not (name == "steps" and item == ARMS):
                    problems.append(
                        f"{source.at((*base, index))}: expected a step such as `- step: train`, "
                        f"found {shortened(item)}."
                    )
    labels: dict[str, Where] = {}
    for where, setting in settings.items():
        other = labels.setdefault(setting.label, where)
        both_in_arms = other[0] == "arms" and where[0] == "arms" and other[1] != where[1]
        if other != where and not both_in_arms:
            problems.append(
                f"{source.at(where)}: two steps go by the name {setting.label}. Give one of them a label."
            )
    return settings


def _check_step(
    source: Located, where: Where, item: Any, problems: list[str], own: Collection[str]
) -> Setting | None:
    name = item.get("step")
    if name is None:
        problems.append(f"{source.at(where)}: a step needs the key `step`. See: xpareto list steps")
        return None
    if not isinstance(name, str) or name not in STEPS.names:
        problems.append(
            f'{source.at((*where, "step"))}: unknown step "{name}".{hint(str(name), STEPS.names)} '
            f"Known: {', '.join(STEPS.names)}."
        )
        return None
    step_fields = {key: value for key, value in item.items() if key not in StepKeys.model_fields}
    keys = {key: value for key, value in item.items() if key in StepKeys.model_fields}
    kind: type[Step] = STEPS.load(name)
    before = len(problems)
    checked: StepKeys | None = None
    step: Step | None = None
    try:
        checked = StepKeys.model_validate(keys)
    except ValidationError as error:
        problems += explain(error, source, where, StepKeys)
    try:
        step = kind.model_validate(step_fields)
    except ValidationError as error:
        problems += explain(error, source, where, kind)
    if step is not None:
        problems += training_problems(step, source, where, own)
    if len(problems) > before or step is None or checked is None:
        return None
    return Setting(name, label_of(item), step, checked.candidate, checked.enabled, source.place(where))


def _check_place_of_arms(source: Located, problems: list[str]) -> None:
    if source.value["steps"].count(ARMS) > 1:
        problems.append(f"{source.at(('steps',))}: the item `{ARMS}` stands more than once. Keep one.")


def _chain(value: Any, arm: str, alternatives: Mapping[Where, list[Setting]]) -> list[list[Setting]]:
    """Return the arm's chain, each position with the alternatives of the sweep."""
    arm_steps = (value.get("arms") or {}).get(arm) or []
    arm_positions = [alternatives[("arms", arm, index)] for index in range(len(arm_steps))]
    chain = [] if ARMS in value["steps"] else list(arm_positions)
    for index, item in enumerate(value["steps"]):
        chain += arm_positions if item == ARMS else [alternatives[("steps", index)]]
    return chain
