"""What comes from disk is bounded, and what others write all the same is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from xpareto.compress.core.json_file import parse_json, read_json


def test_a_tokenizer_without_a_longest_input_is_read(tmp_path: Path) -> None:
    file = tmp_path / "tokenizer_config.json"
    file.write_text('{"model_max_length": 1000000000000000019884624838656}')  # as transformers writes it
    assert read_json(file) == {"model_max_length": int(1e30)}


def test_other_numbers_that_no_float_holds_are_refused() -> None:
    assert parse_json(f"[{2**64 - 1}]") == [2**64 - 1]
    with pytest.raises(ValueError, match="a whole number of 31 digits"):
        parse_json(f"[{int(1e30) + 1}]")
