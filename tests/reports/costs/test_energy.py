"""Gross and net energy, windows that are short, load times and clocks, as the report tells them."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import pytest

from xpareto.eval.objectives import OBJECTIVES
from xpareto.eval.records.measurement import ENERGY_WINDOW, LOAD, Measurement, append_rows, read_rows
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import RunSummary, summarize
from xpareto.reports.costs.agreement import agreement
from xpareto.reports.costs.energy import energy_rows, energy_words
from xpareto.reports.costs.process import block_clocks, clock_drift, clock_words, load_times
from xpareto.reports.findings.caveat_rules import caveats
from xpareto.reports.findings.lead import headline
from xpareto.reports.formats.csv import spreadsheets
from xpareto.reports.formats.markdown import summary
from xpareto.reports.formats.page import page

Make = Callable[..., Path]


def with_rows(folder: Path, rows: Sequence[Measurement]) -> RunSummary:
    append_rows(folder / "measurements.jsonl", rows)
    return summarize(read_runs([folder]))


def window(candidate: str, seconds: float, examples: int, basis: Any = "measured") -> Measurement:
    return Measurement("r", candidate, "energy", ENERGY_WINDOW, seconds, "s", task="xnli", component="total",
                       examples=examples, basis=basis)  # fmt: skip


def clock(candidate: str, block: int, mhz: float, probe: str = "latency") -> Measurement:
    return Measurement(
        "r", candidate, probe, LOAD, mhz, "MHz", component="frequency", repeat=block, basis="measured"
    )


def told(found: RunSummary) -> dict[str, str]:
    return {caveat.key: caveat.text for caveat in caveats(found)}


@pytest.mark.parametrize(
    ("windows", "said"),
    [
        ([(30.0, 200), (45.0, 3000)], ""),
        ([(2.1, 5000), (30.0, 300)], "1 of 2 windows"),
        ([(40.0, 128)], "the fewest inferences are 128"),
        ([(2.0, 64)], "the shortest took 2.0 s"),
    ],
)
def test_short_windows_of_counters_are_told_with_the_setting_to_raise(
    make_run: Make, windows: list[tuple[float, int]], said: str
) -> None:
    found = with_rows(make_run(energy="measured"), [window("none/target/torch", *own) for own in windows])
    text = told(found).get("energy-window", "")
    assert bool(text) == bool(said) and said in text
    assert not said or "measure.seconds to 30" in text


def test_modelled_energy_has_no_window_to_fall_short(make_run: Make) -> None:
    assert "energy-window" not in told(with_rows(make_run(energy="modelled"), []))


@pytest.mark.parametrize("basis", ["measured", "modelled"])
def test_the_rank_agreement_with_latency_is_told_on_any_basis(make_run: Make, basis: str) -> None:
    found = summarize(read_runs([make_run(energy=basis, hostile=False)]))
    pairs = [(v["latency_ms"], v["energy_j"]) for v in found.values.values()]
    own = agreement([(a, b) for a, b in pairs if a is not None and b is not None])
    assert own is not None
    words = f"τ-b {own.tau:.2f} over {own.candidates} candidates"
    assert words in summary(found) and words in page(found)
    assert (words in told(found).get("energy-modelled", "")) == (basis == "modelled")


def asking(folder: Path) -> Path:
    """Return the run folder with a recipe that names energy among its objectives."""
    (folder / "recipe.yaml").write_text("base: tiny\nobjectives:\n- score\n- energy_j\n", encoding="utf-8")
    return folder


def test_measured_and_modelled_energy_never_stand_on_one_frontier(make_run: Make) -> None:
    found = summarize(read_runs([asking(make_run(energy="mixed", hostile=False, failing=False))]))
    modelled = {own.name for own in found.run.candidates if "int8" not in own.name}
    assert {name for name in found.values if found.value(name, "energy_j") is not None} == modelled
    assert set(found.frontiers["energy_j", "score"]) <= modelled and found.bases == {"energy_j": "modelled"}
    assert f"over {len(modelled)} candidates" in energy_words(found)
    assert "in part measured and in part modelled" in told(found)["energy-mixed"]
    for basis in ("modelled", "measured"):
        whole = summarize(read_runs([make_run(energy=basis, failing=False)]))
        assert all(whole.value(own.name, "energy_j") is not None for own in whole.run.candidates)


def test_modelled_energy_ranks_nothing_unless_the_recipe_names_it(make_run: Make) -> None:
    silent, measured = (
        summarize(read_runs([make_run(energy=basis, hostile=False)])) for basis in ("modelled", "measured")
    )
    named = summarize(read_runs([asking(make_run(energy="modelled", hostile=False))]))
    others = {key for key in measured.frontiers if "energy_j" not in key}
    assert set(silent.frontiers) == others and "energy_j" not in silent.costs
    for found in (named, measured):
        assert ("energy_j", "score") in found.frontiers and "energy_j" in found.costs
    # The figures stay, each with what it rests on, and the headline has none of them.
    assert silent.value("none/target/torch", "energy_j") == named.value("none/target/torch", "energy_j")
    answer = [text.lower() for sentence in headline(silent) for text in sentence]
    assert not any("energy per example" in text for text in answer)
    assert any(
        "modelled energy per example" in text.lower() for sentence in headline(named) for text in sentence
    )
    table = summary(silent).split("## Loading and energy")[1]
    assert "| energy, gross, modelled |" in table and "These joules are modelled" in table
    assert "Modelled energy per example" in page(named) and "Measured energy per example" in page(measured)
    first = next(csv.DictReader(io.StringIO(spreadsheets(silent)["candidates.csv"])))
    assert first["energy_j basis"] == "modelled" and float(first["energy_j (J)"]) > 0


def test_rows_of_the_earlier_model_are_read_and_told_apart(make_run: Make) -> None:
    folder = make_run(energy="modelled", hostile=False)
    file = folder / "measurements.jsonl"
    rows = file.read_text(encoding="utf-8").splitlines()
    earlier = "codecarbon 3.3.2, cpu = TDP 85 W x process share of all cores x time, ram = 10 W x time, window 2.1 s"
    file.write_text(
        "".join(f"{row.replace('codecarbon TDP 65 W', earlier)}\n" for row in rows), encoding="utf-8"
    )
    found = summarize(read_runs([folder]))
    assert found.bases == {"energy_j": "modelled as whole socket"} and "energy_j" not in found.costs
    assert "about ten times" in told(found)["energy-whole-socket"]
    assert "energy, gross, modelled as whole socket" in summary(found)
    assert "energy-whole-socket" not in told(summarize(read_runs([make_run(energy="modelled")])))
    # Only those that rest on the baseline's model compare with it.
    head = [row.replace("codecarbon TDP 65 W", earlier) if "int8" in row else row for row in rows]
    file.write_text("".join(f"{row}\n" for row in head), encoding="utf-8")
    mixed = summarize(read_runs([folder]))
    assert {name for name in mixed.values if mixed.value(name, "energy_j") is None} == {
        name for name in mixed.values if "int8" in name
    }
    assert "in part modelled and in part modelled as whole socket" in told(mixed)["energy-mixed"]


def test_gross_energy_is_what_ranks_and_net_stands_beside_it(make_run: Make) -> None:
    folder = make_run(energy="measured", hostile=False)
    before = summarize(read_runs([folder]))
    rows = [
        Measurement("r", own.name, "energy", "energy_net", value, "J", task=task, component="cpu",
                    repeat=repeat, basis="measured")
        for own in before.run.candidates
        for task, values in (("xnli", (0.1, 0.2, 0.9)), ("udpos", (0.4,)))
        for repeat, value in enumerate(values)
    ]  # fmt: skip
    after = with_rows(folder, rows)
    for own in energy_rows(after):
        assert own.gross == before.value(own.name, "energy_j") and own.net == pytest.approx(0.3)
    assert "Net" in page(after).split('id="energy-table"')[1][:400]
    assert 'id="energy-table"' not in page(before)
    assert "| net, measured |" in summary(after) and "gross energy" in summary(after)
    first = next(csv.DictReader(io.StringIO(spreadsheets(after)["candidates.csv"])))
    assert float(first["net energy (J)"]) == pytest.approx(0.3)


def test_load_times_are_everywhere_what_choose_takes(make_run: Make) -> None:
    folder = make_run(hostile=False, failing=False)
    mine = [
        row
        for row in read_rows(folder / "measurements.jsonl")
        if row.statistic == "load_time" and row.candidate == "none/target/torch"
    ]
    values = (20_000.0, 40_000.0, 80_000.0, 80_000.0)
    slowest = dict(enumerate(values, start=1 + max(row.repeat for row in mine)))
    first = [row for row in mine if row.repeat == mine[0].repeat]  # one of each model
    found = with_rows(
        folder, [replace(row, value=value, repeat=block) for block, value in slowest.items() for row in first]
    )
    own = load_times(found)["none/target/torch"]
    objective = OBJECTIVES.load("load_ms")
    blocks = objective.blocks(found.run.rows["none/target/torch"])
    assert blocks.items() >= slowest.items() and own.least_ms == min(blocks.values())
    assert own.mean_ms == objective.reduce(found.run.rows["none/target/torch"])
    assert own.mean_ms == pytest.approx(geometric_mean(blocks.values()))
    assert own.mean_ms != pytest.approx(median(blocks.values()))
    assert own.most_ms == 80_000.0
    assert set(load_times(found)) == {candidate.name for candidate in found.run.candidates}
    assert "to 80.0 s" in summary(found) and "80.0 s" in page(found).split('id="load-table"')[1]
    table = csv.DictReader(io.StringIO(spreadsheets(found)["candidates.csv"]))
    assert float(next(table)["load time (ms)"]) == own.mean_ms


def test_a_clock_that_drifts_between_blocks_is_told_and_a_constant_one_is_not(make_run: Make) -> None:
    names = ["none/target/torch", "none/onnx/onnxruntime"]
    steady = with_rows(make_run(), [clock(name, block, 2100.0) for name in names for block in (0, 1)])
    assert block_clocks(steady) == {0: 2100.0, 1: 2100.0} and clock_drift(steady) == 0.0
    assert "clock-drift" not in told(steady) and "2100 MHz throughout" in clock_words(steady)
    # One odd reading in a block is not a drift of the block.
    rows = [clock(name, block, 3000.0) for name in names for block in (0, 1)]
    assert "clock-drift" not in told(with_rows(make_run(), [*rows, clock(names[0], 1, 1000.0, "energy")]))
    rows = [clock(name, block, 3000.0 - 300 * block) for name in names for block in (0, 1)]
    drifting = with_rows(make_run(), rows)
    assert clock_drift(drifting) == pytest.approx(1 / 9)
    assert "11%" in told(drifting)["clock-drift"] and "3000, 2700 MHz" in told(drifting)["clock-drift"]
    assert "3000, 2700 MHz" in page(drifting)
    assert clock_words(with_rows(make_run(), [])) == "" and "clock-drift" not in told(
        with_rows(make_run(), [])
    )
