"""What a deployment needs, as `xpareto choose` is told, and whether a run can be asked for it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from compress.errors import InputError, hint
from eval.choice import MAX_DROP, WORST_DROP
from eval.score_table import Weights
from pipelines.deployable import PREFER
from pipelines.evidence import Evidence

UNITS = {MAX_DROP: "points", WORST_DROP: "points", "p95_ms": "ms", "rss_mb": "MB", "load_ms": "ms",
         "size_mb": "MB", "energy_j": "J"}  # fmt: skip
OPTIONS = {MAX_DROP: "--max-drop", WORST_DROP: "--worst-language-drop", "p95_ms": "--p95-ms",
           "rss_mb": "--rss-mb", "load_ms": "--load-ms", "size_mb": "--size-mb",
           "energy_j": "--energy-j"}  # fmt: skip


@dataclass(frozen=True)
class Wish:
    """What a deployment needs. `limits` by the names of UNITS; drops in points, costs in their units.

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
    found = {}
    for part in names(text):
        name, sign, value = part.partition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError as error:
            raise InputError(
                f'--weights: expected a name, = and a number, such as xnli=2, found "{part}".'
            ) from error
        if not sign:
            raise InputError(f'--weights: expected a name, = and a number, such as xnli=2, found "{part}".')
    return found


def check(wish: Wish) -> None:
    if wish.prefer not in PREFER:
        raise InputError(
            f'--prefer: expected {", ".join(PREFER)}, found "{wish.prefer}".{hint(wish.prefer, PREFER)}'
        )
    if wish.seed_policy not in ("each", "mean"):
        raise InputError(
            f'--seed-policy: expected each or mean, found "{wish.seed_policy}".'
            f"{hint(wish.seed_policy, ('each', 'mean'))}"
        )
    for name, value in wish.limits.items():
        least = "0 or more" if name in (MAX_DROP, WORST_DROP) else "above 0"
        if not math.isfinite(value) or value < 0 or (value == 0 and least != "0 or more"):
            raise InputError(f"{OPTIONS[name]}: expected a number {least}, found {value:g}.")
    if not 100 <= wish.resamples <= 100_000:
        raise InputError(f"--resamples: expected 100 to 100000 draws, found {wish.resamples}.")
    if wish.folds == 1 or not 0 <= wish.folds <= 20:
        raise InputError(f"--folds: expected 2 to 20 parts, or 0 for none, found {wish.folds}.")


def check_names(evidence: Evidence, wish: Wish) -> None:
    languages = sorted({code for codes in evidence.languages.values() for code in codes})
    for option, given, known in (
        ("--tasks", wish.tasks, list(evidence.tasks)),
        ("--languages", wish.languages, languages),
        ("--weights", list(wish.weights), [*evidence.tasks, *languages]),
    ):
        for name in given:
            if name not in known:
                raise InputError(
                    f'{option}: "{name}" is not in this run.{hint(name, known)} It has: {", ".join(known)}.'
                )
    for name, value in wish.weights.items():
        if not math.isfinite(value) or value < 0:
            raise InputError(f"--weights: {name}: expected a number of 0 or more, found {value:g}.")


def weights_of(evidence: Evidence, wish: Wish) -> Weights:
    """Return the weights; a task or language of weight 0 must not be all that there is."""
    found = Weights(
        {name: value for name, value in wish.weights.items() if name in evidence.tasks},
        {name: value for name, value in wish.weights.items() if name not in evidence.tasks},
    )
    for name, codes in evidence.languages.items():
        if found.task(name) == 0:
            raise InputError(f"--weights: {name}: leave a task out by --tasks, not by weight 0.")
        if not any(found.language(code) for code in codes):
            raise InputError(f"--weights: every language of {name} has weight 0. Leave it out by --tasks.")
    return found
