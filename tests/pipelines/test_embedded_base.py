"""One recipe runs on the embedded base without any argument, and on a real one with --base."""

from __future__ import annotations

from pathlib import Path

import pytest

from compress.errors import InputError
from pipelines.check import load_recipe
from pipelines.run import Options, prepare

RECIPE = """\
xpareto: 1
name: tiny
base: embedded
data: embedded
tasks: [udpos]
steps:
  - {step: train, on: each, epochs: 1}
  - {step: export_onnx}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    file = tmp_path / "tiny.yaml"
    file.write_text(RECIPE)
    return file


def names(file: Path, base: str | None = None, *overrides: str) -> list[str]:
    return [alternatives[0].name for alternatives in load_recipe(file, overrides, base).chains["main"]]


def test_the_steps_that_make_the_base_come_first(recipe: Path) -> None:
    assert names(recipe) == ["pretrain", "train", "export_onnx"]
    assert names(recipe, "embedded") == names(recipe)
    assert names(recipe, "some/model") == ["train", "export_onnx"]
    plain = recipe.with_name("plain.yaml")
    plain.write_text(RECIPE.replace("base: embedded\n", ""))
    assert names(plain, "embedded") == names(recipe) and names(plain) == ["train", "export_onnx"]


def test_what_is_written_to_the_run_holds_the_steps_and_runs_again(recipe: Path, tmp_path: Path) -> None:
    checked = load_recipe(recipe)
    assert checked.recipe.base is None
    again = tmp_path / "again.yaml"
    again.write_text(checked.source)
    assert load_recipe(again).source == checked.source


def test_its_steps_take_overrides(recipe: Path) -> None:
    checked = load_recipe(recipe, ["base.steps=3"])
    assert getattr(checked.chains["main"][0][0].step, "steps") == 3  # noqa: B009


def test_mistakes_are_told_with_the_lines_of_the_recipe(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("epochs: 1", "epoch: 1"))
    with pytest.raises(InputError, match=r"tiny\.yaml:7: steps\.1\.epoch: unknown key"):
        load_recipe(recipe)
    with pytest.raises(InputError, match=r"tiny\.yaml:3: steps\.0\.steps"):
        load_recipe(recipe, ["base.steps=0"])


def test_two_bases_are_refused(recipe: Path) -> None:
    recipe.write_text(RECIPE.replace("steps:\n", "steps:\n  - {step: pretrain}\n"))
    with pytest.raises(InputError, match=r"tiny\.yaml:3: base: the recipe makes its own base"):
        load_recipe(recipe)


def test_a_plan_starts_from_it_without_a_base(recipe: Path, tmp_path: Path) -> None:
    for base in (None, "embedded"):
        ready = prepare(Options(str(recipe), base=base, store=tmp_path / "store", runs=tmp_path / "runs"))
        assert ready.start.base is None
        assert [node.step for node in ready.plan.nodes.values()] == ["pretrain", "train", "export_onnx"]


def test_without_any_base_the_message_names_it(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(RECIPE.replace("base: embedded\n", ""))
    with pytest.raises(InputError, match="expected a hub id, a folder or `embedded`, found nothing"):
        prepare(Options(str(recipe), store=tmp_path / "store", runs=tmp_path / "runs"))


def test_a_step_may_learn_from_the_base_whichever_it_is(recipe: Path, tmp_path: Path) -> None:
    recipe.write_text(
        RECIPE.replace(
            "steps:\n",
            "steps:\n  - {step: prune_depth, layers: 1}\n  - {step: distill, teacher: base, steps: 1}\n",
        )
    )
    ready = prepare(Options(str(recipe), store=tmp_path / "store", runs=tmp_path / "runs"))
    nodes = {node.label: node for node in ready.plan.nodes.values()}
    assert nodes["distill"].teacher == nodes["base"].key
