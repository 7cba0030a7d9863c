from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from tests.pipelines.made_up_run import write_run
from xpareto.compress.core.artifact import Artifact, Manifest
from xpareto.compress.core.errors import InputError
from xpareto.eval.records.measurement import Measurement, append_rows
from xpareto.pipelines.storage.cleaning import Needs, clean, leftovers
from xpareto.pipelines.storage.run_folder import RunFolder
from xpareto.pipelines.storage.store import Store

NEEDED, GONE, TRAINING = "a" * 64, "b" * 64, "c" * 64


def put(store: Store, key: str, text: str) -> Artifact:
    def make(folder: Path) -> Manifest:
        (folder / "model.safetensors").write_text(text, encoding="utf-8")
        return Manifest(files={}, format="torch", head="mlm", key=key)

    return store.put(key, {}, make)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Return a folder with one run, whose plan has an artifact and a training that was killed."""
    run = tmp_path / "runs" / "r"
    run.mkdir(parents=True)
    plan = {"nodes": {NEEDED: {}, TRAINING: {}}, "options": {"data": str(tmp_path / "store/embedded/new")}}
    (run / "plan.json").write_text(json.dumps(plan))
    return run.parent


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    for key in (NEEDED, GONE):
        put(store, key, f"weights of {key}")
    for name in ("building/" + GONE, "scratch/" + GONE, "scratch/" + TRAINING, "damaged/d", "embedded/old"):
        (store.root / name).mkdir(parents=True)
        (store.root / name / "file").write_text("x" * 10)
    (store.root / "embedded/new").mkdir()
    for key, run in (("m1", "r"), ("m2", "lost")):
        (store.root / "measured" / key).mkdir()
        row = Measurement(run, "c", "accuracy", "accuracy", 1.0, "percent")
        append_rows(store.root / "measured" / key / "rows.jsonl", [row])
    return store


def files(store: Store) -> set[str]:
    return {
        path.relative_to(store.root).as_posix()
        for path in store.root.rglob("*")
        if path.is_file() and "locks" not in path.parts
    }


def test_what_no_run_needs_is_told_and_only_deleted_when_asked(store: Store, runs: Path) -> None:
    before = files(store)
    found = list(leftovers(store, Needs.of(store, [runs])))
    assert Counter(leftover.kind for leftover in found) == {
        "keys of no run": 1,
        "artifacts of no run": 1,
        "damaged artifacts": 1,
        "scores of no run": 1,
        "embedded data of no run": 1,
        "abandoned work": 2,
    }
    assert files(store) == before
    needed = store.digest_of(NEEDED)
    assert len(clean(store, [runs])) == len(found)
    assert files(store) == {
        f"keys/{NEEDED}.json", f"artifacts/{needed[:2]}/{needed}/manifest.json",
        f"artifacts/{needed[:2]}/{needed}/model.safetensors", f"scratch/{TRAINING}/file", "measured/m1/rows.jsonl",
    }  # fmt: skip
    assert store.find(NEEDED, verify=True) is not None and clean(store, [runs]) == []
    assert put(store, GONE, "weights again").digest == store.digest_of(GONE)


def test_what_somebody_is_at_work_on_stays(store: Store, runs: Path) -> None:
    with store.lock(GONE):
        kept = {leftover.path.name for leftover in clean(store, [runs]) if leftover.kind == "abandoned work"}
    assert kept == set() and (store.root / "building" / GONE).is_dir()
    with RunFolder(runs / "r").held(), pytest.raises(InputError, match="another process is at work"):
        clean(store, [runs])


def test_candidates_keep_their_artifacts_by_content(store: Store, tmp_path: Path) -> None:
    run = write_run(tmp_path / "made-up" / "r", arms=("none",), seeds=(0,), examples=4)
    document = json.loads((run.path / "candidates.json").read_text("utf-8"))
    digests = {digest for one in document["candidates"] for digest in one["artifacts"].values()}
    (run.path / "plan.json").write_text(json.dumps({"schema": 1, "nodes": {}, "options": {}}))
    assert Needs.of(store, [tmp_path / "made-up"]).digests == digests != set()


@pytest.mark.parametrize("damage", ["{", "[]", '{"nodes": 3, "options": {}}', "{}"])
def test_nothing_goes_where_a_run_cannot_tell_what_it_needs(store: Store, runs: Path, damage: str) -> None:
    before = files(store)
    (runs / "r" / "plan.json").write_text(damage)
    with pytest.raises(InputError, match=r"plan\.json"):
        clean(store, [runs])
    with pytest.raises(InputError, match="expected a folder of runs"):
        clean(store, [runs / "nowhere"])
    assert files(store) == before
