"""A step that needs more than a base's architecture has is refused in the plan, or where the plan could not know."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipelines.planning.test_base_folder import base_of
from tests.tiny_architectures import TinyArchitecture
from xpareto.compress.core.errors import InputError
from xpareto.eval.data.source import DataSpec
from xpareto.pipelines.execution.work import Job, do
from xpareto.pipelines.planning.graph import Plan
from xpareto.pipelines.planning.preparation import Options, prepare
from xpareto.pipelines.recipe.schema import Checked

RECIPE = """\
xpareto: 1
name: needs
base: BASE
tasks: [udpos]
steps:
  - {step: train, label: fp32, on: each, steps: 2}
  - {step: prune_width, ffn: 0.5}
runtimes: [torch]
"""
WHY = r"prune_width cannot follow train: prune_width knows the heads and neurons of XLM-R and BERT; .* is DeBERTa"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return TinyArchitecture(tmp_path_factory.mktemp("deberta"), "deberta_v2").source("mlm").path


def plan_of(folder: Path, base: Path, recipe: str) -> Plan:
    (folder / "needs.yaml").write_text(recipe)
    options = Options(str(folder / "needs.yaml"), base=str(base), data="embedded", store=folder / "store")
    return prepare(options).plan


def test_the_plan_says_what_a_step_lacks_and_what_would_do(base: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"needs.yaml:7: {WHY}.*Leave it out"):
        plan_of(tmp_path, base, RECIPE)
    grouped = RECIPE.replace("ffn: 0.5", "ffn: 0.5, importance: group_magnitude, tune: none")
    assert len(plan_of(tmp_path, base, grouped).candidates) == 2


def test_a_base_says_its_architecture(base: Path, checked: Callable[..., Checked], tmp_path: Path) -> None:
    found = base_of(checked(RECIPE.replace("BASE", str(base))).recipe, tmp_path)
    assert found.architecture is not None and found.architecture.called == "DeBERTa-v2"


def test_where_the_plan_could_not_know_the_work_is_refused(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xpareto.pipelines.planning import plan as planning

    monkeypatch.setattr(planning, "unmet", lambda *_: None)  # as of a base that is on the hub alone
    plan = plan_of(tmp_path, base, RECIPE)
    (pruned,) = (node for node in plan.nodes.values() if node.step == "prune_width")
    (origin,) = (node for node in plan.nodes.values() if node.step == "base")
    (tmp_path / "data/xtreme/udpos").mkdir(parents=True)
    store, data = str(tmp_path / "store"), DataSpec(str(tmp_path / "data"))
    do(Job(origin, store, data, 1, base_folder=str(base)), lambda *_: None)
    with pytest.raises(
        InputError, match=r"prune_width: prune_width knows the heads .* this base is DeBERTa-v2"
    ):
        do(Job(replace(pruned, parent=origin.key), store, data, 1), lambda *_: None)
