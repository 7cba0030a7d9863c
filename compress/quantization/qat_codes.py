"""Codes that a model learned in training, as a file that goes along with it into its int8 export."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CODES = "quantization.safetensors"  # in the artifact of quantize_aware and in its export
_PARTS = ("input_scale", "input_zero_point", "weight_scale")


@dataclass(frozen=True)
class LearnedCodes:
    """How a product's input and weight are rounded: x ~ (code - zero_point) * scale, unsigned 8 bits."""

    scale: float
    zero_point: int
    weight_scales: np.ndarray  # (outputs,) float32; the weight is whole multiples of them already


def write_codes(codes: Mapping[str, LearnedCodes], folder: Path) -> None:
    """Write the codes by module name; equal codes give equal bytes."""
    from safetensors.numpy import save_file

    tensors: dict[str, np.ndarray] = {}
    for name, module_codes in codes.items():
        values = (
            np.float32(module_codes.scale),
            np.int32(module_codes.zero_point),
            module_codes.weight_scales,
        )
        tensors |= {f"{name}.{part}": np.asarray(value) for part, value in zip(_PARTS, values, strict=True)}
    save_file(tensors, folder / CODES)


def read_codes(folder: Path) -> dict[str, LearnedCodes]:
    """Return the codes by module name; none where the artifact has none."""
    from safetensors.numpy import load_file

    if not (folder / CODES).is_file():
        return {}
    tensors = load_file(folder / CODES)
    names = dict.fromkeys(key.rpartition(".")[0] for key in tensors)
    codes = {}
    for name in names:
        scale, zero, weights = (tensors[f"{name}.{part}"] for part in _PARTS)
        codes[name] = LearnedCodes(float(scale), int(zero), weights)
    return codes
