"""A sentence encoder, compressed without any training, with a similarity and a ranking task of one's own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from scipy import stats
from tokenizers import Tokenizer

from tests.pipelines.runs.test_run import xpareto
from xpareto.eval.metrics.ranked import ndcg
from xpareto.eval.results.document import read_document

PROMPTS = {"query": "ask ", "passage": ""}
RECIPE = """\
xpareto: 1
name: vectors
base: encoder
tasks:
  - {task: sts, kind: similarity, files: sts.csv, columns: {first: a, second: b, language: lang}, prompts: {text: "s "}}
  - {task: find, kind: ranking, files: "faq/{language}"}
steps:
  - {step: trim_vocab, label: trimmed, text: null, scripts: [Latin]}
  - {step: export_onnx, label: onnx}
  - {step: quantize_dynamic, label: int8}
runtimes: [torch, onnxruntime]
measure: {probes: [accuracy, size, depth, tokenization], threads: 1}
"""
LANGUAGES = ("de", "en")


def words(random: np.random.Generator, count: int = 4) -> str:
    return " ".join("".join(random.choice([*"abcdefgh"], 3)) for _ in range(count))


def near(text: str, random: np.random.Generator, changed: int) -> str:
    """Return a text of which some words are others."""
    parts = text.split(" ")
    for at in random.choice(len(parts), changed, replace=False):
        parts[at] = words(random, 1)
    return " ".join(parts)


def write_data(folder: Path) -> None:
    """Write pairs with as many points as words are shared, and queries that are passages with a word changed."""
    random = np.random.default_rng(0)
    rows = ["a,b,score,lang"]
    for code in LANGUAGES:
        for n in range(30):
            text = words(random)
            rows.append(f"{text},{near(text, random, n % 5)},{4 - n % 5},{code}")
        passages = [words(random) for _ in range(12)]
        (folder / "faq" / code / "qrels").mkdir(parents=True)
        for name, texts in (
            ("corpus", passages),
            ("queries", [near(text, random, 1) for text in passages[:9]]),
        ):
            lines = [json.dumps({"_id": f"{name[0]}{n}", "text": text}) for n, text in enumerate(texts)]
            (folder / "faq" / code / f"{name}.jsonl").write_text("\n".join(lines))
        judged = [f"q{n}\tc{n}\t2\nq{n}\tc{(n + 1) % 12}\t1" for n in range(8)]
        (folder / "faq" / code / "qrels" / "test.tsv").write_text(
            "\n".join(["query-id\tcorpus-id\tscore", *judged])
        )
    (folder / "sts.csv").write_text("\n".join(rows))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    encoder = folder / "encoder"
    shutil.copytree(base, encoder)
    body = transformers.XLMRobertaModel.from_pretrained(base, add_pooling_layer=False)
    with torch.no_grad():
        for weight in body.parameters():
            weight.add_(torch.randn(weight.shape, generator=torch.Generator().manual_seed(1)) * 0.3)
    body.save_pretrained(encoder)
    (encoder / "1_Pooling").mkdir()
    (encoder / "1_Pooling" / "config.json").write_text(
        '{"word_embedding_dimension": 16, "pooling_mode": "max"}'
    )
    modules = [{"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{name}"}
               for n, (path, name) in enumerate([("", "Transformer"), ("1_Pooling", "Pooling")])]  # fmt: skip
    (encoder / "modules.json").write_text(json.dumps(modules))
    (encoder / "config_sentence_transformers.json").write_text(json.dumps({"prompts": PROMPTS}))
    write_data(folder)
    (folder / "vectors.yaml").write_text(RECIPE)
    done = xpareto("run", "vectors.yaml", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "find: 1 query has no judgement in de" in done.stdout + done.stderr
    return folder


def run_of(folder: Path) -> Path:
    [run] = (folder / "runs").iterdir()
    return run


def scores(run: Path, candidate: str) -> dict[tuple[str, str, str], float]:
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    return {
        (row["task"], row["language"], row["statistic"]): row["value"]
        for row in rows
        if row["candidate"] == candidate and row["probe"] == "accuracy" and row["task"]
    }


def by_hand(folder: Path) -> Any:
    """Return a function: texts -> vectors, as plain transformers and the encoder's own files say."""
    model = transformers.AutoModel.from_pretrained(folder / "encoder", add_pooling_layer=False).eval()
    tokenizer = Tokenizer.from_file(str(folder / "encoder" / "tokenizer.json"))

    def encode(texts: list[str]) -> np.ndarray:
        with torch.inference_mode():
            found = [
                model(torch.tensor([tokenizer.encode(text).ids])).last_hidden_state[0].amax(0)
                for text in texts
            ]
        return torch.nn.functional.normalize(torch.stack(found), dim=-1).double().numpy()

    return encode


def test_scores_are_those_of_plain_transformers_with_the_prompts_that_are_said(folder: Path) -> None:
    encode, found = by_hand(folder), scores(run_of(folder), "main/base/torch")
    table = [line.split(",") for line in (folder / "sts.csv").read_text().splitlines()[1:]]
    for code in LANGUAGES:
        rows = [row for row in table if row[3] == code]
        sides = [encode([f"s {row[at]}" for row in rows]) for at in (0, 1)]
        cosines = (sides[0] * sides[1]).sum(1).round(6)  # equal texts are equal
        gold = [float(row[2]) for row in rows]
        assert found["sts", code, "spearman"] == pytest.approx(
            100 * stats.spearmanr(cosines, gold).statistic, abs=0.2
        )
        assert found["sts", code, "pearson"] == pytest.approx(
            100 * stats.pearsonr(cosines, gold).statistic, abs=1e-2
        )
        faq = folder / "faq" / code
        lines = {name: (faq / f"{name}.jsonl").read_text().splitlines() for name in ("queries", "corpus")}
        texts = {name: {row["_id"]: row["text"] for row in map(json.loads, of)} for name, of in lines.items()}
        cosines = (
            encode([f"ask {text}" for text in texts["queries"].values()])
            @ encode([*texts["corpus"].values()]).T
        )
        grades = {f"q{n}": {f"c{n}": 2, f"c{(n + 1) % 12}": 1} for n in range(8)}
        ranked = [[[*texts["corpus"]][at] for at in np.argsort(-row)] for row in cosines]
        each = [
            ndcg(row, grades[name], 10)
            for name, row in zip(texts["queries"], ranked, strict=True)
            if name in grades
        ]
        assert found["find", code, "ndcg_at_10"] == pytest.approx(100 * np.mean(each), abs=1e-6)
        assert found["find", code, "recall_at_100"] == 100
    assert max(found["sts", code, "spearman"] for code in LANGUAGES) > 40


def test_every_variant_in_every_runtime_has_scores_by_language(folder: Path) -> None:
    run = run_of(folder)
    document = read_document(run)
    assert [one.name for one in document.candidates] == [
        "main/base/torch", "main/trimmed/torch", "main/onnx/onnxruntime", "main/int8/onnxruntime",
    ]  # fmt: skip
    assert document.tasks["sts"].languages == LANGUAGES and document.tasks["find"].score_name == "ndcg_at_10"
    base = scores(run, "main/base/torch")
    for candidate in ("main/trimmed/torch", "main/onnx/onnxruntime"):
        other = scores(run, candidate)
        assert other.keys() == base.keys()
        assert all(other[key] == pytest.approx(base[key], abs=0.5) for key in base)
    int8 = scores(run, "main/int8/onnxruntime")
    assert all(-100 <= value <= 100 for value in int8.values()) and int8 != base
    report = (run / "report" / "summary.md").read_text()
    assert "sts (spearman, 2 languages)" in report and "ndcg" in report and "Retrieval by layer" in report


def test_it_is_chosen_compared_and_exported(folder: Path) -> None:
    chosen = xpareto("choose", "latest", "--max-drop", "50", folder=folder)
    assert chosen.returncode == 0 and "Deploy main/" in chosen.stdout, chosen.stderr
    assert xpareto("diff", "latest", "latest", folder=folder).returncode == 0
    done = xpareto("export", "latest", "main/int8/onnxruntime", "out", folder=folder)
    assert done.returncode == 0, done.stderr
    assert "spearman" in (folder / "out" / "encoder" / "README.md").read_text()


def test_a_prompt_that_changes_is_scored_anew_and_makes_nothing_anew(folder: Path) -> None:
    file = folder / "vectors.yaml"
    file.write_text(RECIPE.replace('"s "', '"t "'))
    plan = json.loads(xpareto("plan", "vectors.yaml", "--json", folder=folder).stdout)
    assert all(node["cached"] for node in plan["nodes"])
    done = xpareto("run", "vectors.yaml", "--set", "measure.probes=[accuracy]", folder=folder)
    assert done.returncode == 0, done.stderr
    file.write_text(RECIPE)
    first, second = sorted((folder / "runs").iterdir())
    one, two = (scores(run, "main/base/torch") for run in (first, second))
    assert one["find", "de", "ndcg_at_10"] == two["find", "de", "ndcg_at_10"]
    assert one["sts", "de", "pearson"] != two["sts", "de", "pearson"]
    shutil.rmtree(second)
