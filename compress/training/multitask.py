"""One encoder with a head per task, trained together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpareto.compress.architectures import architecture_of
from xpareto.compress.core import Head
from xpareto.compress.data import TASK
from xpareto.compress.heads import HEADS
from xpareto.compress.models import load_model

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TaskHead:
    """A task of a mixture: what its head is called, its shape, and its labels."""

    name: str
    head: Head
    labels: tuple[str, ...] = ()


def multitask_model(
    folder: Path, tasks: Sequence[TaskHead], *, seed: int, dropout: float | None, keep_lm_head: bool
) -> Any:
    """Return a torch module with the checkpoint's body once and a head per task, in evaluation mode.

    Heads are fresh, drawn with the seed; with `keep_lm_head` the masked LM's comes from the checkpoint.
    `model.models[i]` is the transformers model of task i over the shared body, `model.host` the one to
    be saved: the masked LM where there is one, else the bare encoder.
    """
    import torch

    host: Any
    body: Any
    masked = [number for number, task in enumerate(tasks) if HEADS[task.head].predicts_tokens]
    if masked:
        # First, because its output table must stay the body's own word embeddings.
        host = load_model(folder, "mlm", keep_head=keep_lm_head, seed=seed, dropout=dropout)
        body = host.base_model
    else:
        host = body = load_model(folder, "encoder", dropout=dropout)
    models: list[Any] = []
    for task in tasks:
        if HEADS[task.head].predicts_tokens:
            models.append(host)
            continue
        model: Any = load_model(folder, task.head, task.labels, seed=seed, dropout=dropout)
        setattr(model, architecture_of(model).body, body)
        models.append(model)

    class MultiTask(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = body
            self.heads = torch.nn.ModuleList(
                torch.nn.ModuleDict({name: part for name, part in model.named_children() if part is not body})
                for model in models
            )
            # Plain attributes, so that torch does not list the shared body once more.
            self.__dict__.update(models=models, host=host, config=body.config)

        @property
        def base_model(self) -> Any:
            return self.body

        @property
        def device(self) -> Any:
            return self.body.device

        def get_input_embeddings(self) -> Any:
            return self.body.get_input_embeddings()

        def set_input_embeddings(self, table: Any) -> None:
            self.body.set_input_embeddings(table)

    return MultiTask().eval()


class MultiTaskLoss:
    """The loss of a batch under the head of its task."""

    def __init__(self, tasks: Sequence[TaskHead]) -> None:
        self._losses = [HEADS[task.head].loss for task in tasks]

    def __call__(self, model: Any, batch: Mapping[str, Tensor]) -> Tensor:
        """Return the loss of a batch whose array TASK names one task of `multitask_model`."""
        number = int(batch[TASK][0])
        model_inputs = {name: value for name, value in batch.items() if name != TASK}
        return self._losses[number](model.models[number], model_inputs)
