"""What comes from disk is bounded, and what others write all the same is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpareto.compress.core.json_file import parse_json, read_file, read_json


def test_a_tokenizer_without_a_longest_input_is_read(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer_config.json"
    file.write_text('{"model_max_length": 1000000000000000019884624838656}')  # as transformers writes it
    assert read_json(file) == {"model_max_length": int(1e30)}


def test_a_file_is_read_whole_up_to_its_bound(tmp_path: Path) -> None:
    file = tmp_path / "a"
    for size in (0, 1, 9, 10):
        file.write_bytes(bytes(size))
        assert read_file(file, 10) == read_file(file, 1 << 60) == bytes(size)  # no buffer of the bound's size
    file.write_bytes(bytes(11))
    with pytest.raises(OSError, match="larger than 10 bytes"):
        read_file(file, 10)
    assert read_file(Path("/proc/self/stat"))  # of no size


def test_other_numbers_that_no_float_holds_are_refused() -> None:
    assert parse_json(f"[{2**64 - 1}]") == [2**64 - 1]
    with pytest.raises(ValueError, match="a whole number of 31 digits"):
        parse_json(f"[{int(1e30) + 1}]")
