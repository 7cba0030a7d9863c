"""The analysis that a run leaves for its report, on made-up runs whose truth is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.pipelines.made_up_run import write_run
from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.documents.summary import ALL, NO_ANALYSIS, NoSummary, Summary
from xpareto.eval.analyses.documents.summary_file import read_analysis
from xpareto.eval.analyses.requirements import Requirements
from xpareto.eval.analyses.summary import analyse
from xpareto.eval.records.measurement import append_rows
from xpareto.eval.results.run_results import read_run_results
from xpareto.eval.statistics.intervals import LEVEL
from xpareto.eval.tasks import KINDS, TASKS, task
from xpareto.pipelines.runs.choose import choose_run
from xpareto.pipelines.runs.report import build_report, write_analysis
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.reports.costs.timing import MODEL, timing
from xpareto.reports.terminal.choose import notes


def better(arm: str, name: str, seed: int) -> float:
    return 70.0 + 8.0 * (arm == "english") + seed


def analysed(run: RunFolder, resamples: int = 300) -> Summary:
    return analyse(read_run_results(run.path), resamples)


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return write_run(tmp_path / "r", better, seeds=(0, 1, 2), repeats=4)


def test_systems_are_variants_with_their_seeds(run: RunFolder) -> None:
    found = analysed(run)
    assert len(found.systems) == 6 and found.baseline == "none/fp32/torch"
    assert all(list(own.candidates) == [0, 1, 2] for own in found.systems)
    results = read_run_results(run.path)
    for system, scores in zip(found.systems, found.scores, strict=True):
        own = [results.run_summary.value(name, "score") for name in system.candidates.values()]
        assert scores.average == pytest.approx(np.mean([x for x in own if x is not None]), abs=0.006)
    assert found.score_floor > 0
    assert found.languages == {"de": ("Latn", "high"), "en": ("Latn", "high"), "sw": ("Latn", "low")}


def test_membership_dominance_and_confidence_set_tell_the_truth_that_was_built_in(run: RunFolder) -> None:
    """English scores higher at equal cost; onnx answers as well as fp32 and is quicker."""
    found = analysed(run)
    names = [own.name for own in found.systems]
    latency = found.frontiers["latency_ms"]
    place = {name: latency.systems.index(at) for at, name in enumerate(names)}
    quick, slow = place["english/onnx/onnxruntime"], place["none/fp32/torch"]
    assert latency.dominance[quick][slow] > 90 and latency.dominance[slow][quick] == 0
    assert latency.membership[slow] < 10 and latency.membership[quick] > 80
    assert set(latency.on) == {names.index(f"english/{v}/onnxruntime") for v in ("onnx", "int8")}
    assert set(latency.on) <= set(latency.confidence_set)
    # One level for the sets of all frontiers: each alone would need less.
    (single,) = {own.single_level for own in found.frontiers.values()}
    assert LEVEL ** (1 / len(found.frontiers)) < single < 1
    assert latency.hypervolumes["english"].value > latency.hypervolumes["none"].value
    volume = latency.hypervolume
    assert volume.low < volume.value < volume.high
    assert sum(latency.knee_shares) + latency.knee_none == pytest.approx(100, abs=3)
    assert ALL in found.frontiers and found.frontiers[ALL].hypervolume is None
    noise = found.objectives["latency_ms"].noise
    assert noise.basis == "blocks" and noise.blocks == 4 and 0 < noise.floor < 5
    assert found.objectives["size_bytes"].noise.basis == "exact"


def test_the_twin_of_the_baseline_is_compared_with_it(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", arms=("none",), seeds=(0,), repeats=3)
    rows = [r for r in run.rows() if r.candidate == "none/fp32/torch" and r.statistic == "latency"]
    twins = [replace(r, probe="aa", statistic="aa_latency", value=1.02 * (r.value or 0)) for r in rows]
    alone = analysed(run).objectives["latency_ms"].noise
    append_rows(run.rows_file, twins)
    both = analysed(run).objectives["latency_ms"].noise
    assert alone.twin is None and both.twin == pytest.approx(2.0, abs=0.01)
    assert both.df == alone.df + 2


def test_a_cost_is_one_number_wherever_it_is_read(tmp_path: Path) -> None:
    """The page's table reads the study, `choose` and the intervals read the blocks."""
    run = write_run(tmp_path / "r", arms=("none",), seeds=(0,), repeats=2)
    slow = [
        replace(row, value=1.6 * (row.value or 0), repeat=2)
        for row in run.rows()
        if row.statistic in ("latency", "peak_rss") and row.repeat == 0
    ]
    append_rows(run.rows_file, slow)
    results = read_run_results(run.path)
    found, fits = analyse(results, 100), choose_run(run, Requirements({}, resamples=100, folds=0))
    names = [own.name for own in found.systems]
    for objective in ("latency_ms", "size_bytes"):
        for name, (value, low, high) in zip(names, found.costs[objective], strict=True):
            assert results.run_summary.value(name, objective) == pytest.approx(value, rel=1e-4)
            assert low <= value <= high
    # The third block was 1.6 times as slow for everyone: a cost by itself may be far off, no ratio is.
    for (value, low, high), (same, near_low, near_high) in zip(
        found.costs["latency_ms"], found.costs_beside["latency_ms"], strict=True
    ):
        assert value == same and low < near_low < near_high < high and high / low > 1.5 * near_high / near_low
    assert found.costs["size_bytes"] == found.costs_beside["size_bytes"]
    here = fits.baseline
    assert here.aims["latency"] == pytest.approx(results.run_summary.value(here.name, "latency_ms"))
    assert timing(results.run_summary.run.rows[here.name]).parts[MODEL] == pytest.approx(here.aims["latency"])


def test_drops_cells_and_attainment_are_those_of_the_rows(run: RunFolder) -> None:
    found = analysed(run)
    rows = {(r.candidate, r.task, r.language, r.statistic): r.value for r in run.rows() if r.value}
    base, other = (found.systems[at].candidates for at in (0, 2))
    for at, (name, code) in enumerate(found.cells.places):
        metric = task(name).metrics[0]
        drop = np.mean([rows[base[s], name, code, metric] - rows[other[s], name, code, metric] for s in base])
        assert found.cells.drops[2][at] == pytest.approx(drop, abs=0.006)
    assert found.cells.errors[0] == (0.0,) * 7
    worst = found.fairness[2]
    assert worst.drops[worst.worst_language][0] == max(own[0] for own in worst.drops.values())
    assert worst.worst[1] < worst.worst[0] < worst.worst[2]
    attained = found.attainment["size_bytes"]
    assert len(attained.arms["none"].surfaces) == 3
    (pair,) = attained.differences
    assert (pair.a, pair.b) == ("none", "english")
    assert all(region[4] > 0 for region in pair.regions)  # english is above everywhere


def same_as_choose(run: RunFolder, found: Summary) -> None:
    names = [own.name for own in found.systems]
    for own in found.answer.picks:
        requirements = Requirements(
            {"max_drop": 1.0}, own.prefer, seed_policy="mean", resamples=found.resamples, folds=0
        )
        there = choose_run(run, requirements)
        assert there.chosen.name == names[own.chosen] and there.rule == own.rule
        assert there.chosen.candidate == own.candidate
        assert sorted(there.fits) == sorted(names[at] for at in found.answer.fits)
        drop = there.chosen.drops["max_drop"]
        assert (own.drop, own.most_drop) == (
            round(drop.value, 2) + 0.0,
            round(drop.upper, 2) + 0.0,
        )
        value, low, high = own.ratio
        assert low <= value <= high
        against = there.chosen.against_baseline[own.prefer]
        assert value == pytest.approx(against, rel=1e-4)


def test_the_answer_is_what_choose_says(run: RunFolder, tmp_path: Path) -> None:
    found = analysed(run)
    assert [own.objective for own in found.answer.picks] == ["latency_ms", "size_bytes"]
    same_as_choose(run, found)
    # The best training of an arm that loses two points on the mean loses none: luck is not recommended.
    lucky = write_run(
        tmp_path / "lucky", lambda arm, name, seed: 70.0 - (2.0 - 2.5 * (seed == 1)) * (arm == "english"),
        seeds=(0, 1, 2), repeats=3, examples=500,
    )  # fmt: skip
    told = analysed(lucky)
    names = [own.name for own in told.systems]
    assert all(names[own.chosen].startswith("none/") for own in told.answer.picks)
    same_as_choose(lucky, told)


def test_flips_count_changed_lost_and_won_answers(run: RunFolder) -> None:
    assert analysed(run).flips is None  # this made-up run kept no predictions
    for folder in run.path.glob("outcomes/*"):
        for file in folder.glob("accuracy-*.npz"):
            with np.load(file) as stored:
                kept = {code: stored[code][:, 0].tolist() for code in stored.files if code != "columns"}
            target = run.path / "predictions" / folder.name / file.with_suffix(".json").name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps(kept))
    found = analysed(run)
    names = [own.name for own in found.systems]
    examples, changed, lost, won = found.flips_by_task["xnli"][names.index("none/int8/onnxruntime")]
    assert examples == 3 * 3 * 300 and changed == lost + won and lost > won > 0
    assert found.flips["de"][0] == (3 * 3 * 300, 0, 0, 0)  # the baseline, three tasks and seeds


def test_the_report_has_its_analysis_or_the_reason_why_not(run: RunFolder, tmp_path: Path) -> None:
    files = build_report([run.path], run.path / "report")
    assert files[0].name == "index.html" and files[-1].name == "analysis.json"
    found = read_analysis(run.path / "report")
    assert isinstance(found, Summary) and found.run == run.name
    first = files[-1].read_bytes()
    assert write_analysis([run.path], tmp_path / "again").read_bytes() == first
    next(run.path.glob("outcomes/*/accuracy-0-xnli.npz")).unlink()
    build_report([run.path], run.path / "report")
    without = read_analysis(run.path / "report")
    assert isinstance(without, NoSummary) and "expected the outcomes" in without.unavailable
    assert read_analysis(tmp_path) is NO_ANALYSIS
    (tmp_path / "analysis.json").write_text('{"schema": 99}')
    with pytest.raises(InputError, match="schema: expected the statistics of the run of schema 1 at most"):
        read_analysis(tmp_path)


@pytest.mark.slow
def test_the_analysis_of_a_large_run_is_small(tmp_path: Path) -> None:
    codes = tuple(f"l{number:02d}" for number in range(40))
    arms = tuple(f"arm-{number}" for number in range(67))
    tasks = dict.fromkeys(TASKS.names, codes)
    run = write_run(tmp_path / "r", arms=arms, seeds=(0,), examples=20, tasks=tasks)
    for folder in run.path.glob("outcomes/*"):
        for name in tasks:
            assert KINDS.load(task(name).kind)
            target = run.path / "predictions" / folder.name / f"accuracy-0-{name}.json"
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(json.dumps({code: ["a"] * 20 for code in codes}))
    file = write_analysis([run.path], tmp_path / "out")
    assert len(json.loads(file.read_text())["systems"]) == 201
    assert file.stat().st_size < 4e6


def test_a_ratio_of_costs_names_both_sides_and_is_the_product_of_its_shares(tmp_path: Path) -> None:
    found = analysed(write_run(tmp_path / "r", arms=("none",), seeds=(0,), examples=40, repeats=4))
    places = {name: at for at, name in enumerate(found.names)}
    own = found.cost_ratios["latency_ms"][places["none/int8/onnxruntime"]]
    assert own is not None
    assert (own.uncompressed, own.baseline) == ("none/onnx/onnxruntime", "none/fp32/torch")
    assert own.compression.value == pytest.approx(6 / 14, rel=0.03)
    assert own.runtime.value == pytest.approx(14 / 20, rel=0.03)
    assert own.whole.value == pytest.approx(own.compression.value * own.runtime.value, rel=1e-4)
    base = found.cost_ratios["size_bytes"][found.base]
    assert base is not None and base.compression == base.runtime == base.whole == (1.0, 1.0, 1.0)
    chosen = choose_run(RunFolder(tmp_path / "r"), Requirements({"max_drop": 20.0}, resamples=200)).chosen
    assert chosen is not None and chosen.ratios["latency"].uncompressed == "none/onnx/onnxruntime"
    answer = found.answer
    assert answer is not None and all(pick.ratios is not None for pick in answer.picks)


def test_a_cost_that_was_measured_in_one_block_has_no_interval_and_no_frontier(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "r", arms=("none",), seeds=(0,), examples=40, repeats=1)
    found = analysed(folder)
    noise = found.objectives["latency_ms"].noise
    assert (noise.basis, noise.floor, noise.sd) == ("unknown", None, None)
    for costs in (found.costs["latency_ms"], found.costs_beside["latency_ms"]):
        assert all(cost is not None and cost.low is cost.high is None for cost in costs)
    for at, ratios in enumerate(found.cost_ratios["latency_ms"]):
        assert ratios is not None and (ratios.whole.low is None) == (at != found.base)
    assert set(found.frontiers) == {"size_bytes"}
    told = choose_run(folder, Requirements({"max_drop": 20.0, "p95_ms": 30.0}, resamples=200))
    assert {"latency", "p95_ms"} <= set(told.in_one_block) and "size" not in told.in_one_block
    assert "latency" not in told.noise_floor
    assert "nothing here shows" in " ".join(notes(told))


def test_a_document_that_assumed_a_noise_is_read_without_its_intervals(run: RunFolder) -> None:
    raw = json.loads(analysed(run).as_json())
    raw["objectives"]["latency_ms"]["noise"] |= {"basis": "assumed", "floor": 5.13, "sd": 1.82, "df": None}
    found = Summary.of(raw, "analysis.json")
    assert found.objectives["latency_ms"].noise.floor is None
    assert all(cost is not None and cost.high is None for cost in found.costs["latency_ms"])
    assert set(found.frontiers) == {"size_bytes"}
    assert found.answer is not None
    assert all(
        pick.ratio is not None and pick.ratio.low is None
        for pick in found.answer.picks
        if pick.objective == "latency_ms"
    )
