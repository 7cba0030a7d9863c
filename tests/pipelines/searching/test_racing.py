"""What goes no further: what is shown to be dominated, and no more than that; then the best of what is left."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pipelines import made_up_run
from xpareto.eval.objectives import OBJECTIVES
from xpareto.eval.results import read_run_results
from xpareto.pipelines.searching.racing import dominated, hypervolume, ranked

SIZED = [OBJECTIVES.load("score"), OBJECTIVES.load("size_bytes")]
ARMS = ("baseline", "t0", "t1", "t2")


@pytest.mark.parametrize(("truth", "out"), [(50.0, {"t1"}), (69.5, set())])
def test_only_what_the_examples_prove_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, truth: float, out: set[str]
) -> None:
    monkeypatch.setattr(made_up_run, "VARIANTS", {"int8/onnxruntime": (6.0, 3e8, 0.0)})
    run = made_up_run.write_run(
        tmp_path / "run",
        lambda arm, task, seed: truth if arm == "t1" else 70.0,
        arms=ARMS,
        seeds=(0,),
        examples=60,
    )
    proofs = dominated(read_run_results(run.path, count_unlearnt=True), SIZED)
    assert {*proofs} == out
    assert all("t1" not in others for others in proofs.values())


VALUES = st.lists(
    st.tuples(st.floats(1, 99), st.floats(1e5, 1e9)), min_size=1, max_size=8, unique_by=lambda pair: pair
)


@given(VALUES)
def test_the_hypervolume_is_that_of_a_plain_count(values: list[tuple[float, float]]) -> None:
    points = np.array(values)
    octaves = np.log2(points[:, 1] / points[:, 1].max())
    ends = sorted({*octaves, 1.0})
    area = sum(
        (high - low)
        * max((score for score, at in zip(points[:, 0], octaves, strict=True) if at <= low), default=0.0)
        for low, high in itertools.pairwise(ends)
    )
    assert hypervolume(points, points, SIZED) == pytest.approx(area, rel=1e-6)


@given(VALUES)
def test_what_nothing_dominates_comes_first(values: list[tuple[float, float]]) -> None:
    named = {f"t{at}": value for at, value in enumerate(values)}
    order = ranked(named, {}, SIZED)
    assert sorted(order) == sorted(named)
    better = {
        name: [
            o
            for o, (s, b) in named.items()
            if s >= named[name][0] and b <= named[name][1] and (s, b) != named[name]
        ]
        for name in named
    }
    on = [name for name in order if not better[name]]
    assert order[: len(on)] == on
    broken = ranked(named, {order[0]: {"max_drop": 1.0}}, SIZED)
    assert broken[-1] == order[0]  # what breaks a limit comes last
