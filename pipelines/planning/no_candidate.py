"""Why a recipe gives nothing to measure although its steps are right by themselves, and what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xpareto.pipelines.recipe import Checked, Setting


def why_no_candidate(checked: Checked, sets: Sequence[str], formats: Mapping[str, str]) -> str:
    """Return why a recipe gives no candidate; `sets` are the training sets of its tasks, `formats` what each of
    its runtimes opens."""
    settings = {
        id(one): one for chain in checked.chains.values() for place in chain for one in place
    }.values()
    name = checked.recipe.name
    if not any(one.enabled and one.step.branches(sets) for one in settings):
        trained = [one for one in settings if hasattr(one.step, "on")]
        last = f" It has {trained[-1].name} {trained[-1].label} at {trained[-1].where}." if trained else ""
        return (
            f"The recipe {name} gives no candidate: its tasks need one model for each of {', '.join(sets)}, but no "
            f"step has `on: each`, which makes them. Say `on: each` in the step that trains for the tasks.{last}"
        )
    steps = ", ".join(sorted({one.name for one in settings if one.enabled}))
    opened = ", ".join(f"{runtime}: {kind}" for runtime, kind in formats.items())
    return (
        f"The recipe {name} gives no candidate: from the step with `on: each` on, no step's format ({steps}) is one "
        f"that its runtimes open ({opened}), or every step says `candidate: false`. Add a runtime or an export."
    )


def why_format_lacks(setting: Setting, given: str | None, left_out: Sequence[Setting]) -> str:
    """Return why a step is not given the format that it takes, where a step that gives it is left out; else ""."""
    for other in left_out:
        if other.step.gives == setting.step.takes != given:
            return (
                f"it takes {setting.step.takes}, and {other.name}, which would give that, is left out "
                f"(enabled: false) at {other.where}. Leave {setting.name} out, too, or neither."
            )
    return ""
