"""Saturating 8-bit products are noticed by what they give, and the policy decides what follows."""

from __future__ import annotations

import numpy as np
import pytest

from xpareto.compress.core.errors import InputError
from xpareto.compress.quantization import saturation as int8_overflow


def pairwise(activations: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Multiply as AVX2 does (vpmaddubsw, then 32-bit sums): each pair of products saturates at 16 bits."""
    products = activations.astype(np.int64)[:, :, None] * weights.astype(np.int64)[None]
    pairs = products[:, 0::2] + products[:, 1::2]
    return np.clip(pairs, -(2**15), 2**15 - 1).sum(axis=1).astype(np.int32)


@pytest.fixture(autouse=True)
def forgotten() -> None:
    int8_overflow.probe.cache_clear()
    int8_overflow.probe_blocks.cache_clear()


def on_a_cpu_without_vnni(monkeypatch: pytest.MonkeyPatch) -> None:
    original = int8_overflow._product

    def product(weight: int) -> tuple[np.ndarray, np.ndarray]:
        signs = np.stack([np.ones(64), -np.ones(64), np.resize([1, -1], 64)], axis=1)
        weights = np.tile(signs * weight, (1, 16)).astype(np.int8)
        _, exact = original(weight)
        return pairwise(np.full((8, 64), 255, np.uint8), weights), exact

    monkeypatch.setattr(int8_overflow, "_product", product)


def test_the_expected_sums_are_those_of_plain_integers() -> None:
    _, exact = int8_overflow._product(127)
    assert exact[0, :3].tolist() == [64 * 255 * 127, -64 * 255 * 127, 0]


def test_seven_bit_weights_are_exact_here_whatever_the_cpu() -> None:
    assert int8_overflow.probe(64) == "exact"
    assert int8_overflow.check("refuse", True, "quantize_dynamic")["probe"] == "exact"


def test_saturation_is_noticed_with_eight_bits_and_not_with_seven(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_cpu_without_vnni(monkeypatch)
    assert int8_overflow.probe(127) == "saturates"
    assert int8_overflow.probe(64) == "exact"
    assert "warning" in int8_overflow.check("warn", False, "quantize_static")
    assert "warning" not in int8_overflow.check("warn", True, "quantize_static")
    with pytest.raises(InputError, match=r"quantize_static: overflow: .*reduce_range: true"):
        int8_overflow.check("refuse", False, "quantize_static")


def test_ignore_computes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(int8_overflow, "_product", lambda weight: 1 / 0)
    assert int8_overflow.check("ignore", False, "quantize_static") == {"policy": "ignore"}


def test_blocks_add_up_here_and_a_lack_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    found, exact = int8_overflow._block_product(32)
    assert exact[0, :2].tolist() == [64 * 127, 64 * -128]
    np.testing.assert_allclose(found, exact, rtol=0.02)
    monkeypatch.setattr(int8_overflow, "_block_product", lambda size: (exact / 2, exact))
    with pytest.raises(InputError, match=r"quantize_weights: overflow: .*accuracy_level: 1"):
        int8_overflow.check_blocks("refuse", 32, "quantize_weights")
