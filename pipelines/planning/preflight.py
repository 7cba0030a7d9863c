"""Read all data of a plan once before any work, so that a bad file is told in seconds, not hours."""

from __future__ import annotations

import hashlib
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.tasks import ENCODER
from xpareto.pipelines.planning.contamination import refuse_contamination
from xpareto.pipelines.planning.inputs import Start
from xpareto.pipelines.planning.plan import Plan
from xpareto.pipelines.planning.workload import Workload
from xpareto.pipelines.storage import Store


def check_data(work: tuple[Workload, ...], plan: Plan, start: Start, store: Store) -> None:
    """Parse every file that the plan reads; files parsed before and unchanged since are skipped."""
    seen = store.root / "checked"
    seen.mkdir(exist_ok=True)
    for item in work:
        for language, fingerprint in zip(item.languages, item.fingerprints, strict=True):
            mark = _mark(seen, repr(item.task), fingerprint)
            if not mark.exists():
                for split in filter(None, (item.split, item.task.calibrated_on(item.split))):
                    if not start.data.examples(item.task, language, split, item.limit):
                        raise InputError(f"tasks.{item.task.name}: no {split} example in {language}.")
                mark.touch()
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


def _mark(folder: Path, *parts: str) -> Path:
    from importlib.metadata import version

    text = "\n".join([*parts, version("xpareto")])
    return folder / hashlib.sha256(text.encode()).hexdigest()
