"""Simulated runs whose truth is known, held against limits on drops by the code that `xpareto choose` runs.

Every example of a language is answered by an uncompressed model and by variants of it, which change some
answers: a share `changed` of them, as many won as lost, and a `loss` of points beside. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xpareto.eval.comparison.drops import judged_drops
from xpareto.eval.statistics.bootstrap import NORMAL_FROM
from xpareto.eval.statistics.score_draws import task_scores
from xpareto.eval.statistics.scores import Weights, score_table
from xpareto.eval.tasks import task

TASK = task("tatoeba")  # 36 languages whose examples are drawn apart
ACCURACY = 0.7  # of the uncompressed model
DRAWS = 500


def outcomes_of(
    rng: np.random.Generator,
    losses: np.ndarray,
    examples: int,
    changed: float | np.ndarray = 0.02,
    accuracy: float = ACCURACY,
) -> dict[str, np.ndarray]:
    """Return by language the outcomes (1 + variants, examples, 2) of the baseline and its variants.

    `losses` (variants, languages) are the true drops in points, `changed` the share of answers whose
    outcome changes, of each variant or of all; where the loss is larger, that many change, all for the worse.
    """
    shares = losses / 100
    changes = np.broadcast_to(np.asarray(changed, dtype=np.float64).reshape(-1, 1), losses.shape)
    lost, won = np.maximum(shares, (changes + shares) / 2), np.maximum(-shares, (changes - shares) / 2)
    found = {}
    for at, code in enumerate(TASK.languages[: losses.shape[1]]):
        right = rng.random(examples) < accuracy
        luck = rng.random((len(losses), examples))
        turned = np.where(
            right, luck < lost[:, at, None] / accuracy, luck < won[:, at, None] / (1 - accuracy)
        )
        answers = np.concatenate([right[None], right ^ turned]).astype(np.float64)
        found[code] = np.stack([answers, np.ones_like(answers)], axis=-1)
    return found


@dataclass(frozen=True)
class Judged:
    """Which variants (variants,) one run passes, and what it says of its power."""

    passed: np.ndarray
    needed: Mapping[str, int | None]


def judge(
    outcomes: Mapping[str, np.ndarray],
    limits: Mapping[str, float],
    seed: int = 0,
    predictions: Mapping[str, Sequence[int]] | None = None,
) -> Judged:
    """Return what limits on drops, such as {"worst_language_drop": 2.0}, say of the variants."""
    codes = tuple(outcomes)
    scored = task_scores(
        TASK, outcomes, seed, DRAWS, normal_from=NORMAL_FROM, predictions=predictions
    )  # fmt: skip
    table = score_table([scored], {TASK.name: codes}, 0, Weights())
    count = len(scored.points)
    systems = table.systems([{0: at} for at in range(count)])
    drops, _, power = judged_drops(systems, 0, ["none"] * count, table, limits, point_estimates=False)
    passed = [all(of[name].upper <= limit for name, limit in limits.items()) for of in drops[1:]]
    return Judged(np.array(passed), {name: told.needed for name, told in power.items()})


def passed_in_runs(
    runs: int,
    losses: np.ndarray,
    limits: Mapping[str, float],
    examples: int = 1000,
    changed: float | np.ndarray = 0.02,
    seed: int = 0,
) -> np.ndarray:
    """Return which variants passed in each of many runs, bool (runs, variants); arguments as in `outcomes_of`.

    How often any variant that breaks a limit passes is `[:, breaking].any(axis=1).mean()`, which 5 % bound.
    """
    rng = np.random.default_rng(seed)
    return np.stack(
        [judge(outcomes_of(rng, losses, examples, changed), limits, run).passed for run in range(runs)]
    )


def lossless(variants: int = 8, languages: int = 22) -> np.ndarray:
    """Return the losses (variants, languages) of variants that lose nothing."""
    return np.zeros((variants, languages))


def one_language_loses(loss: float, variants: int = 8, languages: int = 22) -> np.ndarray:
    """Return the losses of variants each of which loses `loss` points in a language of its own, else nothing."""
    losses = np.zeros((variants, languages))
    losses[np.arange(variants), np.arange(variants) % languages] = loss
    return losses
