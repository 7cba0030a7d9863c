"""The recipes of the experiment hold what their comparison takes for granted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from xpareto.compress.steps.train import Train
from xpareto.eval.analyses.claims import ENGLISH, MULTILINGUAL, MULTITASK, NONE, TEXT, trained_on
from xpareto.eval.analyses.documents import TrainingStep
from xpareto.pipelines.recipe.checks import check, shipped_recipes
from xpareto.pipelines.recipe.located_yaml import read_yaml
from xpareto.pipelines.recipe.schema import Checked, Setting

NAMES = ("english-vs-multilingual", "english-vs-multilingual-real")
STILTS = ("stilts", "stilts-mini")


def checked(name: str) -> Checked:
    path: Path = shipped_recipes()[name]
    return check(read_yaml(path))


def trainings(chain: Sequence[Sequence[Setting]]) -> list[Train]:
    return [setting.step for (setting, *_) in chain if isinstance(setting.step, Train)]


def training_steps(chain: Sequence[Sequence[Setting]]) -> list[TrainingStep]:
    """Return the trainings as a comparison of arms tells them."""

    def several(named: str | Sequence[str] | None) -> str | tuple[str, ...] | None:
        return named if named is None or isinstance(named, str) else tuple(named)

    return [
        TrainingStep(label="", on=several(step.on), languages=several(step.languages))
        for step in trainings(chain)
    ]


@pytest.mark.parametrize("name", (*NAMES, *STILTS))
def test_every_arm_that_trains_makes_equal_updates(name: str) -> None:
    own = {
        arm: [
            (step.steps, step.batch_size, step.learning_rate, step.patience) for step in trainings(chain)[:-1]
        ]
        for arm, chain in checked(name).chains.items()
    }
    assert own.pop("none") == []
    (length,) = {tuple(steps) for steps in own.values()}
    assert len(length) == 1 and length[0][0] is not None


@pytest.mark.parametrize("name", (*NAMES, *STILTS))
def test_the_target_training_is_the_same_in_every_arm(name: str) -> None:
    assert len({trainings(chain)[-1].model_dump_json() for chain in checked(name).chains.values()}) == 1


@pytest.mark.parametrize("name", NAMES)
def test_the_arms_are_those_of_the_question(name: str) -> None:
    found = checked(name)
    kinds = {trained_on(training_steps(chain))[0] for chain in found.chains.values()}
    assert {NONE, ENGLISH, MULTILINGUAL, TEXT} <= kinds
    assert len(found.recipe.seeds) > 1
    labels = {setting.label for chain in found.chains.values() for (setting, *_) in chain}
    assert {"fp32", "onnx", "int8"} <= labels


@pytest.mark.parametrize("name", NAMES)
def test_english_and_multilingual_see_the_same_pairs(name: str) -> None:
    chains = checked(name).chains
    english, multilingual = (trainings(chains[arm])[0] for arm in ("english", "multilingual"))
    assert english.model_copy(update={"languages": multilingual.languages}) == multilingual
    assert multilingual.languages is not None and "en" in multilingual.languages


@pytest.mark.parametrize("name", STILTS)
def test_the_arms_are_those_of_the_claims(name: str) -> None:
    """None, single English tasks, all of these together, text alone in English, and translations."""
    kinds: dict[str, list[tuple[str, ...]]] = {}
    for chain in checked(name).chains.values():
        kind, what = trained_on(training_steps(chain))
        kinds.setdefault(kind, []).append(what)
    assert set(kinds) == {NONE, ENGLISH, MULTITASK, TEXT, MULTILINGUAL}
    singles = [what for (what,) in kinds[ENGLISH]]
    assert [set(what) for what in kinds[MULTITASK]] == [set(singles)]
    assert len(singles) == {"stilts": 3, "stilts-mini": 8}[name]
    (text,) = [trainings(chain)[0] for arm, chain in checked(name).chains.items() if arm == "text"]
    assert text.text_languages == ["en"]


def test_the_source_studys_settings_are_a_recipe() -> None:
    """XLM-R Large, 1e-5, warm-up 10 %, batches of 32 (16 for questions), patience 30 (jiant's settings)."""
    for chain in checked("stilts-xlmr-large").chains.values():
        *before, target = trainings(chain)
        for step in (*before, *target.branches(["mnli", "squad_v1", "panx"]).values()):  # type: ignore[union-attr]
            assert isinstance(step, Train)
            assert (step.learning_rate, step.warmup, step.patience, step.dev_metric) == (
                1e-5,
                0.1,
                30,
                "task",
            )
            asked = str(step.on).startswith("squad")
            assert (step.batch_size, step.max_length) == ((16, 384) if asked else (32, 256))
        assert target.layer == 14 and target.per_set["panx"]["epochs"] == 10
