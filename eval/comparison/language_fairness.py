"""How a loss falls on languages: the worst one, the spread, scripts, resources; always in points.

A drop is the baseline's score less the system's, paired by example and by seed, in percentage points;
relative drops explode where the baseline is poor. Drops have two signs: compression helps some languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xpareto.eval.data import LANGUAGES
from xpareto.eval.statistics import Uncertain, shrunken_spread, simultaneous

LEVEL = 0.95
OTHER = "other"  # the class of a language of which nothing is known here


@dataclass(frozen=True)
class Interval:
    """A value with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Fairness:
    """What one system loses, language by language.

    The intervals of `drops` hold for all languages of this system at once, each at the level `single`;
    so does that of `worst`, the largest drop. With few training seeds what a seed does to all languages
    is taken apart, and the variances of the rest are shrunken over the languages (see
    eval.statistics.variance_shrinkage). No end lies beyond what the baseline has to lose or to win.
    `spread` is the standard deviation of the drops over languages, `spread_beyond_noise` what is left of
    it once the noise in which languages differ is taken off. Groups and the slope have intervals of their
    own. The slope is in points per tenfold of pre-training tokens,
    by least squares over the languages whose tokens are known; None with fewer than three.
    """

    drops: Mapping[str, Interval]
    worst_language: str
    worst: Interval
    spread: float
    spread_beyond_noise: float
    by_script: Mapping[str, Interval]
    by_resources: Mapping[str, Interval]
    slope: Interval | None
    slope_languages: tuple[str, ...]
    single: float


def fairness(
    scores: Uncertain, languages: Sequence[str], baseline: int, rng: np.random.Generator, draws: int
) -> list[Fairness]:
    """Return the fairness of every system; the quantities of `scores` are the languages."""
    drops = _drops(scores, baseline)
    noise = drops.independent(rng, draws)
    shared = drops.normal(rng, draws)
    spread = shrunken_spread(drops.spread(), drops.repeats)
    most, least = scores.points[baseline], scores.points[baseline] - 100.0
    groups = {
        kind: _groups(languages, kind) for kind in ("script", "resources")
    }  # kind -> group -> weights over languages
    known = [code for code in languages if _log_tokens(code) is not None]
    slope = _slope_weights(languages, known) if len(known) >= 3 else None
    fairness_by_system = []
    for at in range(len(drops.points)):
        system_drops = drops.of([at])
        single = simultaneous(noise[at], spread.joint_level) if noise.shape[-1] else LEVEL
        points = drops.points[at]
        half = spread.of(at).joint_half_width(single) if at != baseline else np.zeros(len(points))
        lows, highs = np.maximum(points - half, least), np.minimum(points + half, most)
        listed = {
            code: Interval(float(points[k]), float(lows[k]), float(highs[k]))
            for k, code in enumerate(languages)
        }
        worst = int(np.argmax(points))
        variance = float(points.var(ddof=1)) if len(points) > 1 else 0.0
        beyond = variance - (_scatter(shared[at], system_drops.added) if at != baseline else 0.0)
        fairness_by_system.append(
            Fairness(
                listed,
                languages[worst],
                Interval(float(points[worst]), float(lows.max()), float(highs.max())),
                variance**0.5,
                max(0.0, beyond) ** 0.5,
                {name: _combined(system_drops, weights) for name, weights in groups["script"].items()},
                {name: _combined(system_drops, weights) for name, weights in groups["resources"].items()},
                _combined(system_drops, slope) if slope is not None else None,
                tuple(known),
                single,
            )
        )
    return fairness_by_system


def _drops(scores: Uncertain, baseline: int) -> Uncertain:
    gains = scores.less(baseline)
    return replace(gains, points=-gains.points, examples=-gains.examples, repeats=-gains.repeats)


def _scatter(noise: np.ndarray, added: np.ndarray | None) -> float:
    """Return the variance over languages that noise (languages, draws) alone makes; 0 without draws.

    What all languages share, as the examples of parallel test sets, moves them together and makes none.
    """
    variance = float(noise.var(axis=0, ddof=1).mean()) if min(noise.shape) > 1 else 0.0
    return variance + (0.0 if added is None else float(added.mean()))


def _combined(drops: Uncertain, weights: np.ndarray) -> Interval:
    combined = drops.mapped(weights[:, None])
    value = float(combined.points[0, 0])
    half = float(combined.spread().half_width(LEVEL)[0, 0])
    return Interval(value, value - half, value + half)


def _groups(languages: Sequence[str], kind: str) -> dict[str, np.ndarray]:
    names = [str(getattr(LANGUAGES[code], kind)) if code in LANGUAGES else OTHER for code in languages]
    weights_by_group = {}
    for name in sorted(set(names)):
        inside = np.array([language_group == name for language_group in names], dtype=np.float64)
        weights_by_group[name] = inside / inside.sum()
    return weights_by_group


def _log_tokens(code: str) -> float | None:
    return LANGUAGES[code].log_tokens if code in LANGUAGES else None


def _slope_weights(languages: Sequence[str], known: Sequence[str]) -> np.ndarray | None:
    """Return the weights of the drops in the least-squares slope, (languages,)."""
    x = np.array([_log_tokens(code) or 0.0 for code in languages])
    inside = np.array([code in known for code in languages])
    centred = np.where(inside, x - x[inside].mean(), 0.0)
    square = float((centred**2).sum())
    return centred / square if square > 0 else None
