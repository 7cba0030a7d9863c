"""A speed-up is met as measured, on a machine made up for the purpose that no table describes exactly."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.compress.pruning.test_onnx_widths import FFN, HEADS, LAYERS, SIZE, context, make_model, sealed
from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.stopwatch import Ratio
from xpareto.compress.models.heterogeneous_config import Shape
from xpareto.compress.pruning import speedup as latency_budget
from xpareto.compress.pruning.latency_table import Table, grid, measure, rising
from xpareto.compress.pruning.speedup import Latency, attempts, reach

QUIET = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a loaded machine draws slowly

LATENCY = Latency.model_validate({})


class Machine:
    """A clock that moves only while a model runs, as long as `seconds` of its graph says."""

    def __init__(self, seconds: Callable[[Any], float]) -> None:
        self.now, self.seconds = 0.0, seconds

    def open_run(self, graph: Any, *_: Any) -> Callable[[], None]:
        seconds = self.seconds(graph)

        def run() -> None:
            self.now += seconds

        return run

    def clock(self) -> float:
        return self.now


def widths(graph: Any) -> tuple[list[int], list[int]]:
    """Return the heads and neurons of each layer of a graph, from the shapes of its weights."""
    sizes = {tensor.name: tuple(tensor.dims) for tensor in graph.graph.initializer}
    heads, ffn = [0] * LAYERS, [0] * LAYERS
    for node in graph.graph.node:
        parts = node.name.removeprefix("roberta.").split(".")
        if node.name.endswith("self.query/MatMul"):
            heads[int(parts[2])] = sizes[node.input[1]][1] // SIZE
        elif node.name.endswith("intermediate.dense/MatMul"):
            ffn[int(parts[2])] = sizes[node.input[1]][1]
    return heads, ffn


def seconds(graph: Any) -> float:
    """Return times that are linear in nothing: full vectors only, and a crowd slows each down."""
    heads, ffn = widths(graph)
    blocks = sum(0.004 * h**0.8 for h in heads) + sum(0.0004 * (-(-n // 8) * 8) ** 1.1 for n in ffn)
    return 0.006 + blocks + 2.0 * blocks**2


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine(seconds)
    monkeypatch.setattr(
        latency_budget, "time", SimpleNamespace(thread_time=made.clock, perf_counter=made.clock)
    )
    monkeypatch.setattr(latency_budget, "_open", made.open_run)
    return made


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return sealed(
        tmp_path_factory.mktemp("speedup") / "torch", "classification", make_model("classification")
    )


def choose(costs: Sequence[np.ndarray], budget: float) -> list[int]:
    """Return the most units within the budget, by trying everything."""
    offered = [np.flatnonzero(np.isfinite(cost)) for cost in costs]
    best = max(
        (kept for kept in itertools.product(*offered) if sum(map(lambda c, k: c[k], costs, kept)) <= budget),
        key=lambda kept: (sum(kept[:LAYERS]) * 4 + sum(kept[LAYERS:]), kept),
    )
    return [int(units) for units in best]


def test_the_graph_that_is_kept_is_as_many_times_quicker_as_asked(
    source: Artifact, machine: Machine, tmp_path: Path
) -> None:
    found = reach(source, 1.7, LATENCY, choose, context(tmp_path))
    notes = found.notes
    whole = seconds_of([HEADS] * LAYERS, [FFN] * LAYERS)
    narrow = seconds_of(found.kept[:LAYERS], found.kept[LAYERS:])
    assert notes["speedup"] == pytest.approx(whole / narrow, rel=1e-6)
    assert whole / narrow == pytest.approx(1.7, rel=0.1)
    assert notes["speedup_interval"] == pytest.approx([whole / narrow] * 2, rel=1e-6)
    assert notes["same_model_interval"] == pytest.approx([1.0, 1.0])
    # What the table alone promised was not met: the correction is what meets it.
    missed = [abs(one["median"] / 1.7 - 1) for one in notes["attempts"]]
    assert len(missed) > 1 and missed[0] > LATENCY.tolerance / 2 >= missed[-1]
    assert list(tmp_path.iterdir()) == []  # nothing is left in scratch


def seconds_of(heads: Sequence[int], ffn: Sequence[int]) -> float:
    blocks = sum(0.004 * h**0.8 for h in heads) + sum(0.0004 * (-(-n // 8) * 8) ** 1.1 for n in ffn)
    return 0.006 + blocks + 2.0 * blocks**2


def test_more_than_an_empty_model_gives_is_refused_with_what_there_is(
    source: Artifact, machine: Machine, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=r"speedup: expected at most \d+\.\d\d, found 500.*prune_depth"):
        reach(source, 500.0, LATENCY, choose, context(tmp_path))


def test_the_table_of_additive_costs_is_exact(source: Artifact) -> None:
    import onnx

    def additive(graph: Any) -> float:
        heads, ffn = widths(graph)
        return 0.01 + sum(0.001 * h for h in heads) + sum(0.0001 * n for n in ffn)

    machine = Machine(additive)
    found = onnx.load(exported_once(source))
    shape = Shape((HEADS,) * LAYERS, (FFN,) * LAYERS, SIZE)
    table = measure(found, shape, machine.open_run, 3, 0, machine.clock)
    assert table.rest == pytest.approx(10.0)
    assert table.heads == pytest.approx({count: float(count) for count in range(HEADS + 1)})
    assert table.neurons == pytest.approx({count: 0.1 * count for count in (0, 16, 24)})
    uneven = Shape((4, 0, 1), (24, 16, 0), SIZE)
    assert table.predicted(uneven) == pytest.approx(10 + 5 + 4.0)


def exported_once(source: Artifact) -> Path:
    from xpareto.compress.steps.export_onnx import STEP as EXPORT

    target = source.path.parent / "onnx"
    if not target.exists():
        target.mkdir()
        EXPORT().apply(source, target, context(target))
    return target / "model.onnx"


def test_costs_between_measured_widths_are_interpolated_and_off_the_grid_forbidden() -> None:
    table = Table({0: 0.0, 1: 1.0, 2: 1.5}, {0: 0.0, 32: 3.2, 64: 4.8}, 2.0)
    heads, other, neurons, few = table.costs(Shape((2, 1), (64, 24), 8))
    assert (heads.tolist(), other.tolist()) == ([0.0, 1.0, 1.5], [0.0, 1.0])
    offered = {at: cost for at, cost in enumerate(neurons) if np.isfinite(cost)}
    assert offered == pytest.approx({0: 0.0, 16: 1.6, 32: 3.2, 48: 4.0, 64: 4.8})
    assert {at: cost for at, cost in enumerate(few) if np.isfinite(cost)} == pytest.approx(
        {0: 0.0, 16: 1.6, 24: 2.4}
    )


@QUIET
@given(st.lists(st.floats(-1, 5), min_size=1, max_size=12))
def test_rising_costs_never_fall_and_stay_within_what_was_measured(costs: list[float]) -> None:
    found = rising(costs)
    assert all(before <= after + 1e-12 for before, after in itertools.pairwise(found))
    assert min(found) >= 0 and max(found) <= max(0.0, *costs)
    if costs == sorted(costs) and costs[0] >= 0:
        assert found == pytest.approx(costs)


@QUIET
@given(st.integers(1, 5000))
def test_the_grid_ends_with_all_neurons(most: int) -> None:
    found = grid(most)
    assert found[-1] == most and found == sorted(set(found)) and found[0] > 0
    assert all(count % 16 == 0 for count in found[:-1])


@QUIET
@given(st.floats(1.1, 3.0), st.floats(0.5, 2.0), st.floats(0.6, 1.4))
def test_a_wrong_table_is_corrected_whatever_its_error(asked: float, factor: float, power: float) -> None:
    costs = [np.linspace(0.0, 10.0, 401) for _ in range(4)]
    rest = 4.0

    def even(costs: Sequence[np.ndarray], budget: float) -> list[int]:
        share = budget / sum(cost[-1] for cost in costs)
        return [min(400, max(0, int(400 * share)))] * 4

    def compare(kept: Sequence[int]) -> Ratio:
        def true(units: Sequence[int]) -> float:
            return rest + factor * sum((at / 400) ** power * 10 for at in units)

        ratio = true([400] * 4) / true(kept)
        return Ratio(ratio, ratio, ratio, 21)

    most = (rest + factor * 40) / rest
    tried = attempts(asked, LATENCY, costs, rest, even, compare)
    missed = min(abs(one.measured.median / asked - 1) for one in tried)
    assert missed <= 0.1 or asked > 0.8 * most


def test_a_speedup_that_no_attempt_meets_is_refused_with_the_nearest() -> None:
    found = latency_budget.Attempt(2.0, (1,), Ratio(1.5, 1.4, 1.6, 21))
    with pytest.raises(
        InputError, match=r"expected 2 within 10%, found 1\.5 .*1\.4 to 1\.6.*Free the machine"
    ):
        latency_budget._require(found, 2.0, LATENCY)


@pytest.mark.parametrize("fields", [{"threads": 0}, {"length": 0}, {"tolerance": 0.0}, {"rounds": 4}])
def test_fields_out_of_range_are_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Latency.model_validate(fields)


def test_a_model_is_opened_and_run_on_input_of_the_shape_asked(source: Artifact) -> None:
    import onnx

    latency = Latency.model_validate({"batch_size": 2, "length": 5})
    (logits,) = latency_budget._open(onnx.load(exported_once(source)), latency)()
    assert logits.shape == (2, 2)
    assert [Latency.model_validate({"threads": count}).clock for count in (1, 2)] == [
        time.thread_time,
        time.perf_counter,
    ]


def test_the_machine_enters_the_key() -> None:
    (need,) = LATENCY.reads()
    assert (need.kind, need.name) == ("machine", "onnxruntime")


def test_a_masked_language_model_is_timed_as_its_encoder(machine: Machine, tmp_path: Path) -> None:
    import torch
    import transformers

    config = make_model("encoder").config
    torch.manual_seed(0)
    model = transformers.XLMRobertaForMaskedLM(config)
    source = sealed(tmp_path / "torch", "mlm", model)
    (tmp_path / "scratch").mkdir()
    found = reach(source, 1.5, LATENCY, choose, context(tmp_path / "scratch"))
    assert found.notes["speedup"] == pytest.approx(1.5, rel=0.1)
    assert source.manifest.head == "mlm"
