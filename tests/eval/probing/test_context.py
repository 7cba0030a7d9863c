from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from xpareto.compress.core.artifact import Artifact, seal
from xpareto.eval.data.source import DataSpec
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.request import Ask, Job

Build = Callable[..., Artifact]


def test_a_tokenizer_of_equal_bytes_is_opened_once_and_another_anew(
    torch_artifact: Build, tmp_path: Path
) -> None:
    first = torch_artifact("classification", ("a", "b"), None, "mnli")
    folders = {"mnli": first.path, **{name: tmp_path / name for name in ("same", "other")}}
    for name in ("same", "other"):
        shutil.copytree(first.path, folders[name])
    file = folders["other"] / "tokenizer.json"
    file.write_text(json.dumps(json.loads(file.read_text()), indent=1))
    for name in ("same", "other"):
        (folders[name] / "manifest.json").unlink()
        seal(folders[name], replace(first.manifest, files={}))
    job = Job(
        "run", "c", "torch", 1, {name: str(folder) for name, folder in folders.items()}, DataSpec(str(tmp_path)),
        (Ask("xnli"),), (),
    )  # fmt: skip
    context = MeasurementContext(job, tmp_path)
    encoder = context.encoder("mnli")
    assert context.encoder("same") is encoder
    assert context.encoder("other") is not encoder and context.encoder("other").size == encoder.size
