"""The earlier artifact of a chain that a step learns from, by the label of the step that gave it."""

from __future__ import annotations

from xpareto.compress.core.errors import hint
from xpareto.compress.core.step import ChainState, IncompatibleStep

SOURCE = "source"  # in a recipe: learn from what the step is given itself


def earlier_label(label: str) -> str | None:
    """Return what `Step.learns_from` says for a field that names a teacher.

    >>> earlier_label("fp32"), earlier_label("source")
    ('fp32', None)
    """
    return None if label == SOURCE else label


def earlier_state(step: str, label: str, state: ChainState) -> ChainState:
    """Return what the chain carried at the teacher; IncompatibleStep where there is none or it is no torch model.

    >>> earlier_state("distill", "fp32", ChainState("torch", earlier={"fp32": ChainState("torch", "mlm")})).head
    'mlm'
    """
    if label == SOURCE:
        return state
    teacher_state = state.earlier.get(label)
    if teacher_state is None:
        known = [SOURCE, *state.earlier]
        raise IncompatibleStep(
            f'{step}: teacher: no step before it in this chain is labelled "{label}".{hint(label, known)} '
            f"Known: {', '.join(known)}."
        )
    if teacher_state.format != "torch":
        raise IncompatibleStep(
            f"{step}: teacher: a teacher is a torch model, but {label} gives {teacher_state.format or 'nothing'}. "
            "Name a step before the export."
        )
    return teacher_state
