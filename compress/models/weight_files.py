"""The safetensors files of a checkpoint folder: which they are, and the shapes in them, read without a weight."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, NamedTuple

from xpareto.compress.core import InputError, parse_json, read_json, what_else_it_is

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

FLOATS = ("F16", "BF16", "F32", "F64")
"""Types of safetensors that hold a weight as it is; others hold codes of one, or ids."""
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")


_MOST_HEADER = 100_000_000  # bytes, as safetensors itself bounds it

_CONVERSION = (
    "import sys, torch; from safetensors.torch import save_file; "
    "w = {k: v for f in sys.argv[1:] for k, v in torch.load(f, weights_only=True).items()}; "
    f'save_file({{k: v.clone().contiguous() for k, v in w.items()}}, "{WEIGHTS}", {{"format": "pt"}})'
)


class Stored(NamedTuple):
    """A tensor as a header tells of it; `dtype` is safetensors' word, such as F32."""

    shape: tuple[int, ...]
    dtype: str


def weight_files(folder: Path) -> tuple[str, ...]:
    """Return the names of the safetensors files, in reading order; InputError where there are none, or pickles."""
    if (folder / WEIGHTS).is_file():
        return (WEIGHTS,)
    if (folder / INDEX).is_file():
        listed = read_json(folder / INDEX).get("weight_map")
        if not isinstance(listed, dict) or not listed:
            raise InputError(f"{folder / INDEX}: expected a weight_map, found none. Download it again.")
        names = sorted({str(name) for name in listed.values()})
        for name in names:
            if Path(name).name != name or not name.endswith(".safetensors"):
                raise InputError(f"{folder / INDEX}: expected safetensors files beside it, found {name!r}.")
            if not (folder / name).is_file():
                raise InputError(
                    f"{folder / name}: the index names this shard, but it is not there. Download it."
                )
        return tuple(names)
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        pickles = [name for name in pickles if name.startswith("pytorch_model")] or pickles[:1]
        given = " ".join(shlex.quote(f"./{name}") for name in pickles)
        raise InputError(
            f"{folder / pickles[0]}: expected {WEIGHTS}, found a pickle, which can run code when read. "
            f"Where you trust it, convert it, in its folder: python -c {shlex.quote(_CONVERSION)} {given}"
        )
    others = sorted(path.name for path in folder.glob("*.safetensors"))
    if others:
        raise InputError(
            f"{folder}: expected {WEIGHTS} or {INDEX}, found {others[0]}. Where it holds all weights, rename it to "
            f"{WEIGHTS}."
        )
    raise InputError(
        f"{folder}: expected {WEIGHTS} or {INDEX}, found neither. Give a complete checkpoint. A hub repository "
        "without safetensors has to be downloaded and converted first; xpareto never reads pickles."
    )


def read_header(file: Path) -> dict[str, Stored]:
    """Return shape and type of every tensor in a safetensors file, from its header; check its size.

    InputError where it is none, truncated or damaged.
    """
    return {key: Stored(tuple(entry["shape"]), str(entry["dtype"])) for key, entry in _header(file).items()}


def stored_bytes(file: Path) -> dict[str, int]:
    """Return how many bytes each tensor of a safetensors file has, from its header; InputError as `read_header`."""
    return {key: entry["data_offsets"][1] - entry["data_offsets"][0] for key, entry in _header(file).items()}


def _header(file: Path) -> dict[str, Any]:
    """Return a safetensors file's tensors, name -> {dtype, shape, data_offsets}."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > min(size - 8, _MOST_HEADER):
            what, fix = what_else_it_is(start + stream.read(64)) or (
                "a truncated header",
                "Download it again.",
            )
            raise InputError(f"{file}: expected a safetensors file, found {what} ({size} bytes). {fix}")
        raw = stream.read(length)
    try:
        header: dict[str, Any] = parse_json(raw.decode("utf-8"))
        header.pop("__metadata__", None)
        for entry in header.values():
            (start_at, end_at), shape, dtype = entry["data_offsets"], entry["shape"], entry["dtype"]
            if not isinstance(dtype, str) or not all(type(one) is int for one in (start_at, end_at, *shape)):
                raise ValueError(f"a tensor of shape {shape}, dtype {dtype}, at {start_at} to {end_at}")
        end = max(entry["data_offsets"][1] for entry in header.values())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: the safetensors header is damaged ({error}). Download it again."
        ) from error
    if 8 + length + end != size:
        raise InputError(
            f"{file}: the header says {8 + length + end} bytes, found {size}: the file is truncated or "
            "damaged. Download it again."
        )
    return header
