"""Which models a step changes after the fork, where each training set has one of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from xpareto.compress.core.sources import EACH
from xpareto.compress.core.step import ChainState, IncompatibleStep

Only = Annotated[list[str] | None, Field(min_length=1)]
"""Training sets whose models a step changes; None: all."""


def check_only(only: Sequence[str] | None, state: ChainState) -> None:
    """Raise IncompatibleStep where `only` names training sets before there are models of them.

    >>> check_only(None, ChainState("torch")), check_only(["udpos"], ChainState("torch", forked=True))
    (None, None)
    """
    if only is not None and not state.forked:
        raise IncompatibleStep(
            "only: the chain has no models per training set here. Leave `only` out, or put the step "
            "after the one with `on: each`."
        )


def applies_to(only: Sequence[str] | None, training_set: str) -> bool:
    """Does a step with this `only` change the model of a training set?

    >>> applies_to(None, "udpos"), applies_to(["xnli"], "udpos")
    (True, False)
    """
    return only is None or training_set in only


def check_trained_set(step: str, on: str | None, only: Sequence[str] | None) -> None:
    """Raise IncompatibleStep where a step after the fork would train on one set models that are other sets' as well.

    >>> check_trained_set("distill", "each", None), check_trained_set("distill", "udpos@de", ["udpos"])
    (None, None)
    """
    training_set = str(on).partition("@")[0]
    if on not in (None, EACH) and only != [training_set]:
        raise IncompatibleStep(
            f"{step}: on: after the fork every model has a training set of its own. Say `on: each`, or add "
            f"`only: [{training_set}]`."
        )
