"""The outlier report of a candidate is printed, from its own notes or those of a step before."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.quantization.observers import ActivationStats
from xpareto.compress.quantization.outliers import outlier_report
from xpareto.eval.results.document import Candidate, RunDocument, write_document
from xpareto.pipelines.display.outliers import COLUMNS, rows, show_outliers
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.pipelines.storage.store import Store


def some_notes() -> dict[str, Any]:
    """Two inputs; channel 3 of the second stands out in Swahili."""
    random, stats = np.random.default_rng(0), {}
    for name in ("calm", "wild"):
        stats[name] = ActivationStats(("de", "sw"), 6)
        values = random.normal(size=(4000, 6)).astype(np.float32)
        if name == "wild":
            values[3000, 3] = 90.0
        stats[name].add(values, np.repeat([0, 1], 2000))
    readers = {"calm": ["a/MatMul", "b/MatMul"], "wild": ["c/MatMul"]}
    return {
        "outliers": outlier_report(stats, readers),
        "relative_error": {"a/MatMul": 0.01, "b/MatMul": 0.02, "c/MatMul": 0.3},
        "fallback": {"c/MatMul": "named"},
    }


def made(
    store: Store, folder: Path, step: str, notes: dict[str, Any], parents: tuple[str, ...] = ()
) -> Artifact:
    folder.mkdir()
    (folder / "model.onnx").write_text(step)
    artifact = seal(folder, Manifest({}, "onnx", "tagging", notes=notes, step=step, parents=parents))
    store.folder(artifact.digest).parent.mkdir(parents=True, exist_ok=True)
    shutil.move(folder, store.folder(artifact.digest))
    return artifact


def a_run(folder: Path, candidates: dict[str, str]) -> RunFolder:
    folder.mkdir()
    listed = tuple(
        Candidate(name, "none", name, "onnxruntime", 0, {}, (), {"udpos": digest}, None, "r", {"udpos": name})
        for name, digest in candidates.items()
    )
    write_document(
        folder,
        RunDocument(
            run="r", recipe="r", command="", synthetic=True, data="embedded", tasks={}, objectives=(),
            baseline=listed[0].name, candidates=listed,
        ),
    )  # fmt: skip
    return RunFolder(folder)


def test_rows_are_sorted_by_ratio_and_name_language_channel_error_and_fallback() -> None:
    found = list(rows(some_notes()))
    assert [len(row) for row in found] == [len(COLUMNS)] * 2
    assert found[0][0] == "c/MatMul" and found[0][7:] == ("0.3", "named")
    assert found[0][5].startswith("3 (") and found[0][6].startswith("sw (")
    assert found[1][0] == "a/MatMul and 1 more" and found[1][7:] == ("0.02", "")


def test_the_nearest_step_that_looked_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    store = Store(tmp_path / "store")
    plain = made(store, tmp_path / "a", "export_onnx", {})
    smooth = made(store, tmp_path / "b", "smooth_quant", some_notes(), (plain.digest,))
    dynamic = made(store, tmp_path / "c", "quantize_dynamic", {}, (smooth.digest, plain.digest))
    run = a_run(tmp_path / "run", {"fp32": plain.digest, "int8": dynamic.digest})
    show_outliers(run, store, "int8")
    shown = capsys.readouterr().out
    assert "udpos, seen by smooth_quant" in shown and "c/MatMul" in shown and "worst language" in shown
    with pytest.raises(InputError, match="no step of this candidate looked at activations"):
        show_outliers(run, store, "fp32")
