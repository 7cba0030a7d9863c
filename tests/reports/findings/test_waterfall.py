from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.results.document import Candidate, StepFacts
from xpareto.eval.results.run import Run
from xpareto.eval.results.summary import RunSummary
from xpareto.reports.findings.waterfall import Stop, waterfalls, within


def candidate(name: str, *steps: str, runtime: str = "ort", seed: int = 0, **more: Any) -> Candidate:
    """Return a candidate; a step is written as `name` or `name=setting`, which makes it another one."""
    chain = tuple(StepFacts(step.split("=")[0], step, 1, {"set": step}) for step in steps)
    facts: dict[str, Any] = {"arm": name.split("/")[0], "stage": steps[-1], "settings": {}} | more
    return Candidate(
        name, runtime=runtime, seed=seed, steps=chain, artifacts={}, made_seconds=None, run="r", **facts
    )


def ways(
    *candidates: Candidate, scores: Mapping[str, float | None] | None = None
) -> dict[str, tuple[Stop, ...]]:
    run = Run((), {}, ("score",), candidates[0].name, candidates, {})
    values = {own.name: {"score": (scores or {}).get(own.name, 50.0)} for own in candidates}
    return waterfalls(RunSummary(run, {}, values, {}, (), {}))


def names(way: tuple[Stop, ...]) -> list[str]:
    return [stop.candidate for stop in way]


def test_the_way_goes_through_every_measured_variant_in_between() -> None:
    found = ways(
        candidate("full", "train", "export"),
        candidate("trim", "train", "trim", "export"),
        candidate("trim/int8", "train", "trim", "export", "quantize"),
        candidate("other", "train", "prune", "export"),
    )
    assert names(found["full"]) == ["full"]
    assert names(found["trim/int8"]) == ["full", "trim", "trim/int8"]
    assert [stop.added for stop in found["trim/int8"]] == [(), ("trim",), ("quantize",)]
    assert all(not stop.removed and not stop.runtime for stop in found["trim/int8"])


def test_steps_without_a_measured_variant_share_a_line_and_none_is_lost() -> None:
    found = ways(
        candidate("full", "train", "export"),
        candidate("deep/int8", "train", "prune", "distill", "distill=again", "export", "quantize"),
    )
    assert [stop.added for stop in found["deep/int8"][1:]] == [
        ("prune", "distill", "distill (distill=again)", "quantize")
    ]


def test_a_variant_without_a_score_is_no_stop() -> None:
    three = (
        candidate("full", "train", "export"),
        candidate("trim", "train", "trim", "export"),
        candidate("trim/int8", "train", "trim", "export", "quantize"),
    )
    found = ways(*three, scores={"trim": None})
    assert names(found["trim/int8"]) == ["full", "trim/int8"] and "trim" not in found
    assert ways(*three, scores={"full": None}) == {}


def test_of_equal_ways_that_in_the_order_of_the_steps_is_taken() -> None:
    found = ways(
        candidate("full", "train", "export"),
        candidate("a-last", "train", "trim", "export"),
        candidate("z-first", "train", "prune", "export"),
        candidate("both", "train", "prune", "trim", "export"),
    )
    assert names(found["both"]) == ["full", "z-first", "both"]


def test_of_variants_made_alike_that_of_the_own_arm_is_taken() -> None:
    found = ways(
        candidate("full", "train", "export"),
        candidate("a/trim", "train", "trim", "export"),
        candidate("b/trim", "train", "trim", "export"),
        candidate("b/int8", "train", "trim", "export", "quantize"),
    )
    assert names(found["b/int8"]) == ["full", "b/trim", "b/int8"]


def test_another_training_is_said_to_replace_the_baselines() -> None:
    found = ways(
        candidate("none", "train", "export"),
        candidate("mlm", "train=mlm", "export"),
        candidate("mlm/int8", "train=mlm", "export", "quantize"),
    )
    first = found["mlm/int8"][1]
    assert names(found["mlm/int8"]) == ["none", "mlm", "mlm/int8"]
    assert first.added == ("train (train=mlm)",) and first.removed == ("train",)


def test_a_change_of_runtime_is_a_step_and_is_never_taken_back() -> None:
    found = ways(
        candidate("torch", "train", runtime="torch"),
        candidate("onnx", "train", "export"),
        candidate("onnx/torch", "train", "export", runtime="torch"),
        candidate("int8", "train", "export", "quantize"),
        candidate("vino", "train", "export", runtime="openvino"),
    )
    assert names(found["int8"]) == ["torch", "onnx/torch", "onnx", "int8"]
    assert [stop.runtime for stop in found["int8"]] == ["", "", "ort", ""]
    assert names(found["vino"]) == ["torch", "onnx/torch", "vino"]


def test_seeds_are_compared_with_the_baseline_of_their_seed() -> None:
    found = ways(
        candidate("full/0", "train", "export", arm="full"),
        candidate("full/1", "train", "export", arm="full", seed=1),
        candidate("int8/1", "train", "export", "quantize", arm="full", seed=1),
    )
    assert names(found["int8/1"]) == ["full/1", "int8/1"] and names(found["full/1"]) == ["full/1"]


@given(
    st.lists(st.lists(st.sampled_from("abcd"), min_size=1, max_size=4, unique=True), min_size=2, max_size=6)
)
def test_no_longer_way_exists(chains: list[list[str]]) -> None:
    made = [candidate(str(at), *chain) for at, chain in enumerate(chains)]
    found = ways(*made)
    steps = {str(at): chain for at, chain in enumerate(chains)}
    for goal, way in found.items():
        if goal == "0" or not within(steps["0"], steps[goal]):
            continue
        longest = max(
            (
                count
                for count in range(len(made))
                for between in itertools.permutations(set(steps) - {"0", goal}, count)
                if all(
                    len(steps[a]) < len(steps[b]) and within(steps[a], steps[b])
                    for a, b in itertools.pairwise(("0", *between, goal))
                )
            ),
            default=0,
        )
        assert len(way) == longest + 2
        assert names(way)[0] == "0" and names(way)[-1] == goal


@pytest.mark.parametrize("part", ["", "a", "ac", "abc"])
def test_within_keeps_the_order(part: str) -> None:
    assert within([ord(c) for c in part], [ord(c) for c in "abc"])
    assert not within([ord(c) for c in part] + [ord("a")], [ord(c) for c in "abc"]) or not part
