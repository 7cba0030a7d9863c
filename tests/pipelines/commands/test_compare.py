"""xpareto compare on made-up runs whose truth is known."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from tests.pipelines.made_up_run import LANGUAGES, VARIANTS, write_run
from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.documents.arm_comparison import ArmComparison
from xpareto.eval.kinds._kind import TUNING
from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.eval.tasks import task
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.compare_arms import compare_run, write_comparison
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.reports.comparisons.compared import comparison_markdown, headline
from xpareto.reports.comparisons.compared_caveats import caveats_of

GUESSED = 31.5  # percent that make a third, once a twentieth of the answers is turned


def compared(run: RunFolder, a: str = "none", b: str = "english", **options: Any) -> ArmComparison:
    return compare_run(run, a, b, **({"margin": 1.0, "resamples": 200, "seed": 0} | options))


def keys(document: ArmComparison) -> set[str]:
    return {caveat.key for caveat in document.caveats}


def better_by_ten(arm: str, name: str, seed: int) -> float:
    return 70.0 + 10.0 * (arm == "english") + (seed - 1) * 0.2


def test_a_large_difference_is_told_with_its_direction(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", better_by_ten, seeds=(0, 1, 2))
    found = compared(run)
    first = found.variants[0].average
    assert first.verdict == "better"
    assert 0 < first.low < first.difference < first.high < 10
    assert compared(run, "english", "none").variants[0].average.verdict == "worse"
    assert "english scores better than none" in headline(found)


def test_the_sides_are_antisymmetric(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", better_by_ten, seeds=(0, 1))
    one, other = compared(run), compared(run, "english", "none")
    for mine, theirs in zip(one.variants, other.variants, strict=True):
        assert mine.average.difference == pytest.approx(-theirs.average.difference)
        assert mine.average.low == pytest.approx(-theirs.average.high)
        assert mine.average.p == pytest.approx(theirs.average.p)


def test_equal_arms_are_equivalent_only_when_that_is_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", seeds=(0,), examples=3000)
    many = compared(run, margin=2.0).variants[0].average
    assert many.verdict == "equivalent"
    few = compared(write_run(tmp_path / "s", seeds=(0,), examples=20)).variants[0].average
    assert few.verdict == "undetermined"


def test_two_models_that_answer_alike_are_not_equal_for_that_on_few_examples(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", seeds=(0,), arms=("none", "english"), examples=10)
    for variant in VARIANTS:  # the second arm gets the outcomes of the first
        stage, runtime = variant.split("/")
        for name in LANGUAGES:
            source = run.path / "outcomes" / f"none__{stage}__{runtime}" / f"accuracy-0-{name}.npz"
            target = run.path / "outcomes" / f"english__{stage}__{runtime}" / source.name
            target.write_bytes(source.read_bytes())
    rows = [row for row in run.rows() if row.candidate.startswith("none")]
    copies = [
        Measurement(**{**vars(row), "candidate": row.candidate.replace("none", "english")}) for row in rows
    ]
    run.rows_file.unlink()
    append_rows(run.rows_file, [*rows, *copies])
    cell = compared(run).variants[0].languages["tatoeba"]["de"]
    assert cell.difference == 0.0
    assert cell.verdict == "undetermined"


def test_averages_differences_and_shares_add_up(tmp_path: Path) -> None:
    def uneven(arm: str, name: str, seed: int) -> float:
        return 60.0 + (arm == "english") * {"xnli": 5.0, "udpos": -2.0, "tatoeba": 12.0}[name]

    found = compared(write_run(tmp_path / "r", uneven))
    for variant in found.variants:
        parts = variant.attribution
        assert sum(part.points for part in parts.values()) == pytest.approx(
            variant.average.difference, abs=1e-12
        )
        assert sum(round(10 * part.share) for part in parts.values()) == 1000
        for name, by_language in variant.languages.items():
            mean = np.mean([contrast.difference for contrast in by_language.values()])
            assert variant.tasks[name].difference == pytest.approx(mean, abs=1e-12)
        rest = np.mean([variant.tasks[name].difference for name in ("xnli", "udpos")])
        assert variant.without_retrieval.difference == pytest.approx(rest, abs=1e-12)
    assert found.variants[0].attribution["udpos"].share < 0


def test_the_scores_are_those_of_the_rows(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", better_by_ten)
    rows = {(row.candidate, row.task, row.language, row.statistic): row.value for row in run.rows()}
    for variant in compared(run).variants:
        stage, runtime = variant.variant.split("/")
        for name, by_language in variant.languages.items():
            for language, contrast in by_language.items():
                for side, arm in (("a", "none"), ("b", "english")):
                    values = [
                        rows[f"{arm}/{stage}/seed={seed}/{runtime}", name, language, task(name).metrics[0]]
                        for seed in (0, 1)
                    ]
                    assert getattr(contrast, side) == pytest.approx(np.mean(values))


def test_one_seed_says_loudly_that_only_these_models_are_judged(tmp_path: Path) -> None:
    found = compared(write_run(tmp_path / "r", better_by_ten, seeds=(0,)))
    assert found.scope == "these models"
    assert "one-seed" in keys(found)
    assert "these trained models only" in headline(found)
    assert "One seed per arm" in comparison_markdown(found)
    assert found.variants[0].average.se_seeds is None
    two = compared(write_run(tmp_path / "s", better_by_ten, seeds=(0, 1)))
    assert two.scope == "training"
    assert {"few-seeds"} <= keys(two)


def test_a_task_that_neither_arm_has_learnt_counts_nowhere_and_is_named(tmp_path: Path) -> None:
    def guessing(arm: str, name: str, seed: int) -> float:
        return GUESSED if name == "xnli" else 70.0

    found = compared(write_run(tmp_path / "r", guessing, examples=1000))
    assert found.rests_on.unlearnt == {"xnli": ("en", "de", "sw")}
    assert set(found.variants[0].tasks) == {"udpos", "tatoeba"} and not found.nothing_learnt
    (caveat,) = [caveat for caveat in caveats_of(found) if caveat.key == "unlearnt"]
    assert "xnli" in caveat.text and "chance" in caveat.text

    def one_learns(arm: str, name: str, seed: int) -> float:
        return 45.0 if arm == "english" and name == "xnli" else guessing(arm, name, seed)

    learnt = compared(write_run(tmp_path / "s", one_learns, examples=1000))
    assert "xnli" in learnt.variants[0].tasks and "unlearnt" not in keys(learnt)


def test_of_arms_that_have_learnt_nothing_nothing_is_decided(tmp_path: Path) -> None:
    tasks = {"xnli": ("en", "de")}
    found = compared(write_run(tmp_path / "r", lambda *_: GUESSED, tasks=tasks, examples=3000))
    assert found.nothing_learnt
    # As precise as equivalence needs, and yet no evidence of it.
    assert found.variants[0].average.p_equivalent < 0.05
    assert found.variants[0].average.verdict == "undetermined" and "undetermined" in headline(found)
    assert "Nothing was learnt" in comparison_markdown(found)


def test_other_arms_lend_their_seeds(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", arms=("none", "english", "mlm", "tlm"))
    found = compared(run)
    assert found.rests_on.pooled_arms == ("mlm", "tlm")
    assert found.variants[0].average.df == 3
    assert "pooled-variance" in keys(found)


def test_an_arm_against_itself_is_split_by_its_seeds(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", seeds=(0, 1, 2, 3, 4))
    found = compared(run, "none", "none")
    assert found.labels == ("none (seeds 0, 1)", "none (seeds 2, 3)")
    assert found.same_arm
    assert found.rests_on.pairs == 2 * len(VARIANTS)
    with pytest.raises(InputError, match="fewer than two"):
        compared(write_run(tmp_path / "s", seeds=(0,)), "none", "none")


def test_languages_that_an_arm_trained_on_are_told_and_marked(tmp_path: Path) -> None:
    document = compared(
        write_run(tmp_path / "r", steps={"english": 9}, on={"english": ["mnli@de"]}, seeds=(0,))
    )
    assert document.rests_on.seen["english"].labels == ("de", "en")
    assert document.rests_on.seen["none"].labels == ("en",)
    (told,) = (caveat for caveat in document.caveats if caveat.key == "not-zero-shot")
    assert "english saw labels in de." in told.text
    text = comparison_markdown(document)
    assert "German (de) †" in text and "Swahili (sw) †" not in text and "not zero-shot" in text
    assert "not-zero-shot" not in keys(compared(write_run(tmp_path / "s", seeds=(0,))))


def test_unequal_tokens_are_told(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", steps={"english": 9}, seeds=(0,))
    file = run.path / "candidates.json"

    def with_tokens(intermediate: int) -> ArmComparison:
        listing = json.loads(file.read_text("utf-8"))
        pieces = {
            "i": ("intermediate", None, intermediate),
            "a": ("target", None, 1000),
            "b": ("target", "i", 1000),
        }
        listing["made"] = {
            key: {"step": "train", "label": label, "parent": parent, "seconds": 1.0, "tokens": tokens}
            for key, (label, parent, tokens) in pieces.items()
        }
        for candidate in listing["candidates"]:
            candidate["keys"] = {"mnli": "b" if candidate["arm"] == "english" else "a"}
        file.write_text(json.dumps(listing), "utf-8")
        return compared(run)

    document = with_tokens(500)
    steps = {label: [step.tokens for step in own] for label, own in document.rests_on.training.items()}
    assert steps == {"none": [1000], "english": [500, 1000]}
    (told,) = (caveat for caveat in document.caveats if caveat.key == "tokens")
    assert "none: 1,000; english: 1,500" in told.text
    assert "tokens" not in keys(with_tokens(20))


def test_unequal_updates_are_told(tmp_path: Path) -> None:
    steps = {"english": 300}
    assert "updates" in keys(compared(write_run(tmp_path / "r", steps=steps)))
    equal = {"english": 300, "none": 300}
    assert "updates" not in keys(compared(write_run(tmp_path / "s", steps=equal)))


def test_a_failed_candidate_takes_its_variant_along_and_is_named(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", without=("english/int8/seed=1/onnxruntime",))
    found = compared(run)
    assert found.rests_on.variants == ("fp32/torch", "onnx/onnxruntime")
    left = found.rests_on.left_out
    assert "failed" in left["english/int8/seed=1/onnxruntime"]
    assert "counterpart" in left["none/int8/seed=0/onnxruntime"]
    assert "Left out" in comparison_markdown(found)


def test_equal_arguments_give_equal_bytes_and_the_seed_moves_only_the_intervals(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", better_by_ten)
    one, two, other = compared(run), compared(run), compared(run, seed=1)
    assert comparison_markdown(one) == comparison_markdown(two)
    first, moved = one.variants[0].average, other.variants[0].average
    assert first.difference == moved.difference
    assert first.se_examples != moved.se_examples
    assert first.se_examples == pytest.approx(moved.se_examples, rel=0.25)


def test_the_files_hold_what_is_shown(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", better_by_ten)
    document = compared(run)
    page, data = write_comparison(run, document)
    assert (page.name, data.name) == ("compare-none-english.md", "compare-none-english.json")
    assert document == ArmComparison.read(data)
    text = page.read_text(encoding="utf-8")
    for name in ("xnli", "German", "int8/onnxruntime", "hypervolume", "Holm", "undetermined", "Caveats"):
        assert name in text
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in lines)


def test_the_command_prints_and_writes(tmp_path: Path) -> None:
    write_run(tmp_path / "r", better_by_ten, seeds=(0, 1, 2))
    base = ["compare", str(tmp_path / "r"), "--arms", "none", "english", "--resamples", "200"]
    shown = CliRunner().invoke(app, base, env={"COLUMNS": "200"})
    assert shown.exit_code == 0, shown.output
    for text in ("english scores better than none", "task in fp32/torch", "hypervolume", "compare-none-eng"):
        assert text in shown.output
    narrow = CliRunner().invoke(app, base, env={"COLUMNS": "80"}).output.splitlines()
    assert len(narrow) < 60 and narrow[0].startswith("english scores better than none")
    assert any(line.startswith("Before you rely on this: ") for line in narrow)
    as_json = CliRunner().invoke(app, [*base, "--json", "--margin", "2"])
    assert json.loads(as_json.stdout)["margin"] == 2


@pytest.mark.parametrize(
    ("a", "b", "options", "words"),
    [
        ("none", "englsh", {}, 'No arm "englsh".*Did you mean "english"'),
        ("none", "english", {"margin": 0.0}, "--margin: expected points above 0"),
        ("none", "english", {"resamples": 3}, "--resamples: expected 100 to 100000"),
        ("none", "english", {"seed": -1}, "--seed"),
    ],
)
def test_wrong_arguments_are_explained(
    tmp_path: Path, a: str, b: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(InputError, match=words):
        compared(write_run(tmp_path / "r"), a, b, **options)


def test_runs_that_cannot_be_compared_are_explained(tmp_path: Path) -> None:
    alone = write_run(tmp_path / "alone", arms=("none",))
    with pytest.raises(InputError, match="No arm"):
        compared(alone)
    unmatched = write_run(tmp_path / "unmatched", without=tuple(
        f"english/{v.split('/')[0]}/seed={seed}/{v.split('/')[1]}" for v in VARIANTS for seed in (0, 1)
    ))  # fmt: skip
    with pytest.raises(InputError, match=r"fewer than two candidates to compare.*Without a score"):
        compared(unmatched)


def write_tuning(run: RunFolder, dev: int, lost: int = 0) -> None:
    """Write what sets BUCC's threshold beside its outcomes: right pairs score above 1, wrong ones below."""
    rng = np.random.default_rng(0)
    for file in sorted(run.path.glob("outcomes/*/accuracy-0-bucc2018.npz")):
        with np.load(file) as stored:
            right = stored["de"][lost:, 0]
        own = np.stack([right + rng.uniform(0.2, 0.8, len(right)), right, np.ones_like(right)], axis=1)
        halves = np.arange(len(own))[:, None] % 2
        rows = {"de": np.hstack([own, halves])}
        if dev:
            rows["de-calibration"] = rows["de"][:dev]
        np.savez(file.with_stem("accuracy-0-bucc2018-tuning"), columns=np.array(TUNING), **rows)


@pytest.mark.parametrize("dev", [0, 20])
def test_the_threshold_of_mining_is_set_anew_in_the_draws_where_what_it_takes_was_kept(
    tmp_path: Path, dev: int
) -> None:
    run = write_run(tmp_path / "r", better_by_ten, tasks={"bucc2018": ("de",)}, seeds=(0, 1))
    before = compared(run)
    assert "bucc-threshold" in keys(before)
    write_tuning(run, dev)
    after = compared(run)
    assert "bucc-threshold" not in keys(after)
    assert after.rests_on.tasks["bucc2018"].retuned
    one, other = (found.variants[0].average for found in (before, after))
    assert one.difference == other.difference
    assert other.se_examples > 0


def test_tuning_of_other_outcomes_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "r", better_by_ten, tasks={"bucc2018": ("de",)}, seeds=(0, 1))
    write_tuning(run, 20, lost=1)
    with pytest.raises(InputError, match="what set the threshold of bucc2018 in de does not belong"):
        compared(run)


def _damage(run: RunFolder, how: str) -> None:
    file = run.path / "outcomes" / "english__fp32__seed=0__torch" / "accuracy-0-xnli.npz"
    with np.load(file) as stored:
        arrays = {name: stored[name] for name in stored.files}
    if how == "gone":
        file.unlink()
    elif how == "torn":
        file.write_bytes(file.read_bytes()[:100])
    elif how == "text":
        file.write_text("no arrays", encoding="utf-8")
    elif how == "columns":
        np.savez(file, **(arrays | {"columns": np.array(["a", "b"])}))
    elif how == "language":
        del arrays["sw"]
        np.savez(file, **arrays)
    elif how == "other":
        np.savez(file, **(arrays | {"de": arrays["de"][::-1] * [0, 1]}))
    else:
        np.savez(file, **(arrays | {"de": np.concatenate([arrays["de"], arrays["de"]])}))


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("gone", "expected the outcomes of every example of xnli, found none"),
        ("torn", "expected arrays of outcomes"),
        ("text", "expected arrays of outcomes"),
        ("columns", "expected the columns correct, examples, found a, b"),
        ("language", "outcomes of xnli in sw, found none"),
        ("other", "They do not belong together"),
        ("twice", "different numbers of examples"),
    ],
)
def test_damaged_outcomes_are_refused(tmp_path: Path, how: str, words: str) -> None:
    run = write_run(tmp_path / "r")
    _damage(run, how)
    with pytest.raises(InputError, match=words):
        compared(run)


def test_hypervolumes_and_cost_ratios_stand_beside_the_scores(tmp_path: Path) -> None:
    found = compared(write_run(tmp_path / "r", better_by_ten, seeds=(0, 1, 2)))
    assert set(found.hypervolume) == {"latency_ms", "size_bytes"}
    assert all(contrast.difference > 0 for contrast in found.hypervolume.values())
    assert found.joint_hypervolume.verdict in {"better", "undetermined"}
    assert set(found.iso_cost) == {"latency_ms", "size_bytes"}
    for iso in found.iso_cost.values():
        assert iso.contrast is None or math.isfinite(iso.contrast.low)
