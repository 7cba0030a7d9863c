"""What is evaluated must not have been trained on: a plan that does both with one file is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from xpareto.compress.core import InputError
from xpareto.eval.tasks import ENCODER

if TYPE_CHECKING:
    from xpareto.eval.data import Data, DataFile, Reading
    from xpareto.pipelines.planning.workload import Workload


def refuse_contamination(work: Iterable[Workload], needed: Iterable[str], data: Data) -> None:
    """InputError when one of the data needed (``training:mnli@de``) is what a task evaluates.

    The examples of a parallel task are the same in every language, so that training on one language
    of a split spoils the split in all of them. In other tasks a language stands for itself.
    """
    trained: dict[DataFile, list[tuple[Reading, str, str]]] = {}
    for need in sorted(needed):
        kind, _, name = need.partition(":")
        if kind == "training" and name != ENCODER:
            for other, readings in data.learnt(name).items():
                for one in readings:
                    trained.setdefault(one.file, []).append((one, name, other))
    for item in work:
        spoilt = data.languages(item.task, item.split) if item.task.parallel else item.languages
        for language in spoilt:
            for reading in data.evaluated(item.task, language, item.split):
                file = reading.file
                for one, name, other in trained.get(file, []):
                    if not item.task.parallel and other != language:
                        continue  # the hub, or a file, may keep all languages in one place
                    if not (replace(reading, language="") if item.task.parallel else reading).overlaps(one):
                        continue
                    why = f" (the same examples, in {other})" if item.task.parallel else ""
                    raise InputError(
                        f"tasks.{item.task.name}: its {item.split} split cannot be evaluated: the recipe "
                        f"trains on {name}, which reads {file}{why}. "
                        "Evaluate another split, or train on another set."
                    )
