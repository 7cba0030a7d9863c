"""The plan refuses a chain whose order breaks a rule, with the line, the reason and the fix."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.compress.core.ordering import Rule
from xpareto.compress.core.step import ChainState
from xpareto.compress.steps.export_onnx import ExportOnnx
from xpareto.compress.steps.prune_depth import PruneDepth
from xpareto.compress.steps.quantize_dynamic import QuantizeDynamic
from xpareto.pipelines.planning.graph import Plan

Make = Callable[..., Plan]
CUT = "  - {step: prune_depth, layers: 1, only: [encoder]}\n"
EXPORT = "  - step: export_onnx\n"


def rule(relation: str, *steps: str) -> tuple[Rule, ...]:
    return (Rule(relation, steps, why="of this test", fix="Do that."),)  # type: ignore[arg-type]


def test_a_step_that_must_not_come_after_another_is_refused_with_both_lines(
    planned: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned()
    monkeypatch.setattr(QuantizeDynamic, "rules", rule("never_after", "train"))
    with pytest.raises(InputError) as caught:
        planned()
    assert str(caught.value) == (
        "r.yaml:12: quantize_dynamic cannot follow train, which stands at r.yaml:6: quantize_dynamic never "
        "comes after train, because of this test. Do that."
    )


def test_a_step_that_needs_another_before_it_is_refused_without_it(
    planned: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExportOnnx, "rules", rule("after", "prune_depth", "pretrain"))
    with pytest.raises(
        InputError, match=r"r\.yaml:10: export_onnx cannot follow train: export_onnx needs prune_depth or pre"
    ):
        planned()


def test_a_chain_that_ends_before_what_a_step_needs_later_is_refused(
    planned: Make, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExportOnnx, "rules", rule("needs_later", "quantize_dynamic"))
    planned()
    with pytest.raises(InputError, match=r"r.yaml:10: the chain ends too early: .* Do that\."):
        planned(good.replace("  - step: quantize_dynamic\n    label: int8\n", ""))


def test_a_step_that_is_left_out_counts_neither_before_nor_later(
    planned: Make, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ExportOnnx, "rules", rule("needs_later", "quantize_dynamic"))
    with pytest.raises(InputError, match="ends too early"):
        planned(good + "sweep:\n  int8.enabled: [true, false]\n")


def test_rules_hold_per_training_set_and_steps_that_pass_one_by_do_not_count_for_it(
    planned: Make, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cut = good.replace(EXPORT, CUT + EXPORT, 1)
    planned(cut)
    monkeypatch.setattr(ExportOnnx, "rules", rule("never_after", "prune_depth"))
    with pytest.raises(
        InputError, match=r"\(in the models of encoder\): export_onnx never comes after prune"
    ):
        planned(cut)
    monkeypatch.setattr(ExportOnnx, "rules", rule("after", "prune_depth"))
    with pytest.raises(InputError, match=r"\(in the models of udpos, mnli\): export_onnx needs prune_depth"):
        planned(cut)
    monkeypatch.setattr(ExportOnnx, "rules", ())
    monkeypatch.setattr(PruneDepth, "rules", rule("needs_later", "prune_depth"))
    with pytest.raises(InputError, match=r"ends too early \(in the models of encoder\)"):
        planned(cut)


def test_a_step_sees_what_was_done_to_its_own_models(
    planned: Make, good: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, ...]] = []
    follow = ExportOnnx.follow

    def watch(self: ExportOnnx, state: ChainState, heads: dict) -> ChainState:
        seen.append(state.done)
        return follow(self, state, heads)

    monkeypatch.setattr(ExportOnnx, "follow", watch)
    planned(good.replace(EXPORT, CUT + EXPORT, 1).replace("  none: []\n", ""))
    assert set(seen) == {("train", "train"), ("train", "train", "prune_depth")}


@pytest.mark.parametrize("order", [("cut", "train"), ("train", "cut")])
def test_compressing_may_come_before_training_or_after_it(
    planned: Make, good: str, order: tuple[str, ...]
) -> None:
    cut = "  - {step: prune_depth, layers: 1}\n"
    text = (
        good.replace("  - arms\n", f"  - arms\n{cut}")
        if order[0] == "cut"
        else good.replace(EXPORT, cut + EXPORT)
    )
    plan = planned(text)
    found = next(c for c in plan.candidates if c.name.endswith("int8/onnxruntime"))
    line = [node.step for node in plan.ancestors(found.artifacts["mnli"])][::-1]
    names = {"cut": "prune_depth", "train": "train"}
    assert line == ["base", *(names[part] for part in order), "export_onnx", "quantize_dynamic"]
