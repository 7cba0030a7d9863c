"""A kind of answer: how it is read, encoded, decoded, scored and written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from xpareto.eval.encoding import Encoded, TextEncoder, TrainingExamples
from xpareto.eval.submission import Format
from xpareto.eval.tasks import Example, HubSource, KindName, Prediction, Task, TrainingSet


@dataclass(frozen=True)
class Scored:
    """The metrics of one language, in percent and in the order of task.metrics, and what they rest on.

    `outcomes` has one row of numbers per example, named by `columns`; they are additive, so that any
    resample of the rows gives its metrics through `Kind.metrics`, or (Resampled) by the rows themselves.
    """

    metrics: Mapping[str, float]
    outcomes: np.ndarray  # (examples, columns), int64 or float64
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Searched:
    """Sequences of a language's examples whose vectors are compared, by place: see `Kind.searched`.

    Of each of `queries` the nearest of `among` is looked for, as the task does it. `texts` are those in the
    language itself and, where the other side is English, those in `en`.
    """

    queries: np.ndarray
    among: np.ndarray
    texts: Mapping[str, np.ndarray]


class Kind(ABC):
    """All that depends on the kind of answer: subclasses are final, one per kind, and have no state.

    Pure functions over files, examples and numpy arrays; no model library is imported.
    """

    columns: ClassVar[tuple[str, ...]]  # of `outcomes`
    name: ClassVar[KindName]
    units: ClassVar[Mapping[str, str]]  # metric -> the column whose total says of how many units it is made
    leaderboard: ClassVar[Format | None] = (
        None  # how answers are written and read; None: no leaderboard has it
    )
    gives_logits: ClassVar[bool] = False  # `reduce` keeps a logit of each label, of which one is the answer
    labels_in_data: ClassVar[bool] = False  # where a set declares no labels, they are what its files show

    # -- reading ----------------------------------------------------------------------------

    @abstractmethod
    def read(
        self,
        files: Sequence[Path],
        wanted: Task | TrainingSet,
        labelled: bool,
        translated: bool = False,
        limit: int | None = None,
    ) -> list[Example]:
        """Return the examples of files, in their order; InputError names file:line where one is malformed.

        `labelled` demands the gold of every example; `translated` says that a program translated them. Of
        large files no more need be read than the first `limit` examples; more may be given.
        """

    @abstractmethod
    def from_row(
        self, row: Mapping[str, Any], source: HubSource, label: Callable[[Any], str | None], where: str
    ) -> Example:
        """Return the example of one row of a hub's split; InputError begins with `where`.

        `label` gives our label of the hub's, None where it is withheld.
        """

    def settled(self, examples: list[Example]) -> list[Example]:
        """Return the examples of a hub's split as all of them together tell what they are."""
        return examples

    def limited(self, examples: list[Example], limit: int | None) -> list[Example]:
        """Return the first `limit` examples, all of them without a limit."""
        return examples[:limit]

    def labels_of(self, examples: Sequence[Example]) -> tuple[str, ...]:
        """Return the labels that the examples show, sorted; () for a kind that has none."""
        return ()

    # -- encoding ---------------------------------------------------------------------------

    def training_examples(
        self, examples: Sequence[Example], tokenizer: TextEncoder, max_length: int, labels: Sequence[str]
    ) -> TrainingExamples:
        """Return labelled examples with their labels' indices, as compress.core.data_protocol.Examples has them."""
        raise ValueError(f"{self.name} trains no head")

    @abstractmethod
    def encode(self, examples: Sequence[Example], tokenizer: TextEncoder, task: Task) -> Encoded:
        """Return the token sequences of the examples, special tokens included, not padded.

        `task.labels` are the labels in the order of the model's outputs: for an artifact whose own
        order differs, give ``dataclasses.replace(task, labels=artifact.manifest.labels)``.
        """

    # -- decoding ---------------------------------------------------------------------------

    @abstractmethod
    def reduce(self, output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
        """Return one small array per sequence of a padded batch (see eval.runtimes.Session.run).

        `lengths` (batch,) counts the tokens of each sequence; what lies beyond is padding on the
        right and is ignored. classify: logits (labels,); choose: the option's score (1,); tag: label
        index per token (length,); kinds that compare vectors: mean over tokens (width,). ArithmeticError when
        the model gave NaN or infinity.
        """

    def searched(self, examples: Sequence[Example], task: Task, language: str) -> Searched | None:
        """Return which sequences of `encode` are compared by their vectors; None where none are."""
        return None

    @abstractmethod
    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        """Return one prediction per example, in example order, from one reduced array per sequence."""

    # -- scoring ----------------------------------------------------------------------------

    def columns_of(self, task: Task) -> tuple[str, ...]:
        """Return the first columns of a task's `outcomes`, those that are kept: its score is found from them alone."""
        return self.columns

    def example_scores(self, outcomes: np.ndarray, metrics: Sequence[str]) -> np.ndarray:
        """Return the score in percent of each example by itself (examples,), from its outcomes (examples, columns)."""
        found = self.metrics(np.asarray(outcomes, dtype=np.float64))
        scores: np.ndarray = np.mean([found[name] for name in metrics], axis=0)
        return scores

    @abstractmethod
    def outcomes(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str
    ) -> np.ndarray:
        """Return the outcomes (examples, columns), additive; InputError when the gold is withheld.

        Whole numbers (int64), or float64 where an example counts in part, as in question answering.
        The task and the language (its code, "" where nothing depends on it) choose the rules of scoring.
        """

    @abstractmethod
    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        """Return every metric in percent from summed outcomes (..., columns), shape (...).

        There may be more than a task of this kind reports; task.metrics names those that count.
        """

    def metrics_of(self, outcomes: np.ndarray) -> dict[str, np.ndarray]:
        """Return every metric in percent of outcomes (examples, columns), shape ()."""
        return self.metrics(outcomes.sum(axis=0))

    def recalls(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task
    ) -> dict[str, tuple[int, int]]:
        """Return of each class that is gold how often it is found, and how often it is gold; {} without classes."""
        return {}

    def unit_points(self, totals: np.ndarray, metrics: Sequence[str]) -> float:
        """Return the points by which the mean of some metrics changes when one unit is answered otherwise.

        A unit is what a metric counts, such as a gold chunk; of n units it is 100 / (n + 2) (see
        eval.statistics.metric_units). `totals` are the summed outcomes (columns,) of any model.
        """
        counts = [float(totals[self.columns.index(self.units[metric])]) for metric in metrics]
        return float(np.mean([100.0 / (count + 2) for count in counts]))

    def trials(self, examples: Sequence[Example]) -> int:
        """Return how many examples a score rests on, for its interval."""
        return len(examples)

    def guessing(self, task: Task, examples: int) -> float:
        """Return the score in percent that answers drawn at random have on average, of a task's declaration."""
        return 0.0

    def blind_answers(self, examples: Sequence[Example], task: Task) -> Iterator[Sequence[Prediction]]:
        """Yield answers to all examples that need not read one, such as the commonest label; maybe none."""
        yield from ()

    def chance(self, examples: Sequence[Example], task: Task, language: str = "") -> float:
        """Return the score in percent of the best answers that need not read an example, nor guess.

        Of labels that is the no-information rate, the share of the commonest one. Who scores no more has
        learnt nothing.
        """
        found = [self.guessing(task, len(examples))]
        for answers in self.blind_answers(examples, task):
            metrics = self.score(examples, answers, task, language).metrics
            found.append(float(np.mean([metrics[name] for name in task.metrics[: task.scored_by]])))
        return max(found)

    def score(
        self, examples: Sequence[Example], predictions: Sequence[Prediction], task: Task, language: str = ""
    ) -> Scored:
        """Return the metrics of the predictions against the gold of the examples."""
        if len(examples) != len(predictions):
            raise ValueError(f"{len(examples)} examples but {len(predictions)} predictions")
        counts = self.outcomes(examples, predictions, task, language)
        metrics = self.metrics_of(counts)
        kept = self.columns_of(task)
        return Scored({name: float(metrics[name]) for name in task.metrics}, counts[:, : len(kept)], kept)


class Resampled(Kind):
    """A kind whose metrics are no function of summed outcomes, as those of ranks: of each resample its rows are needed.

    No example is right or wrong by itself, so that answers do not flip.
    """

    def metrics(self, totals: np.ndarray) -> dict[str, np.ndarray]:
        raise ValueError(f"{self.name}: expected the outcomes of examples, found their sums")

    @abstractmethod
    def redrawn(self, outcomes: np.ndarray, times: np.ndarray) -> dict[str, np.ndarray]:
        """Return every metric in percent in draws, (draws,), of outcomes (examples, columns).

        `times` (draws, examples) says how often each example is in each draw.
        """

    @abstractmethod
    def influences(self, outcomes: np.ndarray) -> dict[str, np.ndarray]:
        """Return the influence of each example on every metric, (examples,), in points; of all together 0.

        Of a draw in which shares of examples differ from 1 / examples by d, the metric differs by the sum of d x
        influence, to first order (Hampel 1974, "The influence curve and its role in robust estimation").
        """

    def metrics_of(self, outcomes: np.ndarray) -> dict[str, np.ndarray]:
        found = self.redrawn(outcomes, np.ones((1, len(outcomes))))
        return {name: values[0] for name, values in found.items()}


TUNING = ("score", "correct", "gold", "half")


@dataclass(frozen=True)
class Tuning:
    """What a threshold was set on, and what it was applied to, so that a resample can set it again.

    Rows (examples, 4), float64, columns TUNING: the score of what the example puts forward (0: nothing),
    whether that is right, how many gold answers the example has, and the half that it belongs to.
    Without `calibration` (None) each half of `own` was cut by the threshold that the other half set.
    """

    own: np.ndarray
    calibration: np.ndarray | None


class Calibrated(Kind):
    """A kind whose predictions need a threshold, which another, labelled split sets."""

    @abstractmethod
    def answer(
        self, encoded: Encoded, reduced: Sequence[np.ndarray]
    ) -> tuple[list[Prediction], Tuning | None]:
        """Return what `predict` returns, and what it rests on; None where the examples' gold is withheld."""

    def predict(self, encoded: Encoded, reduced: Sequence[np.ndarray]) -> list[Prediction]:
        return self.answer(encoded, reduced)[0]

    @abstractmethod
    def encode_calibrated(
        self, examples: Sequence[Example], calibration: Sequence[Example], tokenizer: TextEncoder, task: Task
    ) -> Encoded:
        """Return the sequences of the examples followed by those of the labelled `calibration`.

        `predict` gets a reduced array for each of them, and answers for the examples alone.
        """


def pooled(output: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    """Return the mean of each sequence's states over all its tokens, (width,) float32: see Kind.reduce."""
    return [
        finite(states[:length].mean(axis=0, dtype=np.float32))
        for states, length in zip(output, lengths, strict=True)
    ]


def finite(values: np.ndarray) -> np.ndarray:
    """Return the values unchanged; ArithmeticError when one is NaN or infinite.

    An argmax over NaN would else give class 0, and a broken model a plausible score.
    """
    if not np.isfinite(values).all():
        raise ArithmeticError("the model gave values that are not finite")
    return values
