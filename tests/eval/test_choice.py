"""The decision against exhaustive search, and its reasons."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from eval.choice import MAX_DROP, WORST_DROP, Drop, Option, decide


def option(name: str, latency: float, drop: float = 0.0, upper: float | None = None, **more: float) -> Option:
    return Option(
        name, 70.0 - drop, {MAX_DROP: Drop(drop, drop if upper is None else upper)},
        {"p95_ms": 2 * latency, **more}, {"latency": latency, "size": 1.0},
    )  # fmt: skip


@given(
    st.lists(st.tuples(st.integers(1, 9), st.integers(-2, 5), st.integers(0, 3)), min_size=1, max_size=6),
    st.integers(2, 18),
    st.integers(0, 5),
)
def test_the_quickest_that_meets_every_limit_is_chosen(
    raw: list[tuple[int, int, int]], p95: int, drop: int
) -> None:
    options = [option(f"c{at}", time, lost, lost + wide) for at, (time, lost, wide) in enumerate(raw)]
    found = decide(options, {"p95_ms": p95, MAX_DROP: drop}, "latency", {})
    fitting = [own for own in options if own.costs["p95_ms"] <= p95 and own.drops[MAX_DROP].upper <= drop]
    assert set(found.ranked) == {own.name for own in fitting}
    assert set(found.rejected) == {own.name for own in options} - set(found.ranked)
    if fitting:
        best = min(fitting, key=lambda own: (own.aims["latency"], -own.score, own.name))
        assert found.chosen == best.name and found.nearest is None
    else:
        assert found.chosen is None and found.nearest in found.rejected


def test_the_upper_end_decides_unless_points_are_asked_for() -> None:
    options = [option("base", 10), option("quick", 2, drop=0.8, upper=1.4)]
    assert decide(options, {MAX_DROP: 1.0}, "latency", {}).chosen == "base"
    assert decide(options, {MAX_DROP: 1.0}, "latency", {}, point_estimates=True).chosen == "quick"


def test_costs_within_the_noise_are_equal_and_the_score_counts() -> None:
    options = [option("quick", 10.0, drop=1.0), option("near", 10.4, drop=0.2), option("far", 11.0)]
    assert decide(options, {}, "latency", {"latency": math.log(1.05)}).ranked == ("near", "quick", "far")
    assert decide(options, {}, "latency", {}).ranked == ("quick", "near", "far")
    assert decide(options, {}, "score", {}).ranked == ("far", "near", "quick")


def test_every_broken_limit_is_told_with_its_excess() -> None:
    worst = {MAX_DROP: Drop(0.5, 1.5), WORST_DROP: Drop(2.0, 4.0, "sw")}
    one = Option("one", 69.5, worst, {"p95_ms": 30.0}, {"latency": 15.0})
    found = decide([one], {MAX_DROP: 1.0, WORST_DROP: 3.0, "p95_ms": 20.0, "rss_mb": 500.0}, "latency", {})
    told = {own.limit_name: own for own in found.rejected["one"]}
    assert told[MAX_DROP].excess == 0.5 and told["p95_ms"].excess == 10.0 and told["p95_ms"].share == 0.5
    assert told[WORST_DROP].language == "sw" and told[WORST_DROP].excess == 1.0
    assert told["rss_mb"].found is None  # what was not measured is not shown to fit
    assert found.nearest == "one"


def test_the_nearest_miss_breaks_the_fewest_limits_by_the_least_share() -> None:
    options = [option("slow", 30.0), option("poor", 9.0, drop=1.5), option("both", 12.0, drop=1.01)]
    assert decide(options, {"p95_ms": 20.0, MAX_DROP: 1.0}, "latency", {}).nearest == "poor"


def test_what_is_no_number_fits_no_limit() -> None:
    for value in (math.nan, math.inf):
        found = decide([option("odd", 10.0, rss_mb=value)], {"rss_mb": 500.0}, "latency", {})
        (violation,) = found.rejected["odd"]
        assert found.chosen is None and violation.found is None
    drop = decide([option("odd", 10.0, drop=math.nan)], {MAX_DROP: 1.0}, "latency", {})
    assert drop.chosen is None and drop.nearest == "odd"
