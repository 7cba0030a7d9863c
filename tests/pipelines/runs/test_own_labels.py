"""Several labels for each text, whole way: init, a run with a student, choose, export; others load what comes out."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import transformers

from tests.pipelines.runs.test_run import xpareto
from xpareto.compress.core.artifact import Artifact
from xpareto.eval.results.document import read_document

SAID = {
    "en": ("the price is high", "the soup was cold", "the waiter was rude", "loud music"),
    "de": ("der Preis ist hoch", "die Suppe war kalt", "der Kellner war frech", "laute Musik"),
    "ru": ("цена высокая", "суп был холодный", "официант груб", "громкая музыка"),
    "hi": ("कीमत ज़्यादा है", "सूप ठंडा था", "वेटर रूखा था", "तेज़ संगीत"),
    "zh": ("价格太高", "汤是凉的", "服务员粗鲁", "音乐太吵"),
}
TOPICS = ("price", "taste", "service", "place")
QUICK = (
    "--set", "fp32.max_steps=250", "--set", "measure.probes=[accuracy, size]", "--set", "measure.threads=1",
)  # fmt: skip
STUDENT = """\
  - {step: distill, label: small, teacher: fp32, on: each, student: {layers: 1}, logits: {}, labels: {}, steps: 20}
  - {step: export_onnx"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("labels")
    with (folder / "reviews.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["said", "topics", "lang"])
        for n in range(64):
            for code, said in SAID.items():
                told = [at for at in range(4) if (n >> at) & 1]
                text = ", ".join([*(said[at] for at in told), f"{code} {n}"])
                table.writerow([text, "; ".join(TOPICS[at] for at in told), code])
    done = xpareto("init", "reviews.csv", folder=folder)
    assert done.returncode == 0, done.stderr
    recipe = folder / "reviews.yaml"
    recipe.write_text(recipe.read_text("utf-8").replace("  - {step: export_onnx", STUDENT, 1), "utf-8")
    done = xpareto("run", "reviews.yaml", *QUICK, folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def run_of(folder: Path) -> Path:
    return next((folder / "runs").iterdir())


def test_it_learns_more_than_one_answer_for_all_and_tells_recall_by_label(folder: Path) -> None:
    run = run_of(folder)
    document = read_document(run)
    facts = document.tasks["reviews"]
    assert facts.languages == tuple(sorted(SAID)) and facts.score_name == "micro_f1"
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    scores = {
        (row["statistic"], row["language"], row["component"]): row["value"]
        for row in rows
        if row["candidate"] == document.baseline and row["probe"] == "accuracy" and row["task"]
    }
    found, chance = (np.mean([scores[name, code, ""] for code in SAID]) for name in ("micro_f1", "chance"))
    assert 60 < chance < 75 and found > chance + 3  # all labels for all texts: precision 1/2, recall 1
    with (run / "report" / "recall.csv").open(encoding="utf-8") as file:
        recalls = [row for row in csv.DictReader(file) if row["candidate"] == document.baseline]
    assert {row["class"] for row in recalls} == {*TOPICS}
    assert {row["language"] for row in recalls} == {"", *SAID}
    for label in TOPICS:
        of_label = [row for row in recalls if row["class"] == label]
        whole = next(row for row in of_label if not row["language"])
        assert int(whole["examples"]) == sum(int(row["examples"]) for row in of_label if row["language"])
    page = (run / "report" / "index.html").read_text("utf-8")
    assert 'id="classes"' in page and "price" in page
    summary = (run / "report" / "summary.md").read_text("utf-8")
    assert r"micro\_f1" in summary and "Splits were cut from train" in summary


def test_it_is_chosen_and_compared(folder: Path) -> None:
    chosen = xpareto("choose", "latest", "--max-drop", "90", "--count-unlearnt", folder=folder)
    assert chosen.returncode == 0 and "Deploy main/" in chosen.stdout, chosen.stderr
    assert xpareto("diff", "latest", "latest", folder=folder).returncode == 0
    [small] = [one for one in read_document(run_of(folder)).candidates if one.name == "main/small/torch"]
    assert "logits" in json.dumps(small.steps[-1].fields)


def test_transformers_and_onnxruntime_answer_alike(folder: Path) -> None:
    for candidate, out, more in (
        ("main/small/torch", "torch", ()),
        ("main/onnx/onnxruntime", "hub", ("--layout", "hub")),
    ):
        done = xpareto("export", "latest", candidate, out, *more, folder=folder)
        assert done.returncode == 0, done.stderr
    torch_folder, hub = folder / "torch" / "reviews", folder / "hub" / "reviews"
    config = json.loads((hub / "config.json").read_text())
    assert config["problem_type"] == "multi_label_classification"
    assert sorted(config["id2label"].values()) == sorted(TOPICS)
    texts = [", ".join(said[:2]) for said in SAID.values()]
    pipeline = transformers.pipeline("text-classification", model=str(torch_folder), top_k=None)
    theirs = [{told["label"]: told["score"] for told in row} for row in pipeline(texts)]
    tokenizer = transformers.AutoTokenizer.from_pretrained(hub)
    encoded = tokenizer(texts, padding=True, return_tensors="np")
    session = onnxruntime.InferenceSession(str(hub / "onnx" / "model.onnx"))
    inputs = {name: encoded[name].astype(np.int64) for name in ("input_ids", "attention_mask")}
    chances = 1 / (1 + np.exp(-np.asarray(session.run(None, inputs)[0])))
    for row, of_text in zip(theirs, chances, strict=True):
        for at, chance in enumerate(of_text):
            assert row[config["id2label"][str(at)]] == pytest.approx(float(chance), abs=1e-4)
    card = (hub / "README.md").read_text("utf-8")
    assert "1 / (1 + np.exp(-logits))" in card and "top_k: null" in card
    assert "pipeline_tag: text-classification" in card


def test_what_was_exported_is_a_start_as_it_is(folder: Path) -> None:
    if not (folder / "torch").exists():
        assert xpareto("export", "latest", "main/small/torch", "torch", folder=folder).returncode == 0
    done = xpareto("init", "reviews.csv", "--model", "torch/reviews", "--out", "again.yaml", folder=folder)
    assert done.returncode == 0 and "train" not in (folder / "again.yaml").read_text().partition("steps:")[2]
    plan = json.loads(xpareto("plan", "again.yaml", "--json", folder=folder).stdout)
    assert plan["baseline"] == "main/base/torch"
    seal = next((folder / "torch").iterdir())
    assert Artifact.open(seal).manifest.head == "multi_label_classification"
    config = seal / "config.json"
    plain = json.loads(config.read_text())
    plain.pop("problem_type")
    other = folder / "plain"
    other.mkdir()
    for file in seal.iterdir():
        (other / file.name).write_bytes(file.read_bytes())
    (other / "config.json").write_text(json.dumps(plain))
    done = xpareto("plan", "again.yaml", "--base", "plain", folder=folder)
    assert done.returncode != 0 and '"problem_type": "multi_label_classification"' in done.stderr
    done = xpareto("init", "reviews.csv", "--model", "plain", "--out", "third.yaml", folder=folder)
    assert "Check: the head of" in done.stdout + done.stderr and "problem_type" in done.stdout + done.stderr
