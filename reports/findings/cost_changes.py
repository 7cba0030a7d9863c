"""How each cost compares with that of the uncompressed baseline in the same runtime."""

from __future__ import annotations

from xpareto.eval.analyses.documents import Analysis, CostEstimate
from xpareto.eval.results import RunSummary
from xpareto.reports.findings.noise import noise_ratio
from xpareto.reports.text import beyond_noise, factor


def compared_with(run_summary: RunSummary, candidate: str) -> str:
    """Return what a candidate's costs are compared with: the uncompressed baseline in its runtime.

    Of that one itself it is the baseline, and the difference is the runtime's alone.
    """
    here = run_summary.uncompressed(candidate)
    return run_summary.run.baseline if here == candidate else here


def cost_change(run_summary: RunSummary, analysis: Analysis, candidate: str, cost: str) -> str:
    """Return by how much less or more a cost is than that of `compared_with`, as `4.2× quicker`; "" of itself.

    Where the interval of the analysis holds 1, or without one the noise floor holds the ratio, it is said to be
    within noise; where not even that is known it is told as measured.
    """
    other, unit = compared_with(run_summary, candidate), run_summary.objectives[cost].unit
    here, there = run_summary.value(candidate, cost), run_summary.value(other, cost)
    if candidate == other or here is None or not there:
        return ""
    known = _estimate(analysis, candidate, cost, run_summary.uncompressed(candidate) == candidate)
    words = factor(here / there, unit)
    if known is not None and known.low is not None and known.high is not None:
        alike = known.low < known.high and not beyond_noise(known.low, known.high)
        return f"{words}, within noise" if alike else words
    floor = noise_ratio(analysis, cost)
    if floor is None:
        return f"{words} as measured" if analysis else words
    return f"{words}, within noise" if 1 / floor < here / there < floor else words


def _estimate(analysis: Analysis, candidate: str, cost: str, uncompressed: bool) -> CostEstimate | None:
    """Return the ratio with its interval, of a candidate that is a system by itself."""
    if not analysis or analysis.seeded or (candidate,) not in analysis.members:
        return None
    ratios = analysis.cost_ratios.get(cost)
    own = ratios[analysis.members.index((candidate,))] if ratios else None
    return None if own is None else own.runtime if uncompressed else own.compression
