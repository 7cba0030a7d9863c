"""The safetensors files of a checkpoint folder: which they are, and the shapes in them, read without a weight."""

from __future__ import annotations

import json
from pathlib import Path

from xpareto.compress.core import InputError, read_json

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")


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
        raise InputError(
            f"{folder / pickles[0]}: expected {WEIGHTS}, found a pickle, which can run code when read. "
            'Where you trust it, convert it: python -c "import torch; '
            "from safetensors.torch import save_file; "
            f"w = torch.load('{pickles[0]}', weights_only=True); "
            "save_file({k: v.clone().contiguous() for k, v in w.items()}, 'model.safetensors', "
            "{'format': 'pt'})\""
        )
    raise InputError(
        f"{folder}: expected {WEIGHTS} or {INDEX}, found neither. Give a complete checkpoint. A hub repository "
        "without safetensors has to be downloaded and converted first; xpareto never reads pickles."
    )


def read_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor in a safetensors file, from its header; check its size."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > size - 8:
            what = (
                "a pickle or zip file"
                if start[:2] in (b"PK", b"\x80\x02", b"\x80\x04")
                else "a truncated header"
            )
            raise InputError(
                f"{file}: expected a safetensors file, found {what} ({size} bytes). Download it again."
            )
        raw = stream.read(length)
    try:
        header = json.loads(raw)
        header.pop("__metadata__", None)
        end = max(entry["data_offsets"][1] for entry in header.values())
        shapes = {key: tuple(entry["shape"]) for key, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: the safetensors header is damaged ({error}). Download it again."
        ) from error
    if 8 + length + end != size:
        raise InputError(
            f"{file}: the header says {8 + length + end} bytes, found {size}: the file is truncated or "
            "damaged. Download it again."
        )
    return shapes
