"""The seal of a run: the sha256 of its files, written at its end, and whether they still have it."""

from __future__ import annotations

import json
from pathlib import Path

from xpareto.compress.core import InputError, replace_json, sha256_file

SEAL = "SEAL.json"
READ = ("measurements.jsonl", "candidates.json")  # outcomes are many and large: xpareto verify hashes those
_OUTCOMES = "outcomes/"
_CHANGING = (SEAL, ".lock", "worker.log")  # and what can be made anew from the rest: the report


def write_seal(folder: Path) -> None:
    """Write the sha256 of every file of a run but its report and its probes' scratch folders."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    kept = [name for name in names if name not in _CHANGING and not name.startswith(("report/", "probe/"))]
    replace_json(folder / SEAL, {name: sha256_file(folder / name) for name in kept})


def damaged(folder: Path) -> list[str]:
    """Return one line per file that is not what it was when the run was sealed."""
    file = folder / SEAL
    if not file.is_file():
        return [f"{folder}: the run is not sealed: it has not finished. Run the same command again."]
    sealed = _read(file)
    if sealed is None:
        raise InputError(f"{file}: expected a JSON object with the sha256 of every file. Repeat the run.")
    problems = []
    for name, digest in sealed.items():
        now = _sha256(folder / name) or "no file"
        if now != digest:
            problems.append(f"{folder / name}: expected sha256 {digest}, found {now}.")
    return problems


def changed_since_seal(folder: Path) -> tuple[str, ...]:
    """Return which of READ differ from the run's seal, and whether outcomes are gone; nothing where it has none.

    A seal that cannot be read has changed itself.
    """
    file = folder / SEAL
    if not file.is_file():
        return ()
    sealed = _read(file)
    if sealed is None:
        return (SEAL,)
    changed = [name for name in READ if name in sealed and _sha256(folder / name) != sealed[name]]
    gone = any(name.startswith(_OUTCOMES) and not (folder / name).is_file() for name in sealed)
    return (*changed, *([_OUTCOMES] if gone else []))


def _read(file: Path) -> dict[str, str] | None:
    try:
        sealed = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return sealed if isinstance(sealed, dict) else None


def _sha256(file: Path) -> str:
    try:
        return sha256_file(file)
    except OSError:
        return ""
