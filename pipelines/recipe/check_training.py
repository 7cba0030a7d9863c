"""Check the names of what a training step learns from: sets, languages, uses of text."""

from __future__ import annotations

from collections.abc import Iterator

from xpareto.compress.core import EACH, ENCODER, Step, unknown_source
from xpareto.eval.tasks import TRAINING_SETS
from xpareto.pipelines.recipe.check_languages import known_languages, unknown_language
from xpareto.pipelines.recipe.located_yaml import Located, Where


def training_problems(step: Step, source: Located, where: Where) -> Iterator[str]:
    """Yield what is wrong with the names in a training step's `on`, `languages` and `per_set`."""
    on = getattr(step, "on", None)
    known = [*TRAINING_SETS.names, ENCODER, EACH]
    languages = known_languages()
    names: list[str] = [on] if isinstance(on, str) else on or []
    for index, name in enumerate(names):
        wrong = unknown_source(name, known, languages)
        if wrong is not None:
            at: Where = (*where, "on") if isinstance(on, str) else (*where, "on", index)
            yield f"{source.at(at)}: {wrong}"
    for index, language in enumerate(getattr(step, "languages", None) or ()):
        wrong = unknown_language(language, languages)
        if wrong is not None:
            yield f"{source.at((*where, 'languages', index))}: {wrong}"
    for name in getattr(step, "per_set", None) or ():
        wrong = unknown_source(name, [*TRAINING_SETS.names, ENCODER])
        if wrong is not None:
            yield f"{source.at((*where, 'per_set', name))}: {wrong}"
