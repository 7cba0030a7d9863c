"""The energy of the GPUs that this process may use, as codecarbon reads it from NVML or AMD SMI."""

from __future__ import annotations

import logging
import os
from typing import Any, Protocol


class Cards(Protocol):
    """What is asked of codecarbon's GPU: joules since the last call, given the seconds since then."""

    def measure_power_and_energy(self, last_duration: float) -> tuple[Any, Any]:
        """Return (power, energy) of all cards that are watched."""
        ...


def find_cards() -> Cards | None:
    """Return the GPUs of this machine that CUDA_VISIBLE_DEVICES leaves; None where none is readable."""
    from codecarbon.core import gpu

    if not gpu.is_gpu_details_available():
        return None
    from codecarbon.external.hardware import GPU

    logging.getLogger("codecarbon").setLevel(logging.CRITICAL)
    errors: tuple[type[Exception], ...] = (OSError, RuntimeError, *_driver_errors(gpu))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    try:
        cards = GPU.from_utils(None if visible is None else [card for card in visible.split(",") if card])
        cards.start()
    except errors as error:  # the work that is metered goes on
        logging.getLogger(__name__).warning("the energy of the GPUs cannot be read: %s", error)
        return None
    return cards if cards.num_gpus else None


def _driver_errors(gpu: Any) -> tuple[type[Exception], ...]:
    """Return what the drivers' libraries raise, of those that are installed."""
    error_types = getattr(gpu.pynvml, "NVMLError", None), getattr(gpu.amdsmi, "AmdSmiException", None)
    return tuple(error_type for error_type in error_types if error_type is not None)
