"""Which candidates are uncompressed, and which of them a cost is compared with: the one in the same runtime.

A model that was exported and quantized is quicker than the one that was trained for two reasons: another
runtime, which every model can have, and compression. Beside the uncompressed model in its own runtime a
candidate shows the second alone.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cache

from xpareto.compress.core import STEPS
from xpareto.eval.results.document import Candidate, StepFacts
from xpareto.eval.results.run import Run


def uncompressed(run: Run, candidate: Candidate) -> Candidate:
    """Return the baseline's model in a candidate's runtime; the baseline, where that was not measured.

    It is a candidate of the baseline's arm whose chain is the baseline's but for steps that change the format
    alone, such as an export. One of the candidate's own run and seed goes first, then the order of the run.
    """
    baseline = run.candidate(run.baseline)
    chain = _compressing(baseline)
    found = [
        other
        for other in run.candidates
        if other.runtime == candidate.runtime and other.arm == baseline.arm and _compressing(other) == chain
    ]
    return min(
        found,
        key=lambda other: (
            other.run != candidate.run,
            other.seed != candidate.seed,
            other.name != run.baseline,
        ),
        default=baseline,
    )


def uncompressed_models(run: Run, arms: Collection[str] | None = None) -> tuple[str, ...]:
    """Return the names of the uncompressed candidates of some arms, or all, of every seed, run and runtime.

    They have the stage, runtime and settings of the baseline's model in one of its runtimes (see
    `uncompressed`): an arm may be measured in one of them only.
    """
    baseline = run.candidate(run.baseline)
    chain = _compressing(baseline)
    forms = [_form(own) for own in run.candidates if own.arm == baseline.arm and _compressing(own) == chain]
    return tuple(
        candidate.name
        for candidate in run.candidates
        if _form(candidate) in forms and (arms is None or candidate.arm in arms)
    )


def _form(candidate: Candidate) -> tuple[object, ...]:
    return candidate.stage, candidate.runtime, candidate.settings


def _compressing(candidate: Candidate) -> list[StepFacts]:
    return [step for step in candidate.steps if not _converts(step.step)]


@cache
def _converts(name: str) -> bool:
    """Tell whether a step changes the format of a model and nothing else; one that is not known does more."""
    if name not in STEPS.names:
        return False
    kind = STEPS.load(name)
    return kind.takes is not None and kind.takes != kind.gives
