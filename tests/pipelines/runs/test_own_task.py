"""From a table of one's own to a model that others load: init, run, choose, export; no line of Python, no edit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tokenizers import Tokenizer

from tests.pipelines.runs.test_fine_tuned_base import fine_tuned
from tests.pipelines.runs.test_run import xpareto
from xpareto.eval.results.document import read_document

SAID = {
    "en": ("book a flight to", "play the song", "how is the weather in"),
    "de": ("buche einen Flug nach", "spiele das Lied", "wie ist das Wetter in"),
    "ru": ("забронируй рейс в", "включи песню", "какая погода в"),
    "hi": ("उड़ान बुक करो", "गाना बजाओ", "मौसम कैसा है"),
    "zh": ("预订航班飞往", "播放歌曲", "天气怎么样在"),
}
INTENTS = ("travel", "music", "weather")
QUICK = (
    "--set", "fp32.max_steps=60", "--set", "measure.probes=[accuracy, size]", "--set", "measure.threads=1",
    "--set", "runtime_settings={onnxruntime: {spinning: false}}",
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    rows = [
        f"{said[n % 3]} {code}{n},{INTENTS[n % 3]},{code}" for n in range(60) for code, said in SAID.items()
    ]
    (folder / "intents.csv").write_text("\ufeffutterance,intent,lang\n" + "\n".join(rows), encoding="utf-8")
    done = xpareto("init", "intents.csv", folder=folder)
    assert done.returncode == 0, done.stderr
    done = xpareto("run", "intents.yaml", *QUICK, folder=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_its_scores_are_of_examples_that_nothing_learnt(folder: Path) -> None:
    [run] = (folder / "runs").iterdir()
    document = read_document(run)
    facts = document.tasks["intents"]
    assert facts.languages == tuple(sorted(SAID)) and facts.score_name == "accuracy" and facts.task.own
    assert document.candidates[0].learnt == {"intents": tuple(sorted(SAID))}
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    scores = {
        (row["statistic"], row["language"]): row["value"]
        for row in rows
        if row["candidate"] == document.baseline
        and row["probe"] == "accuracy"
        and row["task"]
        and not row["component"]
    }
    assert {statistic for statistic, _ in scores} == {"accuracy", "macro_f1", "mcc", "chance"}
    assert np.mean([scores["accuracy", code] for code in SAID]) > 60  # of three
    assert {row["examples"] for row in rows if row.get("task") == "intents" and not row["component"]} == {12}
    recalls = [row for row in rows if row["statistic"] == "recall" and row["candidate"] == document.baseline]
    assert {row["component"] for row in recalls} == {f"class={name}" for name in INTENTS}
    assert sum(row["value"] * row["examples"] for row in recalls) == pytest.approx(
        12 * sum(scores["accuracy", code] for code in SAID)
    )
    page = (run / "report" / "index.html").read_text()
    assert 'id="classes"' in page and "n = 20" in page
    report = (run / "report" / "summary.md").read_text()
    assert "Splits were cut from train" in report and "seed 0" in report and "XTREME" not in report


def test_it_is_chosen_compared_exported_and_measured_again(folder: Path) -> None:
    chosen = xpareto("choose", "latest", "--max-drop", "50", folder=folder)
    assert chosen.returncode == 0 and "Deploy main/" in chosen.stdout, chosen.stderr
    assert xpareto("diff", "latest", "latest", folder=folder).returncode == 0
    done = xpareto("export", "latest", "main/int8/onnxruntime", "out", folder=folder)
    assert done.returncode == 0, done.stderr
    labels = json.loads((folder / "out" / "intents" / "config.json").read_text())["id2label"]
    assert sorted(labels.values()) == sorted(INTENTS)
    card = (folder / "out" / "intents" / "README.md").read_text()
    assert "- zh" in card and "xtreme" not in card.partition("---\n\n")[0].lower()
    code = card.partition("```python\n")[2].partition("```")[0]
    assert "allow_spinning" in code and "options, providers" in code  # as it was measured
    asked = subprocess.run(
        [sys.executable, "-c", code], cwd=folder / "out" / "intents", capture_output=True, text=True
    )
    assert asked.returncode == 0, asked.stderr
    again = xpareto(
        "measure", str(next((folder / "runs").iterdir())), "--probe", "accuracy", folder=folder.parent
    )
    assert again.returncode == 0, again.stderr


def test_a_label_that_changes_makes_anew_what_learnt_it(folder: Path) -> None:
    def cached() -> dict[str, bool]:
        plan = json.loads(xpareto("plan", "intents.yaml", *QUICK, "--json", folder=folder).stdout)
        return {node["label"]: node["cached"] for node in plan["nodes"]}

    assert set(cached().values()) == {True}
    table = folder / "intents.csv"
    before = table.read_text("utf-8")
    table.write_text(before.replace("music", "travel", 1), "utf-8")
    assert cached() == {"base": True, "fp32": False, "onnx": False, "int8": False}
    table.write_text(before, "utf-8")
    assert set(cached().values()) == {True}


def test_a_fine_tuned_classifier_is_compressed_as_it_is_and_answers_as_plain_transformers_does(
    base: Path, tmp_path: Path
) -> None:
    import torch
    import transformers

    model = fine_tuned(
        base, tmp_path / "model", "XLMRobertaForSequenceClassification", ("Weather", "music", "Travel")
    )
    rows = [(f"{'abcdefghij'[n % 10]}a{'klm'[n % 3]} b{n % 7}", INTENTS[n % 3]) for n in range(24)]
    tuned = transformers.AutoModelForSequenceClassification.from_pretrained(model).eval()
    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    ids = [torch.tensor([tokenizer.encode(text).ids]) for text, _ in rows]
    with torch.no_grad():  # no label is the answer to all of them
        tuned.classifier.out_proj.bias.sub_(torch.cat([tuned(row).logits for row in ids]).mean(0))
    tuned.save_pretrained(model)
    (tmp_path / "test.csv").write_text("text,label\n" + "".join(f"{text},{label}\n" for text, label in rows))
    done = xpareto("init", "test.csv", "--model", "model", "--out", "mine.yaml", folder=tmp_path)
    assert (
        done.returncode == 0 and "train" not in (tmp_path / "mine.yaml").read_text().partition("steps:")[2]
    ), done
    done = xpareto("run", "mine.yaml", *QUICK[2:], folder=tmp_path)
    assert done.returncode == 0, done.stderr
    [run] = (tmp_path / "runs").iterdir()
    document = read_document(run)
    assert document.baseline == "main/base/torch" and document.brought == (document.recipe,)
    kept = run / "predictions" / "main__onnx__onnxruntime" / f"accuracy-0-{document.recipe}.json"
    ours = json.loads(kept.read_text())["und"]
    done = xpareto("export", "latest", "main/base/torch", "out", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "out" / document.recipe
    for folder in (model, out):
        plain = transformers.AutoModelForSequenceClassification.from_pretrained(folder).eval()
        with torch.inference_mode():
            answers = [plain.config.id2label[int(plain(row).logits.argmax())] for row in ids]
        assert [answer.casefold() for answer in answers] == ours and len(set(answers)) > 1
