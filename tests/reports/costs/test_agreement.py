from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.reports.costs.agreement import agreement


def by_correlation(values: list[tuple[float, float]]) -> float:
    """Kendall's tau-b as Kendall himself put it: the correlation of the signs of all differences."""
    x, y = (np.sign(np.subtract.outer(one, one)) for one in np.array(values).T)
    return float((x * y).sum() / np.sqrt((x**2).sum() * (y**2).sum()))


def test_the_worked_example_of_scipy_is_met() -> None:
    found = agreement(list(zip([12, 2, 1, 12, 2], [1, 4, 7, 1, 0], strict=True)))
    assert found is not None and found.tau == pytest.approx(-0.47140452079103173, abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=2, max_size=20))
def test_it_is_the_correlation_of_signs_whatever_the_ties(values: list[tuple[float, float]]) -> None:
    found = agreement(values)
    if len({x for x, _ in values}) == 1 or len({y for _, y in values}) == 1:
        assert found is None
    else:
        assert found is not None and found.tau == pytest.approx(by_correlation(values), abs=1e-12)
        assert 0 <= found.alike <= found.pairs <= len(values) * (len(values) - 1) // 2


def test_the_same_order_is_one_and_the_reverse_minus_one() -> None:
    up, down = agreement([(n, n * n) for n in range(9)]), agreement([(n, -n) for n in range(9)])
    assert up is not None and down is not None
    assert (up.tau, up.alike, down.tau, down.alike) == (1.0, 36, -1.0, 0)
    assert agreement([]) is None and agreement([(1.0, 2.0)]) is None
