"""The recipes that compress: they fit, on the embedded base and on another one, whatever its size."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from xpareto.pipelines.planning.preparation import Options, prepare
from xpareto.pipelines.recipe.checks import shipped_recipes

ROOT = Path(__file__).parents[3]
NAMES = ("int8", "distil-6", "prune-2x", "trim-latin", "smallest", "fastest-cpu", "balanced", "compound")
USES = {
    "int8": {"quantize_dynamic", "quantize_static", "smooth_quant", "quantize_weights"},
    "distil-6": {"distill", "quantize_dynamic"},
    "prune-2x": {"prune_width", "distill", "quantize_dynamic"},
    "trim-latin": {"trim_vocab", "quantize_dynamic"},
    "smallest": {"trim_vocab", "factorize_embeddings", "distill", "quantize_weights"},
    "fastest-cpu": {"distill", "prune_width", "quantize_dynamic"},
    "balanced": {"trim_vocab", "distill", "quantize_dynamic"},
    "compound": {"distill", "prune_width", "trim_vocab", "quantize_dynamic"},
}
SHORT = [
    "fp32.max_steps=4",
    "fp32.limit=64",
    "fp32.dev_limit=20",
    "measure.limit=5",
    "measure.probes=[accuracy, size]",
    "measure.threads=1",
]


def written(name: str) -> dict[str, Any]:
    return yaml.safe_load(shipped_recipes()[name].read_text("utf-8"))


def labels(name: str) -> set[str]:
    recipe = written(name)
    items = [*recipe["steps"], *(item for arm in recipe["arms"].values() for item in arm)]
    return {item.get("label", item["step"]) for item in items if isinstance(item, dict)}


def short(name: str) -> list[str]:
    found = [*SHORT]
    for label, field in (("student", "steps"), ("recovered", "steps")):
        if label in labels(name):
            found.append(f"{label}.{field}=2")
    if "pruned" in labels(name):
        found.append("pruned.calibration={examples: 64, max_length: 16}")
    return found


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")  # of all recipes: what they share is made once


@pytest.mark.parametrize("name", NAMES)
def test_it_is_planned_on_the_embedded_base_without_any_argument(
    name: str, store: Path, tmp_path: Path
) -> None:
    ready = prepare(Options(name, store=store, runs=tmp_path / "runs"))
    used = {node.step for node in ready.plan.nodes.values()}
    assert used == {"base", "train", "export_onnx"} | USES[name]
    assert ready.plan.baseline.endswith("/fp32/torch") and ready.start.data_name == "embedded"
    assert ready.checked.recipe.description


@pytest.mark.parametrize("name", NAMES)
def test_it_is_planned_on_another_base(name: str, base: Path, store: Path, tmp_path: Path) -> None:
    options = Options(name, base=str(base), store=store, runs=tmp_path / "runs")
    ready = prepare(options)
    assert ready.start.base is not None and ready.start.base.folder == base


@pytest.mark.parametrize("name", NAMES)
def test_what_depends_on_the_size_of_a_model_is_a_share_or_automatic(name: str) -> None:
    recipe = written(name)
    for item in [*recipe["steps"], *(item for arm in recipe["arms"].values() for item in arm)]:
        if not isinstance(item, dict):
            continue
        assert item["step"] != "train" or item["learning_rate"] == "auto"
        for part in (item, item.get("student", {})):
            for field in ("layers", "rank", "keep"):
                assert field not in part or 0 < part[field] < 1, (name, item["step"], field)
            assert not {"hidden_size", "heads", "ffn"} & set(part)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_on_the_embedded_base(name: str, store: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "xpareto.pipelines",
        "run",
        name,
        "--store",
        store,
        "--out",
        tmp_path / "runs",
    ]
    chosen = [f"languages={with_data(name)}", *short(name)]
    overrides = [part for one in chosen for part in ("--set", one)]
    done = subprocess.run(
        [*command, *overrides], cwd=tmp_path, capture_output=True, text=True, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (seal,) = tmp_path.glob("runs/*/SEAL.json")
    every_candidate_has_a_score(seal.parent)


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_it_runs_on_a_real_model(name: str, shipped: Callable[[str, Sequence[str]], Path]) -> None:
    run = shipped(name, [*short(name), f"languages={with_data(name)}"])
    every_candidate_has_a_score(run)


def with_data(name: str) -> str:
    """Return languages in which every task that has them has examples; Latin alone where others are trimmed."""
    return "[de, en]" if name == "trim-latin" else "[en, de, ru]"


def every_candidate_has_a_score(run: Path) -> None:
    rows = [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]
    named = {item["name"] for item in json.loads((run / "candidates.json").read_text())["candidates"]}
    scored = {row["candidate"] for row in rows if row["probe"] == "accuracy" and row["status"] == "ok"}
    assert named and scored == named
    assert not [row for row in rows if row["status"] != "ok"]


def test_the_demo_measures_enough_blocks_to_know_their_noise() -> None:
    measure = written("demo")["measure"]
    assert measure["blocks"] >= 4 and measure["retries"] >= 1
