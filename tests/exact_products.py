"""Tests that hold int8 graphs against what their codes say need a CPU whose 8-bit products are exact."""

from __future__ import annotations

import pytest

from xpareto.compress.quantization.saturation import EXACT, probe

needs_exact_products = pytest.mark.skipif(
    probe() != EXACT,
    reason="8-bit products saturate on this CPU (x86 without VNNI): graphs without reduce_range compute other sums",
)
