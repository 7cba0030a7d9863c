from __future__ import annotations

from typing import Any

import pytest

from xpareto.eval.objectives._objective import OBJECTIVES, Objective, declared_limits, preferences
from xpareto.eval.records.measurement import Measurement


def row(statistic: str, value: float | None, **more: Any) -> Measurement:
    probe = more.pop("probe", "accuracy")
    return Measurement("r", "c", probe, statistic, value, "", **more)


def reduce(name: str, rows: list[Measurement]) -> float | None:
    objective: Objective = OBJECTIVES.load(name)
    return objective.reduce(rows)


def test_score_weighs_tasks_alike_and_languages_alike_within_a_task() -> None:
    rows = [
        row("accuracy", 80.0, task="xnli", language="en"),
        row("accuracy", 40.0, task="xnli", language="sw"),
        row("f1", 90.0, task="udpos", language="en"),
        row("accuracy", 1.0, task="udpos", language="en"),  # its second metric
    ]
    assert reduce("score", rows) == pytest.approx((60.0 + 90.0) / 2)


def test_score_takes_the_mean_of_both_metrics_of_question_answering() -> None:
    rows = [
        row("exact_match", 50.0, task="xquad", language="en"),
        row("f1", 70.0, task="xquad", language="en"),
        row("f1_language_aware", 99.0, task="xquad", language="en"),
        row("f1", 99.0, task="xquad", language="zh"),  # without its exact match it does not count
        row("accuracy", 90.0, task="xnli", language="en"),
    ]
    assert reduce("score", rows) == pytest.approx((60.0 + 90.0) / 2)


def test_score_leaves_out_what_failed_or_is_missing() -> None:
    rows = [
        row("accuracy", 80.0, task="xnli", language="en"),
        row("accuracy", None, task="xnli", language="sw", status="missing"),
        row("accuracy", 0.0, task="xnli", language="de", status="failed"),
        row("probe_time", 3.0),
    ]
    assert reduce("score", rows) == 80.0


def test_latency_is_the_geometric_mean_over_blocks_of_the_mean_over_tasks_of_p50() -> None:
    rows = [
        row("latency", value, task=task, component="p50", repeat=repeat, probe="latency")
        for task, values in (("xnli", (10.0, 90.0)), ("udpos", (40.0, 110.0)))
        for repeat, value in enumerate(values)
    ]
    rows += [row("latency", 500.0, task="udpos", component="p99", probe="latency")]
    assert reduce("latency_ms", rows) == pytest.approx((25.0 * 100.0) ** 0.5)


def test_a_block_that_lacks_a_task_does_not_count_beside_one_that_has_all() -> None:
    first = [row("latency", 10.0, task=task, component="p50") for task in ("xnli", "udpos")]
    torn = row("latency", 90.0, task="xnli", component="p50", repeat=1)
    assert reduce("latency_ms", [*first, torn]) == pytest.approx(10.0)
    assert reduce("latency_ms", [first[1], torn]) == pytest.approx(50.0)  # none has all: as one block


@pytest.mark.parametrize("name", ["latency_ms", "throughput", "energy_j", "peak_rss_bytes"])
def test_a_measured_objective_is_the_geometric_mean_of_its_blocks(name: str) -> None:
    objective: Objective = OBJECTIVES.load(name)
    statistic, component = {
        "latency_ms": ("latency", "p50"), "throughput": ("throughput", ""),
        "energy_j": ("energy", "total"), "peak_rss_bytes": ("peak_rss", ""),
    }[name]  # fmt: skip
    rows = [
        row(statistic, value, component=component, task=task, artifact=task, repeat=repeat, basis="measured")
        for repeat, values in enumerate(((3.0, 5.0), (4.0, 7.0), (2.0, 9.0)))
        for task, value in zip(("a", "b"), values, strict=True)
    ]
    assert objective.blocks is not None
    blocks = objective.blocks(rows)
    assert set(blocks) == {0, 1, 2}
    for repeat, value in blocks.items():
        assert objective.reduce([own for own in rows if own.repeat == repeat]) == pytest.approx(value)
    assert objective.reduce(rows) == pytest.approx((blocks[0] * blocks[1] * blocks[2]) ** (1 / 3))


def test_throughput_is_the_rate_over_equally_many_examples_of_each_task() -> None:
    rows = [row("throughput", rate, task=task) for task, rate in (("xnli", 10.0), ("udpos", 40.0))]
    assert reduce("throughput", rows) == pytest.approx(2 / (1 / 10 + 1 / 40))


def test_size_is_what_one_deployed_model_weighs() -> None:
    rows = [row("size", size, component="model", artifact=name) for name, size in (("a", 10.0), ("b", 30.0))]
    rows += [row("size", 99.0, component=part, artifact="a") for part in ("tokenizer", "embeddings")]
    assert reduce("size_bytes", rows + rows) == 20.0


def test_peak_memory_is_that_of_the_largest_artifact() -> None:
    rows = [row("peak_rss", size, artifact=name) for name, size in (("a", 10.0), ("b", 30.0), ("b", 50.0))]
    assert reduce("peak_rss_bytes", rows) == 40.0


def test_energy_refuses_to_mix_bases() -> None:
    measured = row("energy", 2.0, task="xnli", component="total", basis="measured")
    modelled = row("energy", 4.0, task="udpos", component="total", basis="modelled")
    ram = row("energy", 9.0, task="xnli", component="ram", basis="modelled")
    assert reduce("energy_j", [measured, ram]) == 2.0
    assert reduce("energy_j", [modelled]) == 4.0
    assert reduce("energy_j", [measured, modelled]) is None


@pytest.mark.parametrize("name", OBJECTIVES.names)
def test_every_objective_keeps_the_contract(name: str) -> None:
    objective: Objective = OBJECTIVES.load(name)
    assert objective.name == name
    assert objective.sense in ("max", "min")
    assert objective.unit and objective.title
    assert objective.reduce([]) is None
    failed = row(name, None, status="failed", component="total", task="xnli")
    assert objective.reduce([failed]) is None
    assert (objective.role == "quality") == (objective.draws is not None)
    for limit in objective.limits:
        assert limit.name and limit.title and limit.unit and limit.help
        assert (limit.measure is None) == (objective.role == "quality")


def test_a_quality_without_draws_is_no_objective() -> None:
    with pytest.raises(ValueError, match="expected draws of a quality"):
        Objective("worst", "Worst", "percent", "max", lambda rows: None, role="quality")


def test_preferences_and_limits_follow_from_the_objectives() -> None:
    ours = ["score", "latency", "throughput", "size", "memory", "load_ms", "energy"]
    assert list(preferences())[: len(ours)] == ours  # what is added follows
    assert {limit.option for _, limit in declared_limits().values()} >= {
        "--max-drop", "--worst-language-drop", "--p95-ms", "--rss-mb", "--load-ms", "--size-mb", "--energy-j",
    }  # fmt: skip
    words = {aim: objective.superlative for aim, objective in preferences().items()}
    assert words["memory"] == "the least peak memory" and words["load_ms"] == "the least load time"
    assert words["throughput"] == "the most throughput" and words["score"] == "the best score"
