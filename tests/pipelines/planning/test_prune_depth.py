"""Exit depth as a point on the frontier: cut one branch of a forked chain, and run it end to end."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.pipelines.planning.graph import Plan

RECIPE = """\
xpareto: 1
name: exits
base: BASE
data: DATA
tasks: [xnli, tatoeba]
languages: [de]
steps:
  - {step: train, label: fp32, on: each, max_steps: 1, batch_size: 4, layer: 1}
  - {step: prune_depth, label: cut, layers: exit, only: [encoder]}
  - {step: export_onnx, label: onnx}
measure: {threads: 1, probes: [accuracy, depth, size]}
"""


def plan_of(planned: Callable[..., Plan], text: str) -> Plan:
    return planned(text.replace("base: BASE\ndata: DATA\n", ""))


def test_only_the_named_models_get_a_step_of_their_own(planned: Callable[..., Plan]) -> None:
    plan = plan_of(planned, RECIPE)
    cut = [node for node in plan.nodes.values() if node.step == "prune_depth"]
    (node,) = cut
    parent = plan.nodes[node.parent or ""]
    assert parent.fields["on"] == "encoder"
    stages = {candidate.stage: candidate for candidate in plan.candidates if candidate.runtime == "torch"}
    assert stages["cut"].artifacts["mnli"] == stages["fp32"].artifacts["mnli"]
    assert stages["cut"].artifacts["encoder"] == node.key


def test_without_names_every_model_is_cut(planned: Callable[..., Plan]) -> None:
    plan = plan_of(planned, RECIPE.replace("layers: exit, only: [encoder]", "layers: 2"))
    assert sum(node.step == "prune_depth" for node in plan.nodes.values()) == 2


def test_a_name_that_no_task_needs_is_refused_with_its_place(planned: Callable[..., Plan]) -> None:
    with pytest.raises(InputError, match=r"r\.yaml:\d+.*changes no model.*mnli, encoder"):
        plan_of(planned, RECIPE.replace("[encoder]", "[udpos]"))


def test_names_before_the_fork_are_refused(planned: Callable[..., Plan]) -> None:
    lines = RECIPE.splitlines()
    cut = next(line for line in lines if "prune_depth" in line)
    lines.remove(cut)
    lines.insert(lines.index("steps:") + 1, cut)
    with pytest.raises(InputError, match=r"r\.yaml:\d+.*prune_depth cannot follow.*per training set"):
        plan_of(planned, "\n".join(lines))


def test_a_sweep_of_depths_gives_a_candidate_each(planned: Callable[..., Plan]) -> None:
    swept = RECIPE.replace("measure:", "sweep: {cut.layers: [1, 2, exit]}\nmeasure:")
    names = [c.name for c in plan_of(planned, swept).candidates if c.stage == "cut"]
    assert names == [f"main/cut/layers={depth}/torch" for depth in ("1", "2", "exit")]


@pytest.fixture(scope="module")
def deep(tmp_path_factory: pytest.TempPathFactory, base: Path) -> Path:
    """Return the tiny checkpoint with three layers."""
    import torch
    from transformers import XLMRobertaConfig, XLMRobertaForMaskedLM

    folder = tmp_path_factory.mktemp("deep")
    torch.manual_seed(0)
    config = XLMRobertaConfig.from_pretrained(base, num_hidden_layers=3, initializer_range=0.3)
    XLMRobertaForMaskedLM(config).save_pretrained(folder)
    shutil.copyfile(base / "tokenizer.json", folder / "tokenizer.json")
    return folder


def write_data(root: Path) -> None:
    for name in ("xnli", "tatoeba"):
        (root / "xtreme" / name).mkdir(parents=True)
    labels = ("contradiction", "entailment", "neutral")
    pairs = [f"{'ab' * (1 + i % 4)} c\td {'e' * (1 + i % 3)}\t{labels[i % 3]}" for i in range(12)]
    (root / "xtreme" / "xnli" / "test-de.tsv").write_text("\n".join(pairs) + "\n")
    english = [f"{chr(97 + 7 * i % 26)}{'xyz'[i % 3] * (1 + i % 5)} w" for i in range(24)]
    (root / "xtreme" / "tatoeba" / "de-en.en").write_text("\n".join(english) + "\n")
    (root / "xtreme" / "tatoeba" / "de-en.de").write_text("\n".join(f"q {line}" for line in english) + "\n")
    mnli = root / "intermediate" / "mnli"
    mnli.mkdir(parents=True)
    rows = [{"sentence1": f"a {i}", "sentence2": "b", "label": labels[i % 3]} for i in range(12)]
    (mnli / "train.jsonl").write_text("\n".join(map(json.dumps, rows)) + "\n")


def finished(folder: Path, recipe: str, base: Path) -> tuple[Path, list[dict]]:
    """Run a recipe in a folder; return the run and its rows."""
    write_data(folder / "data")
    text = recipe.replace("BASE", str(base)).replace("DATA", str(folder / "data"))
    (folder / "exits.yaml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "xpareto.pipelines", "run", "exits.yaml"], cwd=folder, capture_output=True, text=True,
        check=False, env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (run,) = (path.parent for path in folder.glob("runs/*/SEAL.json"))
    return run, [json.loads(line) for line in (run / "measurements.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_the_cut_encoder_of_a_run_has_the_layers_up_to_its_exit(tmp_path: Path, deep: Path) -> None:
    recipe = RECIPE.replace("[xnli, tatoeba]", "[tatoeba]").replace(
        "layer: 1}", "layer: 1, candidate: false}"
    )
    recipe = recipe.replace("  - {step: export_onnx, label: onnx}\n", "")
    _, rows = finished(tmp_path, recipe.replace("[accuracy, depth, size]", "[depth]"), deep)
    assert [row["component"] for row in rows if row["probe"] == "depth" and row["unit"] != "s"] == [
        "in use", "layer=0", "layer=1",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_recipe_with_an_exit_runs_end_to_end_and_loses_no_point_by_the_cut(
    tmp_path: Path, deep: Path
) -> None:
    run, rows = finished(tmp_path, RECIPE, deep)
    tatoeba = {
        r["candidate"]: r["value"]
        for r in rows
        if (r["probe"], r["task"], r["statistic"]) == ("accuracy", "tatoeba", "accuracy")
    }
    whole, cut = tatoeba["main/fp32/torch"], tatoeba["main/cut/torch"]
    assert whole == cut == tatoeba["main/onnx/onnxruntime"]
    depths = {
        (r["candidate"], r["component"]): r["value"] for r in rows if r["probe"] == "depth" and r["component"]
    }
    assert [depths["main/fp32/torch", f"layer={k}"] is not None for k in range(4)] == [True] * 4
    assert depths["main/fp32/torch", "layer=1"] == depths["main/cut/torch", "layer=1"] == whole
    assert ("main/cut/torch", "layer=2") not in depths
    assert (depths["main/fp32/torch", "in use"], depths["main/cut/torch", "in use"]) == (1.0, 1.0)
    candidates = {c["name"]: c for c in json.loads((run / "candidates.json").read_text())["candidates"]}
    digests = [candidates[name]["artifacts"] for name in ("main/fp32/torch", "main/cut/torch")]
    assert digests[0]["mnli"] == digests[1]["mnli"] and digests[0]["encoder"] != digests[1]["encoder"]
    sizes = [
        Artifact.open(tmp_path / "store" / "artifacts" / d["encoder"][:2] / d["encoder"]).size_bytes
        for d in digests
    ]
    assert sizes[1] < sizes[0]
    summary = (run / "report" / "summary.md").read_text(encoding="utf-8")
    assert "## Retrieval by layer" in summary
