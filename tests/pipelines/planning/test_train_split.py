"""A recipe that evaluates a training split does so in every language but the one that heads train on."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from xpareto.eval.tasks import task
from xpareto.pipelines.planning.workload import workloads
from xpareto.pipelines.recipe.schema import Checked

RECIPE = """\
xpareto: 1
name: tiny
tasks: [{task: tydiqa, split: train}]
steps:
  - arms
  - {step: train, label: fp32, on: each, epochs: 1}
arms:
  none: []
"""


def start() -> Any:
    data = SimpleNamespace(
        task=task,
        languages=lambda task, split: ("en", "ko", "sw"),
        examples=lambda *_: ["one"],
        task_files=lambda task, language, split: (f"{task.name}@{language}",),
        training_files=lambda name, split: (name,),
    )
    return SimpleNamespace(data=data, data_name="d", task_fingerprint=lambda *parts: "-".join(parts))


def test_the_training_split_is_evaluated_in_all_languages_but_english(
    checked: Callable[..., Checked],
) -> None:
    (work,) = workloads(checked(RECIPE).recipe, start())
    assert work.split == "train" and work.languages == ("ko", "sw") and "en" in work.missing
    (work,) = workloads(checked(RECIPE.replace("train}]", "test}]")).recipe, start())
    assert work.languages == ("en", "ko", "sw")
