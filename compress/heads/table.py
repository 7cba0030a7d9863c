"""The heads by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from xpareto.compress.core import Head
from xpareto.compress.heads import (
    choice,
    classification,
    encoder,
    mlm,
    multi_label_classification,
    qa,
    tagging,
)
from xpareto.compress.heads.spec import HeadSpec

HEADS: Mapping[Head, HeadSpec] = {
    spec.name: spec
    for spec in (
        mlm.SPEC,
        encoder.SPEC,
        classification.SPEC,
        multi_label_classification.SPEC,
        tagging.SPEC,
        qa.SPEC,
        choice.SPEC,
    )
}

NOT_DEPLOYED: Mapping[Head, str] = {
    spec.name: "a masked language model, which has nothing to deploy. Put a train step before it."
    for spec in HEADS.values()
    if not spec.deployable
}
"""What a step refuses (Step.refuses) that works on what a runtime opens."""


def head_of_class(
    ending: str, labels: Callable[[], Sequence[str]], problem_type: str | None = None
) -> Head | None:
    """Return the head of a transformers class by its ending; None where it is none of ours.

    `labels` gives the names of a checkpoint's labels, and is asked only where several heads share the class;
    `problem_type` is what its config.json says.

    >>> head_of_class("ForSequenceClassification", lambda: ["LABEL_0"])
    'choice'
    """
    named = [spec for spec in HEADS.values() if spec.class_ending == ending]
    if len(named) > 1:
        named = [spec for spec in named if spec.owns(labels(), problem_type)]
    return named[0].name if named else None
