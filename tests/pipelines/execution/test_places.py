from __future__ import annotations

from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from tests.pipelines.storage.test_store import KEY, put
from xpareto.eval.data import DataSpec
from xpareto.eval.probing import Job as Measurable
from xpareto.pipelines.execution import places
from xpareto.pipelines.storage import Store, open_store

URL = "memory://places/prefix"


@pytest.fixture(autouse=True)
def empty() -> None:
    MemoryFileSystem.store.clear()


def measurable(address: str) -> Measurable:
    return Measurable("run", "candidate", "torch", 1, {"xnli": address}, DataSpec(None), (), ())


def test_another_machine_has_artifacts_shipped_data_and_commits_in_its_own_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XPARETO_CACHE", str(tmp_path / "driver"))
    store = open_store(URL)
    job = measurable(store.address_of(put(store, KEY, "weights").digest))
    lock = store.root / "hub" / "lock.json"
    lock.parent.mkdir()
    lock.write_text('{"owner/data": "commit"}')
    spec = DataSpec(str(store.root / "embedded" / "0123"), hub=True, lock=str(lock))
    assert places.store_named_by(job) == URL
    sent = places.sent(spec, URL)
    assert str(tmp_path) not in repr(sent)

    monkeypatch.setenv("XPARETO_CACHE", str(tmp_path / "node"))
    monkeypatch.setattr(places, "embedded_data", lambda store: store.root / "embedded" / "0123")
    arrived = places.arrived(sent, URL)
    assert arrived.lock is not None and Path(arrived.lock).read_text() == lock.read_text()
    assert {Path(str(arrived.root)).parents[2], Path(arrived.lock).parents[2]} == {tmp_path / "node"}
    (folder,) = places.brought(job).artifacts.values()
    assert Path(folder).is_relative_to(tmp_path / "node")
    assert (Path(folder) / "model.safetensors").read_text() == "weights"


def test_on_a_shared_folder_paths_stay_and_become_absolute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = Store(tmp_path / "store")
    job = measurable(store.address_of(put(store, KEY, "weights").digest))
    sent = places.sent(DataSpec("data", lock="lock.json"), places.store_named_by(job))
    assert sent == DataSpec(str(tmp_path / "data"), lock=str(tmp_path / "lock.json"))
    assert places.arrived(sent, store.address) == sent and places.brought(job) == job
