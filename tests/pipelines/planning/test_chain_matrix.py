"""Chains of two and three steps over the whole catalogue: green, or refused by rule; none crashes.

Refused means by the plan, before any weight is loaded, with what to do; a step that fails later fails here.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import yaml

from tests.pipelines.conftest import some_start
from tests.tiny_world import SETS, TinyWorld
from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.registry import STEPS
from xpareto.compress.core.step import ChainState, IncompatibleStep, Step
from xpareto.pipelines.planning.graph import Plan
from xpareto.pipelines.planning.plan import make_plan
from xpareto.pipelines.recipe.checks import check
from xpareto.pipelines.recipe.located_yaml import parse_yaml

TASKS = {"tagging": "udpos", "classification": "xnli", "qa": "xquad", "encoder": "tatoeba"}
TRAIN = ("train", "each")
Chain = tuple[str, ...]


def gives(name: str, format: str) -> str | None:
    """Return the format that a step makes of a format, None where it does not take it."""
    kind: type[Step] = STEPS.load(name)
    earlier = {"base": ChainState("torch", "mlm"), "fp32": ChainState("torch", "tagging")}
    try:
        state = kind(**kind.quick).follow(
            ChainState(format, "tagging", earlier=earlier),  # type: ignore[arg-type]
            {own: head for head, own in SETS.items()},
        )
    except IncompatibleStep:
        return None
    return state.format


OTHERS = [name for name in STEPS.names if name not in ("train", "pretrain", "export_onnx")]
TORCH = [name for name in OTHERS if gives(name, "torch") == "torch"]  # prune, distil, trim ...
ONNX = [name for name in OTHERS if gives(name, "onnx") == "onnx"]  # quantize ...


def chains() -> Iterator[tuple[str, Chain, bool]]:
    """Yield (task, steps, slow). What needs one more export of its own is slow, save one per torch step."""
    for task in TASKS.values():
        yield task, ("train", "export_onnx"), False
        for last in ONNX:
            yield task, ("train", "export_onnx", last), False
    for first in TORCH:
        yield "udpos", ("train", first), False
        yield "udpos", ("train", first, "export_onnx"), False
        yield "udpos", (first, "train"), False  # compress, then train
        yield "udpos", (first, "train", "export_onnx"), True
        for last in ONNX:
            yield "udpos", ("train", first, "export_onnx", last), last != "quantize_dynamic"
            yield "udpos", (first, "train", "export_onnx", last), True
        for second in TORCH:
            yield "udpos", ("train", first, second), False
            yield "udpos", (first, second, "train"), True
            yield "udpos", ("train", first, second, "export_onnx"), True
        for task in ("xnli", "xquad", "tatoeba"):
            yield task, ("train", first), False
            yield task, ("train", first, "export_onnx"), True
        yield "udpos", ("train", "export_onnx", first), False
    for first in ONNX:
        yield "udpos", ("train", first), False
        for second in (*ONNX, "export_onnx"):
            yield "udpos", ("train", "export_onnx", first, second), False
    yield "udpos", ("export_onnx", "train"), False
    yield "udpos", ("train", "export_onnx", "train"), False


def recipe(task: str, chain: Chain) -> str:
    """Return a recipe whose steps have their quick fields; training forks the chain."""
    steps = []
    for at, name in enumerate(chain):
        fields = dict(STEPS.load(name).quick)
        if name == "train":
            fields["on"] = "each"
        # "fp32" is what steps that learn from an earlier model name.
        label = "fp32" if name == "train" and "fp32" not in [step["label"] for step in steps] else f"s{at}"
        steps.append({"step": name, "label": label, **fields})
    return yaml.safe_dump(
        {"xpareto": 1, "name": "chain", "tasks": [task], "steps": steps}, sort_keys=False
    ).replace("'on':", "on:")


def planned(task: str, chain: Chain) -> Plan:
    return make_plan(check(parse_yaml(recipe(task, chain), "r.yaml")), some_start())


def run(plan: Plan, world: TinyWorld) -> list[Artifact]:
    """Make every node of a plan; return the artifacts of its candidates."""
    made: dict[str, Artifact] = {}
    for key, node in plan.nodes.items():
        if node.step == "base":
            made[key] = world.source("mlm")
            continue
        kind: type[Step] = STEPS.load(node.step)
        step = kind.model_validate(dict(node.fields))
        made[key] = world.make(
            node.step,
            step,
            made[node.parent] if node.parent else None,
            seed=node.seed or 0,
            teacher=made[node.teacher] if node.teacher else None,
        )
    return [made[key] for candidate in plan.candidates for key in candidate.artifacts.values()]


def outputs(artifact: Artifact) -> dict[str, np.ndarray]:
    ids = np.array([[0, 5, 6, 7, 2], [0, 8, 9, 2, 1]])
    mask = (ids != 1).astype(np.int64)
    manifest = artifact.manifest
    if manifest.format == "onnx":
        from xpareto.compress.onnx.parity import onnx_run

        return dict(onnx_run(artifact.file("model.onnx"), 1)(ids, mask))
    import torch

    from xpareto.compress.models.checkpoint import load_model

    model = load_model(artifact.path, manifest.head, manifest.labels, keep_head=True)
    with torch.inference_mode():
        found = model(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).to_tuple()
    return {str(at): value.numpy() for at, value in enumerate(found)}


ALL = list(dict.fromkeys(chains()))


@pytest.mark.parametrize(
    ("task", "chain"),
    [
        pytest.param(task, chain, id=f"{task}-{'-'.join(chain)}", marks=[pytest.mark.slow] if slow else [])
        for task, chain, slow in ALL
    ],
)
def test_a_chain_runs_or_is_refused_before_any_weight_is_loaded(
    task: str, chain: Chain, world: TinyWorld
) -> None:
    try:
        plan = planned(task, chain)
    except InputError as error:
        told = str(error)
        assert told.startswith("r.yaml:") or "gives no candidate" in told
        assert told.rstrip().endswith(".") and len(told.split(". ")) > 1, f"no fix is told: {told}"
        return
    for artifact in run(plan, world):
        assert all(np.isfinite(value).all() for value in outputs(artifact).values())


def test_the_matrix_is_wide_and_both_orders_are_in_it() -> None:
    quick = [chain for _, chain, slow in ALL if not slow]
    assert len(quick) >= 60 and len(ALL) >= 100
    for name in TORCH:
        assert ("train", name) in quick and (name, "train") in quick


@pytest.mark.parametrize("name", [name for name in TORCH if not STEPS.load(name).rules])
def test_compressing_before_and_after_training_are_both_allowed(name: str) -> None:
    for chain in (("train", name), (name, "train")):
        try:
            planned("udpos", chain)
        except InputError as error:
            pytest.fail(f"{chain}: {error}")
