"""The power that codecarbon's model gives a machine whose CPU has no readable energy counter."""

from __future__ import annotations

import logging

from eval.machine import cpu_model

FALLBACK_TDP_WATTS = 85.0  # codecarbon's own constant for a CPU that it does not know


def tdp_watts() -> float:
    """Return the TDP that codecarbon's table has for this CPU.

    A name without a model number, as virtual machines give, would be matched to an arbitrary chip.
    """
    if not any(letter.isdigit() for letter in cpu_model()):
        return FALLBACK_TDP_WATTS
    from codecarbon.core.cpu import TDP

    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    found = TDP().tdp
    return float(found) if found else FALLBACK_TDP_WATTS


def ram_watts() -> float:
    """Return the power of the memory that this process and its children hold."""
    from codecarbon.external.ram import RAM

    return float(RAM(tracking_mode="process").total_power().W)
