"""Kept arrays are read as they were written, or refused."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.results.outcomes import stored_arrays


@pytest.mark.parametrize("compressed", [True, False])
def test_a_flipped_bit_in_kept_arrays_is_told_or_changes_nothing(tmp_path: Path, compressed: bool) -> None:
    file, chance = tmp_path / "accuracy-0-udpos.npz", random.Random(0)
    arrays = {code: np.arange(20.0).reshape(10, 2) for code in ("en", "de")}
    (np.savez_compressed if compressed else np.savez)(file, **arrays)
    whole = file.read_bytes()
    refused = 0
    for bit in chance.sample(range(8 * len(whole)), 600):
        content = bytearray(whole)
        content[bit // 8] ^= 1 << bit % 8
        file.write_bytes(content)
        try:
            found = stored_arrays(file)
        except InputError as error:
            refused += 1
            assert f"{file}: expected arrays of outcomes, found a file that is damaged" in str(error)
            continue
        # a zip's list of members has no checksum: that none is missing, the seal of the run tells
        assert found.keys() <= arrays.keys()
        assert all(np.array_equal(found[code], arrays[code]) for code in found)
    assert 300 < refused < 600
