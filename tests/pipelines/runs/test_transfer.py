"""The demo's own steps, and the same on a base that learned nothing: transfer must come from its pre-training."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from random import Random
from statistics import mean
from typing import Any

import pytest
import yaml

from xpareto.compress.architectures import max_tokens
from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.step import Context, Step, StepResult
from xpareto.compress.models.checkpoint import import_checkpoint
from xpareto.compress.steps.pretrain import Pretrain
from xpareto.compress.steps.train import Train
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.metrics.squad import token_f1
from xpareto.eval.probing.batches import run_all
from xpareto.eval.runtimes._runtime import RUNTIMES, model_config
from xpareto.eval.synthetic.write import write_data
from xpareto.eval.tasks import KINDS, TASKS
from xpareto.pipelines.bases.build import FIELDS
from xpareto.pipelines.execution.data import TaskDataProvider
from xpareto.pipelines.planning.base_checkpoint import EMBEDDED_BASE

pytestmark = pytest.mark.slow

RECIPE = yaml.safe_load(files("pipelines").joinpath("recipes/demo.yaml").read_text("utf-8"))


def fields(entry: dict[Any, Any]) -> dict[str, Any]:
    """Return a step's own fields; YAML 1.1, which this reader speaks, takes the key `on` for true."""
    named = {"on" if key is True else key: value for key, value in entry.items()}
    return {key: value for key, value in named.items() if key not in ("step", "label", "candidate")}


TARGET = Train(**fields(RECIPE["arms"]["none"][0]))
INTERMEDIATE = Train(**fields(RECIPE["arms"]["english"][0]))
LEARNED_NOTHING = {"steps": 1, "align": False, "align_fixed": False}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    root = tmp_path_factory.mktemp("world")
    write_data(root)
    return Data.open(DataSpec(root=str(root)))


def apply(step: Step, source: Artifact | None, folder: Path, data: Data) -> Artifact:
    folder.mkdir()
    context = Context(TaskDataProvider(data), 0, 2, folder, lambda done, total, what: None)
    return sealed(folder, step.apply(source, folder, context))


def sealed(folder: Path, made: StepResult) -> Artifact:
    manifest = Manifest(
        {},
        made.format,
        made.head,
        made.labels,
        training_set=made.training_set,
        layer=made.layer,
        notes=made.notes,
    )
    return seal(folder, manifest)


def scores(
    task_name: str, base: Artifact, folder: Path, data: Data, metric: str = "accuracy"
) -> dict[str, float]:
    """Return one metric (in percent) by language of the demo's fine-tuning of `base`."""
    task: Any = TASKS.load(task_name)
    kind: Any = KINDS.load(task.kind)
    branch = (TARGET.branches((task.trained_on,)) or {})[task.trained_on]
    tuned = apply(branch, base, folder / task_name, data)
    longest = min(task.max_length, max_tokens(model_config(tuned)))
    task = replace(task, max_length=longest, labels=tuned.manifest.labels or task.labels)
    session = RUNTIMES.load("torch").open(tuned, 2)
    tokenizer = TextEncoder(tuned.file("tokenizer.json"))
    found = {}
    for language in data.languages(task):
        examples = data.examples(task, language)
        if task.calibration:
            dev = data.examples(task, language, task.calibration)
            encoded = kind.encode_calibrated(examples, dev, tokenizer, task)
        else:
            encoded = kind.encode(examples, tokenizer, task)
        predicted = kind.predict(encoded, run_all(session, encoded.input_ids, kind.reduce, pad_id=1))
        outcomes = kind.outcomes(examples, predicted, task, language)
        found[language] = float(kind.metrics(outcomes.sum(axis=0))[metric])
    session.close()
    return found


def others(found: dict[str, float]) -> float:
    return mean(score for language, score in found.items() if language != "en")


def random_span_f1(data: Data, language: str) -> float:
    """Return the F1 of spans drawn uniformly among those of one to five words (Chinese: letters)."""
    random, between = Random(0), "" if language == "zh" else " "
    scores = []
    for one in data.examples(TASKS.load("xquad"), language):
        words = list(one.context) if language == "zh" else one.context.split()
        for _ in range(20):
            start, length = random.randrange(len(words)), random.randint(1, 5)
            golds = [answer.text for answer in one.answers]
            scores.append(token_f1(between.join(words[start : start + length]), golds))
    return 100 * mean(scores)


def most_frequent_tag(data: Data, language: str) -> float:
    tags = Counter(tag for one in data.examples(TASKS.load("udpos"), language) for tag in one.tags)
    return 100 * tags.most_common(1)[0][1] / tags.total()


def test_the_demo_transfers_to_every_language_because_of_its_pretraining(data: Data, tmp_path: Path) -> None:
    base = sealed(tmp_path / "base", import_checkpoint(EMBEDDED_BASE, tmp_path / "base"))
    tags = scores("udpos", base, tmp_path, data)
    assert others(tags) > 65
    assert all(score > most_frequent_tag(data, language) + 10 for language, score in tags.items())
    assert others(scores("xnli", base, tmp_path, data)) > 50  # chance: 33.3
    assert mean(scores("tatoeba", base, tmp_path, data).values()) > 70  # chance: 0.7
    names = scores("panx", base, tmp_path, data, "f1")
    assert others(names) > 65
    assert min(names.values()) > 40  # tagging all words O: 0
    spans = scores("xquad", base, tmp_path, data, "f1")
    assert others(spans) > 1.5 * mean(random_span_f1(data, language) for language in spans) + 10
    assert min(scores("bucc2018", base, tmp_path, data, "f1").values()) > 30  # chance: under 1
    arm = apply(INTERMEDIATE, base, tmp_path / "intermediate", data)
    assert arm.manifest.notes["dev_by_task"]["commonsenseqa"] > 50  # chance: 20
    assert others(scores("xquad", arm, tmp_path / "intermediate", data, "f1")) > others(spans) - 10


def test_without_pretraining_other_languages_stay_near_chance(data: Data, tmp_path: Path) -> None:
    recipe = yaml.safe_load(FIELDS.read_text("utf-8"))
    base = apply(Pretrain(**{**recipe, **LEARNED_NOTHING}), None, tmp_path / "base", data)
    tags = scores("udpos", base, tmp_path, data)
    chance = {language: most_frequent_tag(data, language) for language in tags if language != "en"}
    assert others(tags) < mean(chance.values()) + 10
    assert others(scores("xnli", base, tmp_path, data)) < 42
    assert mean(scores("tatoeba", base, tmp_path, data).values()) < 15
    assert mean(scores("bucc2018", base, tmp_path, data, "f1").values()) < 10
