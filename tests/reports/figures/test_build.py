"""What figures for print hold: the analysis' intervals, marks that differ, labels that cover nothing."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from tests.reports.analysed_run import changed, document_of
from xpareto.eval.analyses.documents.frontier import Attainment
from xpareto.eval.analyses.documents.summary import NoSummary, Summary
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import SCORE, RunSummary
from xpareto.eval.results.summary import summarize as study_of
from xpareto.reports.figures.attainment import draw_attainment, pairs
from xpareto.reports.figures.build import figures
from xpareto.reports.figures.drops import draw_drops, shown_systems
from xpareto.reports.figures.frontier import draw_frontier, note, plotted, short_names
from xpareto.reports.figures.labels import Anchor, Box, leader, placed
from xpareto.reports.figures.style import COLUMN_INCHES, STYLE, log_ticks, look
from xpareto.reports.findings.systems import Point
from xpareto.reports.formats.latex import escaped, latex

Shown = tuple[RunSummary, Summary]


def sheet() -> Figure:
    return Figure(layout="constrained", dpi=72)


def test_an_analysis_adds_drops_and_several_seeds_their_attainment(seeds: Shown, alone: Shown) -> None:
    costs = seeds[0].costs
    score, attained = {f"score-{cost}" for cost in costs}, {f"attainment-{cost}" for cost in costs}
    names = {name.rsplit(".")[0] for name in figures(*seeds)}
    assert names == {*score, *attained, "drops"}
    assert {name.rsplit(".")[0] for name in figures(*alone)} == {*score, "drops"}
    assert figures(*alone) == figures(*alone)


def test_figures_are_one_column_wide_and_embed_their_fonts(seeds: Shown) -> None:
    for name, data in figures(*seeds).items():
        if name.endswith(".pdf"):
            assert b"/FontFile2" in data and b"/Type3" not in data
        else:
            assert f'width="{COLUMN_INCHES * 72:g}pt"'.encode() in data and b"<text" not in data


@pytest.mark.parametrize("which", ["seeds", "alone"])
def test_points_carry_the_intervals_of_both_score_and_cost(
    which: str, request: pytest.FixtureRequest
) -> None:
    run_summary, analysis = request.getfixturevalue(which)
    found, unit = plotted(run_summary, analysis, run_summary.objectives["latency_ms"])
    assert unit == "ms" and [own.point.name for own in found] == list(analysis.names)
    frontier = analysis.frontiers["latency_ms"]
    for at, own in enumerate(found):
        value, low, high = analysis.scores[at].change
        cost = analysis.costs_beside["latency_ms"][at]
        assert cost is not None
        assert own.on == (at in frontier.on)
        assert own.wide is not None and own.wide[1] / own.x == pytest.approx(cost.high / cost.value)
        if at == analysis.base:
            assert own.tall is None
        else:
            assert own.tall is not None
            assert own.tall == pytest.approx((own.y + low - value, own.y + high - value))


def test_without_an_analysis_the_score_alone_has_its_binomial_interval(alone: Shown) -> None:
    run_summary = alone[0]
    found, _ = plotted(run_summary, NoSummary(unavailable="none"), run_summary.objectives["latency_ms"])
    for own in found:
        average = run_summary.average(own.point.name)
        assert average is not None and average.half is not None and own.wide is None
        assert own.tall == pytest.approx((own.y - average.half, own.y + average.half))
        assert own.on == (own.point.name in run_summary.frontiers["latency_ms", SCORE])


def test_a_candidate_without_outcomes_is_drawn_without_intervals(alone: Shown) -> None:
    run_summary, analysis = alone
    document = document_of(analysis)
    for key in ("systems", "scores", "fairness"):
        document[key] = document[key][:-1]
    document["drift"] = []
    for key in ("costs", "costs_beside", "cost_ratios", "flips", "flips_by_task"):
        document[key] = {name: row[:-1] for name, row in document[key].items()}
    document |= {"frontiers": {}, "answer": None}
    found, _ = plotted(run_summary, changed(alone, **document), run_summary.objectives["latency_ms"])
    assert len(found) == len(run_summary.run.candidates)
    assert [(own.wide, own.tall) for own in found if own.point.at is None] == [(None, None)]


def test_the_figure_says_what_its_bars_are(seeds: Shown, alone: Shown) -> None:
    assert "from its repeats" in note(alone[1], "latency_ms") and "seeds" not in note(alone[1], "latency_ms")
    assert "counted" in note(seeds[1], "size_bytes") and "training seeds" in note(seeds[1], "size_bytes")
    once = document_of(alone[1])["objectives"]
    once["latency_ms"]["noise"]["basis"] = "unknown"
    assert "not known" in note(changed(alone, objectives=once), "latency_ms")
    assert "binomial" in note(NoSummary(unavailable="none"), "latency_ms")


def test_energy_carries_its_basis_on_the_axis(make_run: Callable[..., Path]) -> None:
    folder = make_run(energy="modelled")
    (folder / "recipe.yaml").write_text("objectives: [score, energy_j]\n", encoding="utf-8")
    found = study_of(read_runs([folder]))
    figure = sheet()
    draw_frontier(figure, found, NoSummary(unavailable="none"), found.objectives["energy_j"])
    assert figure.axes[0].get_xlabel().startswith("Modelled energy per example (mJ),")


def test_seventy_seven_arms_look_different() -> None:
    assert len({look(place) for place in range(77)}) == 77
    assert all(look(place)[1] != look(place + 1)[1] for place in range(76))  # neighbours also without colour


@given(st.floats(1e-4, 1e9), st.floats(1.02, 1e5))
def test_ticks_of_a_logarithmic_axis_are_few_and_never_collide(low: float, factor: float) -> None:
    high = low * factor
    found = log_ticks(low, high)
    assert 2 <= len(found) <= 6
    assert all(low * (1 - 1e-9) <= tick <= high * (1 + 1e-9) for tick in found)
    for one, other in itertools.pairwise(found):
        assert math.log(other / one) >= 0.1 * math.log(factor) * (1 - 1e-9)


def test_ticks_are_the_only_ones_on_the_axis(alone: Shown) -> None:
    figure = sheet()
    with rc_context(dict(STYLE)):
        assert draw_frontier(figure, *alone, alone[0].objectives["latency_ms"])
        figure.draw_without_rendering()
    (axes,) = figure.axes
    low, high = axes.get_xlim()
    labels = [text for text in axes.xaxis.get_ticklabels(which="both") if text.get_text()]
    assert [float(text.get_text()) for text in labels] == pytest.approx(log_ticks(low, high))
    boxes = [text.get_window_extent() for text in labels]
    assert not any(one.overlaps(other) for one, other in itertools.pairwise(boxes))


def test_every_point_on_the_frontier_is_named_in_the_figure(seeds: Shown) -> None:
    figure = sheet()
    draw_frontier(figure, *seeds, seeds[0].objectives["latency_ms"])
    found, _ = plotted(*seeds, seeds[0].objectives["latency_ms"])
    names = short_names([own.point for own in found])
    written = {text.get_text(): text.get_fontweight() for text in figure.axes[0].texts}
    for own, name in zip(found, names, strict=True):
        assert not own.on or written[name] == "bold"


@given(st.lists(st.tuples(st.floats(0, 180), st.floats(0, 150)), min_size=1, max_size=9))
def test_labels_stay_in_the_frame_and_those_not_needed_cover_nothing(
    spots: list[tuple[float, float]],
) -> None:
    frame = Box(0, 0, 180, 150)
    taken = [Box(x - 3, y - 3, x + 3, y + 3) for x, y in spots]
    anchors = [Anchor(x, y, 40, 6, place % 2 == 0) for place, (x, y) in enumerate(spots)]
    boxes = placed(anchors, frame, taken, [])
    for place, (anchor, box) in enumerate(zip(anchors, boxes, strict=True)):
        assert box is not None or not anchor.needed
        assert box is None or box.within(frame)
        if box is not None and not anchor.needed:
            assert not any(box.overlap(other) for other in taken)
            x, y, end, top = leader(anchor, box)
            for part in np.linspace(0.0, 1.0, 30):
                here = Box(*(x + part * (end - x), y + part * (top - y)) * 2)
                for mark in taken:
                    assert Box(anchor.x, anchor.y, anchor.x, anchor.y).within(mark) or not here.within(mark)
            assert not any(box.overlap(other) for other in boxes[:place] if other is not None)


def test_labels_of_neighbours_do_not_cover_each_other() -> None:
    anchors = [Anchor(90 + 2 * place, 75, 40, 6, True) for place in range(5)]
    offered = placed(anchors, Box(0, 0, 180, 150), [], [])
    boxes = [box for box in offered if box is not None]
    assert len(boxes) == 5 and not any(a.overlap(b) for a, b in itertools.combinations(boxes, 2))


def test_names_are_as_short_as_they_can_be() -> None:
    def point(name: str) -> Point:
        arm, stage, runtime = name.split("/")
        return Point(name, arm, stage, runtime, (name,), {})

    names = ["a/int8/torch", "b/int8/torch", "b/fp32/torch", "c/int8/torch", "c/int8/onnxruntime"]
    assert short_names([point(name) for name in names]) == ["a", "b int8", "b fp32", *names[3:]]


def test_the_heat_map_holds_the_drops_of_the_document(seeds: Shown) -> None:
    run_summary, analysis = seeds
    figure = sheet()
    assert draw_drops(figure, run_summary, analysis)
    values = np.ma.filled(figure.axes[0].images[0].get_array(), np.nan)
    cells = analysis.cells
    assert cells is not None
    tasks = list(dict.fromkeys(task for task, _ in cells.places))
    rows = [text.get_text() for text in figure.axes[0].get_yticklabels()]
    columns = [text.get_text() for text in figure.axes[0].get_xticklabels()]
    systems = shown_systems(run_summary, analysis, len(tasks))
    assert analysis.base not in [own.at for own in systems] and columns == tasks * len(systems)
    seen = 0
    for block, own in enumerate(systems):
        assert own.at is not None
        for (task, code), drop in zip(cells.places, cells.drops[own.at], strict=True):
            value = values[rows.index(code), block * len(tasks) + tasks.index(task)]
            assert value == pytest.approx(drop, abs=1e-6)
            seen += 1
    assert seen == np.isfinite(values).sum() and rows[0] == "en"


def test_of_many_variants_the_heat_map_shows_those_on_the_frontier_first(seeds: Shown) -> None:
    run_summary, analysis = seeds
    few = shown_systems(run_summary, analysis, 14)  # room for one
    assert len(few) == 1
    on = {analysis.names[place] for place in analysis.frontiers["latency_ms"].on}
    assert few[0].name in on
    everyone = shown_systems(run_summary, analysis, 1)
    assert [own.at for own in everyone] == [at for at in range(len(analysis.names)) if at != analysis.base]


def test_the_attainment_figure_draws_every_region_in_its_place(seeds: Shown) -> None:
    run_summary, analysis = seeds
    figure = sheet()
    assert draw_attainment(figure, run_summary, analysis, run_summary.objectives["latency_ms"])
    found = analysis.attainment["latency_ms"]
    (own,) = found.differences
    boxes = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    assert len(boxes) == len([region for region in own.regions if region.difference])
    for box, (cheap, dear, low, _, share) in zip(boxes, own.regions, strict=True):
        left, right = figure.axes[0].get_xlim()
        assert bool(box.get_hatch()) == (share < 0)
        assert box.get_x() == pytest.approx(left if cheap is None else max(left, 2.0**cheap))
        end = right if dear is None else min(right, 2.0**dear)
        assert box.get_x() + box.get_width() == pytest.approx(max(end, box.get_x()))
        bottom, top = figure.axes[0].get_ylim()
        assert box.get_y() == pytest.approx(bottom if low is None else min(max(low, bottom), top))


def test_of_many_pairs_those_with_the_baselines_arm_are_shown() -> None:
    arms = {arm: {"seeds": [0, 1], "surfaces": []} for arm in "abcdef"}
    differences = [{"a": a, "b": b, "regions": []} for a, b in itertools.combinations(arms, 2)]
    few, every = (
        Attainment.model_validate({"arms": arms, "differences": own})
        for own in (differences[:10], differences)
    )
    assert len(pairs(few, "b")) == 10
    assert {(own.a, own.b) for own in pairs(every, "b")} == {
        ("a", "b"),
        *(("b", other) for other in "cdef"),
    }


def test_the_table_of_the_frontier_marks_the_confidence_set(seeds: Shown, tmp_path: Path) -> None:
    run_summary, analysis = seeds
    text = latex(run_summary, analysis)["membership.tex"]
    lines = text.split("\\midrule\n")[1].split("\\bottomrule")[0].strip().splitlines()
    frontier = analysis.frontiers["latency_ms"]
    assert len(lines) == len(analysis.names)
    assert f"percent of {analysis.resamples} draws" in text
    for line in lines:
        name, first = line.split(" & ")[:2]
        at = next(at for at, own in enumerate(analysis.names) if escaped(own) == name)
        share = frontier.membership[frontier.systems.index(at)]
        assert first == f"{share}" + (r"$\dagger$" if at in frontier.confidence_set else "")
    assert set(latex(run_summary)) == {"candidates.tex", "scores.tex"}
