"""The change of all candidates together: found where it is, and not made up by what blocks share."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xpareto.eval.comparison.common_change import Logs, pooled_change
from xpareto.eval.statistics.intervals import Spread, t_quantile

MARGIN = math.log1p(0.05)


def runs(
    rng: np.random.Generator, candidates: int = 20, blocks: int = 3, shift: float = 0.0, shared: float = 0.0,
    own: float = 0.1,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return log costs of two runs; `shared` is what a block does to all, `own` the noise of a candidate."""
    levels = rng.normal(0, 1, (candidates, 1))
    found = [
        levels + rng.normal(0, own, (candidates, blocks)) + rng.normal(0, shared, (1, blocks)) for _ in "ab"
    ]
    return found[0], found[1] + shift


def test_what_no_candidate_shows_alone_all_show_together() -> None:
    a, b = runs(np.random.default_rng(0), shift=math.log(1.3), own=0.1)
    found = pooled_change({"latency": Logs(a, b, -1)}, MARGIN)["latency"]
    assert found.beyond and found.contrast.verdict == "worse"
    assert found.contrast.low < math.log(1.3) < found.contrast.high < math.log(1.6)
    assert (found.candidates, found.blocks) == (20, 3)


def test_more_is_better_of_some_costs() -> None:
    a, b = runs(np.random.default_rng(0), shift=-math.log(1.3), own=0.02)
    found = pooled_change({"throughput": Logs(a, b, 1), "latency": Logs(a, b, -1)}, MARGIN)
    assert found["throughput"].beyond and found["throughput"].contrast.verdict == "worse"
    assert not found["latency"].beyond and found["latency"].contrast.verdict == "better"


def test_a_change_within_the_margin_is_never_beyond_it_however_well_it_is_known() -> None:
    a, b = runs(np.random.default_rng(1), candidates=400, blocks=9, shift=math.log(1.03), own=0.001)
    found = pooled_change({"latency": Logs(a, b, -1)}, MARGIN)["latency"]
    assert not found.beyond and found.contrast.verdict == "equivalent"


@pytest.mark.parametrize("blocks", [2, 3])
def test_what_blocks_share_is_no_change(blocks: int) -> None:
    """Runs of one code on a machine whose blocks differ by 10 % (standard deviation) of all candidates' time."""
    rng = np.random.default_rng(2)
    wrong = outside = 0
    for _ in range(400):
        a, b = runs(rng, blocks=blocks, shared=0.1, own=0.05)
        found = pooled_change({"latency": Logs(a, b, -1)}, MARGIN)["latency"]
        wrong += found.beyond
        outside += not found.contrast.low <= 0 <= found.contrast.high
    assert wrong <= 0.05 * 400
    assert outside <= 0.08 * 400  # 5 % and 3 standard errors of 400 draws


def test_runs_that_agree_by_chance_are_not_certain() -> None:
    """A run against a copy of it: its own blocks tell how far it can be trusted."""
    a, _ = runs(np.random.default_rng(6), candidates=25, blocks=2, own=0.1, shared=0.2)
    found = pooled_change({"latency": Logs(a, a, -1)}, MARGIN)["latency"].contrast
    expected = t_quantile(0.025, 24) * 0.1 / math.sqrt(25)  # two runs of two blocks each: 0.1 a candidate
    assert found.difference == 0 and found.high == pytest.approx(expected, rel=0.3)


def test_one_block_each_tells_nothing() -> None:
    a, b = runs(np.random.default_rng(3), blocks=1, shift=math.log(1.3), own=0.01)
    assert pooled_change({"latency": Logs(a, b, -1)}, MARGIN) == {}


def test_one_candidate_is_not_all_of_them() -> None:
    a, b = runs(np.random.default_rng(4), candidates=1, shift=1.0)
    assert pooled_change({"latency": Logs(a, b, -1)}, MARGIN) == {}


def test_the_costs_are_a_family() -> None:
    rng = np.random.default_rng(5)
    a, b = runs(rng, candidates=8, blocks=2, shift=math.log(1.3), shared=0.004, own=0.02)
    alone = pooled_change({"latency": Logs(a, b, -1)}, MARGIN)["latency"].contrast
    quiet = {f"other-{at}": Logs(*runs(rng, candidates=8, blocks=2), -1) for at in range(4)}
    among = pooled_change({"latency": Logs(a, b, -1), **quiet}, MARGIN)["latency"].contrast
    assert among.members == 5 and among.p == alone.p and among.p_adjusted > alone.p_adjusted


def test_an_error_of_few_examples_takes_its_quantile_of_t() -> None:
    few = Spread(np.array([1.0]), np.array([0.0]), None, examples_df=2)
    assert few.half_width(0.95)[0] == pytest.approx(t_quantile(0.025, 2))
    assert few.p_value(few.half_width(0.95))[0] == pytest.approx(0.05, rel=1e-3)
    both = Spread(np.array([1.0]), np.array([2.0]), 1, examples_df=4)
    assert both.p_value(both.half_width(0.9))[0] == pytest.approx(0.1, rel=1e-3)
