"""What `xpareto export` gives away: the models as they were scored, each with a card of its run."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from huggingface_hub import ModelCard

from xpareto.compress.core.artifact import Artifact
from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.documents.summary_file import read_analysis
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.pipelines.runs.later_actions import export, store_of
from xpareto.pipelines.runs.report import build_report, kept_analysis
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.reports.formats.card_metadata import Released

NAME = "none/fp32/torch"


def test_an_export_holds_what_was_scored_and_a_card_of_the_run(stored_run: RunFolder, tmp_path: Path) -> None:
    build_report([stored_run.path], stored_run.path / "report")
    assert kept_analysis(stored_run.path)
    store = store_of(stored_run, None)
    folders = export(stored_run, store, NAME, tmp_path / "out", "cc-by-4.0")
    assert [folder.name for folder in folders] == ["udpos", "encoder"]
    report = (stored_run.path / "report" / "summary.md").read_text()
    for folder in folders:
        Artifact.open(folder).verify()
        card = ModelCard.load(folder / "README.md")
        assert card.data.base_model == "some/base" and card.data.license == "cc-by-4.0"
        assert card.text.split("## Caveats")[1].split("##")[0] == report.split("## Caveats")[1].split("##")[0]
    assert Released(Artifact.open(folders[0])).plain
    # sentence-transformers and others read the first output: that of the layer which was scored
    digest = json.loads((stored_run.path / "candidates.json").read_text())["candidates"][0]["artifacts"][
        "encoder"
    ]
    ids = np.array([[0, 5, 6, 7, 2]])
    scored = RUNTIMES.load("torch").open(Artifact.open(store.folder(digest)), 1).run(ids, np.ones_like(ids))
    model = transformers.AutoModel.from_pretrained(tmp_path / "out" / "encoder").eval()
    with torch.inference_mode():
        found = model(torch.from_numpy(ids))[0].numpy()
    np.testing.assert_allclose(found, scored, atol=1e-6)
    assert model.config.num_hidden_layers == 1


def test_a_card_takes_no_statistics_that_were_changed_since(stored_run: RunFolder) -> None:
    build_report([stored_run.path], stored_run.path / "report")
    file = stored_run.path / "report" / "analysis.json"
    good, kept = file.read_text(), kept_analysis(stored_run.path)
    number = next(re.finditer(r"[1-9](?=\d*[,}])", good))
    file.write_text(good[: number.start()] + str(int(number[0]) % 9 + 1) + good[number.end() :])
    with pytest.raises(InputError, match="it was changed since"):
        read_analysis(stored_run.path / "report")
    assert kept_analysis(stored_run.path) == kept  # made anew from the sealed rows


def test_a_card_has_the_statistics_of_a_run_whose_report_was_thrown_away(
    stored_run: RunFolder, tmp_path: Path
) -> None:
    (udpos, _) = export(stored_run, store_of(stored_run, None), NAME, tmp_path / "out")
    card = ModelCard.load(udpos / "README.md")
    assert "paired by example" in card.text and card.data.license == "unknown"


def test_the_license_of_a_local_base_is_read_from_its_own_card(stored_run: RunFolder, tmp_path: Path) -> None:
    base = tmp_path / "base"
    base.mkdir()
    (base / "README.md").write_text("---\nlicense: mit\n---\n# Base\n")
    file = stored_run.path / "candidates.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"base": str(base)}))
    (udpos, _) = export(stored_run, store_of(stored_run, None), NAME, tmp_path / "out")
    data = ModelCard.load(udpos / "README.md").data
    assert data.license == "mit" and data.base_model is None


def test_a_layout_that_is_none_is_refused_before_anything_is_written(
    stored_run: RunFolder, tmp_path: Path
) -> None:
    store = store_of(stored_run, None)
    with pytest.raises(InputError, match='--layout: expected flat, hub or openvino, found "hubb"'):
        export(stored_run, store, NAME, tmp_path / "out", layout="hubb")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="--layout openvino takes onnx models, found torch"):
        export(stored_run, store, NAME, tmp_path / "out", layout="openvino")
    assert not (tmp_path / "out").exists()
