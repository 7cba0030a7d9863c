"""A made-up run whose artifacts lie in a store."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.pipelines.made_up_run import write_run
from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import seal
from xpareto.pipelines.storage.run_folder import RunFolder


@pytest.fixture
def stored_run(world: TinyWorld, tmp_path: Path) -> RunFolder:
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
