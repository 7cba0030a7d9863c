"""Mixtures of the real intermediate sets on a real small model; skipped where they are not there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.step import Context, StepResult
from xpareto.compress.models.checkpoint import import_checkpoint, read_checkpoint
from xpareto.compress.steps.train import Train
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import TRAINING_SETS
from xpareto.pipelines.execution.data import TaskDataProvider

SHARED = Path(__file__).parents[4] / "shared"
EIGHT = ["anli", "mnli", "qqp", "squad_v1", "squad_v2", "hellaswag", "cosmosqa", "commonsenseqa"]

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    if not (SHARED / "models/mini-xlmr").is_dir():
        pytest.skip("no ../shared/models/mini-xlmr beside the repository")
    folder = tmp_path_factory.mktemp("base")
    made = import_checkpoint(SHARED / "models/mini-xlmr", folder)
    return seal(folder, Manifest({}, made.format, made.head))


@pytest.fixture(scope="module")
def provider() -> TaskDataProvider:
    if not (SHARED / "data/intermediate").is_dir():
        pytest.skip("no ../shared/data/intermediate beside the repository")
    return TaskDataProvider(Data.open(DataSpec(root=str(SHARED / "data"))))


def train(base: Artifact, target: Path, provider: TaskDataProvider, **fields: Any) -> StepResult:
    target.mkdir()
    context = Context(provider, 0, 1, target.with_suffix(".scratch"), lambda *told: None)
    step = Train(
        **{"limit": 12, "dev_limit": 2, "batch_size": 2, "learning_rate": 1e-4, "patience": 0, **fields}
    )
    return step.apply(base, target, context)


def test_the_eight_sets_that_are_there_mix_and_the_ninth_is_known(
    base: Artifact, provider: TaskDataProvider, tmp_path: Path
) -> None:
    assert {*EIGHT, "ccg"} <= set(TRAINING_SETS.names)
    made = train(base, tmp_path / "a", provider, on=[*EIGHT, "mlm:parallel"], sampling="uniform", steps=18)
    assert made.head == "mlm" == read_checkpoint(tmp_path / "a").head
    members = made.notes["members"]
    assert [name for name in members if members[name]["examples"]] == [*EIGHT, "mlm:parallel"]
    assert sum(member["batches"] for member in members.values()) == 18
    assert set(made.notes["dev_by_task"]) >= {"mnli", "squad_v1", "hellaswag"}
    assert made.notes["max_length"] == 384


@pytest.mark.parametrize("on", ["squad_v1", "commonsenseqa"])
def test_real_questions_are_learned_from(
    on: str, base: Artifact, provider: TaskDataProvider, tmp_path: Path
) -> None:
    made = train(base, tmp_path / "a", provider, on=on, limit=6, epochs=1)
    assert made.head == {"squad_v1": "qa", "commonsenseqa": "choice"}[on]
    assert made.notes["best_dev"] is not None


def test_more_masked_lm_on_real_text_lowers_its_loss(
    base: Artifact, provider: TaskDataProvider, tmp_path: Path
) -> None:
    made = train(
        base, tmp_path / "a", provider, on="tlm:parallel", text_languages=["de", "en"], limit=8, steps=20,
        batch_size=8, learning_rate=1e-3, max_length=64,
    )  # fmt: skip
    losses = [loss for _, loss in made.notes["loss"]]
    assert sum(losses[-6:]) < sum(losses[:6])
