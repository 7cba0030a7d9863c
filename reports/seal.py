"""Whether the files that a report reads are still those that were sealed at the end of the run."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

SEAL = "SEAL.json"
READ = ("measurements.jsonl", "candidates.json")  # outcomes are many and large: xpareto verify hashes those


def changed_since_seal(folder: Path) -> tuple[str, ...]:
    """Return which of READ differ from the run's seal; nothing where the run has none yet.

    A seal that cannot be read has changed itself.
    """
    file = folder / SEAL
    if not file.is_file():
        return ()
    try:
        sealed = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return (SEAL,)
    if not isinstance(sealed, dict):
        return (SEAL,)
    return tuple(name for name in READ if name in sealed and _sha256(folder / name) != sealed[name])


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""
