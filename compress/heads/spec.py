"""The head of a model: how it is loaded, what it answers, what is right, and what is lost."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from xpareto.compress.core import Examples, Head
from xpareto.compress.data import IGNORED
from xpareto.compress.heads.losses import cross_entropy
from xpareto.compress.heads.scores import log_softmax, padded_scores

if TYPE_CHECKING:
    from torch import Generator, Tensor

Outputs = Mapping[str, np.ndarray]  # of an exported model, by name
MULTI_LABEL = (
    "multi_label_classification"  # problem_type of config.json: transformers takes the sigmoid of logits
)


@dataclass(frozen=True)
class HeadLogits:
    """logits (N, classes), -inf for a class that a row has not; row (N,): the example of each."""

    logits: Tensor
    row: Tensor


class HeadSpec(ABC):
    """All that depends on the head: subclasses are final, one per head, and have no state.

    A batch holds input_ids and attention_mask, (rows, length), of choice (questions, options, length).
    Labels are as in compress.core.data_protocol.Examples. `counted` (rows, length) marks the tokens that a head with
    labels per token is asked for; None for the other heads. A model is that of `class_ending`.
    """

    name: ClassVar[Head]
    class_ending: ClassVar[str]  # of transformers' class, behind what an architecture's classes begin with
    problem_type: ClassVar[str | None] = (
        None  # what config.json has to call it for transformers; None: nothing
    )
    supervised: ClassVar[bool] = True  # trained on the labelled examples of a task
    has_logits: ClassVar[bool] = True  # else the body is bare: its answer is hidden states
    predicts_tokens: ClassVar[bool] = False  # its labels are hidden tokens of a text, its classes their ids
    labels_tokens: ClassVar[bool] = False  # a label per token, not per example
    reads_text: ClassVar[bool] = True  # a line of text is an input of it
    deployable: ClassVar[bool] = True  # a runtime opens it
    texts: ClassVar[Literal["one", "two", "either"]] = "one"  # of an example; either: the task says
    per_token: ClassVar[bool] = True  # its output has a row per token, not per sequence
    has_label_names: ClassVar[bool] = False  # an artifact and its config.json name the labels
    max_length: ClassVar[int] = 128  # the longest example in subwords, where a recipe says nothing
    dev_batch: ClassVar[int] = 64  # examples that are scored at once
    text_objective: ClassVar[str] = "the model's own answers"  # what is learned or compared without labels

    # -- loading ----------------------------------------------------------------------------

    def owns(self, labels: Sequence[str], problem_type: str | None) -> bool:
        """Does a checkpoint with this `class_ending`, these label names and this problem_type have this head?"""
        return True

    def configure(self, config: Any, labels: Sequence[str]) -> None:
        """Write the labels, and what kind of problem they are, into a transformers configuration."""
        if self.problem_type is not None or config.problem_type == MULTI_LABEL:  # of a base's own head
            config.problem_type = self.problem_type
        if self.has_label_names:
            config.id2label = dict(enumerate(labels))
            config.label2id = {label: index for index, label in enumerate(labels)}

    # -- training ---------------------------------------------------------------------------

    def counted(self, labels: Any) -> Any:
        """Return which tokens are asked for: those with a label (array or tensor); None without such."""
        return labels != IGNORED if self.labels_tokens else None

    def no_labels(self, input_ids: np.ndarray, labels: int) -> np.ndarray:
        """Return labels that are all IGNORED, in the shape that a head of so many has them, int64."""
        return np.full(input_ids.shape if self.labels_tokens else len(input_ids), IGNORED, dtype=np.int64)

    @abstractmethod
    def logits(self, model: Any, batch: Mapping[str, Tensor], counted: Tensor | None = None) -> HeadLogits:
        """Return the rows of logits of a batch.

        classification: one row per sequence. multi_label_classification: one per label of each. tagging,
        mlm: one per counted token; only these go through
        a masked LM's output table. qa: two per sequence, its start and its end, over its tokens. choice:
        one per question, over its options.
        """

    def gold(self, labels: Tensor, counted: Tensor | None = None) -> Tensor:
        """Return the label of each row of `logits`, (N,); IGNORED where there is none."""
        return labels if counted is None else labels[counted]

    def loss(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a labelled batch, a scalar: the mean cross-entropy of its labels."""
        labels = batch["labels"]
        counted = self.counted(labels)
        return cross_entropy(self.logits(model, batch, counted).logits, self.gold(labels, counted))

    def right(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return one truth value per label that bears a loss: does the model answer rightly?"""
        labels = batch["labels"]
        counted = self.counted(labels)
        gold = self.gold(labels, counted)
        known = gold != IGNORED
        return self.logits(model, batch, counted).logits[known].argmax(-1) == gold[known]

    @abstractmethod
    def example_losses(
        self, model: Any, layer: int | None, batch: Mapping[str, Tensor], generator: Generator
    ) -> Tensor:
        """Return the loss of each example of a batch, (examples,): with the model's gradient at `batch`.

        With labels (and for a masked LM always) it is the loss that the head is trained by, of a batch of
        that one example: the mean over its labels. Without labels the model's own answer takes their place:

        - classification (of several labels, too), tagging, qa: a label drawn from the model's distribution, for
          every token of a tagged sequence. The expected squared gradient is then the true Fisher information, not the
          empirical one (Kunstner et al. 2019, arXiv 1905.12558, section 2).
        - encoder and choice: the answer f (the hidden state that is read; the score) times random signs s,
          summed, over the square root of the number of tokens. Its squared gradient has the expectation
          sum |df/dm|^2 / tokens: the Fisher information of a Gaussian around f, and the Gauss-Newton
          curvature of the reconstruction loss |f(m) - f(1)|^2 / 2.
        """

    # -- a model beside itself, changed -----------------------------------------------------

    def compared(self, model: Any, layer: int | None, batch: Mapping[str, Tensor]) -> Tensor:
        """Return what a model says of sequences without labels: rows, for `distance`."""
        counted = batch["attention_mask"] == 1 if self.labels_tokens else None
        return self.logits(model, batch, counted).logits.log_softmax(-1)

    def distance(self, expected: Tensor, changed: Tensor) -> Tensor:
        """Return the distance of each row of `compared` from its reference: KL(expected || changed)."""
        import torch

        return torch.nn.functional.kl_div(changed, expected, reduction="none", log_target=True).sum(-1)

    # -- inference --------------------------------------------------------------------------

    def output(self, model: Any, layer: int | None, **inputs: Any) -> Tensor:
        """Return a torch model's output: see eval.runtimes.Session.run."""
        logits: Tensor = model(**inputs).logits
        return logits

    def packed_output(self, model: Any, layer: int | None, first: Tensor, **inputs: Any) -> Tensor:
        """Return the output for rows of several sequences, of which `first` marks the first tokens."""
        return self.output(model, layer, **inputs)

    def exports(self) -> tuple[str, ...]:
        """Return the outputs of an exported model, named as transformers names them."""
        return ("logits",)

    def read_outputs(self, layer: int | None, layers: int) -> tuple[str, ...]:
        """Return the names of the exported outputs that answer for a model read at `layer` (None: the last)."""
        return self.exports()

    def output_width(self, labels: int, hidden: int) -> int:
        """Return how many numbers a row of the output has."""
        return max(1, labels)

    def operations(self, batch: int, tokens: int, hidden: int, labels: int) -> int:
        """Return the operations of the head alone, without the body's, on `tokens` in `batch` sequences."""
        return 2 * tokens * hidden * self.output_width(labels, hidden)

    def scores(self, outputs: Outputs, layer: int | None, mask: np.ndarray) -> np.ndarray:
        """Return an exported model's scores of one sequence, (decisions, classes); of an encoder (width,).

        Log-probabilities. `outputs` and `mask` are those of the sequence: no axis of a batch.
        """
        logits = outputs["logits"]
        return log_softmax(logits[mask == 1] if self.labels_tokens else np.atleast_2d(logits))

    def decisions(
        self, scores: Sequence[np.ndarray], rows: Examples, labelled: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return (scores, gold) of the decisions that count, one row each, from those of every sequence.

        Classes that a row has not are -inf; gold is IGNORED where none is known. With labels the
        decisions that bear one count.
        """
        kept = []
        for index, row_scores in enumerate(scores):
            if labelled:
                gold = np.atleast_1d(np.asarray(rows.labels[index], np.int64))
                kept.append((row_scores[gold != IGNORED], gold[gold != IGNORED]))
            else:
                row_scores = self.without_labels(row_scores)
                kept.append((row_scores, np.full(len(row_scores), IGNORED)))
        return padded_scores([row_scores for row_scores, _ in kept]), np.concatenate(
            [gold for _, gold in kept]
        )

    def without_labels(self, scores: np.ndarray) -> np.ndarray:
        """Return the decisions of a sequence without labels that count."""
        return scores
