"""Question answering with a tiny model: scores, latency, and equal answers after the export."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from xpareto.compress.core.artifact import Artifact, seal
from xpareto.compress.core.step import Context
from xpareto.compress.steps.export_onnx import STEP as EXPORT
from xpareto.eval.data.source import DataSpec
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.registry import PROBES
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.records.measurement import Measurement

Build = Callable[..., Artifact]
pytestmark = pytest.mark.slow  # the export takes most of a quarter of a minute


@pytest.fixture(scope="module")
def measured(
    tmp_path_factory: pytest.TempPathFactory, torch_artifact: Build
) -> dict[str, tuple[list[Measurement], Path]]:
    """Return, per runtime, the rows of an MLQA set whose contexts take one or several windows."""
    root = tmp_path_factory.mktemp("qa")
    for language in ("de", "en"):
        file = root / f"download/mlqa/MLQA_V1/dev/dev-context-{language}-question-{language}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        articles = []
        for number in range(8):
            context = " ".join(
                "abcdefghijklmnopqrstuvwxyz"[(7 * number + at) % 26] for at in range(30 * number + 9)
            )
            answer = {"text": context[4:9], "answer_start": 4}
            entry = {"id": f"{language}{number}", "question": "w x y z", "answers": [answer]}
            articles.append({"paragraphs": [{"context": context, "qas": [entry]}]})
        file.write_text(json.dumps({"data": articles}))
    source = torch_artifact("qa", (), None, "squad_v1")
    folder = root / "onnx"
    folder.mkdir()
    context = Context(provider=None, seed=0, threads=1, scratch=root, progress=lambda *_: None)  # type: ignore[arg-type]
    made = EXPORT().apply(source, folder, context)
    exported = seal(folder, replace(source.manifest, format=made.format, head=made.head, files={}))
    found = {}
    for runtime, artifact, probes in (
        ("torch", source, ("accuracy", "latency")),
        ("onnxruntime", exported, ("accuracy",)),
    ):
        job = Job(
            "run", "cand", runtime, 1, {"squad_v1": str(artifact.path)}, DataSpec(str(root / "download")),
            (Ask("mlqa", ("de", "en"), "dev"),), probes, {"seconds": 0.05, "latency_samples": 10},
        )  # fmt: skip
        measuring = MeasurementContext(job, root / runtime)
        (root / runtime).mkdir()
        found[runtime] = (
            [row for name in probes for row in PROBES.load(name).measure(measuring)],
            root / runtime,
        )
        measuring.close()
    return found


def test_a_model_that_answers_questions_is_scored_and_timed(
    measured: dict[str, tuple[list[Measurement], Path]],
) -> None:
    rows, _ = measured["torch"]
    assert [row.error for row in rows if row.status != "ok"] == []
    assert {row.probe for row in rows} == {"accuracy", "latency"}
    scores = {(row.language, row.statistic): row.value for row in rows if row.probe == "accuracy"}
    assert set(scores) == {
        (language, metric) for language in ("de", "en") for metric in ("exact_match", "f1", "chance")
    }
    assert all(value is not None and 0 <= value <= 100 for value in scores.values())


def test_torch_and_onnx_give_the_same_answers_and_scores(
    measured: dict[str, tuple[list[Measurement], Path]],
) -> None:
    answers, scores = [], []
    for rows, folder in measured.values():
        answers.append(json.loads((folder / "predictions" / "mlqa.json").read_text(encoding="utf-8")))
        scores.append([(row.language, row.statistic, row.value) for row in rows if row.probe == "accuracy"])
    assert answers[0] == answers[1] and scores[0] == scores[1]
