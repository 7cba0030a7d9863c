from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xpareto.compress.core.artifact import Artifact, Manifest
from xpareto.compress.core.errors import ArtifactDamaged, InputError
from xpareto.pipelines.storage.store import Store, remove

KEY, CHILD = "a" * 64, "b" * 64


def put(store: Store, key: str, text: str, parents: dict[str, str] | None = None) -> Artifact:
    def make(folder: Path) -> Manifest:
        (folder / "model.safetensors").write_text(text, encoding="utf-8")
        return Manifest(files={}, format="torch", head="mlm", key=key)

    return store.put(key, parents or {}, make)


def flip_a_bit(file: Path) -> None:
    file.chmod(0o644)
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(bytes(data))


def test_what_is_put_is_found_read_only_and_verified(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    made = put(store, KEY, "weights")
    found = store.find(KEY, verify=True)
    assert found is not None and found.digest == made.digest == made.manifest.content_digest()
    assert not (found.path / "model.safetensors").stat().st_mode & 0o222
    assert list((tmp_path / "store" / "building").iterdir()) == []


def test_equal_content_under_two_keys_is_kept_once(tmp_path: Path) -> None:
    store = Store(tmp_path)
    assert put(store, KEY, "same").path == put(store, CHILD, "same").path


def test_an_unknown_key_is_not_found(tmp_path: Path) -> None:
    assert Store(tmp_path).find(KEY, verify=True) is None


def test_one_flipped_bit_is_detected_and_the_artifact_can_be_made_again(tmp_path: Path) -> None:
    store = Store(tmp_path)
    made = put(store, KEY, "weights")
    flip_a_bit(made.path / "model.safetensors")
    with pytest.raises(ArtifactDamaged, match="expected sha256"):
        store.find(KEY, verify=True)
    store.set_aside(KEY)
    assert store.find(KEY, verify=True) is None
    put(store, KEY, "weights")
    assert store.find(KEY, verify=True) is not None


def test_one_flipped_bit_in_the_manifest_is_detected(tmp_path: Path) -> None:
    store = Store(tmp_path)
    file = put(store, KEY, "weights").path / "manifest.json"
    file.chmod(0o644)
    file.write_text(file.read_text().replace('"head": "mlm"', '"head": "mln"'))
    with pytest.raises(ArtifactDamaged, match="its checksum differs"):
        store.find(KEY, verify=False)


def test_a_hit_counts_only_while_the_parents_are_the_same(tmp_path: Path) -> None:
    store = Store(tmp_path)
    parent = put(store, KEY, "one")
    put(store, CHILD, "child", {KEY: parent.digest})
    assert store.find(CHILD, verify=True) is not None
    put(store, KEY, "another")
    assert store.find(CHILD, verify=True) is None


@pytest.mark.parametrize("content", ["", "{", "[1]", "not json"])
def test_a_torn_key_file_is_a_miss(tmp_path: Path, content: str) -> None:
    store = Store(tmp_path)
    put(store, KEY, "weights")
    (tmp_path / "keys" / f"{KEY}.json").write_text(content)
    assert store.find(KEY, verify=True) is None


def test_any_flipped_bit_in_a_key_file_is_told_or_changes_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    parent = put(store, KEY, "one").digest
    digest = put(store, CHILD, "child", {KEY: parent}).digest
    file = tmp_path / "keys" / f"{CHILD}.json"
    whole = file.read_bytes()
    for bit in range(8 * len(whole)):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        file.write_bytes(content)
        if store.damaged_records([KEY, CHILD, "c" * 64]) != {CHILD: file}:
            assert store.digest_of(CHILD) == digest and store.parents_match(CHILD)


def test_a_key_file_of_an_earlier_version_counts(tmp_path: Path) -> None:
    store = Store(tmp_path)
    digest = put(store, KEY, "weights").digest
    (tmp_path / "keys" / f"{KEY}.json").write_text(json.dumps({"digest": digest, "parents": {}, "key": KEY}))
    assert store.digest_of(KEY) == digest and not store.damaged_records([KEY])


def test_a_failed_step_leaves_nothing_under_its_key(tmp_path: Path) -> None:
    store = Store(tmp_path)

    def fail(folder: Path) -> Manifest:
        (folder / "half").write_text("x")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        store.put(KEY, {}, fail)
    assert store.find(KEY, verify=True) is None
    assert put(store, KEY, "whole").manifest.files.keys() == {"model.safetensors"}


PROGRAM = """
import sys, time
from pathlib import Path
from xpareto.compress.core.artifact import Manifest
from xpareto.pipelines.storage.store import Store
store, key, seconds = Store(Path(sys.argv[1])), sys.argv[2], float(sys.argv[3])
def make(folder):
    (folder / "model.safetensors").write_text("weights")
    print("building", flush=True)
    time.sleep(seconds)
    return Manifest(files={}, format="torch", head="mlm", key=key)
with store.lock(key):
    found = store.find(key, verify=True)
    print("found" if found else "made", flush=True)
    if not found:
        store.put(key, {}, make)
"""


def start(root: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(root), KEY, str(seconds)], stdout=subprocess.PIPE, text=True
    )


def test_two_processes_make_one_artifact_once(tmp_path: Path) -> None:
    both = [start(tmp_path, 0.3) for _ in range(2)]
    outputs = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(output.split()[0] for output in outputs) == ["found", "made"]


def test_a_killed_builder_leaves_the_store_usable(tmp_path: Path) -> None:
    process = start(tmp_path, 60)
    assert process.stdout is not None
    while process.stdout.readline().strip() != "building":
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    store = Store(tmp_path)
    assert store.find(KEY, verify=True) is None
    put(store, KEY, "weights")
    assert store.find(KEY, verify=True) is not None


@pytest.mark.parametrize("name", ["rows.jsonl", "predictions/xnli.json"])
def test_outcomes_are_sealed_and_a_changed_one_is_dropped(tmp_path: Path, name: str) -> None:
    store = Store(tmp_path / "store")
    made = tmp_path / "made"
    (made / "predictions").mkdir(parents=True)
    (made / "rows.jsonl").write_text("{}\n")
    (made / "predictions" / "xnli.json").write_text("{}\n")
    folder = store.put_measured(KEY, made)
    assert store.find_measured(KEY) == folder
    seals = json.loads((folder / "SEAL.json").read_text())
    assert seals.keys() == {"rows.jsonl", "predictions/xnli.json"}
    (folder / name).write_text("{ }\n")
    assert store.find_measured(KEY) is None and not folder.exists()


def test_a_store_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises((InputError, NotADirectoryError)):
        Store(tmp_path / "file" / "store")


def test_remove_deletes_read_only_parts(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    folder.mkdir(parents=True)
    (folder / "c").write_text("")
    folder.chmod(0o555)
    remove(tmp_path / "a")
    assert not (tmp_path / "a").exists()
