from __future__ import annotations

import itertools
import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.planning.graph import Plan

Make = Callable[..., Plan]


def test_every_stage_on_every_fitting_runtime_is_a_candidate(planned: Make) -> None:
    names = [candidate.name for candidate in planned().candidates]
    assert names == [
        f"{arm}/{stage}"
        for arm in ("none", "mnli")
        for stage in ("fp32/torch", "onnx/onnxruntime", "int8/onnxruntime")
    ]
    assert planned().baseline == "none/fp32/torch"


def test_arms_share_what_is_equal(planned: Make) -> None:
    plan = planned()
    # base + 3 sets x 3 stages per arm + the intermediate step
    assert len(plan.nodes) == 1 + 9 + 1 + 9
    bases = {list(plan.ancestors(key))[-1].key for c in plan.candidates for key in c.artifacts.values()}
    assert len(bases) == 1


def test_parents_come_before_children(planned: Make) -> None:
    seen: set[str] = set()
    for key, node in planned().nodes.items():
        assert node.parent is None or node.parent in seen
        seen.add(key)


def test_what_no_candidate_is_made_of_is_no_work(planned: Make, good: str) -> None:
    whole, plan = planned(), planned(good, "runtimes=[torch]")
    assert {node.label for node in plan.nodes.values()} == {"base", "intermediate", "fp32"}
    assert plan.unused == ("onnx", "int8") and whole.unused == ()
    assert [c.artifacts for c in plan.candidates] == [
        c.artifacts for c in whole.candidates if c.runtime == "torch"
    ]
    # What is no candidate itself is work where another one is made of it.
    hidden = planned(good, "fp32.candidate=false", "int8.candidate=false")
    assert hidden.unused == ("int8",) and {c.stage for c in hidden.candidates} == {"onnx"}
    assert {node.label for node in hidden.nodes.values()} == {"base", "intermediate", "fp32", "onnx"}


def test_keys_are_the_same_each_time(planned: Make) -> None:
    assert list(planned().nodes) == list(planned().nodes)
    assert planned().key == planned().key


def test_the_metric_that_chooses_weights_enters_the_keys_of_sets_that_have_one_alone(planned: Make) -> None:
    trained = [node for node in planned().nodes.values() if node.step == "train"]
    by_set = {
        node.fields["on"]: {name for name in node.data if name.startswith("metric:")} for node in trained
    }
    assert by_set["udpos"] == {"metric:udpos"} and by_set["mnli"] == set()
    assert all("dev_metric" not in node.fields for node in trained)  # as before there was such a field


@pytest.mark.parametrize(
    ("change", "kept"),
    [
        ({"overrides": ("int8.embeddings=false",)}, {"base", "fp32", "onnx", "intermediate"}),
        ({"overrides": ("onnx.tolerance=0.01",)}, {"base", "fp32", "intermediate"}),
        ({"overrides": ("fp32.epochs=3",)}, {"base", "intermediate"}),
        ({"overrides": ("seeds=[7]",)}, {"base"}),
        ({"data": "d1"}, {"base"}),
        ({"base": "b1"}, set()),
    ],
)
def test_a_change_gives_new_keys_from_there_on(
    planned: Make, good: str, change: dict, kept: set[str]
) -> None:
    before = planned()
    overrides = change.get("overrides", ())
    after = planned(good, *overrides, data=change.get("data", "d0"), base=change.get("base", "b0"))
    trained = {"udpos", "mnli"}
    for label in ("base", "intermediate", "fp32", "onnx", "int8"):
        old = {
            key for key, node in before.nodes.items() if node.label == label and reads(before, key, trained)
        }
        new = {key for key, node in after.nodes.items() if node.label == label and reads(after, key, trained)}
        assert (old == new) == (label in kept), label


def reads(plan: Plan, key: str, sets: set[str]) -> bool:
    """Does a node depend on training data? (The bare encoder without arm does not.)"""
    line = list(plan.ancestors(key))
    return line[0].label == "base" or any(node.fields.get("on") in sets for node in line)


def test_every_seed_gives_candidates_of_its_own(planned: Make, good: str) -> None:
    plan = planned(good, "seeds=[1, 2]")
    taggers = {c.seed: c.artifacts["udpos"] for c in plan.candidates if c.name.startswith("none/fp32")}
    assert taggers[1] != taggers[2]
    assert {"none/fp32/seed=1/torch", "none/fp32/seed=2/torch"} <= {c.name for c in plan.candidates}
    assert len({c.name for c in plan.candidates}) == len(plan.candidates) == 12


def test_a_sweep_multiplies_only_what_comes_after_it(planned: Make, good: str) -> None:
    plan = planned(good + "sweep:\n  int8.embeddings: [true, false]\n")
    assert len(plan.candidates) == 2 * 4
    assert sum(node.label == "onnx" for node in plan.nodes.values()) == 6
    assert "none/int8/embeddings=false/onnxruntime" in {c.name for c in plan.candidates}


def test_a_swept_step_can_be_left_out(planned: Make, good: str) -> None:
    plan = planned(good + "sweep:\n  intermediate.enabled: [true, false]\n")
    # without its only own step the arm mnli is the arm none: the same artifacts, so no new candidate
    assert len(plan.candidates) == 6


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=15)
@given(st.lists(st.integers(1, 3), min_size=3, max_size=3))
def test_the_number_of_candidates_is_the_number_of_distinct_prefixes(
    planned: Make, good: str, sizes: list[int]
) -> None:
    epochs, tolerances, ranges = ([round(1.5 + i, 2) for i in range(size)] for size in sizes)
    sweep = {
        "fp32.epochs": epochs,
        "onnx.tolerance": [value / 100 for value in tolerances],
        "int8.exclude_nodes": [[f"a{value}"] for value in ranges],
    }
    text = good + "sweep:\n" + "".join(f"  {path}: {values}\n" for path, values in sweep.items())
    plan = planned(text)
    prefixes = {combo[:end] for combo in itertools.product(*map(range, sizes)) for end in (1, 2, 3)}
    assert len(plan.candidates) == 2 * len(prefixes)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("  - step: export_onnx\n    label: onnx\n", "", "cannot follow train"),
        ("  - step: train\n    label: fp32\n    on: each\n    epochs: 1\n", "", "cannot follow"),
        ("    label: int8\n", "    label: int8\n  - {step: train, label: late, on: mnli}\n", "cannot follow"),
        ("    epochs: 1\n", "    epochs: 1\n  - {step: train, label: late, on: each}\n", "fork"),
    ],
)
def test_a_chain_that_does_not_fit_is_refused_with_its_line(
    planned: Make, good: str, old: str, new: str, words: str
) -> None:
    assert old in good
    with pytest.raises(InputError, match=words) as caught:
        planned(good.replace(old, new, 1))
    assert str(caught.value).startswith("r.yaml:")


def test_a_chain_without_a_start_is_refused(planned: Make, good: str) -> None:
    with pytest.raises(InputError, match="nothing to start from"):
        planned(good, base=None)


def test_a_recipe_without_candidates_is_refused(planned: Make, good: str) -> None:
    with pytest.raises(InputError, match="gives no candidate"):
        planned(good, "fp32.candidate=false", "onnx.candidate=false", "int8.candidate=false")


def test_planning_imports_no_heavy_library(good: str) -> None:
    program = f"""
import sys
sys.path.insert(0, {str(__file__.rsplit("/", 2)[0])!r})
from conftest import some_start
from xpareto.pipelines.recipe.checks import check
from xpareto.pipelines.recipe.located_yaml import parse_yaml
from xpareto.pipelines.planning.plan import make_plan
assert make_plan(check(parse_yaml({good!r}, "r.yaml")), some_start()).candidates
import xpareto.pipelines.runs.run, xpareto.pipelines.display.plan
heavy = {{"torch", "transformers", "onnx", "onnxruntime", "datasets", "codecarbon"}} & set(sys.modules)
assert not heavy, heavy
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_what_a_mixture_reads_enters_its_key_and_only_that(planned: Make, good: str) -> None:
    on = "on: [mnli, udpos@de, 'mlm:bible']"
    plan = planned(good.replace("on: mnli", on))
    (node,) = (node for node in plan.nodes.values() if node.label == "intermediate")
    assert list(node.data) == [
        "training:mnli", "training:udpos@de", "training:udpos", "text:bible", "metric:udpos",
    ]  # fmt: skip
    (other,) = (node for node in planned(good).nodes.values() if node.label == "intermediate")
    assert list(other.data) == ["training:mnli"] and other.key != node.key


def test_fields_of_one_training_set_change_its_key_and_no_other(planned: Make, good: str) -> None:
    def keys(*overrides: str) -> dict[str, str]:
        (found,) = (c for c in planned(good, *overrides).candidates if c.name == "none/fp32/torch")
        return dict(found.artifacts)

    before, after = keys(), keys("fp32.per_set.udpos.epochs=10")
    assert {name for name in before if before[name] != after[name]} == {"udpos"}


def test_a_swept_mixture_names_its_candidates_by_its_members(planned: Make, good: str) -> None:
    plan = planned(good + "sweep:\n  intermediate.on: [mnli, [mnli, udpos]]\n")
    names = {candidate.name for candidate in plan.candidates}
    assert {"mnli/fp32/on=mnli/torch", "mnli/fp32/on=mnli+udpos/torch"} <= names
