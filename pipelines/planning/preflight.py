"""Read all data of a plan once before any work, so that a bad file is told in seconds, not hours."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from xpareto.compress.core import read_file, replace_text
from xpareto.eval.tasks import ENCODER
from xpareto.pipelines.planning.contamination import refuse_contamination
from xpareto.pipelines.planning.graph import Plan
from xpareto.pipelines.planning.inputs import Start
from xpareto.pipelines.planning.withheld_gold import gold_file, why_withheld
from xpareto.pipelines.planning.workload import Withheld, Workload
from xpareto.pipelines.storage import Store


def check_evaluation(work: tuple[Workload, ...], start: Start, store: Store) -> tuple[Workload, ...]:
    """Parse every file that the plan evaluates; return the work with what of it cannot be scored.

    Files parsed before and unchanged since are skipped.
    """
    seen = store.root / "checked"
    seen.mkdir(parents=True, exist_ok=True)
    checked = []
    for item in work:
        withheld = {}
        for language, fingerprint in zip(item.languages, item.fingerprints, strict=True):
            mark = _mark(seen, repr(item.task), item.split, str(item.examined), fingerprint)
            if (why := _kept(mark)) is None:
                why = why_withheld(start.data, item, language)
                replace_text(mark, _summed(why))
            if why:
                withheld[language] = Withheld(why, gold_file(start.data, item, language, item.split))
        checked.append(replace(item, withheld=withheld))
    return tuple(checked)


def check_training(work: tuple[Workload, ...], plan: Plan, start: Start, store: Store) -> None:
    """Parse every file that the plan trains on; files parsed before and unchanged since are skipped."""
    seen = store.root / "checked"
    seen.mkdir(parents=True, exist_ok=True)
    needed = {name for node in plan.nodes.values() for name in node.data}
    refuse_contamination(work, needed, start.data)
    for name in sorted(needed):
        kind, _, what = name.partition(":")
        if kind != "training" or what == ENCODER:
            continue
        fingerprint = next(node.data[name] for node in plan.nodes.values() if name in node.data)
        mark = _mark(seen, name, fingerprint)
        if not mark.exists():
            for split in ("train", "dev"):
                start.data.training(what, split)
            mark.touch()


def incomplete(plan: Plan, start: Start) -> dict[str, list[str]]:
    """Return, for each training set of the plan that lacks a part of it, which ones."""
    needs = {name.partition(":") for node in plan.nodes.values() for name in node.data}
    names = {what for kind, _, what in needs if kind == "training"} - {ENCODER}
    absent = {name: list(start.data.absent_parts(name)) for name in sorted(names)}
    return {name: parts for name, parts in absent.items() if parts}


def _kept(mark: Path) -> str | None:
    """Return what was found when a file was parsed; None where it was not, or the note is not as it was written."""
    try:
        text = read_file(mark).decode("utf-8")
    except (OSError, ValueError):
        return None
    why = text.partition("\n")[2]
    return why if text == _summed(why) else None


def _summed(why: str) -> str:
    return f"{hashlib.sha256(why.encode()).hexdigest()}\n{why}"


def _mark(folder: Path, *parts: str) -> Path:
    from importlib.metadata import version

    text = "\n".join([*parts, version("xpareto")])
    return folder / hashlib.sha256(text.encode()).hexdigest()
