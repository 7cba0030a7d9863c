"""What the process is like while a model learns: device, precision, threads, random state, memory."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from time import perf_counter
from typing import Any, Literal

from xpareto.compress.training.distributed import Processes

Precision = Literal["auto", "fp32", "bf16"]


_LEAST_GAIN = 1.1  # of bf16 over fp32: below it the lost digits buy nothing, and noise would choose
_TOKENS, _WIDTH, _INNER, _CALLS = 1024, 384, 1536, 5  # about what a batch gives a layer


def pick_precision(wanted: Precision, threads: int, processes: Processes) -> str:
    """Return "bf16" or "fp32": "auto" is bf16 where the hardware multiplies it, and is seen to be quicker.

    On CPUs it is the first process that sees, for all.
    """
    import torch

    if wanted != "auto":
        return wanted
    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    gain = processes.of_first(bf16_gain(threads) if multiplies_bf16() and processes.first else 0.0, "cpu")
    return "bf16" if gain >= _LEAST_GAIN else "fp32"


def multiplies_bf16() -> bool:
    """Has this CPU instructions for products of bfloat16?"""
    import torch

    return bool(torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported())


@lru_cache
def bf16_gain(threads: int) -> float:
    """Return how many times as quick a layer learns in bf16 as in fp32 here: once a process, some tenths of a second.

    Instructions alone do not tell: where they are split into micro-operations, or the weights are rounded anew for
    every batch, autocast can be the slower one.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        with torch.random.fork_rng(devices=[]), torch.enable_grad():
            layer = torch.nn.Sequential(
                torch.nn.Linear(_WIDTH, _INNER), torch.nn.GELU(), torch.nn.Linear(_INNER, _WIDTH)
            )
            given = torch.ones(_TOKENS, _WIDTH, requires_grad=True)
            least = {True: float("inf"), False: float("inf")}
            for _ in range(_CALLS + 1):  # the first of each prepares
                for half in least:
                    began = perf_counter()
                    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
                        learnt = layer(given)
                    learnt.float().sum().backward()
                    least[half] = min(least[half], perf_counter() - began)
    finally:
        torch.set_num_threads(before)
    return least[False] / least[True]


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
