"""The decision against exhaustive search, and its reasons."""

from __future__ import annotations

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.comparison.decision import MAX_DROP, WORST_DROP, Drop, Option, decide


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


def test_of_misses_by_the_same_share_the_better_score_is_nearest() -> None:
    options = [
        replace(option(name, 30.0), score=score) for name, score in (("a", 60.0), ("b", 70.0), ("c", 65.0))
    ]
    assert decide(options, {"p95_ms": 20.0}, "latency", {}).nearest == "b"


def test_a_cost_is_held_against_its_limit_by_the_most_that_it_can_be() -> None:
    noisy = replace(option("noisy", 9.0), uppers={"p95_ms": 21.0})
    found = decide([noisy], {"p95_ms": 20.0}, "latency", {})
    (broken,) = found.rejected["noisy"]
    assert (broken.value, broken.upper, broken.found, broken.excess) == (18.0, 21.0, 21.0, 1.0)
    assert decide([noisy], {"p95_ms": 20.0}, "latency", {}, point_estimates=True).chosen == "noisy"
    assert decide([option("known", 10.0)], {"p95_ms": 20.0}, "latency", {}).chosen == "known"


def test_what_is_no_number_meets_no_limit_and_is_never_preferred() -> None:
    lost = replace(option("lost", 1.0), costs={"p95_ms": math.nan}, aims={"latency": math.nan})
    assert decide([lost], {"p95_ms": 20.0}, "latency", {}).chosen is None
    assert decide([lost, option("sound", 9.0)], {}, "latency", {}).ranked == ("sound", "lost")


def test_scores_within_noise_are_equal_and_the_smaller_size_counts() -> None:
    options = [
        replace(option("large", 10.0), aims={"latency": 10.0, "size": 2.0}),
        replace(option("small", 10.0, drop=0.04), aims={"latency": 10.0, "size": 1.0}),
        replace(option("poor", 10.0, drop=3.0), aims={"latency": 10.0, "size": 0.5}),
    ]
    scores = {own.name: own.score for own in options}

    def beyond(one: str, other: str) -> bool:
        return scores[one] > scores[other] + 0.5

    assert decide(options, {}, "latency", {}, better=beyond).ranked == ("small", "large", "poor")
    assert decide(options, {}, "score", {}, better=beyond).ranked == ("small", "large", "poor")
    assert decide(options, {}, "latency", {}).ranked == ("large", "small", "poor")


def test_no_option_is_nearest_where_only_what_nobody_measured_is_missing() -> None:
    options = [option("a", 10.0), option("b", 5.0, drop=3.0)]
    found = decide(options, {"rss_mb": 9.0, MAX_DROP: 1.0}, "latency", {})
    assert found.unmeasured == ("rss_mb",) and found.nearest is None
    partly = [*options, replace(option("c", 7.0), costs={"rss_mb": 10.0})]
    assert decide(partly, {"rss_mb": 9.0, MAX_DROP: 1.0}, "latency", {}).nearest == "c"


def test_what_is_no_number_fits_no_limit() -> None:
    for value in (math.nan, math.inf):
        found = decide([option("odd", 10.0, rss_mb=value)], {"rss_mb": 500.0}, "latency", {})
        (violation,) = found.rejected["odd"]
        assert found.chosen is None and violation.found is None
    drop = decide([option("odd", 10.0, drop=math.nan)], {MAX_DROP: 1.0}, "latency", {})
    assert drop.chosen is None and drop.nearest == "odd"
