from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xpareto.eval.results.document import StepFacts
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import summarize
from xpareto.reports.findings.caveat_rules import caveats
from xpareto.reports.findings.lead import opening

Make = Callable[..., Path]
CLEAN = {
    "hostile": False, "synthetic": False, "energy": "measured", "failing": False, "missing": False,
    "limit": None, "seeds": (0, 1), "many_tasks": True, "apart": 1.0,
}  # fmt: skip


def _keys(*folders: Path) -> dict[str, str]:
    return {caveat.key: caveat.text for caveat in caveats(summarize(read_runs(folders)))}


@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"synthetic": True}, "synthetic"),
        ({"failing": True}, "failed"),
        ({"energy": "modelled"}, "energy-modelled"),
        ({"energy": "mixed"}, "energy-mixed"),
        ({"energy": "unavailable"}, "energy-unavailable"),
        ({"missing": True}, "missing-languages"),
        ({"limit": 200}, "limited"),
        ({"seeds": (0,)}, "one-seed"),
        ({"many_tasks": False}, "not-xtreme-average"),
        ({"many_tasks": False}, "udpos-f1"),
    ],
)
def test_each_trigger_brings_its_caveat_and_no_clean_run_has_it(
    make_run: Make, change: dict[str, object], key: str
) -> None:
    assert key in _keys(make_run(**(CLEAN | change)))
    assert key not in _keys(make_run(**CLEAN))


@pytest.mark.parametrize(("limit", "told"), [(150, True), (200, True), (201, False), (1000, False)])
def test_a_limit_that_cut_nothing_is_not_told(make_run: Make, limit: int, told: bool) -> None:
    assert ("limited" in _keys(make_run(**(CLEAN | {"limit": limit})))) == told  # each language has 200


@pytest.mark.parametrize(
    ("found", "key", "said"),
    [
        ([("kept_load", 0.05)], None, ""),
        ([("discarded", 0.6), ("kept_load", 0.05)], "discarded", "1 measurement was thrown away"),
        ([("discarded", 0.6), ("discarded", 0.5), ("kept_load", 0.4)], "disturbed", "at most 40%"),
        (
            [("kept_load", 0.4)],
            "disturbed",
            "Latency and energy are too high there and throughput is too low",
        ),
        (
            [("kept_load", 0.8), ("foreign_load", 0.75)],
            "disturbed",
            "CPU quota (it ran out in 75% of periods) took over",
        ),
    ],
)
def test_costs_that_were_measured_beside_other_work_are_told(
    make_run: Make, found: list[tuple[str, float]], key: str | None, said: str
) -> None:
    folder = make_run(**CLEAN)
    rows = (folder / "measurements.jsonl").read_text(encoding="utf-8")
    first = json.loads(rows.splitlines()[0])
    for statistic, load in found:
        row = {"schema": 1, "run": first["run"], "candidate": first["candidate"], "probe": "cost",
               "statistic": statistic, "value": load, "unit": "share"}  # fmt: skip
        if statistic == "foreign_load":
            row |= {"probe": "latency", "component": "throttled"}
        rows += json.dumps(row) + "\n"
    (folder / "measurements.jsonl").write_text(rows, encoding="utf-8")
    told = {name: text for name, text in _keys(folder).items() if name in ("disturbed", "discarded")}
    assert list(told) == ([key] if key else [])
    assert said in "".join(told.values())


def test_a_discarded_measurement_that_had_failed_is_told_so(make_run: Make) -> None:
    folder = make_run(**CLEAN)
    first = json.loads((folder / "measurements.jsonl").read_text(encoding="utf-8").splitlines()[0])
    facts = {
        "schema": 1,
        "run": first["run"],
        "candidate": first["candidate"],
        "probe": "cost",
        "unit": "share",
    }
    with (folder / "measurements.jsonl").open("a", encoding="utf-8") as stream:
        for more in (
            {"statistic": "discarded", "value": 0.4},
            {"statistic": "discarded", "value": 0.0, "error": "latency failed: crash"},
        ):
            stream.write(json.dumps(facts | more) + "\n")
    assert "2 measurements were thrown away (1 of them had failed)" in _keys(folder)["discarded"]


def test_a_task_that_is_not_scored_on_its_test_split_is_named(make_run: Make) -> None:
    folder = make_run(**CLEAN)
    assert "not-test" not in _keys(folder)
    file = folder / "candidates.json"
    listing = json.loads(file.read_text(encoding="utf-8"))
    listing["tasks"]["xnli"]["split"] = "train"
    file.write_text(json.dumps(listing), encoding="utf-8")
    assert "xnli (train)" in _keys(folder)["not-test"]


def test_a_training_set_without_some_of_its_parts_is_named(make_run: Make) -> None:
    folder = make_run(**CLEAN)
    assert "training-parts" not in _keys(folder)
    file = folder / "candidates.json"
    listing = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(listing | {"incomplete": {"anli": ["MNLI", "SNLI"]}}), encoding="utf-8")
    assert "anli: without MNLI, SNLI." in _keys(folder)["training-parts"]


def test_a_base_that_was_fine_tuned_before_is_told(make_run: Make) -> None:
    folder = make_run(**CLEAN)
    assert "fine-tuned-before" not in _keys(folder)
    file = folder / "candidates.json"
    listing = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(listing | {"brought": ["mnli", "udpos"]}), encoding="utf-8")
    assert "In place of a model trained on mnli and udpos, the base" in _keys(folder)["fine-tuned-before"]


def test_near_latencies_are_called_noise_only_when_near(make_run: Make) -> None:
    assert "latency-noise" in _keys(make_run(**CLEAN))
    found = summarize(read_runs([make_run(**CLEAN)]))
    for place, values in enumerate(found.values.values()):
        values["latency_ms"] = 2.0**place  # type: ignore[index]
    assert "latency-noise" not in {caveat.key for caveat in caveats(found)}


def test_runs_of_two_machines_are_said_to_be_so(make_run: Make) -> None:
    one, two = make_run(run="a"), make_run(run="b")
    assert "machines" not in _keys(one, two)
    (two / "environment.json").write_text('{"cpu": {"model": "Other"}}', encoding="utf-8")
    assert "machines" in _keys(one, two)


@pytest.mark.parametrize(("flags", "said"), [(["avx2"], True), (["avx2", "avx512_vnni"], False), ([], False)])
def test_a_cpu_without_int8_products_is_said_to_be_one(make_run: Make, flags: list[str], said: bool) -> None:
    folder = make_run()
    (folder / "environment.json").write_text(json.dumps({"cpu": "X", "cpu_flags": flags}), encoding="utf-8")
    assert ("no-int8-instructions" in _keys(folder)) == said


@pytest.mark.parametrize(("tried", "said"), [("saturates", True), ("exact", False)])
def test_products_that_saturate_are_told_with_the_candidates(make_run: Make, tried: str, said: bool) -> None:
    folder = make_run()
    environment = {"cpu": "X", "cpu_flags": ["avx2"], "int8_products": tried}
    (folder / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    found = _keys(folder)
    assert ("int8-saturates" in found) == said
    assert not said or "int8" in found["int8-saturates"].partition("Concerned: ")[2]


def test_synthetic_is_first_and_plain(make_run: Make) -> None:
    found = caveats(summarize(read_runs([make_run()])))
    assert found[0].key == "synthetic"
    assert "nothing else" in found[0].text


def test_modelled_energy_gives_its_formula_its_instrument_and_what_it_adds(make_run: Make) -> None:
    text = _keys(make_run())["energy-modelled"]
    assert "energy = assumed CPU power" in text
    assert "nearly a constant times time" in text
    assert "codecarbon TDP 65 W" in text
    assert "pairs of candidates alike" in text
    assert "stands on no frontier" in text


def test_languages_without_data_are_named(make_run: Make) -> None:
    text = _keys(make_run())["missing-languages"]
    assert (
        all(f"{task} 2 of " in text for task in ("udpos", "xnli", "tatoeba")) and text.count(": eu th") == 3
    )


def test_withheld_gold_is_told_and_counts_nowhere(make_run: Make) -> None:
    run = read_runs([make_run(**CLEAN)])
    why = "gold labels withheld"
    hidden = {
        name: replace(
            facts, languages=facts.languages[1:], withheld={facts.languages[0]: why}
        )
        for name, facts in run.tasks.items()
    }  # fmt: skip
    part = summarize(replace(run, tasks=hidden))
    [text] = [caveat.text for caveat in caveats(part) if caveat.key == "withheld-gold"]
    assert f"{run.tasks['udpos'].languages[0]} ({why})" in text
    assert part.value(run.baseline, "score") is not None and " scores " in "".join(opening(part))
    none = {
        name: replace(facts, languages=(), withheld=dict.fromkeys(facts.languages, why))
        for name, facts in run.tasks.items()
    }
    assert "has no score, since the gold labels" in "".join(opening(summarize(replace(run, tasks=none))))


def test_dynamic_int8_that_is_timed_at_batch_one_is_told(make_run: Make) -> None:
    run = read_runs([make_run(**CLEAN)])
    float_ones = [candidate for candidate in run.candidates if "int8" not in candidate.stage]
    steps = {"quantize_mixed": {"products": ["static"]}, "quantize_static": {}}
    others = [
        replace(one, steps=tuple(StepFacts(s, s, 1, f) for s, f in steps.items())) for one in float_ones
    ]
    plain = replace(run, candidates=tuple(others))
    assert "dynamic-batches" not in {caveat.key for caveat in caveats(summarize(plain))}
    for step, fields in (("quantize_dynamic", {}), ("quantize_mixed", {"products": ["static", "dynamic"]})):
        changed = replace(others[0], steps=(StepFacts(step, step, 1, fields),))
        told = caveats(summarize(replace(run, candidates=(changed, *others[1:]))))
        [text] = [caveat.text for caveat in told if caveat.key == "dynamic-batches"]
        assert text.endswith(f"Concerned: {changed.name}.")
