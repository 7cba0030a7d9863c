"""What a deployment needs, as `xpareto choose` is told, and whether a run can be asked for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xpareto.compress.core import InputError, hint
from xpareto.eval.objectives import Objective, declared_limits, preferences
from xpareto.eval.results import RunResults
from xpareto.eval.statistics import Weights


@dataclass(frozen=True)
class Requirements:
    """What a deployment needs. `limits` by the names that objectives declare (see eval.objectives.Limit);
    drops in points, costs in their units. `prefer` is an objective, by its name or alias.

    `seed_policy` "each": every trained model stands for itself, since a model is deployed, not a
    recipe; its drop is uncertain by the test examples. "mean": the seeds of one variant are judged
    together, their spread included, and the model of the middle score is named.
    """

    limits: Mapping[str, float]
    prefer: str = "latency"
    tasks: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    weights: Mapping[str, float] = field(default_factory=dict)
    seed_policy: str = "each"
    point_estimates: bool = False
    resamples: int = 2000
    seed: int = 0
    folds: int = 5
    count_unlearnt: bool = False  # tasks that no uncompressed model has learnt count as well


def names(text: str) -> tuple[str, ...]:
    """Return the names of a list such as `xnli,udpos`.

    >>> names("xnli, udpos"), names("")
    (('xnli', 'udpos'), ())
    """
    return tuple(part.strip() for part in text.split(",") if part.strip())


def named_numbers(text: str) -> dict[str, float]:
    """Return the numbers of a list such as `xnli=2,sw=0.5`; InputError where it is none.

    >>> named_numbers("xnli=2, sw=0.5")
    {'xnli': 2.0, 'sw': 0.5}
    """
    numbers = {}
    for part in names(text):
        name, sign, value = part.partition("=")
        try:
            numbers[name.strip()] = float(value)
        except ValueError as error:
            raise InputError(
                f'--weights: expected a name, = and a number, such as xnli=2, found "{part}".'
            ) from error
        if not sign:
            raise InputError(f'--weights: expected a name, = and a number, such as xnli=2, found "{part}".')
    return numbers


def check(requirements: Requirements) -> Requirements:
    """Return the requirements, aliases of objectives replaced; InputError where they ask for what cannot be."""
    aims = preferences()
    by_name = {objective.name: aim for aim, objective in aims.items()}
    prefer = by_name.get(requirements.prefer, requirements.prefer)
    if prefer not in aims:
        raise InputError(
            f'--prefer: expected {", ".join(aims)}, found "{requirements.prefer}".'
            f"{hint(requirements.prefer, [*aims, *by_name])}"
        )
    if requirements.seed_policy not in ("each", "mean"):
        raise InputError(
            f'--seed-policy: expected each or mean, found "{requirements.seed_policy}".'
            f"{hint(requirements.seed_policy, ('each', 'mean'))}"
        )
    declared = declared_limits()
    for name, value in requirements.limits.items():
        if name not in declared:
            raise InputError(
                f'No limit "{name}": no objective declares it.{hint(name, declared)} There are: '
                f"{', '.join(declared)}."
            )
        objective, limit = declared[name]
        least = "0 or more" if objective.role == "quality" else "above 0"
        if not math.isfinite(value) or value < 0 or (value == 0 and least != "0 or more"):
            raise InputError(f"{limit.option}: expected a number {least}, found {value:g}.")
    if not 100 <= requirements.resamples <= 100_000:
        raise InputError(f"--resamples: expected 100 to 100000 draws, found {requirements.resamples}.")
    if requirements.folds == 1 or not 0 <= requirements.folds <= 20:
        raise InputError(f"--folds: expected 2 to 20 parts, or 0 for none, found {requirements.folds}.")
    return replace(requirements, prefer=prefer)


def qualities_of(requirements: Requirements) -> tuple[Objective, ...]:
    """Return the objectives of role quality that checked requirements prefer or set a limit on."""
    asked = [
        preferences()[requirements.prefer],
        *(declared_limits()[name][0] for name in requirements.limits),
    ]
    return tuple(objective for objective in asked if objective.role == "quality")


def check_names(results: RunResults, requirements: Requirements) -> None:
    languages = sorted({code for codes in results.languages.values() for code in codes})
    for option, given, known in (
        ("--tasks", requirements.tasks, list(results.tasks)),
        ("--languages", requirements.languages, languages),
        ("--weights", list(requirements.weights), [*results.tasks, *languages]),
    ):
        for name in given:
            if name not in known:
                raise InputError(
                    f'{option}: "{name}" is not in this run.{hint(name, known)} It has: {", ".join(known)}.'
                )
    for name, value in requirements.weights.items():
        if not math.isfinite(value) or value < 0:
            raise InputError(f"--weights: {name}: expected a number of 0 or more, found {value:g}.")


def weights_of(results: RunResults, requirements: Requirements) -> Weights:
    """Return the weights; a task or language of weight 0 must not be all that there is."""
    weights = Weights(
        {name: value for name, value in requirements.weights.items() if name in results.tasks},
        {name: value for name, value in requirements.weights.items() if name not in results.tasks},
    )
    for name, codes in results.languages.items():
        if weights.task(name) == 0:
            raise InputError(f"--weights: {name}: leave a task out by --tasks, not by weight 0.")
        if not any(weights.language(code) for code in codes):
            raise InputError(f"--weights: every language of {name} has weight 0. Leave it out by --tasks.")
    return weights
