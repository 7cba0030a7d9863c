"""A state that one machine saved, and another goes on with: two caches of a store in memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from xpareto.compress.training import SAVED_TRAINING
from xpareto.pipelines.execution import carried as module
from xpareto.pipelines.execution.carried import carried
from xpareto.pipelines.storage import open_store

URL = "memory://carried/prefix"
KEY = "ab" * 32


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.01)
    yield
    MemoryFileSystem.store.clear()


class Machine:
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder, self._monkeypatch = folder, monkeypatch

    @contextmanager
    def works(self) -> Iterator[Path]:
        self._monkeypatch.setenv("XPARETO_CACHE", str(self._folder))
        store = open_store(URL)
        scratch = store.root / "scratch" / KEY
        scratch.mkdir(parents=True, exist_ok=True)
        with carried(store, scratch):
            yield scratch


def objects() -> dict[str, bytes]:
    return {
        name.split(KEY + "/")[1]: bytes(file.getvalue())
        for name, file in MemoryFileSystem.store.items()
        if KEY in name
    }


def wait_until(seen: Callable[[], bool]) -> None:
    begun = time.monotonic()
    while not seen():
        assert time.monotonic() - begun < 60
        time.sleep(0.01)


def sent(text: str, ns: int) -> bool:
    found = objects()
    return found.get(SAVED_TRAINING) == text.encode() and str(ns).encode() in found.get("SAVED.json", b"")


def put(scratch: Path, text: str, ns: int) -> None:
    (scratch / SAVED_TRAINING).write_text(text)
    os.utime(scratch / SAVED_TRAINING, ns=(ns, ns))


def save(scratch: Path, text: str, ns: int) -> None:
    put(scratch, text, ns)
    wait_until(lambda: sent(text, ns))


def lose(machine: Machine, text: str, ns: int) -> None:
    """Save a state, and an account of what it took, on a machine that is then gone."""
    with pytest.raises(ConnectionError), machine.works() as scratch:
        (scratch / "spent").mkdir(exist_ok=True)
        (scratch / "spent" / f"{text}.json").write_text("{}")
        save(scratch, text, ns)
        raise ConnectionError


def test_another_machine_goes_on_with_what_was_saved_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Machine(tmp_path / name, monkeypatch) for name in ("one", "other"))
    lose(one, "first", 1_000_000_001)
    with pytest.raises(ConnectionError), other.works() as scratch:
        assert (scratch / SAVED_TRAINING).read_text() == "first"
        assert [file.name for file in (scratch / "spent").iterdir()] == ["first.json"]
        save(scratch, "second", 2_000_000_003)
        raise ConnectionError
    with one.works() as scratch:  # it has a state of its own, which is older
        assert (scratch / SAVED_TRAINING).read_text() == "second"
    assert objects() == {}


def test_a_state_here_that_is_newer_stays_and_is_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, other = (Machine(tmp_path / name, monkeypatch) for name in ("one", "other"))
    lose(one, "old", 1_000_000_001)
    with pytest.raises(ConnectionError), other.works() as scratch:
        monkeypatch.setattr(module._States, "_send", lambda _: None)  # the network is down
        put(scratch, "new", 3_000_000_001)
        raise ConnectionError
    monkeypatch.undo()
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.01)
    with pytest.raises(ConnectionError), other.works() as scratch:
        assert (scratch / SAVED_TRAINING).read_text() == "new"
        wait_until(lambda: sent("new", 3_000_000_001))
        raise ConnectionError


@pytest.mark.parametrize("damage", ["SAVED.json", SAVED_TRAINING])
def test_what_is_not_whole_is_not_taken(damage: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one, other = (Machine(tmp_path / name, monkeypatch) for name in ("one", "other"))
    lose(one, "first", 1_000_000_001)
    (name,) = (name for name in MemoryFileSystem.store if name.endswith(damage))
    if damage == "SAVED.json":
        MemoryFileSystem().pipe_file(name, b"{")
    else:  # as while the machine that is done deletes it
        MemoryFileSystem().rm_file(name)
    with other.works() as scratch:
        assert not (scratch / SAVED_TRAINING).exists()


@pytest.mark.parametrize("broken", ["put_file", "rm_file"])
def test_a_state_that_cannot_be_sent_or_deleted_does_not_end_the_work(
    broken: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told: list[str] = []

    def heard() -> bool:
        told.append(capsys.readouterr().err)
        return "ZeroDivisionError" in told[-1]

    with Machine(tmp_path / "one", monkeypatch).works() as scratch:
        monkeypatch.setattr(MemoryFileSystem, broken, lambda *_, **__: 1 / 0)
        put(scratch, "state", 1_000_000_001)
        wait_until(heard if broken == "put_file" else lambda: sent("state", 1_000_000_001))
    assert broken == "put_file" or heard()
