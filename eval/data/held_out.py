"""Dev examples taken off the end of a training set, for sets whose own dev part holds test examples."""

from __future__ import annotations

from collections.abc import Sequence

from xpareto.eval.tasks import Example, Question


def held_out(examples: Sequence[Example], share: float, split: str) -> list[Example]:
    """Return the last `share` of the examples for "dev", and what comes before them for "train".

    Questions on one context stay together, on the side of dev. Examples that are all on one context
    are all training data.

    >>> examples = [Question(str(n), "?", f"Context {n // 2}.", ()) for n in range(10)]
    >>> [one.id for one in held_out(examples, 0.1, "dev")], len(held_out(examples, 0.1, "train"))
    (['8', '9'], 8)
    """
    at = len(examples) - round(len(examples) * share)
    while 0 < at < len(examples) and _together(examples[at - 1], examples[at]):
        at -= 1
    if at == 0:
        at = len(examples)
    return list(examples[at:] if split == "dev" else examples[:at])


def _together(one: Example, other: Example) -> bool:
    return isinstance(one, Question) and isinstance(other, Question) and one.context == other.context
