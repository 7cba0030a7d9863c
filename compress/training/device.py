"""What the process is like while a model learns: device, precision, threads, random state, memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

from xpareto.compress.training.distributed import Processes

Precision = Literal["auto", "fp32", "bf16"]


def pick_precision(wanted: Precision) -> str:
    """Return "bf16" or "fp32": "auto" is bf16 where the hardware multiplies it, else fp32."""
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    fast = torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()
    return "bf16" if fast else "fp32"


@contextmanager
def accelerator_for(precision: str, processes: Processes, threads: int) -> Iterator[Any]:
    """Give an Accelerator that knows the device and the precision; leave no settings behind.

    `threads` are shared by the processes of this machine; see `seeded`, which puts their number back.
    """
    import accelerate
    import torch
    from accelerate.state import AcceleratorState, GradientState

    several_on_cpu = processes.size > 1 and not torch.cuda.is_available()
    try:
        accelerator = accelerate.Accelerator(
            mixed_precision="bf16" if precision == "bf16" else "no", cpu=several_on_cpu
        )
        # Here and not earlier: with several processes on CPUs Accelerate sets it, too.
        torch.set_num_threads(max(1, threads // processes.on_machine))
        yield accelerator
        # Without a GPU no cache waits for it, and it goes twice through all objects of the process.
        if torch.cuda.is_available():
            accelerator.free_memory()
    finally:
        # Accelerate keeps its settings in process-wide singletons: the next fit may want other ones.
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()


@contextmanager
def recomputing(model: Any, wanted: bool) -> Iterator[None]:
    """Let transformers' models keep only each layer's input and compute the rest again going back."""
    capable = (part for part in model.modules() if hasattr(part, "activation_checkpointing_enable"))
    outermost = next(capable, None) if wanted else None
    if outermost is not None:
        outermost.activation_checkpointing_enable({"use_reentrant": False})
    try:
        yield
    finally:
        if outermost is not None:
            outermost.activation_checkpointing_disable()


@contextmanager
def seeded(seed: int, threads: int) -> Iterator[None]:
    """Seed torch inside; leave the random state and the thread count as they were."""
    import torch

    before = torch.get_num_threads()
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        torch.set_num_threads(threads)
        try:
            yield
        finally:
            torch.set_num_threads(before)
