"""A real encoder compressed without training, scored on tasks of one's own that are made of XQuAD and XNLI."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.pipelines.runs.test_own_vectors import scores
from xpareto.eval.tasks import task

DATA = Path(__file__).parents[4] / "shared" / "data"
LANGUAGES = ("de", "en", "zh")
RECIPE = """\
xpareto: 1
name: real-vectors
tasks:
  - {task: sts, kind: similarity, files: "sts-{language}.csv"}
  - {task: find, kind: ranking, files: "find/{language}", max_length: 256}
steps:
  - {step: trim_vocab, label: trimmed, languages: [de, en, zh]}
  - {step: export_onnx, label: onnx}
  - {step: quantize_dynamic, label: int8}
runtimes: [torch, onnxruntime]
measure: {probes: [accuracy, size], threads: 2}
"""
QUESTIONS, PASSAGES, PAIRS = 80, 100, 120

pytestmark = [pytest.mark.real, pytest.mark.slow]  # encodes hundreds of paragraphs in four variants


def write_data(folder: Path) -> None:
    """Write XQuAD's questions with the paragraph that each is asked of, and XNLI's pairs, their label a grade."""
    labels = ("contradiction", "neutral", "entailment")
    assert {*labels} == {*task("xnli").labels}
    for code in LANGUAGES:
        articles = json.loads((DATA / "xtreme" / "xquad" / f"xquad.{code}.json").read_text("utf-8"))["data"]
        passages = [paragraph for article in articles for paragraph in article["paragraphs"]][:PASSAGES]
        asked = [
            (at, row["question"]) for at, paragraph in enumerate(passages) for row in paragraph["qas"][:1]
        ]
        (folder / "find" / code / "qrels").mkdir(parents=True)
        texts = {
            "corpus": [one["context"] for one in passages],
            "queries": [text for _, text in asked[:QUESTIONS]],
        }
        for name, of in texts.items():
            lines = [json.dumps({"_id": str(n), "text": text}) for n, text in enumerate(of)]
            (folder / "find" / code / f"{name}.jsonl").write_text("\n".join(lines))
        judged = [f"{n}\t{at}\t1" for n, (at, _) in enumerate(asked[:QUESTIONS])]
        (folder / "find" / code / "qrels" / "test.tsv").write_text(
            "\n".join(["query-id\tcorpus-id\tscore", *judged])
        )
        with (DATA / "xtreme" / "xnli" / f"test-{code}.tsv").open(encoding="utf-8", newline="") as source:
            rows = [row for row, _ in zip(csv.reader(source, delimiter="\t"), range(PAIRS), strict=False)]
        with (folder / f"sts-{code}.csv").open("w", encoding="utf-8", newline="") as target:
            graded = [[first, second, labels.index(label)] for first, second, label in rows]
            csv.writer(target).writerows([["first", "second", "score"], *graded])


def test_an_encoder_without_any_training_keeps_its_rankings_and_correlations_in_int8(
    shipped: Callable[[str, Sequence[str]], Path], tmp_path: Path
) -> None:
    if not DATA.is_dir():
        pytest.skip("no ../shared/data beside the repository")
    write_data(tmp_path)
    (tmp_path / "real-vectors.yaml").write_text(RECIPE)
    run = shipped(str(tmp_path / "real-vectors.yaml"), [])
    found = {
        name: scores(run, f"main/{name}") for name in ("base/torch", "trimmed/torch", "int8/onnxruntime")
    }
    for code in LANGUAGES:
        for key in (("find", code, "ndcg_at_10"), ("sts", code, "spearman")):
            base, trimmed, int8 = (of[key] for of in found.values())
            print(*key, base, trimmed, int8)
            assert trimmed == pytest.approx(base, abs=3) and int8 == pytest.approx(base, abs=15)
        assert (
            found["base/torch"]["find", code, "ndcg_at_10"] > found["base/torch"]["find", code, "chance"] + 10
        )
