"""A topic classification (SIB-200) is one file: put into a copy of the packages, it is listed, trained and scored."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from tests.copied_house import copy_house, python
from tests.tutorials import files

FILE = "eval/tasks/sib200.py"  # see CONTRIBUTING.md
RECIPE = """\
xpareto: 1
name: topics
base: BASE
data: DATA
tasks: [sib200]
languages: [en, de]
steps:
  - {step: train, on: each, languages: [en, de], max_steps: 2, batch_size: 4, dev_limit: 4}
runtimes: [torch]
measure: {threads: 1, blocks: 1, retries: 0, probes: [accuracy]}
"""
TOPICS = ("travel", "sports", "science/technology")
SENTENCES = {
    "eng_Latn": ('the "hill" is far', "she won\tthe game", "an atom is small"),
    "deu_Latn": ("der berg ist fern", "sie gewann", "ein atom ist klein"),
}

SCRIPT = """\
import json, sys
from pathlib import Path
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.encoding.training import training_examples
from xpareto.eval.submission.leaderboard import format_of
from xpareto.eval.tasks import KINDS, task

found, data, tokenizer = task("sib200"), Data.open(DataSpec("data")), Path(sys.argv[1]) / "tokenizer.json"
kind, examples = KINDS.load(found.kind), data.examples(found, "en")
encoded = kind.encode(examples, TextEncoder(tokenizer), found)
labels = ["travel", "travel", "science/technology"]
score = kind.score(examples, labels, found, "en")
trained = training_examples(data, "sib200@de", "train", tokenizer, 64)
print(json.dumps({
    "languages": data.languages(found), "examples": [[one.text, one.label] for one in examples],
    "sequences": encoded.input_ids, "accuracy": score.metrics["accuracy"], "labels": trained.labels,
    "lines": format_of(found).text(examples, labels),
}))
"""


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """Return a folder with a copy of the packages that differs by one more file, and made-up data."""
    folder = copy_house(tmp_path_factory.mktemp("topics"))
    (folder / FILE).write_text(files("task")[FILE], encoding="utf-8")
    for language, sentences in SENTENCES.items():
        for split in ("train", "dev", "test"):
            file = folder / "data" / "xtreme" / "sib200" / language / f"{split}.tsv"
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
                writer.writerow(["index_id", "category", "text"])
                writer.writerows(zip(range(3), TOPICS, sentences, strict=True))
    recipe = RECIPE.replace("BASE", str(base)).replace("DATA", str(folder / "data"))
    (folder / "topics.yaml").write_text(recipe, encoding="utf-8")
    return folder


def test_its_rows_are_read_encoded_scored_and_written(copied: Path, base: Path) -> None:
    done = python(copied, "-c", SCRIPT, str(base))
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["languages"] == ["de", "en"]
    assert found["examples"] == [list(pair) for pair in zip(SENTENCES["eng_Latn"], TOPICS, strict=True)]
    assert all(row[0] == 0 and row.count(2) == 1 and row[-1] == 2 for row in found["sequences"])  # no pairs
    assert found["accuracy"] == pytest.approx(200 / 3)
    assert found["labels"] == [6, 5, 4]
    assert found["lines"] == "travel\ntravel\nscience/technology\n"


def test_it_is_listed_as_a_task_and_as_a_training_set(copied: Path) -> None:
    assert "sib200" in python(copied, "-m", "xpareto.pipelines", "list", "tasks").stdout
    assert "sib200" in python(copied, "-m", "xpareto.pipelines", "list", "training").stdout


@pytest.mark.slow
def test_a_recipe_trains_on_it_and_scores_it_in_every_language(copied: Path) -> None:
    done = python(copied, "-m", "xpareto.pipelines", "run", "topics.yaml")
    assert done.returncode == 0, done.stderr
    (file,) = copied.glob("runs/*/measurements.jsonl")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    scored = [row for row in rows if row["statistic"] == "accuracy"]
    assert {(row["task"], row["language"], row["status"]) for row in scored} == {
        ("sib200", "de", "ok"), ("sib200", "en", "ok"),
    }  # fmt: skip
    (report,) = copied.glob("runs/*/report/summary.md")
    assert "sib200" in report.read_text(encoding="utf-8")
