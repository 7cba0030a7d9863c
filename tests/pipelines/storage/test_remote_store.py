from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipelines.storage.test_store import CHILD, KEY, flip_a_bit, put
from xpareto.compress.core import MANIFEST, ArtifactDamaged, InputError
from xpareto.pipelines.storage import RemoteStore, Store, open_store
from xpareto.pipelines.storage.bucket import Bucket, check_writable

NUMBERS = itertools.count()


@pytest.fixture
def url() -> Iterator[str]:
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]
    yield f"memory://bucket{next(NUMBERS)}/prefix"
    MemoryFileSystem.store.clear()


class Machine:
    """A machine has its own cache; each call opens the store as a new process does."""

    def __init__(self, folder: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._url, self._monkeypatch = folder, url, monkeypatch

    def store(self) -> RemoteStore:
        self._monkeypatch.setenv("XPARETO_CACHE", str(self._folder))
        opened = open_store(self._url)
        assert isinstance(opened, RemoteStore)
        return opened


@pytest.fixture
def machines(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Machine, Machine]:
    one, other = (Machine(tmp_path / name, url, monkeypatch) for name in ("one", "other"))
    return one, other


def objects() -> set[str]:
    return {name.split("/prefix/", 1)[1] for name in MemoryFileSystem.store if "/prefix/" in name}


def test_what_one_machine_puts_another_finds_whole_and_read_only(machines: tuple[Machine, Machine]) -> None:
    one, other = machines
    made = put(one.store(), KEY, "weights")
    found = other.store().find(KEY, verify=True)
    assert found is not None and found.digest == made.digest and found.path != made.path
    assert found.file("model.safetensors").read_text() == "weights"
    assert not (found.path / "model.safetensors").stat().st_mode & 0o222
    assert not list((other.store().root / "building").iterdir())


def test_without_being_verified_an_artifact_is_told_of_and_not_fetched(
    machines: tuple[Machine, Machine],
) -> None:
    one, other = machines
    made = put(one.store(), KEY, "weights")
    store = other.store()
    store.look_up([KEY, CHILD])
    told = store.find(KEY, verify=False)
    assert told is not None and told.manifest == made.manifest and not told.path.exists()
    assert store.is_made(KEY) and not store.is_made(CHILD)
    assert other.store().recorded() == {KEY}
    assert dict(store.manifests()) == {made.digest: made.manifest}
    assert store.open(made.digest, verify=False).path == told.path and told.path.is_dir()


def test_the_record_is_the_last_object_that_is_written(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    write, upload = Bucket.write, Bucket.upload

    def noted_write(self: Bucket, name: str, content: bytes, *, only_new: bool = False) -> bool:
        written.append(name)
        return write(self, name, content, only_new=only_new)

    def noted_upload(self: Bucket, files: Sequence[tuple[Path, str]]) -> None:
        written.extend(name for _, name in files)
        upload(self, files)

    monkeypatch.setattr(Bucket, "write", noted_write)
    monkeypatch.setattr(Bucket, "upload", noted_upload)
    digest = put(machines[0].store(), KEY, "weights").digest
    written = [name for name in written if not name.startswith(".")]
    folder = f"artifacts/{digest[:2]}/{digest}"
    assert written == [f"{folder}/model.safetensors", f"{folder}/{MANIFEST}", f"keys/{KEY}.json"]


def test_a_hit_counts_only_while_the_parents_are_the_same(machines: tuple[Machine, Machine]) -> None:
    one, other = machines
    parent = put(one.store(), KEY, "one")
    put(one.store(), CHILD, "child", {KEY: parent.digest})
    assert other.store().find(CHILD, verify=True) is not None
    damaged = other.store()
    damaged.set_aside(KEY)
    put(other.store(), KEY, "another")
    assert other.store().find(CHILD, verify=True) is None
    store = one.store()
    store.look_up([KEY, CHILD])  # this machine's cache still names the first
    assert store.find(CHILD, verify=True) is None


def test_of_two_that_made_the_same_key_the_first_record_stands(machines: tuple[Machine, Machine]) -> None:
    one, other = machines
    late = other.store()
    assert late.find(KEY, verify=True) is None
    first = put(one.store(), KEY, "made on one kind of CPU")
    second = put(late, KEY, "made on another")
    assert second.digest == first.digest
    assert second.file("model.safetensors").read_text() == "made on one kind of CPU"
    assert one.store().find(KEY, verify=True) == first


@pytest.mark.parametrize("what", ["model.safetensors", MANIFEST])
def test_a_damaged_object_is_found_and_made_again(machines: tuple[Machine, Machine], what: str) -> None:
    one, other = machines
    digest = put(one.store(), KEY, "weights").digest
    (name,) = (name for name in MemoryFileSystem.store if name.endswith(what))
    content = bytearray(MemoryFileSystem.store[name].getvalue())
    content[len(content) // 2] ^= 1
    fsspec.filesystem("memory").pipe_file(name, bytes(content))
    store = other.store()
    with pytest.raises(ArtifactDamaged):
        store.find(KEY, verify=True)
    assert (store.root / "damaged" / digest).is_dir() and not store.folder(digest).exists()
    store.set_aside(KEY)
    assert other.store().find(KEY, verify=True) is None
    put(other.store(), KEY, "weights")
    assert other.store().find(KEY, verify=True) is not None
    assert open_store(store.address).find(KEY, verify=True) is not None


def test_what_is_damaged_in_the_cache_alone_is_fetched_again(machines: tuple[Machine, Machine]) -> None:
    one, _ = machines
    made = put(one.store(), KEY, "weights")
    flip_a_bit(made.path / "model.safetensors")
    found = one.store().find(KEY, verify=True)
    assert found is not None and found.file("model.safetensors").read_text() == "weights"


def test_a_missing_file_of_an_artifact_is_damage(machines: tuple[Machine, Machine]) -> None:
    one, other = machines
    put(one.store(), KEY, "weights")
    (name,) = (name for name in MemoryFileSystem.store if name.endswith("model.safetensors"))
    fsspec.filesystem("memory").rm_file(name)
    with pytest.raises(ArtifactDamaged, match="found not all of them"):
        other.store().find(KEY, verify=True)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff"])
def test_a_torn_record_is_a_miss_and_is_written_over(
    machines: tuple[Machine, Machine], content: bytes
) -> None:
    one, other = machines
    put(one.store(), KEY, "weights")
    (name,) = (name for name in MemoryFileSystem.store if name.endswith(f"{KEY}.json"))
    fsspec.filesystem("memory").pipe_file(name, content)
    assert other.store().find(KEY, verify=True) is None
    put(other.store(), KEY, "weights")
    assert one.store().find(KEY, verify=True) is not None


def test_a_cleaned_bucket_is_filled_again_from_the_cache(machines: tuple[Machine, Machine]) -> None:
    one, other = machines
    put(one.store(), KEY, "weights")
    MemoryFileSystem.store.clear()
    store = one.store()
    store.look_up([KEY])
    store.send()
    assert other.store().find(KEY, verify=True) is not None


def test_outcomes_are_shared_and_damaged_ones_taken_again(
    machines: tuple[Machine, Machine], tmp_path: Path
) -> None:
    one, other = machines
    made = tmp_path / "made"
    (made / "predictions").mkdir(parents=True)
    (made / "rows.jsonl").write_text("{}\n")
    (made / "predictions" / "same.json").write_text("{}\n")  # files of equal content
    one.store().put_measured(KEY, made)
    found = other.store().find_measured(KEY)
    assert found is not None and (found / "predictions" / "same.json").read_text() == "{}\n"
    assert {path.name for path in found.iterdir()} == {"rows.jsonl", "predictions", "SEAL.json"}
    for name in list(MemoryFileSystem.store):
        if f"measured/{KEY}/" in name and not name.endswith("SEAL.json"):
            fsspec.filesystem("memory").pipe_file(name, b"{ }")
    (found / "rows.jsonl").write_text("changed")
    assert other.store().find_measured(KEY) is None
    assert f"measured/{KEY}/SEAL.json" not in objects()


@pytest.mark.parametrize("name", ["../../outside", "/etc/passwd"])
def test_a_seal_of_outcomes_leads_nowhere_else(machines: tuple[Machine, Machine], name: str) -> None:
    one, _ = machines
    store = one.store()
    store.bucket.write(f"measured/{KEY}/SEAL.json", json.dumps({name: "a" * 64}).encode())
    assert store.find_measured(KEY) is None


def test_machines_agree_on_commits_of_the_hub(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    commits = itertools.count()
    monkeypatch.setattr("xpareto.pipelines.storage.lock._ask_hub", lambda *_: f"commit {next(commits)}")
    one, other = machines
    assert one.store().hub_lock().resolve("a/b", "model") == "commit 0"
    assert other.store().hub_lock().resolve("a/b", "model") == "commit 0"
    assert other.store().hub_lock().resolve("c/d", "model") == "commit 1"
    assert one.store().hub_lock().commits == {"a/b": "commit 0", "c/d": "commit 1"}


class _Broken(Exception):
    """What an implementation of fsspec's raises when the network is gone."""


@settings(max_examples=40, deadline=None)
@given(failing=st.integers(0, 12), torn=st.booleans())
def test_whatever_call_fails_a_reader_sees_all_or_nothing_and_a_rerun_completes(
    tmp_path_factory: pytest.TempPathFactory, failing: int, torn: bool
) -> None:
    """A call that fails may have written half of an object before (`torn`), as file:// does."""
    folder = tmp_path_factory.mktemp("machines")
    url = f"memory://broken{next(NUMBERS)}/prefix"
    with pytest.MonkeyPatch.context() as patch:
        one, other = (Machine(folder / name, url, patch) for name in ("one", "other"))
        store = one.store()
        calls = itertools.count()
        with pytest.MonkeyPatch.context() as breaking:

            def counted(name: str) -> None:
                plain = getattr(MemoryFileSystem, name)

                def call(self: Any, *words: Any, **options: Any) -> Any:
                    if next(calls) >= failing:  # from then on nothing is reached
                        if torn and name in ("put_file", "pipe_file") and next(calls) == failing + 1:
                            target = words[1] if name == "put_file" else words[0]
                            plain_pipe(self, target, b'{"half')
                        raise _Broken("the network is gone")
                    return plain(self, *words, **options)

                breaking.setattr(MemoryFileSystem, name, call)

            plain_pipe = MemoryFileSystem.pipe_file
            for name in ("put_file", "pipe_file", "cat_file"):
                counted(name)
            whole = True
            try:
                parent = put(store, KEY, "parent")
                put(store, CHILD, "child", {KEY: parent.digest})
            except InputError as error:
                whole = False
                assert (
                    url in str(error)
                    and "the network is gone" in str(error)
                    and "uploaded when" in str(error)
                )
        for key, text in ((KEY, "parent"), (CHILD, "child")):
            try:
                found = other.store().find(key, verify=True)
            except ArtifactDamaged:
                assert torn
                other.store().set_aside(key)
                continue
            assert found is None or found.file("model.safetensors").read_text() == text
        again = one.store()
        again.look_up([KEY, CHILD])
        again.send()
        kept = again.find(KEY, verify=True) or put(again, KEY, "parent")
        _ = again.find(CHILD, verify=True) or put(again, CHILD, "child", {KEY: kept.digest})
        for key, text in ((KEY, "parent"), (CHILD, "child")):
            found = other.store().find(key, verify=True)
            assert found is not None and found.file("model.safetensors").read_text() == text
        assert whole or failing < 12


def test_nothing_that_was_made_is_lost_with_the_network(
    machines: tuple[Machine, Machine], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = machines
    store = one.store()

    def broken(*_: object, **__: object) -> None:
        raise _Broken("no route to host")

    with monkeypatch.context() as patch:
        patch.setattr(MemoryFileSystem, "put_file", broken)
        with pytest.raises(InputError, match="no route to host"):
            put(store, KEY, "weights")
    assert other.store().find(KEY, verify=True) is None
    later = one.store()
    later.look_up([KEY])
    later.send()
    assert other.store().find(KEY, verify=True) is not None


def test_what_cannot_be_written_to_is_told_at_once(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XPARETO_CACHE", str(tmp_path))
    check_writable.cache_clear()

    def refused(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", refused)
    with pytest.raises(
        InputError, match=f"{url}: expected an object store .* PermissionError: Access Denied"
    ):
        open_store(url)
    assert isinstance(open_store(url, only_read=True), RemoteStore)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("s4://bucket/x", r"--store s4://bucket/x: expected a folder, or a URL that fsspec knows"),
        (Path("s3://bucket/x"), "Give it as text"),
    ],
)
def test_a_wrong_address_is_told(
    address: str | Path, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=told):
        open_store(address)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(InputError, match=r"s3:// needs a package .* pip install 'xpareto\[s3\]'"):
        open_store("s3://bucket/x")


def test_a_folder_is_opened_as_ever(tmp_path: Path) -> None:
    assert type(open_store(tmp_path)) is Store
    assert open_store(str(tmp_path / "new")).address == str(tmp_path / "new")
    with pytest.raises(InputError, match="expected the store"):
        open_store(tmp_path / "none", only_read=True)
