"""Several processes that train one model together, started by `accelerate launch` or `xpareto run`.

Each holds the whole model and runs the same step. `fit` gives each its rows of every batch and adds up the
gradients; the first process alone scores, saves and writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from xpareto.compress.core import InputError

if TYPE_CHECKING:
    import torch

_BUCKET = 1 << 23  # numbers that are sent together: few messages, little extra memory
# Nobody waits for a process that died: whoever started them ends them all. So this only bounds how long the
# others wait while the first one scores the dev split.
_PATIENCE = timedelta(days=1)

_alone: ContextVar[bool] = ContextVar("alone", default=False)


@dataclass(frozen=True)
class Processes:
    """The processes that train together; `rank` is this one's number, 0 the first's."""

    rank: int = 0
    size: int = 1
    on_machine: int = 1  # of them, those that share this machine's cores

    @property
    def first(self) -> bool:
        """Is this the process that scores, saves and reports?"""
        return self.rank == 0

    def same_start(self, model: Any) -> None:
        """Give all processes the first one's weights."""
        if self.size > 1:
            import torch
            from torch import distributed

            with torch.no_grad():
                for tensor in (*model.parameters(), *model.buffers()):
                    distributed.broadcast(tensor.data, src=0)

    def add_gradients(self, parameters: Iterable[torch.nn.Parameter]) -> None:
        """Give all processes the sum of their gradients.

        Every process must have a gradient for the same parameters.
        """
        if self.size > 1:
            gradients = [weight.grad for weight in parameters if weight.grad is not None]
            for bucket in _buckets(gradients):
                self._add_together(bucket)

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum over the processes, elementwise."""
        if self.size > 1:
            from torch import distributed

            values = values.clone()
            distributed.all_reduce(values)
        return values

    def of_first(self, value: float, device: Any) -> float:
        """Return the first process' value in all of them; exact."""
        if self.size == 1:
            return value
        import torch
        from torch import distributed

        shared = torch.tensor([value], dtype=torch.float64, device=device)
        distributed.broadcast(shared, src=0)
        return float(shared)

    def _add_together(self, gradients: list[torch.Tensor]) -> None:
        import torch
        from torch import distributed

        flat = torch.cat([one.reshape(-1) for one in gradients])
        distributed.all_reduce(flat)
        for one, summed in zip(gradients, flat.split([one.numel() for one in gradients]), strict=True):
            one.copy_(summed.view_as(one))


def launched() -> int:
    """Return how many processes were started together, by the variables that launchers set."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def join(store: Any = None) -> Processes:
    """Return the processes that were started together, after waiting until all are there.

    One alone inside `alone()` and where no launcher started several. On GPUs tensors travel by NCCL,
    on CPUs by gloo. `store` is a torch.distributed store that all of them have already; None: the launcher's.
    """
    if launched() == 1 or _alone.get():
        return Processes()
    import torch
    from torch import distributed

    on_machine = int(os.environ.get("LOCAL_WORLD_SIZE", str(launched())))
    if not distributed.is_initialized():
        backend = "gloo"
        if torch.cuda.is_available():
            gpus = torch.cuda.device_count()
            if on_machine > gpus:
                raise InputError(
                    f"{on_machine} processes: expected at most one for each GPU of the machine, found {gpus} GPUs. "
                    f"Start {gpus}, or hide the GPUs with CUDA_VISIBLE_DEVICES=''."
                )
            backend = "cpu:gloo,cuda:nccl"
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        if store is None:
            distributed.init_process_group(backend, timeout=_PATIENCE)
        else:
            distributed.init_process_group(
                backend,
                timeout=_PATIENCE,
                store=store,
                rank=int(os.environ["RANK"]),
                world_size=launched(),
            )
    return Processes(distributed.get_rank(), distributed.get_world_size(), on_machine)


@contextmanager
def alone() -> Iterator[None]:
    """Let what runs inside train in this process only, whatever others were started with it."""
    token = _alone.set(True)
    try:
        yield
    finally:
        _alone.reset(token)


def _buckets(tensors: list[torch.Tensor]) -> Iterator[list[torch.Tensor]]:
    """Yield the tensors in their order, in groups of one type and of about `_BUCKET` numbers."""
    bucket: list[torch.Tensor] = []
    size = 0
    for tensor in tensors:
        if bucket and (size + tensor.numel() > _BUCKET or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket, size = [], 0
        bucket.append(tensor)
        size += tensor.numel()
    if bucket:
        yield bucket
