"""What `xpareto export` gives away: the models as they were scored, each with a card of its run."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from huggingface_hub import ModelCard

from tests.pipelines.made_up_run import write_run
from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import Artifact, seal
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.pipelines.runs.later_actions import export, store_of
from xpareto.pipelines.runs.report import build_report, kept_analysis
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.reports.formats.card_metadata import Released

NAME = "none/fp32/torch"


@pytest.fixture
def run(world: TinyWorld, tmp_path: Path) -> RunFolder:
    """Return a made-up run whose candidates are the world's tagger and its encoder, read at layer 1 of 2."""
    read_at_1 = tmp_path / "encoder"
    shutil.copytree(world.source("encoder").path, read_at_1)
    encoder = seal(read_at_1, replace(world.source("encoder").manifest, layer=1))
    artifacts = {"udpos": world.source("tagging"), "encoder": encoder}
    store = tmp_path / "store"
    for artifact in artifacts.values():
        shutil.copytree(artifact.path, store / "artifacts" / artifact.digest[:2] / artifact.digest)
    made = write_run(
        tmp_path / "run", arms=("none",), seeds=(0,), examples=60, repeats=4,
        tasks={"udpos": ("en", "de"), "tatoeba": ("de", "sw")},
    )  # fmt: skip
    file = made.path / "candidates.json"
    listing = json.loads(file.read_text())
    for candidate in listing["candidates"]:
        candidate["artifacts"] = {name: artifact.digest for name, artifact in artifacts.items()}
    file.write_text(json.dumps(listing | {"base": "some/base"}))
    (made.path / "plan.json").write_text(json.dumps({"schema": 1, "options": {"store": str(store)}}))
    (made.path / "lock.json").write_text(json.dumps({"some/base": "0" * 40}))
    rows = made.rows_file
    text = rows.read_text().splitlines()
    own = {"udpos": artifacts["udpos"].digest, "tatoeba": encoder.digest}
    rows.write_text(
        "".join(
            json.dumps({**row, "artifact": own.get(row.get("task", ""), encoder.digest)}) + "\n"
            for row in map(json.loads, text)
        )
    )
    return made


def test_an_export_holds_what_was_scored_and_a_card_of_the_run(run: RunFolder, tmp_path: Path) -> None:
    build_report([run.path], run.path / "report")
    assert kept_analysis(run.path)
    store = store_of(run, None)
    folders = export(run, store, NAME, tmp_path / "out", "cc-by-4.0")
    assert [folder.name for folder in folders] == ["udpos", "encoder"]
    report = (run.path / "report" / "summary.md").read_text()
    for folder in folders:
        Artifact.open(folder).verify()
        card = ModelCard.load(folder / "README.md")
        assert card.data.base_model == "some/base" and card.data.license == "cc-by-4.0"
        assert card.text.split("## Caveats")[1].split("##")[0] == report.split("## Caveats")[1].split("##")[0]
    assert Released(Artifact.open(folders[0])).plain
    # sentence-transformers and others read the first output: that of the layer which was scored
    digest = json.loads((run.path / "candidates.json").read_text())["candidates"][0]["artifacts"]["encoder"]
    ids = np.array([[0, 5, 6, 7, 2]])
    scored = RUNTIMES.load("torch").open(Artifact.open(store.folder(digest)), 1).run(ids, np.ones_like(ids))
    model = transformers.AutoModel.from_pretrained(tmp_path / "out" / "encoder").eval()
    with torch.inference_mode():
        found = model(torch.from_numpy(ids))[0].numpy()
    np.testing.assert_allclose(found, scored, atol=1e-6)
    assert model.config.num_hidden_layers == 1


def test_a_card_has_the_statistics_of_a_run_whose_report_was_thrown_away(
    run: RunFolder, tmp_path: Path
) -> None:
    (udpos, _) = export(run, store_of(run, None), NAME, tmp_path / "out")
    card = ModelCard.load(udpos / "README.md")
    assert "paired by example" in card.text and card.data.license == "unknown"


def test_the_license_of_a_local_base_is_read_from_its_own_card(run: RunFolder, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: mit\n---\n# Base\n")
    file = run.path / "candidates.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base": str(base)}))
    (udpos, _) = export(run, store_of(run, None), NAME, tmp_path / "out")
    data = ModelCard.load(udpos / "README.md").data
    assert data.license == "mit" and data.base_model is None
