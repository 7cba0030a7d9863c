from __future__ import annotations

import json
import os
from pathlib import Path

import huggingface_hub
import pytest

import xpareto.pipelines.storage.lock
from xpareto.compress.core.errors import InputError
from xpareto.eval.data.hub import Hub
from xpareto.pipelines.execution.work import Job, do
from xpareto.pipelines.planning.graph import Node
from xpareto.pipelines.storage.lock import Lock
from xpareto.pipelines.storage.store import Store

COMMIT = "c" * 40


def test_a_commit_is_asked_for_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def ask(repo: str, kind: str) -> str:
        asked.append((repo, kind))
        return COMMIT

    monkeypatch.setattr(xpareto.pipelines.storage.lock, "_ask_hub", ask)
    for _ in range(2):
        assert Lock.new(tmp_path).resolve("FacebookAI/xlm-roberta-base", "model") == COMMIT
    assert asked == [("FacebookAI/xlm-roberta-base", "model")]


@pytest.mark.parametrize("what", ["/dev/zero", "pipe"])
def test_a_lock_that_is_no_file_is_told_at_once(tmp_path: Path, what: str) -> None:
    file = Path(what)
    if what == "pipe":
        os.mkfifo(file := tmp_path / what)
    for read in (lambda: Lock.read(file), lambda: Hub.open(str(file))):
        with pytest.raises(InputError, match="and no file"):
            read()


def test_a_given_lock_is_obeyed_and_never_added_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        xpareto.pipelines.storage.lock, "_ask_hub", lambda *_: pytest.fail("the hub was asked")
    )
    file = tmp_path / "lock.json"
    file.write_text(json.dumps({"a/b": COMMIT}))
    lock = Lock.read(file)
    assert lock.resolve("a/b", "model") == COMMIT
    with pytest.raises(InputError, match="c/d is not in it"):
        lock.resolve("c/d", "model")


def test_a_hub_that_cannot_be_reached_is_a_clear_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: object, repo: str, **_: object) -> None:
        raise ConnectionError("no network\nmore")

    monkeypatch.setattr(huggingface_hub.HfApi, "repo_info", fail)
    with pytest.raises(InputError, match=r"could not be asked for its commit \(no network\)"):
        Lock.new(tmp_path).resolve("a/b", "model")


@pytest.mark.parametrize("text", ["[]", '{"a/b": 1}', "{"])
def test_a_damaged_lock_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "lock.json").write_text(text)
    with pytest.raises(InputError, match="--lock"):
        Lock.read(tmp_path / "lock.json")


def test_a_hub_checkpoint_is_taken_at_its_commit_and_without_links(
    tmp_path: Path, base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = tmp_path / "cache"
    cache.mkdir()
    for file in base.iterdir():
        (cache / file.name).symlink_to(file)  # as the hub's cache does
    calls = []

    def download(repo: str, *, revision: str, allow_patterns: list[str]) -> str:
        calls.append((repo, revision))
        assert not any("bin" in pattern for pattern in allow_patterns)
        return str(cache)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    node = Node("k" * 64, "base", "base", 1, {"source": f"a/b@{COMMIT}"}, None, None, {}, {}, "r.yaml: base")
    from xpareto.eval.data.source import DataSpec

    work = Job(node, str(tmp_path / "store"), DataSpec(str(tmp_path)), 1, None, "a/b", COMMIT)
    again = Job.from_json(work.to_json())
    assert again == work
    digest = do(again, lambda *_: None)
    assert calls == [("a/b", COMMIT)]
    folder = Store(tmp_path / "store").folder(digest)
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert (folder / "model.safetensors").is_file()
    assert not list((tmp_path / "store" / "building").iterdir())
