"""What the probe `predictions` writes for all nine tasks, `score` reads back to the accuracy probe's rows."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xpareto.compress.core.artifact import Artifact
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.probes.accuracy import PROBE as ACCURACY
from xpareto.eval.probes.predictions import PROBE as PREDICTIONS
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.predict import answered
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.records.measurement import Measurement
from xpareto.eval.submission.leaderboard import NINE, file_of, format_of
from xpareto.eval.submission.scoring import score_folder
from xpareto.eval.tasks import Bitext, Example, Pair, Question, Sentence, Tagged, Task, task

LANGUAGES = {name: task(name).languages[:2] for name in NINE}
HEADS = {
    "mnli": ("classification", task("xnli").labels),
    "pawsx": ("classification", task("pawsx").labels),
    "udpos": ("tagging", task("udpos").labels),
    "panx": ("tagging", task("panx").labels),
    "squad_v1": ("qa", ()),
    "tydiqa": ("qa", ()),
    "encoder": ("encoder", ()),
}


def words(source: random.Random, count: int) -> str:
    return " ".join(source.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(count))


def questions(source: random.Random, name: str, labelled: bool) -> str:
    """Return a file of questions in SQuAD's form; the answers are words of their contexts."""
    paragraphs = []
    for number in range(5):
        context = words(source, 9)
        start = 2 * source.randrange(8)
        answer = {"text": context[start : start + 3], "answer_start": start}
        question = {
            "id": f"{name}-{number}",
            "question": words(source, 3),
            "answers": [answer] if labelled else [],
        }
        paragraphs.append({"context": context, "qas": [question]})
    return json.dumps({"version": "1.1", "data": [{"title": "t", "paragraphs": paragraphs}]})


def write_task(root: Path, found: Task, language: str, labelled: bool) -> None:
    """Write the test files of one language; the same text with and without the gold."""
    source = random.Random(f"{found.name} {language}")
    texts: list[str] = []
    if found.kind == "classify":
        rows = [[words(source, 3), words(source, 2), source.choice(found.labels)] for _ in range(8)]
        texts = ["".join("\t".join(row if labelled else row[:2]) + "\n" for row in rows)]
    elif found.kind == "tag":
        lines = []
        for _ in range(6):
            for word in words(source, source.randrange(1, 7)).split():
                tag = source.choice(found.labels)
                lines.append(f"{word}\t{tag}" if labelled else word)
            lines.append("")
        texts = ["\n".join(lines) + "\n"]
    elif found.kind == "span":
        texts = [questions(source, found.name, labelled)]
    elif found.kind == "retrieve":
        english = sorted({words(source, 4) for _ in range(25)})
        foreign = [words(source, 4) for _ in english]
        if labelled:
            source.shuffle(english)
        texts = ["".join(f"{line}\n" for line in side) for side in (foreign, english)]
    else:
        for split in ("dev", "test"):
            sides = [
                "".join(f"{side}-{number}\t{words(source, 4)}\n" for number in range(12))
                for side in (language, "en")
            ]
            gold = "".join(f"{language}-{number}\ten-{number}\n" for number in range(5))
            write_files(root, found, (*found.file_names(language, split), *found.gold_names(language, split)),
                        [*sides, gold][: None if labelled or split == "dev" else 2])  # fmt: skip
        return
    write_files(root, found, found.file_names(language, "test"), texts)


def write_files(root: Path, found: Task, names: tuple[str, ...], texts: list[str]) -> None:
    for name, text in zip(names, texts, strict=False):
        file = root / found.name / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def gold_text(found: Task, examples: list[Example]) -> str:
    """Return a gold file of the leaderboard, from labelled examples."""
    golds: list[Any] = []
    for place, example in enumerate(examples):
        match example:
            case Pair():
                golds.append(example.label)
            case Tagged():
                golds.append(example.tags)
            case Bitext():
                golds.append(place)
            case Sentence():
                golds.append(((example.translations or ("",))[0], ""))
            case Question():
                texts = [{"text": answer.text} for answer in example.answers or ()]
                golds.append({"qas": [{"id": example.id, "answers": texts}]})
    if found.kind == "span":
        return json.dumps({"data": [{"paragraphs": golds}]})
    return format_of(found).text(examples, golds)


@pytest.fixture(scope="module")
def job(
    tmp_path_factory: pytest.TempPathFactory, torch_artifact: Callable[..., Artifact]
) -> Callable[[bool], Job]:
    artifacts = {
        name: str(torch_artifact(head, labels, training_set=name).path)
        for name, (head, labels) in HEADS.items()
    }

    def make(labelled: bool) -> Job:
        root = tmp_path_factory.mktemp("download")
        for name, languages in LANGUAGES.items():
            for language in languages:
                write_task(root, task(name), language, labelled)
        asks = tuple(Ask(name) for name in NINE)
        return Job(
            "run", "cand", "torch", 1, artifacts, DataSpec(str(root)), asks, ("accuracy", "predictions")
        )

    return make


Done = tuple[Job, Path, list[Measurement], list[Measurement]]


def measured(job: Job, folder: Path) -> Done:
    context = MeasurementContext(job, folder)
    try:
        return job, folder, list(ACCURACY.measure(context)), list(PREDICTIONS.measure(context))
    finally:
        context.close()


@pytest.fixture(scope="module")
def labelled(job: Callable[[bool], Job], tmp_path_factory: pytest.TempPathFactory) -> Done:
    return measured(job(True), tmp_path_factory.mktemp("labelled"))


def test_written_predictions_score_exactly_as_the_accuracy_probe(labelled: Done, tmp_path: Path) -> None:
    job, folder, rows, _ = labelled
    data = Data.open(job.data)
    for name, languages in LANGUAGES.items():
        for language in languages:
            file = file_of(tmp_path, task(name), language)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(gold_text(task(name), data.examples(task(name), language)), encoding="utf-8")
    scores = score_folder(folder / "submission", tmp_path)
    assert list(scores.tasks) == list(NINE) and scores.ignored == ()
    found = {(row.task, row.language, row.statistic): row.value for row in rows if row.status == "ok"}
    compared = 0
    for name, scored in scores.tasks.items():
        assert tuple(scored.languages) == LANGUAGES[name]
        for language, score in scored.languages.items():
            assert (score.unanswered, score.unknown) == (0, 0)
            for metric, value in score.metrics.items():
                assert value == pytest.approx(found[name, language, metric], abs=1e-9), (
                    name,
                    language,
                    metric,
                )
                compared += 1
    assert compared >= 2 * (1 + 1 + 2 + 1 + 3 + 2 + 3 + 3 + 1)


def test_every_file_and_every_language_without_data_is_a_row(labelled: Done) -> None:
    _, folder, _, rows = labelled
    files = sorted(
        path.relative_to(folder / "submission") for path in (folder / "submission").rglob("test-*")
    )
    written = [row for row in rows if row.status == "ok"]
    assert sorted(file_of(Path(), task(row.task), row.language) for row in written) == files
    assert len(files) == 2 * len(NINE)
    missing = [row for row in rows if row.status == "missing"]
    assert len(missing) == sum(len(task(name).languages) - 2 for name in NINE)
    assert {row.error.split(" ")[0] for row in missing} == {"no"}
    assert {row.value for row in written if row.task == "xnli"} == {8.0}


def test_withheld_gold_changes_no_prediction_and_gives_no_score(
    job: Callable[[bool], Job], labelled: Done, tmp_path: Path
) -> None:
    _, folder, rows, written = measured(job(False), tmp_path)
    asked = [row for row in rows if row.language in LANGUAGES[row.task]]
    assert {row.status for row in asked} == {"missing"}
    assert all(row.error.startswith("gold labels withheld") for row in asked)
    assert not (folder / "outcomes").exists()
    assert {row.task for row in written if row.status == "ok"} == set(NINE)
    ours = sorted(path for path in (folder / "submission").rglob("test-*"))
    theirs = sorted(path for path in (labelled[1] / "submission").rglob("test-*"))
    for one, other in zip(ours, theirs, strict=True):
        assert one.read_text(encoding="utf-8") == other.read_text(encoding="utf-8"), one.name


def test_what_a_language_gets_does_not_depend_on_the_languages_beside_it(
    labelled: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class OfTheWholeBatch:
        """Answers as a dynamically quantized model may: from everything that is in the batch."""

        lanes = 1

        def run(self, input_ids: np.ndarray, attention_mask: np.ndarray) -> np.ndarray:
            logits = np.zeros((len(input_ids), 3), np.float32)
            logits[:, int(input_ids.sum()) % 3] = 1
            return logits

    context = MeasurementContext(labelled[0], tmp_path)
    monkeypatch.setattr(context, "session", lambda training_set: OfTheWholeBatch())
    found = [
        {
            answer.subset.language: answer.predictions
            for answer in answered(context, "mnli", Ask("xnli", languages))
        }
        for languages in (LANGUAGES["xnli"], LANGUAGES["xnli"][1:])
    ]
    assert len(found[0]) == 2
    assert found[1] == {language: found[0][language] for language in LANGUAGES["xnli"][1:]}
