"""Read a JSON file that has to hold an object."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xpareto.compress.core.errors import InputError, what_else_it_is


def read_json(file: Path) -> dict[str, Any]:
    """Return the object in a JSON file; InputError where the file is missing, damaged or something else."""
    try:
        text = file.read_text(encoding="utf-8-sig")
        if told := what_else_it_is(text[:64].encode()):
            raise InputError(f"{file}: expected a JSON object, found {told[0]}. {told[1]}")
        data = json.loads(text)
    except FileNotFoundError as error:
        raise InputError(
            f"{file}: expected this file, found none. Give a complete checkpoint folder."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable as JSON ({error}). Download it again.") from error
    if not isinstance(data, dict):
        raise InputError(f"{file}: expected a JSON object, found {type(data).__name__}.")
    return data
