"""What a file of a leaderboard folder can do, and what its scores are."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from xpareto.compress.core import InputError, read_file
from xpareto.eval.data.readers import rows as rows
from xpareto.eval.tasks import Example, Prediction, Task


@dataclass(frozen=True)
class FileScore:
    """The scores of one file, in percent, and how many gold examples they rest on.

    `unanswered` counts questions without a prediction, which score 0, and `unknown` predictions for
    ids that the gold does not have, which are left out: both as in XTREME.
    """

    metrics: Mapping[str, float]
    examples: int
    unanswered: int = 0
    unknown: int = 0


class Format(ABC):
    """The files of one kind of answer."""

    suffix: ClassVar[str] = "tsv"

    @abstractmethod
    def text(self, examples: Sequence[Example], predictions: Sequence[Prediction]) -> str:
        """Return the content of the prediction file of one language, from the predictions of its kind."""

    @abstractmethod
    def score(self, predictions: Path, gold: Path, task: Task, language: str) -> FileScore:
        """Return the scores of a prediction file; InputError names file:line where one is malformed."""


def read_text(file: Path) -> str:
    """Return the text of a UTF-8 file; InputError where it cannot be read."""
    try:
        data = read_file(file)
    except OSError as error:
        raise InputError(f"{file}: expected a file to score, {error.strerror}.") from error
    return rows.decoded(data, file)
