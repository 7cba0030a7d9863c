"""On which examples a search chooses, and on which it reports: never the same ones where that can be had."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from xpareto.compress.core import InputError
from xpareto.pipelines.planning import (
    Plan,
    Prepared,
    Start,
    Workload,
    check_evaluation,
    check_training,
    workloads,
)
from xpareto.pipelines.recipe import Recipe, Screening, TaskChoice

_DEV = "dev"


@dataclass(frozen=True)
class Examples:
    """What settings are chosen by, what finalists are reported on, and in words which is which, by task."""

    chosen_by: tuple[Workload, ...]
    reported: Mapping[str, Mapping[str, Any]]  # task -> the keys that leave out what was chosen by
    words: Mapping[str, str]

    def round(self, number: int, screening: Screening) -> tuple[Workload, ...]:
        """Return what round `number`, from 0, looks at: more examples in each, languages all after the first."""
        examples = round(screening.examples * screening.growth**number)
        return tuple(
            self._part(work, examples, screening.languages if number == 0 else None)
            for work in self.chosen_by
        )

    def rounds(self, screening: Screening) -> int:
        """Return how many rounds there are until all examples are looked at; three where no limit tells how many."""
        most = max((work.limit or screening.examples * 9 for work in self.chosen_by), default=1)
        count = 1
        while screening.examples * screening.growth ** (count - 1) < most:
            count += 1
        return count

    @staticmethod
    def _part(work: Workload, examples: int, languages: int | None) -> Workload:
        limit = examples if work.limit is None else min(examples, work.limit)
        kept = [at for at, code in enumerate(work.languages) if code not in work.withheld]
        if languages is not None and len(kept) > languages:
            kept = [kept[len(kept) * at // languages] for at in range(languages)]
        return replace(
            work,
            limit=limit,
            languages=tuple(work.languages[at] for at in kept),
            fingerprints=tuple(work.fingerprints[at] for at in kept),
            missing=(),
            withheld={},
        )


def examples_of(ready: Prepared, plan: Plan) -> Examples:
    """Return the examples of a search.

    A task that has a dev split is chosen on it, and reported on the split that the recipe names; one that has only the
    latter is chosen on the first half of it and reported on the second. Where that cannot be had, as of a corpus that
    is mined as a whole, both are the same, which `words` say.
    """
    recipe, start = ready.checked.recipe, ready.start
    chosen: list[Workload] = []
    reported: dict[str, Mapping[str, Any]] = {}
    words: dict[str, str] = {}
    for choice, work in zip(recipe.choices(), ready.work, strict=True):
        dev = _dev(recipe, choice, work, plan, ready)
        half = 0 if dev else _half(work, start)
        if dev is not None:
            chosen.append(dev)
            words[choice.task] = f"chosen on dev, reported on {work.split}"
        elif half:
            chosen.append(replace(work, limit=half))
            words[choice.task] = (
                f"chosen on the first {half} examples of {work.split} in each language, reported on the rest"
            )
            reported[choice.task] = {"skip": work.skip + half} | (
                {} if work.limit is None else {"limit": work.limit - half}
            )
        else:
            chosen.append(work)
            words[choice.task] = (
                f"chosen and reported on the same examples of {work.split}, so that its scores flatter"
            )
    return Examples(tuple(chosen), reported, words)


def _dev(recipe: Recipe, choice: TaskChoice, work: Workload, plan: Plan, ready: Prepared) -> Workload | None:
    """Return the dev split of a task, in those of its languages that have one; None where it cannot choose."""
    if work.split == _DEV or work.task.kind == "mine":
        return None
    present = set(ready.start.data.languages(work.task, _DEV))
    languages = [code for code in work.languages if code in present]
    if 2 * len(languages) < len(work.languages) or not languages:
        return None
    update = {"split": _DEV, "languages": languages, "skip": 0, "limit": None}
    try:
        (dev,) = workloads(
            recipe.model_copy(update={"tasks": [choice.model_copy(update=update)]}), ready.start
        )
        (dev,) = check_evaluation((dev,), ready.start, ready.store)
        check_training((dev,), plan, ready.start, ready.store)  # what is trained on cannot choose
    except InputError:
        return None
    return dev if dev.scored else None


def _half(work: Workload, start: Start) -> int:
    """Return half of the examples of the language that has fewest; 0 where they cannot be parted."""
    if work.task.kind in ("mine", "ranking") or not work.scored:
        return 0
    counts = [
        len(start.data.examples(work.task, code, work.split, work.limit, work.skip)) for code in work.scored
    ]
    return min(counts) // 2
