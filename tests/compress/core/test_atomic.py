from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import pytest

from xpareto.compress.core.atomic import append_line, disk_error, replace_json, replace_text
from xpareto.compress.core.errors import InputError


def test_text_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "a" / "b.txt"
    replace_text(file, "one")
    replace_text(file, "two")
    assert file.read_text() == "two" and list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_a_clear_error_and_keeps_the_old_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    file = tmp_path / "b.json"
    replace_json(file, {"a": 1})

    def full(_: int) -> None:
        raise OSError(code, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    for write in (lambda: replace_text(file, "x"), lambda: append_line(tmp_path / "c", {})):
        with pytest.raises(InputError, match=r"the disk is full.*Free some space"):
            write()
    assert file.read_text() == '{\n "a": 1\n}\n'
    assert not list(tmp_path.glob(".b.json*"))


def test_a_place_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written to"):
        replace_text(tmp_path / "file" / "x", "y")


@pytest.mark.parametrize(
    "error",
    [
        ValueError("Error while serializing: I/O error: No space left on device (os error 28)"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'a' -> 'b'")]),
    ],
)
def test_a_full_disk_is_known_through_the_errors_of_libraries(error: Exception, tmp_path: Path) -> None:
    assert "the disk is full" in str(disk_error(error, tmp_path))
    assert disk_error(ValueError("another"), tmp_path) is None


def test_another_error_of_the_system_is_not_disguised(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output error"):
        replace_text(tmp_path / "x", "y")
