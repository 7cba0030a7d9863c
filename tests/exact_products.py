"""Codes of weights for tests that hold int8 graphs against what the codes say, exact on every CPU.

Without VNNI, x86 CPUs saturate sums of 8-bit products (see compress.quantization.saturation): there these tests take
the 7 bits that the steps offer for such CPUs.
"""

from __future__ import annotations

from xpareto.compress.quantization.saturation import EXACT, probe

REDUCE_RANGE = probe() != EXACT
WEIGHT_BITS = 7 if REDUCE_RANGE else 8
