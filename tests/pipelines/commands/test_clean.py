from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from xpareto.pipelines.cli import app
from xpareto.pipelines.storage.store import Store


def test_it_tells_what_can_go_and_deletes_only_when_asked(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    (store.root / "scratch" / "key").mkdir()
    (store.root / "scratch" / "key" / "weights").write_bytes(b"x" * 13_000)
    run = tmp_path / "runs" / "r"
    run.mkdir(parents=True)
    (run / "plan.json").write_text(json.dumps({"schema": 1, "nodes": {}, "options": {}}))
    words = ["clean", "--store", str(store.root), "--runs", str(run.parent)]
    told = [CliRunner().invoke(app, [*words, *more]).stdout for more in ([], ["--delete"], [])]
    assert (
        "13.0 kB" in told[0] and "Kept: what 1 run needs. Nothing is deleted yet; --delete does." in told[0]
    )
    assert "deleted" in told[1] and "Kept: what 1 run needs.\n" in told[1]
    assert told[2] == "Nothing to delete: 1 run found, and the store holds what they need alone.\n"
    assert not (store.root / "scratch" / "key").exists()
