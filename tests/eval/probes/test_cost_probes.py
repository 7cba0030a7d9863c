"""Tokenization, fixed shapes, latency by language, and two ways to batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import DataSpec
from xpareto.eval.probes.latency import BATCHING, sample_by_language, sample_sequences
from xpareto.eval.probes.shapes import parse_shape
from xpareto.eval.probing.probe import launch
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.records.measurement import LOAD, Measurement
from xpareto.eval.tasks import task

Build = Callable[..., Artifact]
TIMED = {"latency", "shapes", "tokenization"}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory, onnx_artifact: Build) -> list[Measurement]:
    root = tmp_path_factory.mktemp("download")
    (root / "xnli").mkdir()
    labels = task("xnli").labels
    for language in ("en", "sw"):
        lines = [f"a b {'c ' * (i % 7)}\td e\t{labels[i % 3]}" for i in range(12)]
        (root / "xnli" / f"test-{language}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    artifact = onnx_artifact("classification", labels, None, "mnli")
    job = Job(
        "run", "cand", "onnxruntime", 1, {"mnli": str(artifact.path)}, DataSpec(str(root)),
        (Ask("xnli", ("en", "sw", "th")),), tuple(sorted(TIMED)),
        {"seconds": 0.05, "latency_samples": 6, "shapes": ["2x5", "1x7", "1x9000"], "batching": "padded"},
    )  # fmt: skip
    return launch(job, tmp_path_factory.mktemp("probes"))


def of(rows: list[Measurement], statistic: str) -> list[Measurement]:
    return [row for row in rows if row.statistic == statistic]


def test_all_that_is_timed_tells_what_else_ran(rows: list[Measurement]) -> None:
    assert {row.probe for row in rows} == TIMED
    assert {row.probe for row in of(rows, LOAD)} == TIMED
    assert not [row for row in rows if row.status == "failed"]


def test_tokenization_is_told_by_language_and_as_their_mean(rows: list[Measurement]) -> None:
    found = {row.language: row for row in of(rows, "tokenization")}
    assert set(found) == {"en", "sw", ""}
    values = [row.value for row in found.values() if row.language and row.value is not None]
    assert all(value > 0 for value in values)
    assert found[""].value == pytest.approx(np.mean(values))
    assert [found[name].examples for name in ("en", "sw", "")] == [12, 12, 24]


def test_each_shape_has_its_percentiles_and_one_that_is_too_long_is_missing(rows: list[Measurement]) -> None:
    found = {row.component: row for row in of(rows, "latency_at_shape")}
    assert {name for name, row in found.items() if row.status == "ok"} == {
        f"{shape} p{percent}" for shape in ("2x5", "1x7") for percent in (50, 90, 95, 99)
    }
    assert found["1x9000 p50"].status == "missing" and "at most" in found["1x9000 p50"].error
    assert found["2x5 p50"].examples == 2


def test_latency_by_language_stands_beside_that_of_all(rows: list[Measurement]) -> None:
    assert {row.language for row in of(rows, "latency_by_language")} == {"en", "sw"}
    assert {row.component for row in of(rows, "latency")} == {"p50", "p90", "p95", "p99"}
    (rate,) = of(rows, "throughput")
    assert rate.instrument.startswith("padded batches")


@given(
    lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40),
    budget=st.integers(1, 90),
    how=st.sampled_from(sorted(BATCHING)),
)
def test_both_ways_to_batch_hold_every_sequence_once_within_the_budget(
    lengths: list[int], budget: int, how: str
) -> None:
    batches = BATCHING[how]([[0] * length for length in lengths], budget)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(lengths[place] for place in batch) <= budget


def test_languages_are_drawn_evenly_and_the_sequences_are_those_of_before() -> None:
    subset: Any = type("S", (), {})
    subsets = []
    for language in ("en", "sw", "th"):
        one = subset()
        one.language, one.encoded = language, subset()
        one.encoded.input_ids = [[number] for number in range(9)]
        subsets.append(one)
    drawn = sample_by_language(subsets, 7, 0)
    assert [language for language, _ in drawn] == ["en"] * 3 + ["sw"] * 2 + ["th"] * 2
    assert [sequence for _, sequence in drawn] == sample_sequences(subsets, 7, 0)


@pytest.mark.parametrize("wrong", ["8", "0x8", "8x", "8X8", "-1x4", "8x128 "])
def test_a_shape_is_two_whole_numbers(wrong: str) -> None:
    with pytest.raises(InputError, match="such as 8x128"):
        parse_shape(wrong)
