"""What a student and its teacher must have in common, by what is to be learned."""

from __future__ import annotations

from typing import Any

from xpareto.compress.core import Artifact, ChainState, Head, IncompatibleStep, InputError
from xpareto.compress.distillation.layer_map import picked_layer
from xpareto.compress.distillation.objectives import MiniLM, Objectives, Relations
from xpareto.compress.heads import HEADS
from xpareto.compress.models import attention_heads, attention_width


def check_answers(
    objectives: Objectives, head: Head, *, labelled: bool, error: type[Exception] = IncompatibleStep
) -> None:
    """Raise where a head has no answers, or no labels, to learn."""
    if not HEADS[head].has_logits and objectives.answers:
        raise error(
            "distill: logits and labels are a head's, but the model is a bare encoder. Learn hidden states or "
            "relations, or leave it out by `only`."
        )
    if objectives.labels is not None and not HEADS[head].predicts_tokens and not labelled:
        raise error("distill: labels: a text has none. Add `on`, or leave labels out.")


def check_artifacts(
    source: Artifact, teacher: Artifact, objectives: Objectives, *, whole: bool, labelled: bool, text: bool
) -> None:
    """Raise InputError where source and teacher do not fit, before any weight is loaded.

    `whole`: the source itself is the student; `labelled`, `text`: what it learns on.
    """
    manifest = source.manifest
    if whole and teacher.digest == source.digest:
        raise InputError(
            "distill: teacher: it is what the step is given, so there is nothing to learn. Name a "
            "step before it was made smaller, or give `student` its size."
        )
    check_answers(objectives, manifest.head, labelled=labelled, error=InputError)
    own, other = (one.manifest for one in (source, teacher))
    if objectives.logits is not None and (own.head, own.labels) != (other.head, other.labels):
        raise InputError(
            f"distill: teacher: expected the student's head {own.head} with the labels "
            f"{', '.join(own.labels) or '(none)'}, found {other.head} with "
            f"{', '.join(other.labels) or '(none)'}. Name a teacher trained on the same set, or learn hidden "
            "states or relations only."
        )
    check_text(manifest.head, text=text, error=InputError)


def check_text(head: Head | None, *, text: bool, error: type[Exception] = IncompatibleStep) -> None:
    """Raise where a text is no input of a head."""
    if head is not None and not HEADS[head].reads_text and text:
        raise error(
            "distill: text: a multiple-choice model reads questions with options, which a text has not. Leave "
            "it out by `only`, or learn on its training set: on: each."
        )


def layer_pair(objective: MiniLM | Relations | None, student: int, teacher: int) -> tuple[int, int] | None:
    if objective is None:
        return None
    return (
        picked_layer(objective.student_layer, student, "student"),
        picked_layer(objective.teacher_layer, teacher, "teacher"),
    )


def check_attention(student: Any, pair: tuple[int, int], teacher: Any, *, head_by_head: bool) -> None:

    own, other = pair
    found = attention_heads(student.base_model, own), attention_heads(teacher.base_model, other)
    if 0 in found:
        whose, layer = ("student", own) if not found[0] else ("teacher", other)
        raise InputError(
            f"distill: layer {layer} of the {whose} has no attention heads left to compare. Name another one: "
            f"{whose}_layer of relations and minilm, layers of attention."
        )
    if head_by_head and found[0] != found[1]:
        raise InputError(
            f"distill: attention and minilm compare head by head, but layer {own} of the student has {found[0]} "
            f"and layer {other} of the teacher {found[1]}. Use relations, which compare any numbers of heads."
        )


def relation_heads(wanted: Relations | None, pair: tuple[int, int] | None, student: Any, teacher: Any) -> int:
    """Return the number of relation heads; InputError where it divides not both widths."""

    if wanted is None or pair is None:
        return 0
    widths = attention_width(student.base_model, pair[0]), attention_width(teacher.base_model, pair[1])
    if wanted.heads is None:
        most = max(1, widths[1] // 16)
        return max(heads for heads in range(1, most + 1) if not any(width % heads for width in widths))
    if any(width % wanted.heads for width in widths):
        raise InputError(
            f"distill: relations: heads: expected a divisor of both widths of the queries, {widths[0]} of the "
            f"student and {widths[1]} of the teacher, found {wanted.heads}."
        )
    return wanted.heads


def check_same_head(teacher: str, its_head: Head | None, state: ChainState) -> None:
    """Raise Misfit where a student cannot learn a teacher's answers, since its head is another one.

    `its_head`: the teacher's; None: not known before there is a model of each training set.

    >>> check_same_head("fp32", "tagging", ChainState("torch", "tagging"))
    """
    if its_head is not None and (state.forked or its_head != state.head):
        raise IncompatibleStep(
            f"distill: teacher: {teacher} has the head {its_head}, but the student "
            f"{f'has the head {state.head}' if state.head else 'has that of its training set'}, so its answers cannot "
            "be learned. Name a teacher with the same head, or learn hidden states or relations only."
        )
