"""Times of several functions taken side by side, so that what disturbs the machine disturbs them alike."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

_SAMPLES = 3  # per turn; the least counts, since what disturbs a sample only ever lengthens it
_SHORTEST_S = 0.003  # of a sample: what is quicker is repeated, so that the clock does not matter
_WARM_UPS = 2

Run = Callable[[], object]


def interleaved(
    runs: Mapping[str, Run],
    rounds: int,
    seed: int,
    *,
    clock: Callable[[], float],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, np.ndarray]:
    """Return the milliseconds of each function in each round, (rounds,).

    Every round has one turn of each function, in an order drawn anew. A turn is an untimed call, which
    fills the caches as steady use does, and three samples, of which the least counts; functions that
    take less than 3 ms are called several times for a sample. Turn i of two functions lie near each
    other in time: take their ratio by round, then the median.
    """
    repeats = {}
    for name, run in runs.items():
        for _ in range(_WARM_UPS):
            run()
        start = clock()
        run()
        repeats[name] = max(1, math.ceil(_SHORTEST_S / max(clock() - start, 1e-9)))
    random = np.random.default_rng(seed)
    names = list(runs)
    milliseconds: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds):
        for at in random.permutation(len(names)):
            name = names[at]
            milliseconds[name].append(_turn(runs[name], repeats[name], clock))
        progress(number + 1, rounds)
    return {name: np.asarray(times) for name, times in milliseconds.items()}


def _turn(run: Run, repeats: int, clock: Callable[[], float]) -> float:
    run()
    samples = []
    for _ in range(_SAMPLES):
        start = clock()
        for _ in range(repeats):
            run()
        samples.append((clock() - start) / repeats)
    return min(samples) * 1e3


@dataclass(frozen=True)
class Ratio:
    """How many times quicker one function is than another: median over rounds, and its spread."""

    median: float
    low: float  # a 95 % interval of the median
    high: float
    rounds: int


def speedup(before: Sequence[float] | np.ndarray, after: Sequence[float] | np.ndarray) -> Ratio:
    """Return before / after by round: the median, and its 95 % interval from the order of the ratios.

    The interval holds for any distribution (the sign test turned round): the number of ratios below the
    true median is binomial(rounds, 1/2). Below 6 rounds it is the whole range.

    >>> speedup([2.0, 2.2, 1.8], [1.0, 1.0, 1.0])
    Ratio(median=2.0, low=1.8, high=2.2, rounds=3)
    """
    from scipy.special import bdtr  # a tenth of a second to import

    ratios = np.sort(np.asarray(before, np.float64) / np.asarray(after, np.float64))
    count = len(ratios)
    # The greatest number of ratios that may lie outside on each side: P(binomial <= outside) <= 2.5 %.
    outside = max(0, int((bdtr(np.arange(count // 2), count, 0.5) <= 0.025).sum()) - 1)
    return Ratio(float(np.median(ratios)), float(ratios[outside]), float(ratios[count - 1 - outside]), count)
