"""Check the names of what a training step learns from: sets, languages, uses of text."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from xpareto.compress.core import EACH, ENCODER, Step, unknown_source
from xpareto.eval.tasks import TRAINING_SETS
from xpareto.pipelines.recipe.check_languages import known_languages, unknown_language
from xpareto.pipelines.recipe.located_yaml import Located, Where


def training_problems(step: Step, source: Located, where: Where, own: Collection[str]) -> Iterator[str]:
    """Yield what is wrong with the names in a training step's `on`, `languages` and `per_set`.

    `own` are the names of the tasks that the recipe declares, each of which is a training set, too.
    """
    on = getattr(step, "on", None)
    known = [*own, *TRAINING_SETS.names, ENCODER, EACH]
    languages = known_languages()
    names: list[str] = [on] if isinstance(on, str) else on or []
    for index, name in enumerate(names):
        its_own = name.partition("@")[0] in own  # whose languages the data tell
        wrong = unknown_source(name, known, None if its_own else languages)
        if wrong is not None:
            at: Where = (*where, "on") if isinstance(on, str) else (*where, "on", index)
            yield f"{source.at(at)}: {wrong}"
    chosen = getattr(step, "languages", None) or ()
    if chosen and (learnt := [name for name in own if on == EACH or name in names]):
        yield (
            f"{source.at((*where, 'languages'))}: {' and '.join(learnt)} learns from all languages of its train "
            "split, or from those that its `train_languages` names. Say it there, and leave `languages` out."
        )
    for index, language in enumerate(chosen):
        wrong = unknown_language(language, languages)
        if wrong is not None:
            yield f"{source.at((*where, 'languages', index))}: {wrong}"
    for name in getattr(step, "per_set", None) or ():
        wrong = unknown_source(name, [*own, *TRAINING_SETS.names, ENCODER])
        if wrong is not None:
            yield f"{source.at((*where, 'per_set', name))}: {wrong}"
