"""Packed rows give every sequence what it gives alone, in every runtime; a graph that cannot is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import Context
from xpareto.compress.steps.export_onnx import ExportOnnx
from xpareto.eval.data.source import DataSpec
from xpareto.eval.encoding.packing import first_tokens, pack, positions, unpack, visible
from xpareto.eval.probes.latency import feeds
from xpareto.eval.probing.batches import pad
from xpareto.eval.probing.probe import launch
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.runtimes._runtime import RUNTIMES, Session
from xpareto.eval.tasks import task

Build = Callable[..., Artifact]
TOLERANCE = 1e-4
PAD = 1
HEADS = {"classification": ("a", "b", "c"), "tagging": ("a", "b"), "qa": (), "encoder": ()}
LENGTHS = (9, 3, 14, 2, 5, 5, 1, 11)


def sequences() -> list[list[int]]:
    generator = np.random.default_rng(4)
    return [generator.integers(4, 60, length).tolist() for length in LENGTHS]


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=40), budget=st.integers(1, 90))
@settings(deadline=None)
def test_every_sequence_is_packed_once_and_found_again(lengths: list[int], budget: int) -> None:
    given_ids = [[7 + number] * length for number, length in enumerate(lengths)]
    batches = pack(given_ids, budget, PAD)
    found: dict[int, list[int]] = {}
    for batch in batches:
        rows, width = batch.input_ids.shape
        assert width == max(lengths) and (rows == 1 or rows * width <= budget)
        assert ((batch.attention_mask == 0) == (batch.input_ids == PAD)).all()
        found |= {
            number: own[:, 0].tolist() for number, own in unpack(batch.input_ids[..., None], batch).items()
        }
    assert [found[number] for number in range(len(lengths))] == given_ids
    assert sum(batch.input_ids.shape[0] for batch in batches) <= len(lengths)


@given(st.lists(st.lists(st.integers(1, 6), max_size=4), min_size=1, max_size=4))
@settings(deadline=None, max_examples=40)
def test_masks_and_positions_are_those_of_a_slow_twin_and_of_the_exported_arithmetic(
    rows: list[list[int]],
) -> None:
    import torch

    from xpareto.compress.onnx import packing as packed_graph

    width = max(1, *(sum(row) for row in rows)) + 1
    mask = np.zeros((len(rows), width), np.int64)
    where, start_of = np.zeros_like(mask) + PAD, np.zeros(mask.shape, bool)
    for row, members in zip(mask, rows, strict=True):
        row[: sum(members)] = np.repeat(np.arange(1, len(members) + 1), members)
    for row, members in enumerate(rows):
        at = 0
        for length in members:
            start_of[row, at] = True
            for step in range(length):
                where[row, at] = PAD + 1 + step
                at += 1
    seen = np.array([[[a == b and b != 0 for b in row] for a in row] for row in mask])[:, None]
    np.testing.assert_array_equal(positions(mask, PAD), where)
    np.testing.assert_array_equal(first_tokens(mask), start_of)
    np.testing.assert_array_equal(visible(mask), seen)
    ids, numbers = torch.from_numpy(np.where(mask, 9, PAD)), torch.from_numpy(mask)
    np.testing.assert_array_equal(packed_graph.positions(ids, numbers, PAD).numpy(), where)
    np.testing.assert_array_equal(packed_graph.first_tokens(numbers).numpy(), start_of)
    np.testing.assert_array_equal((packed_graph.additive_mask(numbers, torch.float32) == 0).numpy(), seen)


def both_ways(session: Session, per_token: bool) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return each sequence's answer from padded batches and from packed rows."""
    given_ids = sequences()
    ids, mask, lengths = pad(given_ids, PAD)
    answer = session.run(ids, mask)
    apart = [own[:length] if per_token else own for own, length in zip(answer, lengths, strict=True)]
    found: dict[int, np.ndarray] = {}
    for batch in pack(given_ids, 28, PAD):
        found |= unpack(session.run(batch.input_ids, batch.attention_mask), batch)
    return apart, [found[number] for number in range(len(given_ids))]


@pytest.fixture(scope="module", params=list(HEADS))
def exported(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, torch_artifact: Build
) -> tuple[str, Artifact, Artifact]:
    head = request.param
    source, folder = torch_artifact(head, HEADS[head]), tmp_path_factory.mktemp("packed")
    context = Context(provider=None, seed=0, threads=1, scratch=folder, progress=lambda *_: None)  # type: ignore[arg-type]
    made = ExportOnnx(packed=True).apply(source, folder, context)
    assert any(name.endswith("of packed rows") for name in made.notes["parity"])
    return head, source, seal(folder, Manifest({}, "onnx", head, labels=HEADS[head], notes=made.notes))


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime", "openvino"])
def test_packed_rows_give_what_padded_ones_give(
    exported: tuple[str, Artifact, Artifact], runtime: str
) -> None:
    head, source, graph = exported
    artifact = source if runtime == "torch" else graph
    session = RUNTIMES.load(runtime).open(artifact, 1)
    assert session.packs
    apart, packed = both_ways(session, head != "classification")
    reference, _ = both_ways(RUNTIMES.load("torch").open(source, 1), head != "classification")
    session.close()
    for one, other, exact in zip(apart, packed, reference, strict=True):
        np.testing.assert_allclose(other, one, atol=TOLERANCE, rtol=TOLERANCE)
        np.testing.assert_allclose(other, exact, atol=TOLERANCE, rtol=TOLERANCE)


def test_a_mask_that_were_not_block_diagonal_would_be_seen(torch_artifact: Build) -> None:
    """The comparison above can fail: one sequence that sees its neighbour answers otherwise."""
    session = RUNTIMES.load("torch").open(torch_artifact("tagging", HEADS["tagging"]), 1)
    first, second = sequences()[:2]
    ids = np.array([first + second], np.int64)
    together = session.run(ids, np.ones_like(ids))[0, : len(first)]
    alone = session.run(ids[:, : len(first)], np.ones((1, len(first)), np.int64))[0]
    assert np.abs(together - alone).max() > 100 * TOLERANCE


def test_a_graph_that_takes_a_row_for_one_sequence_is_refused(onnx_artifact: Build) -> None:
    session = RUNTIMES.load("onnxruntime").open(onnx_artifact("tagging", HEADS["tagging"]), 1)
    assert not session.packs
    (batch,) = pack([[5, 6, 7], [8], [9, 10]], 100, PAD)
    with pytest.raises(InputError, match="packed: true in export_onnx"):
        session.run(batch.input_ids, batch.attention_mask)


def test_packed_batches_hold_less_padding_than_padded_ones(torch_artifact: Build) -> None:
    session = RUNTIMES.load("torch").open(torch_artifact("encoder"), 1)

    def tokens(how: str) -> int:
        return sum(ids.size for ids, _ in feeds(session, sequences(), how, 28, PAD))

    assert sum(LENGTHS) <= tokens("packed") < tokens("padded")


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_latency_and_energy_are_measured_on_packed_rows_or_say_why_not(
    tmp_path: Path, torch_artifact: Build, onnx_artifact: Build, runtime: str
) -> None:
    labels = task("xnli").labels
    (tmp_path / "download" / "xnli").mkdir(parents=True)
    lines = [f"a b {'c ' * (i % 7)}\td e\t{labels[i % 3]}" for i in range(12)]
    (tmp_path / "download" / "xnli" / "test-en.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    build = torch_artifact if runtime == "torch" else onnx_artifact
    artifact = build("classification", labels, None, "mnli")
    job = Job(
        "run", "cand", runtime, 1, {"mnli": str(artifact.path)}, DataSpec(str(tmp_path / "download")),
        (Ask("xnli", ("en",)),), ("energy", "latency"), {"seconds": 0.02, "latency_samples": 10, "batching": "packed"},
    )  # fmt: skip
    rows = launch(job, tmp_path / "probe")
    if runtime == "torch":
        (rate,) = [row for row in rows if row.statistic == "throughput"]
        assert rate.value is not None and rate.value > 0 and rate.instrument.startswith("packed batches")
        assert any(row.statistic == "energy" and row.value is not None for row in rows)
    else:
        failed = {row.probe for row in rows if "packed: true in export_onnx" in row.error}
        assert failed == {"energy", "latency"}
