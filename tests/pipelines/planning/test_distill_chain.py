"""Chains with a teacher, from a recipe to the artifact: recovery, other vocabularies, an assistant."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.pipelines.conftest import some_start
from tests.pipelines.planning.test_chain_matrix import outputs
from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.registry import STEPS
from xpareto.pipelines.planning.graph import Plan
from xpareto.pipelines.planning.plan import make_plan
from xpareto.pipelines.recipe.checks import check
from xpareto.pipelines.recipe.located_yaml import parse_yaml

TRAIN = "{step: train, label: fp32, on: each, steps: 8, batch_size: 8, learning_rate: 5.0e-3}"
QUICK = "steps: 30, batch_size: 8, learning_rate: 5.0e-3, precision: fp32"


def planned(tasks: str, *steps: str) -> Plan:
    text = f"xpareto: 1\nname: chain\ntasks: [{tasks}]\nsteps:\n" + "".join(f"  - {step}\n" for step in steps)
    return make_plan(check(parse_yaml(text, "r.yaml")), some_start())


def made_by(step: str, plan: Plan, world: TinyWorld) -> list[Artifact]:
    """Return what the nodes of one step made; what was made before is not made again."""
    made: dict[str, Artifact] = {}
    for key, node in plan.nodes.items():
        if node.step == "base":
            made[key] = world.source("mlm")
            continue
        source, teacher = (made[one] if one is not None else None for one in (node.parent, node.teacher))
        kind = STEPS.load(node.step).model_validate(dict(node.fields))
        made[key] = world.make(node.step, kind, source, seed=node.seed or 0, teacher=teacher)
    return [made[key] for key, node in plan.nodes.items() if node.step == step]


def parts(artifact: Artifact) -> dict[str, dict[str, float]]:
    found: dict[str, Any] = artifact.manifest.notes["parts"]
    return found


@pytest.mark.slow
def test_a_pruned_and_trimmed_model_of_each_task_learns_from_what_it_was(world: TinyWorld) -> None:
    """The teacher of each is its own; the encoder, which has no labels, learns from text."""
    plan = planned(
        "udpos, xnli, tatoeba",
        TRAIN,
        "{step: prune_depth, layers: 1, by: spread}",
        "{step: trim_vocab, languages: [en, de], characters: none}",
        f"{{step: distill, teacher: fp32, on: each, text: parallel, text_languages: [en, de], {QUICK}}}",
    )
    teachers = {
        node.fields["on"]: plan.nodes[str(node.teacher)].fields["on"]
        for node in plan.nodes.values()
        if node.step == "distill"
    }
    assert teachers == {"udpos": "udpos", "mnli": "mnli", None: "encoder"}
    taught = made_by("distill", plan, world)
    assert len(taught) == 3
    for artifact in taught:
        assert artifact.manifest.notes["parameters"] < artifact.manifest.notes["parameters_teacher"]
        assert all(told["after"] < told["before"] for told in parts(artifact).values())
        assert all(np.isfinite(value).all() for value in outputs(artifact).values())


def test_an_assistant_is_two_steps_before_training(world: TinyWorld) -> None:
    plan = planned(
        "udpos",
        f"{{step: distill, label: assistant, student: {{hidden_size: 12, heads: 2, ffn: 16}}, {QUICK}}}",
        f"{{step: distill, label: small, student: {{layers: 1, hidden_size: 8, heads: 2, ffn: 12}}, {QUICK}}}",
        TRAIN,
    )
    assistant, small = made_by("distill", plan, world)
    (trained,) = made_by("train", plan, world)
    assert small.manifest.notes["teacher"] == assistant.digest
    assert trained.manifest.head == "tagging" and trained.size_bytes < assistant.size_bytes
    assert all(np.isfinite(value).all() for value in outputs(trained).values())


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [TRAIN, "{step: distill, teacher: base, on: each, logits: {}}"],
            r"r\.yaml:6: distill cannot follow train: distill: teacher: base has the head mlm",
        ),
        (
            [TRAIN, "{step: distill, student: {layers: 1}, logits: {}}"],
            r"r\.yaml:6: distill cannot follow train \(in the model of encoder\): .* bare encoder",
        ),
        (
            ["{step: distill, teacher: fp32}", TRAIN],
            r'r\.yaml:5: distill cannot follow the base: .* is labelled "fp32"\. Known: source, base\.',
        ),
        (
            [TRAIN, "{step: distill, student: {layers: 1}, text: parallel, labels: {}, only: [udpos]}"],
            r"\(in the model of udpos\): distill: labels: a text has none",
        ),
        ([TRAIN, "{step: distill}"], "a student that is its own teacher learns nothing"),
        ([TRAIN, "{step: distill, student: {layers: 1}, on: eech}"], 'Did you mean "each"'),
    ],
)
def test_chains_that_teach_nothing_are_refused_with_their_line(steps: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        planned("udpos, tatoeba", *steps)
