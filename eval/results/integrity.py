"""The seal of a run: the sha256 of its files, written at its end, and whether they still have it.

The next seal lies beside it, as NEXT_SEAL, while the files that it speaks of take their places: until it takes its own,
a file may be as the one or the other says, so that a kill in between leaves a run that is as it was sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from xpareto.compress.core import InputError, checked, load_json, plain_path, replace_json, sha256_file, why

SEAL, NEXT_SEAL = "SEAL.json", "SEAL.next.json"
_KEPT = ("outcomes/", "predictions/")  # folders of which every file is read
_CHANGING = (SEAL, NEXT_SEAL, ".lock", "worker.log")  # and what can be made anew from the rest: the report
_DERIVED = ("report/", "probe/")


def write_seal(folder: Path) -> None:
    """Write the sha256 of every file of a run but its report and its probes' scratch folders."""
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    kept = [name for name in names if name not in _CHANGING and not name.startswith(_DERIVED)]
    replace_json(folder / SEAL, {name: sha256_file(folder / name) for name in kept})


def write_next_seal(folder: Path, coming: Mapping[str, Path]) -> None:
    """Write the seal that a run has once some files (name there -> where they lie now) have taken their places.

    The others stay as the present seal says: what is not hashed again here cannot be blessed by it.
    """
    digests = {name: sha256_file(path) for name, path in coming.items()}
    replace_json(folder / NEXT_SEAL, {**_read(folder / SEAL), **digests})


def damaged(folder: Path) -> list[str]:
    """Return one line per file that is not what it was when the run was sealed."""
    if not (folder / SEAL).is_file():
        return [f"{folder}: the run is not sealed: it has not finished. Run the same command again."]
    return [f"{folder / name}: {problem}." for name, problem in _problems(folder).items()]


def changed_since_seal(folder: Path) -> tuple[str, ...]:
    """Return which files differ from the run's seal, outcomes and predictions by their folder; none without a seal.

    A seal that cannot be read has changed itself.
    """
    if not (folder / SEAL).is_file():
        return ()
    try:
        problems = _problems(folder)
    except InputError:
        return (SEAL,)
    folders = {name: next((kept for kept in _KEPT if name.startswith(kept)), name) for name in problems}
    return tuple(dict.fromkeys(folders.values()))


def _problems(folder: Path) -> dict[str, str]:
    """Return what is wrong with each file that is not as the seal says, by its name."""
    sealed = _read(folder / SEAL)
    coming = _read(folder / NEXT_SEAL) if (folder / NEXT_SEAL).is_file() else {}
    problems = {}
    for name, digest in sealed.items():
        now = _sha256(folder / name) or "no file"
        if now not in (digest, coming.get(name)):
            problems[name] = f"expected sha256 {digest}, found {now}"
    for kept in _KEPT:
        for path in sorted((folder / kept).rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and name not in sealed and coming.get(name) != _sha256(path):
                problems[name] = "expected no such file, since it was not there when the run was sealed"
    return problems


def _read(file: Path) -> Mapping[str, str]:
    fix = "Repeat the run."
    try:
        sealed: Mapping[str, str] = checked(Mapping[str, str], load_json(file), str(file), fix)
    except (OSError, ValueError) as error:
        raise InputError(
            f"{file}: expected a JSON object with the sha256 of every file ({why(error)}). {fix}"
        ) from error
    for name in sealed:
        plain_path(name, str(file))
    return sealed


def _sha256(file: Path) -> str:
    """Return the sha256 of a file, "" for none that can be read; it is asked for by several readers of one command."""
    try:
        now = file.lstat()
        return _sha256_of(file, now.st_size, now.st_mtime_ns, now.st_ino) if file.is_file() else ""
    except OSError:
        return ""


@lru_cache(maxsize=1 << 16)
def _sha256_of(file: Path, size: int, changed: int, inode: int) -> str:
    return sha256_file(file)


def resuming(run: Path) -> str:
    """Return in a sentence which command goes on with a run that has not finished."""
    try:
        command = load_json(run / "plan.json")["options"]["command"]
    except (OSError, ValueError, KeyError, TypeError):
        command = None  # of an older run
    if not isinstance(command, str) or not command:
        return "The command that made the run goes on with it."
    return f"This goes on with the run: {command}"
