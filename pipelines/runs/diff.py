"""`xpareto diff`: read two runs and ask what changed between them."""

from __future__ import annotations

from xpareto.compress.core import InputError
from xpareto.eval.analyses import diff
from xpareto.eval.analyses.documents import Difference
from xpareto.eval.results import read_run_results
from xpareto.pipelines.storage import RunFolder


def diff_runs(
    first: RunFolder,
    second: RunFolder,
    tolerance: float = 1.0,
    cost_tolerance: float = 5.0,
    resamples: int = 2000,
    seed: int = 0,
    strict: bool = False,
) -> Difference:
    """Return the differences of run B (`second`) from run A (see eval.analyses.diff).

    InputError for numbers out of range, or runs that have nothing in common.
    """
    _check_numbers(tolerance, cost_tolerance, resamples, seed)
    a, b = (read_run_results(run.path, seed=seed, count_unlearnt=True) for run in (first, second))
    return diff(a, b, tolerance, cost_tolerance, resamples, strict)


def _check_numbers(tolerance: float, cost_tolerance: float, resamples: int, seed: int) -> None:
    if not 0 < tolerance < 100:
        raise InputError(f"--tolerance: expected points above 0 and below 100, found {tolerance:g}.")
    if not 0 < cost_tolerance < 1000:
        raise InputError(f"--cost-tolerance: expected percent above 0, found {cost_tolerance:g}.")
    if not 100 <= resamples <= 100_000:
        raise InputError(f"--resamples: expected 100 to 100000 draws, found {resamples}.")
    if seed < 0:
        raise InputError(f"--seed: expected a whole number from 0 on, found {seed}.")
