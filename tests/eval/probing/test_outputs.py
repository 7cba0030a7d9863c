"""What is kept of vectors and logits is what the model was scored by."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.eval.probing.made_up_texts import write_texts
from xpareto.compress.core.artifact import Artifact
from xpareto.eval.data.source import DataSpec
from xpareto.eval.kinds import classify, ranking, similarity
from xpareto.eval.probes import accuracy
from xpareto.eval.probing import outputs
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.predict import answered
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.results.outcomes import stored_arrays
from xpareto.eval.tasks import Corpus, Query, Similar, task

Build = Callable[..., Artifact]
ASKS = (Ask("tatoeba", ("de", "fr")), Ask("bucc2018", ("de",), "dev"))


@pytest.fixture
def context(torch_artifact: Build, tmp_path: Path) -> MeasurementContext:
    artifact = torch_artifact("encoder", (), 1, "encoder")
    write_texts(tmp_path)
    spec = DataSpec(str(tmp_path))
    return MeasurementContext(
        Job("run", "c", "torch", 1, {"encoder": str(artifact.path)}, spec, ASKS, ()), tmp_path
    )


def test_the_vectors_and_neighbours_of_bitext_are_those_that_it_is_scored_by(
    context: MeasurementContext,
) -> None:
    list(accuracy.PROBE.measure(context))
    (answer,) = answered(context, "encoder", ASKS[0])
    kept = stored_arrays(context.folder / "outcomes" / "tatoeba-vectors.npz")
    assert set(kept) == {"de", "norms:de", "nearest:de", "en", "norms:en"}
    states = np.stack(answer.reduced)
    for code, side in (("de", states[:24]), ("en", states[24:])):
        assert kept[code].dtype == np.float16 and kept[f"norms:{code}"].dtype == np.float32
        np.testing.assert_allclose(kept[code] * kept[f"norms:{code}"][:, None], side, atol=2e-3)
    predictions = json.loads((context.folder / "predictions" / "tatoeba.json").read_text())
    assert kept["nearest:de"].tolist() == predictions["de"]
    assert not (context.folder / "outcomes" / "tatoeba-logits.npz").exists()


def test_of_a_corpus_the_sentences_of_either_side_are_kept(context: MeasurementContext) -> None:
    list(accuracy.PROBE.measure(context))
    kept = stored_arrays(context.folder / "outcomes" / "bucc2018-vectors.npz")
    assert [len(kept[name]) for name in ("de", "nearest:de", "en")] == [24, 24, 20]
    unit = {code: kept[code].astype(np.float64) for code in ("de", "en")}
    best = (unit["de"] @ unit["en"].T).max(axis=1)
    chosen = (unit["de"] * unit["en"][kept["nearest:de"]]).sum(axis=1)
    np.testing.assert_allclose(chosen, best, atol=2e-3)


def test_no_more_is_kept_than_is_said_and_of_each_side_alike(
    context: MeasurementContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs, "TEXTS", 5)
    monkeypatch.setattr(outputs, "QUERIES", 7)
    list(accuracy.PROBE.measure(context))
    kept = stored_arrays(context.folder / "outcomes" / "tatoeba-vectors.npz")
    assert {name: len(array) for name, array in kept.items()} == {
        "de": 5, "norms:de": 5, "en": 5, "norms:en": 5, "nearest:de": 7,
    }  # fmt: skip


def test_english_texts_are_shared_among_the_languages(context: MeasurementContext) -> None:
    found = outputs.KeptOutputs(languages=100)
    (answer,) = answered(context, "encoder", ASKS[0])
    found.add(answer)
    assert len(found.vectors["de"]) == 24 and len(found.vectors["en"]) == 3


def test_labels_stand_by_name_whatever_order_a_model_has(onnx_artifact: Build, tmp_path: Path) -> None:
    (tmp_path / "xnli").mkdir()
    labels = tuple(sorted(task("xnli").labels, reverse=True))
    lines = [f"a b {'c ' * (i % 7)}\td e\t{labels[i % 3]}" for i in range(12)]
    (tmp_path / "xnli" / "test-en.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    artifact = onnx_artifact("classification", labels, None, "mnli")
    ask = Ask("xnli", ("en",))
    job = Job("run", "c", "onnxruntime", 1, {"mnli": str(artifact.path)}, DataSpec(str(tmp_path)), (ask,), ())
    context = MeasurementContext(job, tmp_path)
    list(accuracy.PROBE.measure(context))
    kept = stored_arrays(tmp_path / "outcomes" / "xnli-logits.npz")["en"]
    (answer,) = answered(context, "mnli", ask)
    context.close()
    by_name = sorted(labels)
    assert [by_name[at] for at in kept.argmax(axis=1)] == answer.predictions


def test_which_sequences_are_compared() -> None:
    own = task("tatoeba").__class__(
        "t", "similarity", "retrieval", ("de",), "encoder", ("spearman",), own=True
    )
    pairs = [Similar("a", "b", 1.0)] * 3
    found = similarity.KIND.searched(pairs, own, "de")
    assert (found.queries.tolist(), found.among.tolist()) == ([0, 1, 2], [3, 4, 5])
    assert found.texts["de"].tolist() == list(range(6))
    corpus = Corpus(tuple("pqrstuv"), ("",) * 7)
    queries = [Query(str(at), "", (("p", 1),), corpus) for at in range(2)]
    searched = ranking.KIND.searched(queries, own, "de")
    assert searched.among.tolist() == list(range(2, 9))
    assert searched.texts["de"].tolist() == [0, 1, 2, 8]
    assert classify.KIND.searched([], own, "de") is None
