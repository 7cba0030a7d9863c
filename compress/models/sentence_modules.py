"""What sentence-transformers' files beside a checkpoint say of a sentence's vector (modules.json, 1_Pooling)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, read_json
from xpareto.compress.heads import Pooling

MODULES = "modules.json"
_MODES = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


def read_modules(folder: Path) -> tuple[Pooling, tuple[Path, ...]]:
    """Return how a checkpoint folder's model pools, and the files that say so; the mean where there are none.

    InputError where they are damaged. What xpareto cannot compute is named in the answer.
    """
    file = folder / MODULES
    if not file.is_file():
        return Pooling(), ()
    try:
        modules = json.loads(file.read_text(encoding="utf-8-sig"))
        parts = [(str(one["type"]).rpartition(".")[2], str(one.get("path", ""))) for one in modules]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(
            f"{file}: expected a list of modules, each with a type and a path, found none ({error!r}). "
            "Download it again."
        ) from error
    kinds = [kind for kind, _ in parts]
    files, mode = [file], ""
    for kind, path in parts:
        if kind == "Pooling":
            if Path(path).name != path or not path:
                raise InputError(f"{file}: expected the name of a folder beside it, found {path!r}.")
            files.append(folder / path / "config.json")
            mode = _mode(read_json(files[-1]))
    unread = [kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")]
    if unread:
        told = f"a module {unread[0]}"
    elif kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        told = f"the modules {', '.join(kinds)}"
    else:
        told = "" if mode in _MODES.values() else f"the pooling {mode}"
    if told:
        return Pooling(unread=told), tuple(files)
    return Pooling(mode == "cls", kinds[-1] == "Normalize"), tuple(files)


def _mode(settings: dict[str, Any]) -> str:
    """Return the mode of a pooling's settings: mean, cls, or what else they say."""
    named = settings.get("pooling_mode")  # as later versions write it
    if named is not None:
        return str(named) if isinstance(named, str) else "+".join(map(str, named))
    modes = [name for name, on in settings.items() if name.startswith("pooling_mode_") and on is True]
    return "+".join(_MODES.get(name, name) for name in modes) or "none"
