"""Every promise of the coverage table is kept, in fewer runs than those that are published."""

from __future__ import annotations

import pytest

from tests.bench.coverage import PARTS, Row

RUNS = 100


@pytest.mark.slow
@pytest.mark.parametrize("part", PARTS)
def test_intervals_and_tests_keep_what_they_promise(part: str) -> None:
    broken = [row.line() for row in PARTS[part][1](RUNS) if not row.kept]
    assert not broken, "\n".join(broken)


def test_a_row_is_kept_within_the_error_of_its_runs_and_no_further() -> None:
    assert (
        Row("", "", "at least", 0.95, 0.89, 100).kept and not Row("", "", "at least", 0.95, 0.89, 1000).kept
    )
    assert Row("", "", "at most", 0.05, 0.11, 100).kept and not Row("", "", "at most", 0.05, 0.12, 100).kept
