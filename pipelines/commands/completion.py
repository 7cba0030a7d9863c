"""What a shell completes: recipes, runs, candidates, and values of options.

Typer's own completion calls these (`xpareto --install-completion`). Whatever goes wrong in them completes
nothing: a shell has no place for a message.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, redirect_stdout
from pathlib import Path
from typing import Any, get_args

import typer

Complete = Callable[[typer.Context, str], list[str]]


def whole_words(words: str, place: int) -> tuple[str, int]:
    """Return the words, one a line, that bash has split at `=`, and the place of the one that is completed.

    >>> whole_words("xpareto\\nrun\\n--set\\nfp32.epochs\\n=\\n2\\n--ba", 6)
    ('xpareto\\nrun\\n--set\\nfp32.epochs=2\\n--ba', 4)
    """
    joined: list[str] = []
    at, goes_on = 0, False
    for index, word in enumerate(words.split("\n")):
        if joined and (goes_on or word == "="):
            joined[-1] += word
        else:
            joined.append(word)
        goes_on = word == "="
        if index == place:
            at = len(joined) - 1
    return "\n".join(joined), at


@contextmanager
def asked_by_bash() -> Iterator[None]:
    """Take words with `=` in them whole inside, and answer with what stands behind it: the rest bash has already."""
    asked = os.environ
    if asked.get("_XPARETO_COMPLETE") != "complete_bash":  # as typer's script for bash asks
        yield
        return
    words, place = whole_words(asked.get("COMP_WORDS", ""), int(asked.get("COMP_CWORD", "0")))
    asked["COMP_WORDS"], asked["COMP_CWORD"] = words, str(place)
    there = "".join([*words.split("\n"), ""][place].rpartition("=")[:2])
    there = (
        there.partition("=")[2] if there.startswith("--") else there
    )  # an answer holds no name of an option
    answers = io.StringIO()
    try:
        with redirect_stdout(answers):
            yield
    finally:
        for answer in answers.getvalue().splitlines():
            print(answer.removeprefix(there))


def _of(names: Callable[[typer.Context, str], Iterable[str]]) -> Complete:
    """Return a completion of the names that begin as what was typed; those names are asked for when needed."""

    def complete(ctx: typer.Context, incomplete: str) -> list[str]:
        from xpareto.compress.core import InputError

        try:
            return [name for name in dict.fromkeys(names(ctx, incomplete)) if name.startswith(incomplete)]
        except (InputError, OSError):
            return []

    return complete


def _given(ctx: typer.Context, name: str) -> str:
    """Return the first argument, also where an option without its value keeps it from being read as such."""
    return str(ctx.params.get(name) or next(iter(ctx.args), ""))


def _recipes(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    from xpareto.pipelines.recipe import shipped_recipes

    yield from shipped_recipes()
    yield from _files(incomplete, ".yaml", ".yml")


def _files(incomplete: str, *endings: str) -> Iterator[str]:
    """Yield the folders, and the files of some endings, that begin as what was typed."""
    start = Path(incomplete).parent if not incomplete.endswith("/") else Path(incomplete)
    for path in sorted(start.glob("*")):
        if path.is_dir():
            yield f"{path}/"
        elif path.suffix in endings:
            yield str(path)


def _runs(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    folder = Path(ctx.params.get("runs") or "runs")
    names = sorted(path.parent.name for path in folder.glob("*/plan.json"))
    if names:
        yield "latest"
    yield from reversed(names)
    if "/" in incomplete:
        yield from _files(incomplete)


def _candidates(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    from xpareto.eval.results import read_document
    from xpareto.pipelines.storage import RunFolder

    run = RunFolder.find(_given(ctx, "run"), Path(ctx.params.get("runs") or "runs"))
    yield from (candidate.name for candidate in read_document(run.path).candidates)


def _arms(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    yield from (name.partition("/")[0] for name in _candidates(ctx, ""))


def _settings(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Yield the keys of a recipe and the fields of its steps, and of one key the values that are named."""
    from xpareto.compress.core import STEPS
    from xpareto.pipelines.recipe import Measure, Recipe, find_recipe, read_yaml, step_items

    models: dict[str, Any] = {"measure": Measure}
    for _, item in step_items(read_yaml(find_recipe(_given(ctx, "recipe"))).value):
        models[str(item.get("label") or item["step"])] = STEPS.load(item["step"])
    fields = {
        **{name: field.annotation for name, field in Recipe.model_fields.items()},
        **{
            f"{label}.{name}": field.annotation
            for label, model in models.items()
            for name, field in model.model_fields.items()
        },
    }
    path, sign, _ = incomplete.partition("=")
    if sign:
        yield from (f"{path}={value}" for value in _values(fields.get(path)))
        return
    keys = [name for name in fields if name.startswith(path)]
    values = list(_values(fields[keys[0]])) if len(keys) == 1 else []
    yield from (
        f"{keys[0]}={value}" for value in values
    )  # at once: a shell sets a space behind the only answer
    yield from (f"{key}=" for key in keys if not values)


def _values(annotation: Any) -> Iterator[str]:
    """Yield the values that a type names: those of a Literal, true and false, alone or in a union."""
    if annotation is bool:
        yield from ("true", "false")
    for part in get_args(annotation):
        if isinstance(part, str):
            yield part
        else:
            yield from _values(part)


def _listed(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    from xpareto.pipelines.display import catalogue_names

    names = catalogue_names()
    yield from names
    yield from (name for kind in names for name in names[kind])


def _aims(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    from xpareto.eval.objectives import preferences

    yield from preferences()


def _probes(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    from xpareto.eval.probing import PROBES

    yield from PROBES.names


def _documents(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    from xpareto.eval.analyses.documents import DOCUMENTS

    yield from ("recipe", *DOCUMENTS)


def _bases(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    yield from ("embedded", *_files(incomplete))


def _data(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    yield from ("embedded", "hub", *_files(incomplete))


def _policies(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    yield from ("each", "mean")


def _trackers(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    from xpareto.pipelines.trackers import TRACKERS

    yield from TRACKERS.names


recipes, runs, candidates, arms = _of(_recipes), _of(_runs), _of(_candidates), _of(_arms)
settings, listed, aims, probes = _of(_settings), _of(_listed), _of(_aims), _of(_probes)
documents, bases, data, policies = _of(_documents), _of(_bases), _of(_data), _of(_policies)
trackers = _of(_trackers)
