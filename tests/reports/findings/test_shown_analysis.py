"""What the page and the summary show of an analysis, beside the document itself."""

from __future__ import annotations

import ast
import itertools
import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.reports.analysed_run import changed, document_of
from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.documents.document import CostEstimate
from xpareto.eval.analyses.documents.summary import ALL, NO_ANALYSIS, NoSummary, Summary
from xpareto.eval.analyses.documents.summary_file import analysis_from, analysis_of, read_analysis
from xpareto.eval.results.summary import RunSummary
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.eval.statistics.block_noise import LEAST_SD
from xpareto.reports.findings.answer import deploy_words, loading, pick_words, picks
from xpareto.reports.findings.caveat_rules import caveats
from xpareto.reports.findings.disparity import columns, disparities, largest_loss
from xpareto.reports.findings.lead import headline
from xpareto.reports.findings.membership import knee_words, panels
from xpareto.reports.findings.noise import noise_rows
from xpareto.reports.findings.statistical_caveats import informed_caveats
from xpareto.reports.formats.markdown import summary
from xpareto.reports.formats.page import page
from xpareto.reports.formats.page_data import figure_data

Shown = tuple[RunSummary, Summary]


def noisy(shown: Shown, **facts: Any) -> Summary:
    """Return the summary with other facts of the noise of latency."""
    objectives = document_of(shown[1])["objectives"]
    objectives["latency_ms"]["noise"] |= facts
    return changed(shown, objectives=objectives)


def test_every_system_of_every_frontier_is_in_its_panel(seeds: Shown) -> None:
    found = panels(*seeds)
    frontiers = seeds[1].frontiers
    assert [panel.key for panel in found] == list(frontiers) and found[-1].key == ALL
    assert found[-1].title == "All 2 costs at once"
    for panel in found:
        own = frontiers[panel.key]
        assert [m.membership for m in panel.members] == list(own.membership)
        assert [m.beyond_noise for m in panel.members] == list(own.beyond_noise)
        names = [seeds[1].names[place] for place in own.systems]
        assert [m.name for m in panel.members] == names
        assert {m.name for m in panel.members if m.inside} == {seeds[1].names[p] for p in own.confidence_set}
        assert panel.inside == len(own.confidence_set)
        assert {m.name for m in panel.members if m.only_just} == {
            seeds[1].names[p] for p in set(own.confidence_set) - set(own.within_floors)
        }
        for member in panel.members:
            place = own.systems.index(seeds[1].names.index(member.name))
            for name, share in member.dominators:
                row = own.systems.index(seeds[1].names.index(name))
                assert share == own.dominance[row][place]
            if not member.inside:
                assert len(member.dominators) >= 1
    assert found[0].volumes[0].arm == "" and {v.arm for v in found[0].volumes[1:]} == {"none", "english"}
    assert found[-1].volumes == () and found[-1].knee_none is None


def test_the_knee_is_told_with_its_share_or_its_absence(seeds: Shown) -> None:
    panel = panels(*seeds)[0]
    with_knee = replace(panel, knee_none=10, members=(replace(panel.members[0], knee=True, knee_share=70),))
    words = "".join(knee_words(with_knee))
    assert panel.members[0].name in words and "70 %" in words and "10 %" in words
    without = replace(
        panel, knee_none=100, members=tuple(replace(m, knee=False, knee_share=0) for m in panel.members)
    )
    assert "no knee as measured; neither have 100 %" in "".join(knee_words(without))
    assert knee_words(panels(*seeds)[-1]) == ()


def test_noise_is_said_in_words_for_each_basis(seeds: Shown, alone: Shown) -> None:
    latency, size, score = noise_rows(*seeds)
    noise = seeds[1].objectives["latency_ms"].noise
    assert noise.basis == "blocks"
    assert float(latency.floor.removesuffix(" %")) == pytest.approx(noise.floor, rel=0.01)
    assert latency.blocks == "3" and "Learnt from 3 repeats" in latency.words
    assert size.words.startswith("Counted") and size.blocks == "–"
    assert score.floor == f"{seeds[1].score_floor:.1f} points" and score.blocks == "2 seeds"
    assert "One training seed each" in noise_rows(*alone)[-1].words
    assert f"never taken as less than {100 * LEAST_SD:g} %" in page(*seeds)
    once = noisy(seeds, basis="unknown", floor=None, sd=None, blocks=1, df=None, twin=2.5)
    (unknown, _, _) = noise_rows(seeds[0], once)
    assert "nothing is known of its noise" in unknown.words and unknown.twin == "+2.50 %"
    assert (unknown.floor, unknown.block) == ("–", "–")


def test_losses_and_flips_are_those_of_the_document(seeds: Shown) -> None:
    found = disparities(seeds[1])
    assert len(found) == len(seeds[1].names) - 1
    place = seeds[1].names.index(found[0].name)
    own = seeds[1].fairness[place]
    assert (found[0].worst, found[0].worst_language) == (own.worst, own.worst_language)
    assert seeds[1].flips is not None
    rows = [row[place] for row in seeds[1].flips.values()]
    examples, changed_, lost, won = (sum(column) for column in zip(*rows, strict=True))
    assert found[0].flips == pytest.approx(
        (100 * changed_ / examples, 100 * lost / examples, 100 * won / examples)
    )
    classes, scripts = columns(found)
    assert classes == ["high", "low"] and scripts == ["Latn"]
    assert disparities(changed(seeds, flips=None))[0].flips is None


def test_points_of_the_chart_have_the_intervals_of_the_analysis(alone: Shown) -> None:
    run_summary, analysis = alone
    data = figure_data(run_summary, analysis)
    assert data["systems"] is None
    for at, (name,) in enumerate(analysis.members):
        point = next(own for own in data["candidates"] if own["name"] == name)
        value, low, high = analysis.scores[at].change
        if at == analysis.base:
            assert "score" not in point["bars"]
        else:
            assert point["bars"]["score"] == pytest.approx(
                [point["values"]["score"] + low - value, point["values"]["score"] + high - value]
            )
        cost = analysis.costs_beside["latency_ms"][at]
        assert cost is not None
        assert point["bars"]["latency_ms"][0] / point["values"]["latency_ms"] == pytest.approx(
            cost.low / cost.value
        )
        assert "size_bytes" not in point["bars"]  # counted: no noise
        frontier = analysis.frontiers["latency_ms"]
        assert point["on"]["latency_ms"] == frontier.membership[frontier.systems.index(at)]


def test_with_seeds_the_points_are_means_over_them(seeds: Shown) -> None:
    run_summary, analysis = seeds
    data = figure_data(run_summary, analysis)
    assert [own["name"] for own in data["systems"]] == list(analysis.names)
    for own, members in zip(data["systems"], analysis.members, strict=True):
        assert [data["candidates"][at]["name"] for at in own["members"]] == list(members)
        scores = [run_summary.value(name, "score") or 0 for name in members]
        assert own["values"]["score"] == pytest.approx(sum(scores) / len(scores), abs=0.006)
    assert all("on" not in own for own in data["candidates"])  # one seed alone has no probability
    assert data["analysis"]["attainment"] == document_of(analysis)["attainment"]
    assert data["analysis"]["sure"] == {}


def test_cells_beyond_doubt_are_those_whose_simultaneous_interval_leaves_zero_out(alone: Shown) -> None:
    run_summary, analysis = alone
    cells = document_of(analysis)["cells"]
    cells["drops"] = [[5.0, 0.1, *([0.0] * (len(cells["places"]) - 2))] for _ in analysis.names]
    cells["errors"] = [[1.0] * len(cells["places"]) for _ in analysis.names]
    cells["levels"] = [0.999] * len(analysis.names)
    found = figure_data(run_summary, changed(alone, cells=cells))["analysis"]["sure"]
    assert all(own == [tuple(cells["places"][0])] for own in found.values()) and len(found) == len(
        analysis.names
    )
    cells["levels"] = [0.9999999] * len(analysis.names)  # 5.3 standard errors
    assert not any(figure_data(run_summary, changed(alone, cells=cells))["analysis"]["sure"].values())


def test_the_largest_loss_names_no_language_for_none_and_says_what_is_noise(alone: Shown) -> None:
    run_summary, analysis = alone
    name, base = "none/int8/onnxruntime", run_summary.run.baseline
    where = next(place for place, cell in run_summary.cells[base].items() if cell.score is not None)
    for change, told in ((0.0, None), (-0.04, None), (-0.06, -0.06), (0.5, None)):
        cells = dict(run_summary.cells[base])
        score = cells[where].score
        assert score is not None
        cells[where] = replace(cells[where], score=replace(score, value=score.value + change))
        shown = replace(run_summary, cells={**run_summary.cells, name: cells})
        loss = largest_loss(shown, analysis, name)
        assert (loss and loss.change) == (None if told is None else pytest.approx(told))
    document = document_of(analysis)["cells"]
    document["drops"] = [[5.0] * len(document["places"]) for _ in analysis.names]
    for error, sure in ((0.1, True), (50.0, False)):
        document["errors"] = [[error] * len(document["places"]) for _ in analysis.names]
        loss = largest_loss(run_summary, changed(alone, cells=document), name)
        assert loss is not None and loss.sure is sure
    assert largest_loss(run_summary, analysis, base) is None


def test_what_the_analysis_knows_is_not_called_unknown(alone: Shown) -> None:
    before = {caveat.key: caveat.text for caveat in informed_caveats(alone[0], NO_ANALYSIS)}
    after = {caveat.key: caveat.text for caveat in informed_caveats(*alone)}
    assert before["selection"].endswith(NO_ANALYSIS.unavailable) and "paired by example" in after["selection"]
    told = {c.key: c.text for c in informed_caveats(alone[0], noisy(alone, floor=50.0))}
    values = [values["latency_ms"] or 0 for values in alone[0].values.values()]
    near = sum(max(a, b) < 1.5 * min(a, b) for a, b in itertools.combinations(values, 2))
    assert told["latency-noise"].startswith(f"{near} pairs of candidates differ by less than 50.0 %")
    assert "learnt from repeats" in told["latency-noise"]
    assert "latency-noise" not in {c.key for c in informed_caveats(alone[0], noisy(alone, floor=0.0))}
    assert set(before) == {caveat.key for caveat in caveats(alone[0])}


def test_the_summary_has_both_tables_in_short(seeds: Shown) -> None:
    text = summary(*seeds)
    assert "## How sure the frontier is" in text and "## What is noise" in text
    frontier = seeds[1].frontiers["latency_ms"]
    first = seeds[1].names[frontier.systems[0]]
    cell = f"{frontier.membership[0]} / {frontier.beyond_noise[0]}"
    table = text[text.index("## How sure") :]
    assert re.search(rf"\| `{re.escape(first)}` \| (\*\*)?{re.escape(cell)}(\*\*)? \|", table)
    assert "## How sure" not in summary(seeds[0])


def test_an_analysis_of_another_run_is_not_shown_and_a_contradicting_one_is_refused(seeds: Shown) -> None:
    run, document = seeds[0].run, document_of(seeds[1])
    assert analysis_of(run, NO_ANALYSIS) == NO_ANALYSIS and "xpareto report" in NO_ANALYSIS.unavailable
    other = analysis_of(run, changed(seeds, run="another"))
    assert isinstance(other, NoSummary) and "of another run" in other.unavailable
    why = analysis_from({"schema": 1, "run": ["x"], "unavailable": "because <b>"})
    assert isinstance(why, NoSummary) and why.unavailable == "because <b>"
    document["systems"][1]["candidates"]["0"] = "nobody"
    with pytest.raises(InputError, match=r"'nobody' is none of its candidates.*Write them again"):
        analysis_of(run, analysis_from(document))
    for damage, words in (
        ({"scores": []}, "scores: 0 entries"),
        ({"baseline": "nobody"}, "'nobody' is none of its candidates"),
        ({"level": 95}, r"level: .* below 1"),
        (
            {"schema": 99},
            "at most, found 99, written by .*. Write them again: xpareto report",
        ),
        ({"schema": None}, "found None, written by"),
    ):
        with pytest.raises(InputError, match=words):
            analysis_from({**document, **damage})
    with pytest.raises(InputError, match="expected the statistics of the run"):
        analysis_from({"schema": 1})


@pytest.mark.parametrize("number", [float("nan"), float("inf"), None])
def test_a_number_that_is_none_is_refused_with_its_place(
    seeds: Shown, tmp_path: Path, number: float | None
) -> None:
    document = document_of(seeds[1])
    document["fairness"][1]["drops"]["de"][0] = number
    del document["checksum"]
    (tmp_path / "analysis.json").write_text(json.dumps(document))
    with pytest.raises(
        InputError, match=r"fairness\.1\.drops\.de\.0: .*Write them again: xpareto report RUN"
    ):
        read_analysis(tmp_path)


def test_what_earlier_versions_did_not_write_is_filled_in(seeds: Shown) -> None:
    document = document_of(seeds[1])
    for name in ("costs_beside", "languages", "answer", "flips_by_task"):
        del document[name]
    for own in document["frontiers"].values():
        del own["within_floors"]
    earlier = analysis_from(document)
    assert isinstance(earlier, Summary) and earlier.costs_beside == earlier.costs
    assert earlier.answer is None and not earlier.languages
    assert all(own.within_floors == own.confidence_set for own in earlier.frontiers.values())
    assert "hold no decision" in summary(seeds[0], earlier)


def test_the_file_holds_what_was_written_and_names_every_field_in_its_schema(seeds: Shown) -> None:
    text = seeds[1].as_json()
    assert Summary.of(json.loads(text), "x") == seeds[1] and analysis_from(json.loads(text)) == seeds[1]
    described = Summary.model_json_schema(mode="serialization")
    assert (
        set(described["properties"]) == set(json.loads(text))
        and described["properties"]["schema"]["const"] == 1
    )


def test_the_page_and_the_summary_recommend_what_the_analysis_decided(seeds: Shown, alone: Shown) -> None:
    for run_summary, analysis in (seeds, alone):
        answer = analysis.answer
        assert answer is not None
        found = picks(run_summary, analysis)
        chosen = [analysis.names[own.chosen] for own in answer.picks]
        assert [own.name for own in found] == list(dict.fromkeys(chosen))  # one for each that is chosen
        assert [len(own.gains) for own in found] == [chosen.count(own.name) for own in found]
        told = ["".join(parts) for parts in headline(run_summary, analysis)]
        text, html = summary(run_summary, analysis), page(run_summary, analysis)
        assert (
            f"`xpareto choose {run_summary.run.origins[0].folder} --max-drop 1 --seed-policy mean`" in text
            and "as measured within" not in text
        )
        assert "Cheapest as measured" not in html and "Losing at most 1 point" in html
        assert told[0] == "".join(deploy_words(run_summary, analysis)) and found[0].model in told[0]
        assert found[0].export in html
        for own in found:
            (words,) = [line for line in told if line.startswith(f"For {own.aims}, ")]
            assert own.name in words and own.name in html
            for gain in own.gains:
                assert own.baseline or (gain.whole in words and gain.runtime in html)


def test_a_cost_that_is_better_by_luck_alone_is_no_pick(alone: Shown) -> None:
    """It was named for high throughput, 1.81× higher to 1.10× lower, where the baseline was for size."""
    run_summary, analysis = alone
    answer = analysis.answer
    assert answer is not None
    entry = next(own for own in answer.picks if own.chosen != analysis.base and own.ratio)
    alike = {"chosen": analysis.names.index("none/onnx/onnxruntime"), "candidate": "none/onnx/onnxruntime"}

    def found(**facts: Any) -> tuple[str, str]:
        own = entry.model_copy(update=facts)
        (pick,) = picks(run_summary, changed(alone, answer=answer.model_copy(update={"picks": (own,)})))
        return pick.name, pick.aims

    luck = CostEstimate(value=0.8, low=0.6, high=1.1)
    assert found(**alike) == ("none/onnx/onnxruntime", found()[1])
    assert found(**alike, ratio=luck) == (analysis.baseline, found()[1])
    assert found(ratio=luck)[0] == analysis.names[entry.chosen]  # scores better beyond noise


def test_a_pick_is_told_with_its_intervals_and_its_middle_seed(seeds: Shown) -> None:
    run_summary, analysis = seeds
    answer = document_of(analysis)["answer"]
    place = analysis.names.index("none/int8/onnxruntime")
    pick = answer["picks"][0]
    sides = {"uncompressed": "none/onnx/onnxruntime", "baseline": analysis.baseline}
    pick |= {"chosen": place, "ratio": [0.1, 0.08, 0.12], "drop": 0.3, "most_drop": 0.9}
    pick["ratios"] = sides | {
        "compression": [0.25, 0.2, 0.3],
        "runtime": [0.4, 0.35, 0.45],
        "whole": [0.1, 0.08, 0.12],
    }
    pick["candidate"] = model = analysis.members[place][0]
    answer["picks"] = [pick]
    told = changed(seeds, answer=answer)
    (first,) = picks(run_summary, told)
    words = "".join(pick_words(first, told, "1 point"))
    assert "10× quicker (8.3× to 12×)" in words and f"of its 2 seeds the middle one {model}" in words
    base = f"{analysis.scores[analysis.base].average:.1f}"
    assert f"losing 0.3 of the baseline’s {base} points, at most 0.9 (95 %)" in words
    # the sentence says what compression gives, and beside which model
    assert "".join(deploy_words(run_summary, told)).startswith(
        f"Deploy {model}, the middle one of 2 seeds of {first.name}: 4.0× quicker (3.3× to 5.0×)"
    )
    assert "than none/onnx/onnxruntime, uncompressed in " in "".join(deploy_words(run_summary, told))
    # what noise cannot tell from nothing is not called a difference
    pick["ratios"] |= {"compression": [0.98, 0.9, 1.05]}
    words = "".join(deploy_words(run_summary, changed(seeds, answer=answer)))
    assert f"10× quicker (8.3× to 12×) than {analysis.baseline} by its runtime alone" in words
    # one block tells nothing of its noise
    pick["ratios"] |= {"compression": [0.25, None, None]}
    assert "4.0× quicker as measured" in "".join(deploy_words(run_summary, changed(seeds, answer=answer)))
    pick |= {"chosen": analysis.base, "candidate": analysis.members[analysis.base][0]}
    assert "".join(deploy_words(run_summary, changed(seeds, answer=answer))).startswith(
        "Deploy the baseline, "
    )


def test_without_a_decision_the_point_estimates_are_called_so_with_the_reason(seeds: Shown) -> None:
    run_summary = seeds[0]
    older = changed(seeds, answer=None)
    for own, why in (
        (NO_ANALYSIS, "No statistics lie beside this report"),
        (NoSummary(unavailable="Outcomes were not kept."), "Outcomes were not kept."),
        (older, "hold no decision"),
    ):
        text, html = summary(run_summary, own), page(run_summary, own)
        for told in (text, html):
            assert "cheapest as measured, of single trained models" in told and why in told
            assert "losing at most" not in told
        assert "Cheapest as measured within 1 point" in html and "as measured within 1 point" in text


def test_an_answer_that_names_nothing_is_refused(seeds: Shown) -> None:
    document = document_of(seeds[1])
    for damage in (
        {"chosen": 99},
        {"chosen": None},
        {"drop": None},
        {"objective": "speed"},
        {"ratio": [None, 1, 2]},
    ):
        picked = [{**own, **damage} for own in document["answer"]["picks"]]
        with pytest.raises(InputError, match="expected the statistics of the run"):
            analysis_from({**document, "answer": {**document["answer"], "picks": picked}})


def test_a_model_of_every_runtime_can_be_loaded_as_the_page_says(seeds: Shown) -> None:
    run_summary, analysis = seeds
    (pick, *_) = picks(run_summary, analysis)
    candidate = run_summary.run.candidate(pick.model)
    for runtime in RUNTIMES.names:
        candidates = (replace(candidate, runtime=runtime, artifacts={"mnli": "a", "udpos": "b"}),)
        shown = replace(run_summary, run=replace(run_summary.run, candidates=candidates))
        code = loading(shown, pick)
        assert '"exported/mnli' in code and code.endswith("# likewise udpos")
        ast.parse(code)


def test_where_nothing_was_learnt_or_no_cost_was_measured_no_gain_is_shown(alone: Shown) -> None:
    run_summary, analysis = alone
    ignorant = changed(alone, unlearnt={name: entry.languages for name, entry in analysis.tasks.items()})
    assert ignorant.nothing_learnt and picks(run_summary, ignorant) == ()
    html = page(run_summary, ignorant)
    assert "xpareto export" not in html and "By compression" not in html
    assert "".join(deploy_words(run_summary, ignorant)) in html
    answer = document_of(analysis)["answer"]
    place = analysis.names.index("none/int8/onnxruntime")
    answer["picks"] = [
        answer["picks"][0]
        | {"prefer": "score", "objective": "score", "chosen": place, "ratio": None, "ratios": None}
    ]
    html = page(run_summary, changed(alone, answer=answer))
    assert "no cost was measured" in html and "By compression" not in html and "xpareto export" in html
