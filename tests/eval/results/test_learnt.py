"""What a run has learnt is decided once, by its uncompressed models, and counts everywhere or nowhere."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.pipelines.made_up_run import write_run
from xpareto.eval.analyses.arm_comparison import compare_arms
from xpareto.eval.analyses.documents.recommendation import Recommendation
from xpareto.eval.analyses.requirements import Requirements
from xpareto.eval.analyses.summary import analyse
from xpareto.eval.kinds._kind import Kind
from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.results.cells import Score
from xpareto.eval.results.learnt import surely
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.run_results import read_run_results
from xpareto.eval.results.summary import summarize
from xpareto.eval.tasks import KINDS, Bitext, Choice, Pair, Question, Tagged, task
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.choose import choose_run
from xpareto.pipelines.runs.diff import diff_runs
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.reports.findings.lead import headline
from xpareto.reports.formats.markdown import summary
from xpareto.reports.terminal.choose import answer
from xpareto.reports.terminal.choose import notes as notes_of_choice
from xpareto.reports.terminal.diff import notes

GUESSED = 31.5  # percent that make a third, once a twentieth of the answers is turned
TASKS = {"xnli": ("en", "de"), "tatoeba": ("de", "sw")}
ONE_ARM: dict[str, Any] = {"arms": ("none",), "seeds": (0,), "examples": 400, "tasks": TASKS}


def at_chance(arm: str, name: str, seed: int) -> float:
    return GUESSED if name == "xnli" else 70.0


def chosen(run: RunFolder, **more: Any) -> Recommendation:
    return choose_run(run, Requirements({"max_drop": 1.0}, resamples=200, folds=0, **more))


def test_the_least_that_a_score_may_be_is_right_in_97_5_percent_of_cases() -> None:
    for share, examples in ((0.02, 100), (0.3, 50)):
        right = [
            math.comb(examples, k) * share**k * (1 - share) ** (examples - k)
            for k in range(examples + 1)
            if surely(Score(100 * k / examples, None, examples)) <= 100 * share
        ]
        assert 0.975 <= sum(right) < 0.999


@pytest.mark.parametrize(
    ("name", "examples", "chance"),
    [
        ("pawsx", [Pair("a", "b", label) for label in "0001"], 75.0),  # no-information rate
        ("xnli", [Pair("a", "b", "neutral"), Pair("c", "d", "entailment")], 50.0),
        ("panx", [Tagged(("x", "y"), ("B-LOC", "I-LOC")), Tagged(("z",), ("O",))], 200 / 3),  # all I-LOC
        ("udpos", [Tagged(("x", "y"), ("NOUN", "VERB"))], 0.0),
        ("tatoeba", [Bitext("a", "b"), Bitext("c", "d"), Bitext("e", "f")], 100 / 3),
    ],
)
def test_chance_is_what_needs_no_look_at_the_example(name: str, examples: list[Any], chance: float) -> None:
    kind: Kind = KINDS.load(task(name).kind)
    assert kind.chance(examples, task(name)) == pytest.approx(chance)


def test_chance_of_spans_is_the_whole_context_and_of_options_a_place() -> None:
    span: Kind = KINDS.load("span")
    question = Question("1", "who?", "one two three four", ())
    assert span.chance([question], task("xquad")) == 100.0  # SQuAD 2.0: no answer is right
    choose: Kind = KINDS.load("choose")
    options = [Choice("", "", ("a", "b", "c"), gold) for gold in (0, 2, 2, 1)]
    guesses = list(choose.blind_answers(options, task("xnli")))
    rates = [choose.metrics(choose.outcomes(options, g, task("xnli"), "").sum(axis=0)) for g in guesses]
    assert [float(rate["accuracy"]) for rate in rates] == [25.0, 25.0, 50.0]


def test_a_task_at_chance_counts_in_no_average_and_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", at_chance, **ONE_ARM)
    found = summarize(read_runs([run.path]))
    assert found.unlearnt == {"xnli": ("en", "de")} and set(found.counted) == {"tatoeba"}
    base = found.run.baseline
    of_tatoeba = found.task_score(base, "tatoeba")
    assert of_tatoeba is not None
    assert found.value(base, "score") == pytest.approx(of_tatoeba.value) == found.average(base).value  # type: ignore[union-attr]
    assert found.cells[base]["xnli", "de"].score is not None  # shown all the same
    document = analyse(read_run_results(run.path), 200)
    assert document.unlearnt == found.unlearnt and set(document.tasks) == {"tatoeba"}
    assert document.scores[0].average == pytest.approx(of_tatoeba.value, abs=0.01)
    decision = chosen(run)
    assert set(decision.tasks) == {"tatoeba"} and decision.unlearnt == found.unlearnt
    assert any("xnli" in line and "chance" in line for line in notes_of_choice(decision))
    whole = chosen(run, count_unlearnt=True)
    assert set(whole.tasks) == {"xnli", "tatoeba"} and not whole.unlearnt


def test_costs_are_those_of_all_tasks_still(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", at_chance, **ONE_ARM)  # latencies are those of xnli
    document = analyse(read_run_results(run.path), 200)
    (latency, *_) = document.costs["latency_ms"]
    assert latency is not None
    assert latency.value == pytest.approx(
        summarize(read_runs([run.path])).value(document.baseline, "latency_ms"), rel=1e-3
    )


def test_over_nothing_learnt_every_answer_is_undetermined(tmp_path: Path) -> None:
    options = ONE_ARM | {"tasks": {"xnli": ("en", "de")}}
    run, other = (write_run(tmp_path / name, at_chance, **options) for name in ("a", "b"))
    document = analyse(read_run_results(run.path), 200)
    assert document.nothing_learnt and document.answer is not None
    assert document.answer.picks == () == document.answer.fits
    assert headline(summarize(read_runs([run.path])), document)[0][0].startswith("Undetermined")
    decision = chosen(run)
    assert (
        decision.nothing_learnt and decision.chosen is None and answer(decision)[0].startswith("Undetermined")
    )
    assert "--count-unlearnt" in answer(decision)[0]
    assert chosen(run, count_unlearnt=True).chosen is not None
    assert CliRunner().invoke(app, ["choose", str(run.path), "--folds", "0"]).exit_code == 3
    assert notes(diff_runs(run, other, resamples=100))[0].startswith("Undetermined")


def test_what_one_of_two_runs_has_learnt_counts_between_them(tmp_path: Path) -> None:
    """A training that broke falls to chance: left out, it would be no regression."""
    good, broken = (
        write_run(tmp_path / name, truth, **ONE_ARM)
        for name, truth in (("a", lambda *_: 70.0), ("b", at_chance))
    )
    found = diff_runs(good, broken, resamples=100)
    assert set(found.tasks) == {"xnli", "tatoeba"} and not found.unlearnt
    assert any(change.what == "tasks" and change.name == "xnli" for change in found.regressions)
    both = diff_runs(broken, write_run(tmp_path / "c", at_chance, **ONE_ARM), resamples=100)
    assert set(both.tasks) == {"tatoeba"} and both.unlearnt == {"xnli": ("en", "de")}


def test_measured_chance_goes_before_the_declared_one(tmp_path: Path) -> None:
    """70 % of answers are right, and 72 % of the labels are one: the model has learnt nothing."""
    run = write_run(tmp_path / "r", **ONE_ARM)
    rows = [
        Measurement("r", "none/fp32/torch", "accuracy", "chance", 72.0, "percent", task="xnli",
                    language=code, examples=400, artifact="a") for code in ("en", "de")
    ]  # fmt: skip
    assert summarize(read_runs([run.path])).unlearnt == {}
    append_rows(run.rows_file, rows)
    found = summarize(read_runs([run.path]))
    assert found.unlearnt == {"xnli": ("en", "de")}
    assert np.isfinite([found.value(name, "score") or np.nan for name in found.values]).all()


def test_one_language_alone_may_be_unlearnt(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", **ONE_ARM)
    append_rows(run.rows_file, [
        Measurement("r", "none/fp32/torch", "accuracy", "chance", 72.0, "percent", task="tatoeba",
                    language="sw", examples=400, artifact="a")])  # fmt: skip
    results = read_run_results(run.path)
    assert results.languages == {"xnli": ("en", "de"), "tatoeba": ("de",)}
    assert results.unlearnt == {"tatoeba": ("sw",)} and not results.nothing_learnt
    assert any("tatoeba in sw" in line for line in notes_of_choice(chosen(run)))


def test_page_and_compare_count_the_same_where_an_arm_was_measured_in_one_runtime(tmp_path: Path) -> None:
    """English was kept exported only: what it has learnt counted in `compare`, and not on the page."""

    def one_learns(arm: str, name: str, seed: int) -> float:
        return 55.0 if arm == "english" and name == "xnli" else at_chance(arm, name, seed)

    both = ONE_ARM | {"arms": ("none", "english"), "without": ("english/fp32/torch",)}
    for truth, unlearnt in ((one_learns, {}), (at_chance, {"xnli": ("en", "de")})):
        run = write_run(tmp_path / f"r{len(unlearnt)}", truth, **both)
        page = summarize(read_runs([run.path]))
        found = compare_arms(page, run.path, "none", "english", 1.0, 100, 0)
        assert page.unlearnt == found.rests_on.unlearnt == unlearnt
        (average,) = [one.average for one in found.variants if one.variant == "onnx/onnxruntime"]
        assert average.a == pytest.approx(page.value("none/onnx/onnxruntime", "score"), abs=0.01)


def test_a_table_shows_the_mean_that_its_average_counts(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", at_chance, **ONE_ARM)
    append_rows(run.rows_file, [
        Measurement("r", "none/fp32/torch", "accuracy", "chance", 72.0, "percent", task="tatoeba",
                    language="sw", examples=400, artifact="a")])  # fmt: skip
    page = summarize(read_runs([run.path]))
    base = page.run.baseline
    in_table, average = page.task_score(base, "tatoeba"), page.average(base)
    assert in_table is not None and average is not None and in_table.value == average.value
    text = summary(page)
    assert "xnli (accuracy, 2 languages, not counted)" in text
    assert "tatoeba (accuracy, 1 of 2 languages)" in text


def test_without_any_cost_report_and_choose_agree(tmp_path: Path) -> None:
    """`measure.probes: [accuracy]`: the report said that nothing fits, the command deployed the baseline."""
    run = write_run(tmp_path / "r", **ONE_ARM)
    kept = [row for row in run.rows() if row.probe == "accuracy"]
    run.rows_file.unlink()
    append_rows(run.rows_file, kept)
    document = analyse(read_run_results(run.path), 200)
    there = chosen(run, seed_policy="mean")
    assert document.answer is not None and document.costs == {}
    assert [document.names[at] for at in document.answer.fits] == sorted(there.fits, key=document.names.index)
    (pick,) = document.answer.picks
    assert there.chosen is not None and document.names[pick.chosen] == there.chosen.name
    assert pick.objective == "score" and pick.ratio is None
    words = " ".join(
        part for sentence in headline(summarize(read_runs([run.path])), document) for part in sentence
    )
    assert "Deploy" in words and there.chosen.name in words and "no cost was measured" in words
