from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.results.document import Provenance
from xpareto.eval.results.provenance import efforts, line, made_of_old_run
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import summarize
from xpareto.reports.costs.effort import effort_view
from xpareto.reports.formats.csv import spreadsheets
from xpareto.reports.formats.markdown import summary

MADE = {
    "base": Provenance("base", "base", None, 1.0, 2.0),
    "fp32": Provenance("train", "fp32", "base", 100.0, 190.0),
    "onnx": Provenance("export_onnx", "onnx", "fp32", 10.0, 12.0),
    "int8": Provenance("quantize_dynamic", "int8", "onnx", 4.0, 5.0),
    "mnli": Provenance("train", "fp32", "base", 200.0, 390.0),
}
KEYS = {"onnx": ["onnx", "mnli"], "int8": ["int8", "mnli"]}


def test_shared_work_counts_in_full_for_each_and_once_for_the_run() -> None:
    found = efforts(KEYS, MADE)
    onnx, int8 = found.candidates
    assert onnx.seconds == 311.0 and int8.seconds == 315.0
    assert int8.steps == {"base": 1.0, "train": 300.0, "export_onnx": 10.0, "quantize_dynamic": 4.0}
    assert onnx.own == 0.0 and int8.own == 4.0
    assert found.once == sum(own.seconds or 0 for own in MADE.values()) and found.unknown == 0
    assert int8.cpu_seconds == 2.0 + 190.0 + 12.0 + 5.0 + 390.0


MODEL = "codecarbon, process mode; CPU = 8 W x processor time / 2 logical CPUs, RAM = 10 W x time"
OLD = "codecarbon, cpu = TDP 85 W x process share of all cores x time, ram = 10 W x time"


def test_energy_counts_as_time_does_and_is_none_where_one_piece_of_work_has_none() -> None:
    made = {
        key: replace(own, energy_j=10 * own.seconds, basis="modelled", instrument=MODEL)
        for key, own in MADE.items()
        if own.seconds is not None
    }
    found = efforts(KEYS, made)
    onnx, int8 = found.candidates
    assert (onnx.energy_j, int8.energy_j) == (3110.0, 3150.0)
    assert (onnx.own_energy_j, int8.own_energy_j) == (0.0, 40.0)
    assert (found.energy_j, found.bases, found.instruments) == (3150.0, ("modelled",), (MODEL,))
    lacking = efforts(KEYS, made | {"int8": MADE["int8"]})
    assert [own.energy_j for own in lacking.candidates] == [3110.0, None] and lacking.energy_j is None
    assert lacking.candidates[1].own_energy_j is None and lacking.bases == ("modelled",)


def test_energies_on_different_bases_are_not_added() -> None:
    models = {"base": ("modelled", OLD), "int8": ("measured", "RAPL")}
    made = {
        key: replace(own, energy_j=7.0, basis=basis, instrument=instrument)
        for key, own in MADE.items()
        for basis, instrument in [models.get(key, ("modelled", MODEL))]
    }
    found = efforts(KEYS, made)
    onnx, int8 = found.candidates
    assert (onnx.energy_j, onnx.basis, int8.energy_j, found.energy_j) == (None, "", None, None)
    assert (int8.own_energy_j, int8.own_basis) == (7.0, "measured")
    assert found.bases == ("measured", "modelled", "modelled as whole socket")
    alike = efforts(KEYS, {key: replace(own, basis="modelled", instrument=OLD) for key, own in made.items()})
    assert {own.basis for own in alike.candidates} == {
        "modelled as whole socket"
    } and alike.energy_j is not None


def test_a_time_that_was_not_written_down_is_counted_and_not_taken_for_none() -> None:
    found = efforts(KEYS, MADE | {"fp32": Provenance("train", "fp32", "base", None)})
    assert [own.unknown for own in found.candidates] == [1, 1] and found.unknown == 1
    assert found.candidates[0].cpu_seconds is None


def test_a_line_ends_at_what_is_not_known_and_does_not_go_in_circles() -> None:
    assert line("int8", MADE) == ["int8", "onnx", "fp32", "base"]
    assert line("nothing", MADE) == []
    assert line("a", {"a": Provenance("x", "x", "b", 1.0), "b": Provenance("y", "y", "a", 1.0)}) == ["a", "b"]


def _changed(folder: Path, **facts: Any) -> Path:
    file = folder / "candidates.json"
    listing = json.loads(file.read_text())
    for number, own in enumerate(listing["candidates"]):
        own["keys"] = {"udpos": f"key{number}"}
    file.write_text(json.dumps(listing | facts))
    return folder


def _made(count: int, seconds: float | None = 3.0) -> dict[str, Any]:
    first = {
        "base": {"step": "base", "label": "base", "parent": None, "seconds": seconds, "cpu_seconds": 9.0}
    }
    return first | {
        f"key{n}": {"step": "train", "label": "fp32", "parent": "base", "seconds": 5.0} for n in range(count)
    }


def test_a_run_tells_what_making_took(make_run: Callable[..., Path]) -> None:
    run = read_runs([_changed(make_run(), made=_made(8))])
    view = effort_view(run)
    assert [row.seconds for row in view.rows] == [8.0] * 8 and [row.own for row in view.rows] == [5.0] * 8
    assert view.bars.legend == ("base", "train") and not view.cpu and not view.energy
    assert view.basis == "The energy of making was not recorded."
    assert "each piece of work counted once, all candidates together took 43.0 s" in view.run


def test_the_energy_of_making_is_told_with_its_basis(make_run: Callable[..., Path]) -> None:
    facts = {"energy_j": 2000.0, "energy_basis": "modelled", "energy_instrument": MODEL, "cpu_seconds": 4.0}
    run = read_runs([_changed(make_run(), made={key: own | facts for key, own in _made(8).items()})])
    view = effort_view(run)
    assert [(row.energy_j, row.own_energy_j) for row in view.rows] == [(4000.0, 2000.0)] * 8
    assert "all candidates together took 43.0 s and 18.0 kJ (modelled)." in view.run
    assert view.basis == f"The energy of making is modelled: {MODEL}."
    found = summarize(run)
    assert "| 4.00 kJ (modelled) | 2.00 kJ (modelled) |" in summary(found) and MODEL in summary(found)
    assert (
        spreadsheets(found)["making.csv"]
        .splitlines()[1]
        .endswith(",8.0,5.0,8.0,4000.0,2000.0,modelled,modelled")
    )


def test_an_older_run_has_its_chain_in_the_plan_and_its_seconds_in_the_events(
    make_run: Callable[..., Path],
) -> None:
    folder = _changed(make_run())
    nodes = {key: {"step": own["step"], "label": own["label"], "parent": own["parent"]}
             for key, own in _made(8).items()}  # fmt: skip
    (folder / "plan.json").write_text(json.dumps({"schema": 1, "nodes": nodes}))
    events = [{"event": "cached", "key": "base"}] + [
        {"event": "made", "key": f"key{n}", "seconds": 5.0} for n in range(8)
    ]
    (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    view = effort_view(read_runs([folder]))
    stored = view.bars.legend[0]
    assert "store" in stored and view.bars.legend[1:] == ("train",)
    assert view.rows[0].seconds == 12.3  # as candidates.json has it, of which 5 s are known
    assert "1 more it found in the store" in view.run


def test_without_any_record_the_whole_is_shown(make_run: Callable[..., Path]) -> None:
    view = effort_view(read_runs([make_run()]))
    assert view.bars.legend == ("all steps",) and view.rows[0].own is None and view.run == ""


def test_a_damaged_record_is_refused_and_an_unreadable_plan_is_none(
    make_run: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"expected the field 'seconds'"):
        read_runs([_changed(make_run(), made={"a": {"step": "s", "label": "l", "parent": None}})])
    with pytest.raises(InputError, match=r"made\.a: expected keys with values, .*repeat it"):
        read_runs([_changed(make_run(), made={"a": 3})])
    (tmp_path / "plan.json").write_text("{")
    assert made_of_old_run(tmp_path) == {}
