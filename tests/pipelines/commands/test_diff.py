"""xpareto diff on pairs of made-up runs whose difference is known."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.pipelines.made_up_run import write_run
from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.documents.difference import ALL_TOGETHER, Change, Difference
from xpareto.eval.records.measurement import Measurement, append_rows, read_rows
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.diff import diff_runs
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.reports.terminal.diff import notes

FP32, INT8 = "none/fp32/torch", "none/int8/onnxruntime"


def level(points: float) -> Any:
    return lambda arm, name, seed: points


def made(folder: Path, points: float = 70.0, **more: Any) -> RunFolder:
    return write_run(
        folder, level(points), **({"arms": ("none",), "seeds": (0,), "examples": 600, "repeats": 3} | more)
    )


def rewrite(run: RunFolder, change: Callable[[Measurement], Measurement | None]) -> None:
    """Put other rows in a run's place; None takes one away."""
    rows = [change(row) for row in read_rows(run.rows_file)]
    run.rows_file.unlink()
    append_rows(run.rows_file, [row for row in rows if row is not None])


def noisy(run: RunFolder, chance: int, shift: float = 1.0, shared: float = 0.0, own: float = 0.1) -> None:
    """Give the latency of every candidate a noise in every block, and every block one that all share."""
    rng = np.random.default_rng(chance)
    factors: dict[Any, float] = {}

    def factor(place: Any, sd: float) -> float:
        return factors.setdefault(place, math.exp(rng.normal(0.0, sd)))

    def change(row: Measurement) -> Measurement:
        if row.statistic != "latency" or row.value is None:
            return row
        disturbed = factor((row.candidate, row.repeat), own) * factor(row.repeat, shared)
        return replace(row, value=row.value * shift * disturbed)

    rewrite(run, change)


def with_throughput(run: RunFolder, factor: float = 1.0) -> RunFolder:
    """Give every candidate a throughput, the inverse of its latency."""
    listing = json.loads((run.path / "candidates.json").read_text())
    listing["objectives"].append("throughput")
    (run.path / "candidates.json").write_text(json.dumps(listing))
    rows = [
        replace(row, statistic="throughput", unit="examples/s", component="", value=factor * 1000 / row.value)
        for row in read_rows(run.rows_file)
        if row.statistic == "latency" and row.component == "p50" and row.value
    ]
    append_rows(run.rows_file, rows)
    return run


def slowed(run: RunFolder, factor: float) -> None:
    rows = list(read_rows(run.rows_file))
    run.rows_file.unlink()
    append_rows(
        run.rows_file,
        [
            type(row)(**{**vars(row), "value": (row.value or 0) * factor})
            if row.statistic == "latency"
            else row
            for row in rows
        ],
    )


def diff(a: RunFolder, b: RunFolder, **more: Any) -> Difference:
    return diff_runs(a, b, **({"resamples": 400} | more))


def test_a_run_has_no_regression_against_itself(tmp_path: Path) -> None:
    run = made(tmp_path / "a")
    found = diff(run, run)
    assert found.regressions == () and all(found.paired.values())
    own = found.candidates[INT8]
    assert own.average.difference == 0 and own.average.verdict == "equivalent"
    assert own.costs["size_bytes"].verdict == own.costs["latency_ms"].verdict == "equivalent"


def test_a_loss_of_five_points_is_a_regression_and_its_reverse_is_none(tmp_path: Path) -> None:
    good, poor = made(tmp_path / "a", 75.0), made(tmp_path / "b", 70.0)
    found = diff(good, poor)
    assert {(own.candidate, own.what) for own in found.regressions} >= {
        (FP32, "average"), (INT8, "average"), (FP32, "tasks"), (FP32, "languages"),
    }  # fmt: skip
    contrast = found.candidates[FP32].average
    assert contrast.verdict == "worse" and contrast.low < -3.75 < contrast.high
    back = diff(poor, good)
    assert back.regressions == ()
    assert back.candidates[FP32].average.verdict == "better"
    assert back.candidates[FP32].average.difference == pytest.approx(-contrast.difference)


def test_the_tolerance_decides_what_counts(tmp_path: Path) -> None:
    good, poor = made(tmp_path / "a", 75.0), made(tmp_path / "b", 70.0)
    assert diff(good, poor, tolerance=12.0).regressions == ()
    assert diff(good, poor, tolerance=12.0).candidates[FP32].average.verdict == "equivalent"


def test_pairing_sees_what_independent_examples_hide(tmp_path: Path) -> None:
    a = made(tmp_path / "a")
    b = made(tmp_path / "b", 69.0)
    paired = diff(a, b).candidates[FP32].average
    listing = json.loads((b.path / "candidates.json").read_text())
    for facts in listing["tasks"].values():
        facts["limit"] = 600
    (b.path / "candidates.json").write_text(json.dumps(listing))
    found = diff(a, b)
    assert not any(found.paired.values()) and "not paired" in " ".join(notes(found))
    apart = found.candidates[FP32].average
    assert apart.difference == pytest.approx(paired.difference)
    assert apart.se_examples > 1.5 * paired.se_examples


def test_fingerprints_tell_other_files_of_the_same_name(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    for run, mark in ((a, "one"), (b, "two")):
        listing = json.loads((run.path / "candidates.json").read_text())
        for name, facts in listing["tasks"].items():
            facts["fingerprints"] = dict.fromkeys(facts["languages"], mark if name == "xnli" else "same")
        (run.path / "candidates.json").write_text(json.dumps(listing))
    assert diff(a, b).paired == {"xnli": False, "udpos": True, "tatoeba": True}


def test_a_slower_candidate_is_a_regression_beyond_the_noise(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    slowed(b, 1.3)
    found = diff(a, b)
    assert {(own.what, own.name) for own in found.regressions} == {("costs", "latency_ms")}
    contrast = found.candidates[INT8].costs["latency_ms"]
    assert contrast.ratio == pytest.approx(1.3) and contrast.ratio_low < 1.3 < contrast.ratio_high
    assert contrast.noise == ("blocks", "blocks")
    assert diff(b, a).regressions == ()
    assert diff(b, a).candidates[INT8].costs["latency_ms"].verdict == "better"


ARMS = {"arms": ("none", "english", "mixed", "text"), "examples": 30, "repeats": 5}


def test_what_no_candidate_shows_alone_is_a_regression_of_all_together(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", **ARMS), made(tmp_path / "b", **ARMS)
    noisy(a, 1, own=0.25)
    noisy(b, 2, shift=1.3, own=0.25)
    found = diff(a, b)
    assert found.regressions == (Change(candidate=ALL_TOGETHER, what="costs", name="latency_ms"),)
    own = found.together["latency_ms"]
    assert own.ratio_low < 1.3 < own.ratio_high and own.ratio_low > 1.05
    assert (own.candidates, own.blocks, own.members) == (12, 5, 1)  # bytes are counted
    told = " ".join(notes(found))
    assert f"{ALL_TOGETHER}: latency_ms 1." in told and "worse by more than the tolerance" in told
    assert "two runs cannot tell it from a change" in told
    assert diff(b, a).regressions == ()
    assert diff(b, a).together["latency_ms"].verdict == "better"


def test_what_a_machine_does_to_whole_blocks_is_no_regression_but_is_not_hidden(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", **ARMS), made(tmp_path / "b", **ARMS)
    noisy(a, 1, shared=0.3)
    noisy(b, 2, shift=1.1, shared=0.3)
    found = diff(a, b)
    assert found.regressions == ()
    assert found.together["latency_ms"].drift > 1.2
    contrast = found.candidates[INT8].costs["latency_ms"]
    assert contrast.ratio_high / contrast.ratio_low > 1.5 and contrast.se_seeds > contrast.se_examples
    place = Change(candidate=ALL_TOGETHER, what="costs", name="latency_ms", undetermined=True)
    assert place in found.undetermined and place not in found.regressions
    assert "--strict counts them" in " ".join(notes(found))


@pytest.mark.parametrize("repeats", [2, 4])
def test_a_machine_that_slowed_down_within_a_run_made_no_candidate_slower(
    tmp_path: Path, repeats: int
) -> None:
    for chance in range(4):
        a, b = (made(tmp_path / f"{name}{chance}", **{**ARMS, "repeats": repeats}) for name in "ab")
        noisy(a, 2 * chance, own=0.02)
        noisy(b, 2 * chance + 1, own=0.02)
        rewrite(
            b, lambda row: replace(row, value=1.8 * (row.value or 0)) if _late(row, repeats) else row
        )  # a neighbour came in the middle of the run
        found = diff(a, b)
        assert found.regressions == ()
        assert found.candidates[INT8].costs["latency_ms"].verdict == "undetermined"


@pytest.mark.parametrize(("load", "blocks", "told"), [(0.68, 4, True), (0.68, 1, False), (0.05, 4, False)])
def test_what_was_measured_beside_other_work_is_not_called_slower(
    tmp_path: Path, load: float, blocks: int, told: bool
) -> None:
    a, b = (made(tmp_path / name, **{**ARMS, "repeats": 4}) for name in "ab")
    noisy(a, 0, own=0.02)
    noisy(b, 1, own=0.02)
    slowed(b, 2.0)
    first = {(row.candidate, row.repeat): row for row in read_rows(b.rows_file) if row.statistic == "latency"}
    append_rows(
        b.rows_file,
        [
            replace(row, statistic="kept_load", component="", task="", value=load)
            for (_, repeat), row in first.items()
            if repeat < blocks
        ],
    )
    found = diff(a, b)
    costs = found.candidates[INT8].costs
    assert costs["latency_ms"].verdict == ("undetermined" if told else "worse")
    assert bool(found.regressions) is not told
    assert costs["size_bytes"].verdict == "equivalent" and costs["size_bytes"].disturbed == 0
    assert ("took up to 68% of the cores' time" in " ".join(notes(found))) is told


def _late(row: Measurement, repeats: int) -> bool:
    return row.statistic == "latency" and row.repeat >= repeats // 2


def test_a_candidate_that_got_slower_than_the_others_did_is_seen_on_an_uneasy_machine(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", **ARMS), made(tmp_path / "b", **ARMS)
    noisy(a, 1, shared=0.3, own=0.02)
    noisy(b, 2, shared=0.3, own=0.02)
    rewrite(
        b,
        lambda row: (
            replace(row, value=1.5 * (row.value or 0))
            if (row.candidate, row.statistic) == (INT8, "latency")
            else row
        ),
    )
    found = diff(a, b)
    (own,) = found.regressions
    assert (own.candidate, own.what, own.name) == (INT8, "costs", "latency_ms")
    contrast = found.candidates[INT8].costs["latency_ms"]
    assert contrast.verdict == "undetermined"
    assert contrast.beside.ratio_low < 1.5 < contrast.beside.ratio_high
    assert own.beside == (contrast.beside.ratio, contrast.beside.ratio_low, contrast.beside.ratio_high)
    told = " ".join(notes(found))
    assert f"{INT8}: cost latency_ms: 1." in told and "of the other candidates' change" in told
    assert diff(b, a).regressions == ()  # and the others did not get slower because it got faster


def test_a_candidate_that_stayed_while_all_others_got_faster_is_no_regression(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", **ARMS), made(tmp_path / "b", **ARMS)
    rewrite(
        b,
        lambda row: (
            replace(row, value=(row.value or 0) / 1.5)
            if row.statistic == "latency" and row.candidate != INT8
            else row
        ),
    )
    found = diff(a, b)
    beside = found.candidates[INT8].costs["latency_ms"].beside
    assert beside.verdict == "worse" and not beside.beyond
    assert found.regressions == ()


def test_what_is_undetermined_counts_where_proof_is_asked_for(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", examples=60), made(tmp_path / "b", examples=60, chance=5)
    assert diff(a, b).regressions == ()
    strict = diff(a, b, strict=True)
    assert strict.regressions == strict.undetermined != ()
    for own in strict.regressions:
        if own.candidate == ALL_TOGETHER:
            continue
        items = getattr(strict.candidates[own.candidate], own.what)
        contrast = items if own.what == "average" else items[own.name]
        assert contrast.verdict != "equivalent"
        assert own.what == "costs" or contrast.low < -1
    assert "not shown to be within the tolerance" in " ".join(notes(strict))
    words = ["diff", str(a.path), str(b.path), "--resamples", "200"]
    assert CliRunner().invoke(app, words).exit_code == 0
    assert CliRunner().invoke(app, [*words, "--strict"]).exit_code == 1


def test_an_identical_run_meets_a_wide_tolerance_strictly(tmp_path: Path) -> None:
    run = made(tmp_path / "a")
    assert diff(run, run, strict=True, cost_tolerance=50.0).regressions == ()


def test_a_cost_that_is_not_measured_any_more_is_a_regression(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    rewrite(b, lambda row: None if (row.candidate, row.statistic) == (INT8, "latency") else row)
    found = diff(a, b)
    lost = Change(candidate=INT8, what="lost cost", name="latency_ms", why="not measured")
    assert found.regressions == (lost,)
    assert f"{INT8}: lost cost latency_ms: not measured" in " ".join(notes(found))
    assert INT8 not in found.lost and "latency_ms" not in found.candidates[INT8].costs
    assert found.together["latency_ms"].candidates == 2
    assert diff(b, a).regressions == ()


def test_a_cost_whose_rows_failed_is_lost_with_its_reason(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    rewrite(
        b,
        lambda row: (
            replace(row, value=None, status="failed", error="killed\nby signal 9")
            if (row.candidate, row.statistic) == (INT8, "latency")
            else row
        ),
    )
    (lost,) = diff(a, b).regressions
    assert lost.what == "lost cost" and lost.why == "latency failed on xnli: killed"


def test_a_cost_of_fewer_tasks_is_lost_and_not_compared(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b")
    dear = [
        replace(row, task="udpos", value=9 * (row.value or 0))
        for row in read_rows(a.rows_file)
        if row.statistic == "latency"
    ]
    append_rows(a.rows_file, dear)
    append_rows(b.rows_file, [row for row in dear if row.candidate != INT8])
    found = diff(a, b)
    assert found.lost_costs == {INT8: {"latency_ms": "not measured on udpos"}}
    assert "latency_ms" not in found.candidates[INT8].costs
    back = diff(b, a)
    assert back.regressions == () and "latency_ms" not in back.candidates[INT8].costs


def test_a_cost_that_a_whole_run_lacks_is_lost(tmp_path: Path) -> None:
    a, b = with_throughput(made(tmp_path / "a")), made(tmp_path / "b")
    found = diff(a, b)
    assert {(own.what, own.name) for own in found.regressions} == {("lost cost", "throughput")}
    assert len(found.regressions) == 3 and diff(b, a).regressions == ()


def with_energy(run: RunFolder, basis: Any, instrument: str = "") -> RunFolder:
    """Add energy among the objectives that the recipe names; each example takes 2 J."""
    append_rows(run.rows_file, [
        Measurement("r", name, "energy", "energy", 2.0, "J", task="xnli", component="total", basis=basis,
                    instrument=instrument)
        for name in (FP32, INT8)
    ])  # fmt: skip
    document = json.loads((run.path / "candidates.json").read_text(encoding="utf-8"))
    document["objectives"].append("energy_j")
    (run.path / "candidates.json").write_text(json.dumps(document), encoding="utf-8")
    (run.path / "recipe.yaml").write_text("objectives: [score, energy_j]\n", encoding="utf-8")
    return run


def test_energies_on_different_bases_are_not_compared(tmp_path: Path) -> None:
    old = "codecarbon 3.3.2, cpu = TDP 85 W x process share of all cores x time"
    measured, modelled, earlier, same = (
        with_energy(made(tmp_path / name), basis, instrument)
        for name, basis, instrument in (
            ("a", "measured", "RAPL"), ("b", "modelled", "codecarbon"), ("c", "modelled", old),
            ("d", "modelled", "codecarbon"),
        )
    )  # fmt: skip
    for one, other, bases in (
        (measured, modelled, ("measured", "modelled")),
        (earlier, modelled, ("modelled as whole socket", "modelled")),
    ):
        found = diff(one, other)
        why = f"{bases[0]} in the first run and {bases[1]} in the second, which do not compare"
        assert found.lost_costs == {name: {"energy_j": why} for name in (FP32, INT8)}
        assert "energy_j" not in found.together
        assert "energy_j" not in found.candidates[INT8].costs_in_one_block
    alike = diff(modelled, same)
    assert "energy_j" in alike.candidates[INT8].costs_in_one_block and alike.bases == {"energy_j": "modelled"}
    assert "energy_j is modelled in both runs." in notes(alike)


def test_a_throughput_that_fell_is_a_ratio_below_one(tmp_path: Path) -> None:
    a, b = with_throughput(made(tmp_path / "a")), with_throughput(made(tmp_path / "b"), 1 / 1.3)
    found = diff(a, b)
    for own in (found.candidates[INT8].costs["throughput"], found.together["throughput"]):
        assert own.ratio == pytest.approx(1 / 1.3) and own.sense == "max"
        assert own.ratio_low < 1 / 1.3 < own.ratio_high < 1
        assert own.verdict == "worse" and own.low < own.difference < own.high < 0
    assert {(own.what, own.name) for own in found.regressions} == {("costs", "throughput")}
    shown = CliRunner().invoke(app, ["diff", str(a.path), str(b.path), "--resamples", "200"])
    assert "cost throughput  0.77×" in shown.output and "throughput 0.77× (0.7" in shown.output
    assert "1.30×" not in shown.output
    assert diff(b, a).candidates[INT8].costs["throughput"].ratio == pytest.approx(1.3)


def test_a_candidate_that_failed_since_is_a_regression(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a"), made(tmp_path / "b", without=(INT8,))
    found = diff(a, b)
    assert found.regressions[0] == Change(candidate=INT8, what="lost", name=found.lost[INT8])
    assert INT8 not in found.candidates
    assert diff(b, a).regressions == ()


def test_what_only_one_run_has_is_named(tmp_path: Path) -> None:
    a = made(tmp_path / "a", arms=("none", "english"))
    b = made(tmp_path / "b", tasks={"xnli": ("en", "de"), "udpos": ("en",)})
    found = diff(a, b)
    assert found.tasks == {"xnli": ("en", "de"), "udpos": ("en",)}
    assert list(found.only_in_a) == [
        f"english/{v}" for v in ("fp32/torch", "onnx/onnxruntime", "int8/onnxruntime")
    ]
    assert found.only_in_b == ()


def test_the_command_ends_with_a_code_for_machines(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", 75.0), made(tmp_path / "b", 70.0)
    words = ["diff", str(a.path), str(b.path), "--resamples", "200"]
    shown = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
    assert shown.exit_code == 1, shown.output
    assert "regressions beyond the tolerance" in shown.output and "worse" in shown.output
    name = "none/onnx/onnxruntime "  # in its first row alone where names have to be folded
    narrow = CliRunner().invoke(app, words, env={"COLUMNS": "70"}).output
    assert sum(line.startswith(name) for line in shown.output.splitlines()) > 2
    assert "none/onnx/" in narrow and sum(line.startswith("none/onnx/") for line in narrow.splitlines()) == 1
    same = CliRunner().invoke(app, ["diff", str(a.path), str(a.path), "--json", "--resamples", "200"])
    assert same.exit_code == 0 and json.loads(same.stdout)["regressions"] == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tolerance": 0.0}, "--tolerance: expected points above 0"),
        ({"cost_tolerance": -1.0}, "--cost-tolerance"),
        ({"resamples": 1}, "--resamples"),
        ({"seed": -1}, "--seed"),
    ],
)
def test_wrong_arguments_are_explained(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    run = made(tmp_path / "a", examples=20)
    with pytest.raises(InputError, match=words):
        diff(run, run, **options)


def test_runs_with_nothing_in_common_are_explained(tmp_path: Path) -> None:
    a = made(tmp_path / "a", examples=20)
    with pytest.raises(InputError, match="No candidate has the same name"):
        diff(a, made(tmp_path / "b", examples=20, arms=("english",)))
    with pytest.raises(InputError, match="no task with a split and a language in common"):
        diff(a, made(tmp_path / "c", examples=20, tasks={"pawsx": ("en",)}))


def test_what_was_measured_in_one_block_is_not_told_from_noise(tmp_path: Path) -> None:
    a, b = made(tmp_path / "a", repeats=4), made(tmp_path / "b", repeats=1)
    slowed(b, 3.0)
    for before, after in ((a, b), (b, a)):
        found = diff(before, after)
        own = found.candidates[INT8]
        assert found.regressions == () and set(own.costs) == {"size_bytes"}
        assert own.costs_in_one_block["latency_ms"] == pytest.approx(3.0 if after is b else 1 / 3, rel=0.05)
        assert not found.together
        assert "nothing can tell a change from noise: latency_ms" in " ".join(notes(found))
        strict = {(own.candidate, own.name) for own in diff(before, after, strict=True).regressions}
        assert (INT8, "latency_ms") in strict
