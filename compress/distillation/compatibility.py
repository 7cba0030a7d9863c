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
    teacher_manifest = teacher.manifest
    if objectives.logits is not None and (manifest.head, manifest.labels) != (
        teacher_manifest.head,
        teacher_manifest.labels,
    ):
        raise InputError(
            f"distill: teacher: expected the student's head {manifest.head} with the labels "
            f"{', '.join(manifest.labels) or '(none)'}, found {teacher_manifest.head} with "
            f"{', '.join(teacher_manifest.labels) or '(none)'}. Name a teacher trained on the same set, or learn "
            "hidden states or relations only."
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

    student_layer, teacher_layer = pair
    head_counts = (
        attention_heads(student.base_model, student_layer),
        attention_heads(teacher.base_model, teacher_layer),
    )
    if 0 in head_counts:
        whose, layer = ("student", student_layer) if not head_counts[0] else ("teacher", teacher_layer)
        raise InputError(
            f"distill: layer {layer} of the {whose} has no attention heads left to compare. Name another one: "
            f"{whose}_layer of relations and minilm, layers of attention."
        )
    if head_by_head and head_counts[0] != head_counts[1]:
        raise InputError(
            "distill: attention and minilm compare head by head, but layer "
            f"{student_layer} of the student has {head_counts[0]} and layer {teacher_layer} of the teacher "
            f"{head_counts[1]}. Use relations, which compare any numbers of heads."
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
    """Raise IncompatibleStep where a student cannot learn a teacher's answers, since its head is another one.

    `its_head`: the teacher's; None: not known before there is a model of each training set.

    >>> check_same_head("fp32", "tagging", ChainState("torch", "tagging"))
    """
    if its_head is not None and (state.forked or its_head != state.head):
        raise IncompatibleStep(
            f"distill: teacher: {teacher} has the head {its_head}, but the student "
            f"{f'has the head {state.head}' if state.head else 'has that of its training set'}, so its answers cannot "
            "be learned. Name a teacher with the same head, or learn hidden states or relations only."
        )
