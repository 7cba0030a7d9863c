"""The shape of XTREME's leaderboard folder: which tasks, which files, and what their metrics are called."""

from __future__ import annotations

from pathlib import Path

from xpareto.compress.core import InputError
from xpareto.eval.submission.format import Format
from xpareto.eval.tasks import KINDS, Task

NINE = ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa", "bucc2018", "tatoeba")
GROUPS = ("classification", "tagging", "qa", "retrieval")
RETRIEVAL = "retrieval"

_TITLES = {
    "accuracy": "share of right answers (official)",
    "exact_match": "exact match, SQuAD's English rules in every language (official)",
    "f1": "F1 of tokens, SQuAD's English rules in every language (official)",
    "f1_language_aware": "F1 of tokens by the rules of each language (not official)",
    "precision": "share of the pairs found that are right",
    "recall": "share of the gold pairs that are found",
    "udpos f1": "legacy chunk F1 over bare tags, as in seqeval 0.0.12 (official)",
    "udpos accuracy": "token accuracy: share of words tagged right (not official)",
    "panx f1": "F1 of entities, invalid IOB read leniently, as in seqeval 0.0.12 (official)",
    "panx accuracy": "token accuracy: share of words tagged right (not official)",
    "mlqa exact_match": "exact match by MLQA's rules for each language (official)",
    "mlqa f1": "F1 of tokens by MLQA's rules for each language (official)",
    "bucc2018 f1": "F1 of the set of pairs (official)",
}


def format_of(task: Task) -> Format:
    """Return how the files of a task are written and read; InputError where a leaderboard has no such task."""
    file_format: Format | None = KINDS.load(task.kind).leaderboard
    if file_format is None:
        raise InputError(f"{task.name}: a leaderboard has no file for answers of the kind {task.kind}.")
    return file_format


def file_of(folder: Path, task: Task, language: str) -> Path:
    """Return the file of one language in a leaderboard folder.

    >>> from xpareto.eval.tasks._task import task
    >>> file_of(Path("mine"), task("xnli"), "sw").as_posix()
    'mine/xnli/test-sw.tsv'
    """
    return folder / task.name / f"test-{language}.{format_of(task).suffix}"


def title(task: str, metric: str) -> str:
    """Return what a metric of a task is, in words.

    >>> title("xnli", "accuracy")
    'share of right answers (official)'
    """
    return _TITLES.get(f"{task} {metric}") or _TITLES[metric]
