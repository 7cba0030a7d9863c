"""The loss of a student under its teacher: a sum of objectives, as a function of a model and a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from xpareto.compress.core import Head
from xpareto.compress.data import IGNORED, Batches
from xpareto.compress.distillation.compatibility import check_attention, layer_pair, relation_heads
from xpareto.compress.distillation.layer_map import layer_pairs
from xpareto.compress.distillation.objectives import Objectives
from xpareto.compress.distillation.terms import (
    attention_mse,
    cross_entropy_rows,
    distribution_kl,
    hidden_cosine,
    hidden_mse,
    mean_by_row,
    relation_kl,
    scores,
    soft_cross_divergence,
)
from xpareto.compress.heads import HEADS, HeadLogits
from xpareto.compress.models import Trace, attention_heads, traced
from xpareto.compress.training import seeded

if TYPE_CHECKING:
    from torch import Tensor

_PROBED = 2  # batches that the parts of the loss are told of, before and after training


class TeacherLoss:
    """The distillation loss (satisfies compress.training.loop.Loss): the mean over the examples of a batch.

    `teacher` and `student` are models of `compress.models.checkpoint.load_model` with the head `head`; the
    student may also be one whose modules were wrapped in place (fake quantization), since the loss is
    called with the model as it is then. `pieces` gives the teacher's id of every id that the batches
    hold, None: the same. Batches are student batches (compress.distillation.batches). InputError where an
    objective does not fit the two.

    Hidden states of another width are compared through learned projections: `learner()` is the module
    to train then; without projections (`projected` false) the student itself will do.
    """

    def __init__(
        self,
        teacher: Any,
        student: Any,
        head: Head,
        objectives: Objectives,
        *,
        pieces: Sequence[int] | None = None,
        seed: int = 0,
    ) -> None:
        import torch

        self._teacher, self._student = teacher.eval().requires_grad_(False), student
        self._head, self._objectives = head, objectives
        self._pieces = torch.tensor(pieces) if pieces is not None else None
        sizes = student.config.num_hidden_layers, teacher.config.num_hidden_layers
        hidden, attention = objectives.hidden, objectives.attention
        self.hidden_pairs = layer_pairs(hidden.layers, *sizes, first=0) if hidden else ()
        self.attention_pairs = layer_pairs(attention.layers, *sizes, first=1) if attention else ()
        self.minilm_pair = layer_pair(objectives.minilm, *sizes)
        self.relation_pair = layer_pair(objectives.relations, *sizes)
        self._compared = [
            pair for pair in (*self.attention_pairs, self.minilm_pair, self.relation_pair) if pair is not None
        ]
        for pair in self._compared:
            check_attention(student, pair, teacher, head_by_head=pair != self.relation_pair)
        self.relation_heads = relation_heads(objectives.relations, self.relation_pair, student, teacher)
        self._projections = self._new_projections(seed)

    @property
    def projected(self) -> bool:
        """Are there projections to be learned beside the student?"""
        return len(self._projections) > 0

    def learner(self) -> Any:
        """Return a torch module with the student (`.student`) and the projections, to be given to `fit`."""
        import torch

        class Learner(torch.nn.Module):
            def __init__(self, student: Any, projections: Any) -> None:
                super().__init__()
                self.student = student
                self.projections = projections

        return Learner(self._student, self._projections)

    def __call__(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a batch: the weighted parts, averaged over its examples."""
        parts = self.parts(model, batch)
        total = sum(objective.weight * parts[name] for name, objective in self._objectives.chosen())
        return total.mean()  # type: ignore[union-attr]

    def parts(self, model: Any, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return each objective's loss per example, (rows,), not weighted yet."""
        import torch

        student = getattr(model, "student", model)
        theirs, teacher_trace = None, Trace()
        if any(name != "labels" for name, _ in self._objectives.chosen()):
            # Not inference mode: autograd must keep what the teacher says to work out the student's gradient.
            with torch.no_grad():
                asked = self._objectives.logits is not None
                theirs, teacher_trace = self._run(
                    self._told(batch), self._as_asked(batch), asked, teacher=True
                )
        ours, student_trace = self._run(student, batch, self._objectives.answers, teacher=False)
        mask, question = _sequences(batch)
        with torch.autocast(mask.device.type, enabled=False):
            parts = dict(self._of_states(student_trace, teacher_trace, mask))
            if question is not None:  # of a question: the mean over its options
                parts = {
                    name: _by_question(part, question, len(batch["labels"])) for name, part in parts.items()
                }
            return parts | dict(self._of_answers(ours, theirs, batch))

    def probed(self, model: Any, batches: Batches, *, threads: int) -> dict[str, float]:
        """Return each objective's mean loss over the first batches, without dropout; the model on the CPU."""
        import torch

        losses_by_objective: dict[str, list[Tensor]] = {}
        was_training = model.training
        model.eval()
        with seeded(0, threads), torch.no_grad():
            for number in range(_PROBED):
                batch = {name: torch.from_numpy(rows) for name, rows in batches.batch(number).items()}
                for name, losses in self.parts(model, batch).items():
                    losses_by_objective.setdefault(name, []).append(losses.mean())
        model.train(was_training)
        return {
            name: round(float(torch.stack(means).mean()), 6) for name, means in losses_by_objective.items()
        }

    def _told(self, batch: Mapping[str, Tensor]) -> Any:
        """Return the teacher on the batch's device."""
        device = batch["input_ids"].device
        if self._teacher.device != device:
            self._teacher.to(device)
        return self._teacher

    def _as_asked(self, batch: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
        """Return the batch in the teacher's ids."""
        if self._pieces is None:
            return batch
        self._pieces = self._pieces.to(batch["input_ids"].device)
        return {**batch, "input_ids": self._pieces[batch["input_ids"]]}

    def _run(
        self, model: Any, batch: Mapping[str, Tensor], asked: bool, *, teacher: bool
    ) -> tuple[HeadLogits | None, Trace]:

        side = 1 if teacher else 0
        hidden = {pair[side] for pair in self.hidden_pairs}
        attention = {pair[side] for pair in self._compared}
        with traced(model.base_model, hidden, attention) as trace:
            if asked:
                answer = HEADS[self._head].logits(model, batch, batch.get("wanted"))
                # A softmax in bf16 would lose the small differences.
                return replace(answer, logits=answer.logits.float()), trace
            ids, mask = batch["input_ids"], batch["attention_mask"]
            real = mask.any(-1)
            flat = (ids[real], mask[real]) if ids.ndim == 3 else (ids, mask)
            model.base_model(input_ids=flat[0], attention_mask=flat[1])
            return None, trace

    def _of_states(
        self, student_trace: Trace, teacher_trace: Trace, mask: Tensor
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield the losses of what the body computes, per sequence."""

        wanted = self._objectives
        if wanted.hidden is not None:
            distance = hidden_mse if wanted.hidden.distance == "mse" else hidden_cosine
            losses = [
                distance(teacher_trace.hidden[other], self._projected(student_trace.hidden[at], at), mask)
                for at, other in self.hidden_pairs
            ]
            yield "hidden", _mean(losses)
        if wanted.attention is not None:
            losses = [
                attention_mse(*self._scores(pair, student_trace, teacher_trace), mask)
                for pair in self.attention_pairs
            ]
            yield "attention", _mean(losses)
        if self.minilm_pair is not None:
            at, other = self.minilm_pair
            heads = attention_heads(self._student.base_model, at)
            attention = distribution_kl(*self._scores(self.minilm_pair, student_trace, teacher_trace), mask)
            yield (
                "minilm",
                attention + relation_kl(teacher_trace.value[other], student_trace.value[at], heads, mask),
            )
        if wanted.relations is not None and self.relation_pair is not None:
            at, other = self.relation_pair
            losses = [
                relation_kl(
                    getattr(teacher_trace, name)[other],
                    getattr(student_trace, name)[at],
                    self.relation_heads,
                    mask,
                )
                for name in wanted.relations.of
            ]
            yield "relations", sum(losses[1:], losses[0])

    def _scores(
        self, pair: tuple[int, int], student_trace: Trace, teacher_trace: Trace
    ) -> tuple[Tensor, Tensor]:
        """Return the attention scores of a pair of layers: the teacher's, the student's."""

        at, other = pair
        heads = attention_heads(self._student.base_model, at)
        return scores(teacher_trace.query[other], teacher_trace.key[other], heads), scores(
            student_trace.query[at], student_trace.key[at], heads
        )

    def _of_answers(
        self, ours: HeadLogits | None, theirs: HeadLogits | None, batch: Mapping[str, Tensor]
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield the losses of the head's answers, per example."""
        import torch

        rows = len(batch["labels"])
        if ours is None:
            return
        answers = (
            ours.logits.float()
        )  # once, so that both gradients are summed before they are rounded to bf16
        if self._objectives.logits is not None and theirs is not None:
            logits = theirs.logits
            if HEADS[self._head].predicts_tokens and self._pieces is not None:
                logits = logits[:, self._pieces]  # the teacher's opinion on the pieces that the student has
            losses = soft_cross_divergence(logits, answers, self._objectives.logits.temperature)
            yield "logits", mean_by_row(losses, ours.row, torch.ones_like(ours.row, dtype=torch.bool), rows)
        if self._objectives.labels is not None:
            gold = HEADS[self._head].gold(batch["gold"], batch.get("wanted"))
            yield (
                "labels",
                mean_by_row(cross_entropy_rows(answers, gold), ours.row, gold != IGNORED, rows),
            )

    def _projected(self, states: Tensor, at: int) -> Tensor:
        return self._projections[str(at)](states.float()) if str(at) in self._projections else states

    def _new_projections(self, seed: int) -> Any:
        """Return one bias-free matrix per student layer that is compared at another width."""
        import torch

        projections = torch.nn.ModuleDict()
        hidden = self._objectives.hidden
        widths = self._student.config.hidden_size, self._teacher.config.hidden_size
        if hidden is None or (hidden.projection == "auto" and widths[0] == widths[1]):
            return projections
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for at in sorted({student_layer for student_layer, _ in self.hidden_pairs}):
                projections[str(at)] = torch.nn.Linear(*widths, bias=False)
        return projections

    def notes(self) -> dict[str, Any]:
        """Return which layers are compared, as plain data for a manifest: [student, teacher]."""
        return {
            name: [list(pair) for pair in pairs]
            for name, pairs in {
                "hidden": self.hidden_pairs,
                "attention": self.attention_pairs,
                "minilm": [self.minilm_pair] if self.minilm_pair else [],
                "relations": [self.relation_pair] if self.relation_pair else [],
            }.items()
            if pairs
        }

    @contextmanager
    def in_ids_of(self, pieces: Sequence[int]) -> Iterator[None]:
        """Let batches hold other ids inside: `pieces` gives the student's id of each of them."""
        import torch

        before, mapping = self._pieces, torch.tensor(pieces)
        self._pieces = mapping if before is None else before.to("cpu")[mapping]
        try:
            yield
        finally:
            self._pieces = before


def _sequences(batch: Mapping[str, Tensor]) -> tuple[Tensor, Tensor | None]:
    """Return the mask of every sequence that goes through a model, and its question where it is an option."""
    mask = batch["attention_mask"].bool()
    if mask.ndim == 2:
        return mask, None
    real = mask.any(-1)
    return mask[real], real.nonzero()[:, 0]


def _by_question(losses: Tensor, question: Tensor, questions: int) -> Tensor:
    import torch

    return mean_by_row(losses, question, torch.ones_like(question, dtype=torch.bool), questions)


def _mean(losses: Sequence[Tensor]) -> Tensor:
    return sum(losses[1:], losses[0]) / len(losses)
