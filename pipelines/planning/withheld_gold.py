"""What of a plan cannot be scored because its gold labels are withheld: told before any work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.data import Data
from xpareto.eval.probing import withheld
from xpareto.eval.submission import NINE
from xpareto.eval.tasks import Query
from xpareto.pipelines.planning.workload import Workload

_OTHER = "dev"  # the split whose gold nobody withholds


def why_withheld(data: Data, item: Workload, language: str) -> str:
    """Read what a task evaluates in one language; return why it cannot be scored, "" where it can.

    InputError for a file that is not understood, one without an example, and a split that has to set the
    threshold but has no gold itself.
    """
    task = item.task
    examples = data.examples(task, language, item.split, item.limit, item.skip)
    if not examples:
        behind = f" behind the first {item.skip}" if item.skip else ""
        raise InputError(f"tasks.{task.name}: no {item.split} example in {language}{behind}.")
    other = task.calibrated_on(item.split)
    if other is not None:
        labelled = data.examples(task, language, other, item.limit)
        if not labelled or withheld(labelled):
            raise InputError(
                f"tasks.{task.name}: its threshold in {language} is set on {other}, whose gold is withheld: expected "
                f"{gold_file(data, item, language, other)}. Add the file, or leave the language out."
            )
    return withheld(examples)


def gold_file(data: Data, item: Workload, language: str, split: str) -> str:
    """Return the file in which the gold of a language belongs."""
    files = data.task_files(item.task, language, split)
    gold = item.task.gold_names(language, split)
    if gold and isinstance(files[0], Path):
        return str(files[0].parent / gold[0])
    return str(files[-1 if item.task.kind in ("retrieve", "ranking") else 0])


def withheld_notes(work: Sequence[Workload]) -> Iterator[str]:
    """Yield what cannot be scored, by task, languages and files, and what to do; nothing where all can be."""
    concerned = [item for item in work if item.withheld]
    for item in concerned:
        reasons = list(dict.fromkeys(told.why for told in item.withheld.values()))
        left = f"; its score is the mean over {', '.join(item.scored)}" if item.scored else ""
        yield (
            f"{item.task.name} has no score in {len(item.withheld)} of {len(item.languages)} languages: its "
            f"{item.split} gold is withheld{left}."
        )
        for why in reasons:
            files = {code: Path(told.file) for code, told in item.withheld.items() if told.why == why}
            folder = next(iter(files.values())).parent
            names = ", ".join(f"{code} ({file.name})" for code, file in files.items())
            yield f"  {folder}: {names}: {why}"
    if not concerned:
        return
    if not any(item.scored for item in work):
        yield (
            "Nothing that this recipe evaluates can be scored: its models are made and their costs measured, but "
            "no candidate can be compared or chosen."
        )
    submitted = [item.task.name for item in concerned if item.split == "test" and item.task.name in NINE]
    submit = (
        f" For the leaderboard, xpareto submit RUN CANDIDATE DIR writes the predictions of {', '.join(submitted)}."
        if submitted
        else ""
    )
    others = [item.task for item in concerned if item.split != _OTHER and item.task.file_names("en", _OTHER)]
    other = others[0].name if others else None
    split = (
        f", or evaluate a split that has gold, as in `{{task: {other}, split: {_OTHER}}}`" if other else ""
    )
    yield f"To score them, put files with gold in their place{split}.{submit}"


def judgement_notes(work: Sequence[Workload], data: Data) -> Iterator[str]:
    """Yield how many queries of what is evaluated have no judgement, which are left out."""
    for item in work:
        for code in item.languages if item.task.kind == "ranking" else ():
            [first] = data.examples(item.task, code, item.split, limit=1)
            assert isinstance(first, Query)
            if left := first.corpus.unjudged:
                told = "query has" if len(left) == 1 else "queries have"
                yield (
                    f"{item.task.name}: {len(left):,} {told} no judgement in {code} and no place in the score, "
                    f"the first at {left[0]}."
                )
