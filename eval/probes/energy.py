"""Energy per example, with the basis of every figure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from time import perf_counter, sleep
from typing import Any, Protocol

import numpy as np

from xpareto.eval.hardware import EnergyMeter, Joules, Spent, carbon_intensity, machine_energy
from xpareto.eval.probes.latency import feeds, sample_sequences
from xpareto.eval.probing import TOKEN_BUDGET, MeasurementContext, Probe, failed_row
from xpareto.eval.records import ENERGY_WINDOW, LEAST_INFERENCES, LEAST_WINDOW_SECONDS, Basis, Measurement
from xpareto.eval.runtimes import Session

NO_COUNTER = (
    "No RAPL or NVML counter is readable; energy would be modelled by codecarbon's process mode. "
    "Set measure.allow_modelled_energy: true to accept that."
)


class Energy(Probe):
    """Joules per example of back-to-back passes over a sample of each task, for about `seconds`.

    Rows: cpu, ram and total. With counters total is what they measured (cpu), idle power included: the
    gross energy. The RAM row stays modelled, "energy_net" rows take off the idle power of windows before
    and after, and "energy_window" rows tell how long was measured: until `seconds` and 200 examples are
    both reached. Without counters total is modelled cpu + ram. A GPU that is present gets a row of its
    own; the runtimes here do not use it, so it is no part of the total.
    """

    name = "energy"
    taken = "with twin"
    default = True
    timed = True
    place = 30

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield the rows of every task; one failed row where modelled energy is not accepted."""
        grams_per_joule = carbon_intensity(context.option("country", None))
        meter = EnergyMeter()
        if not meter.measured and not context.option("allow_modelled", True):
            yield failed_row(context.job, self.name, NO_COUNTER)
            return
        seconds = float(context.option("seconds", 2.0))
        for training_set in context.artifacts:
            for ask, asked_task in context.asks(training_set):
                subsets = context.subsets(ask, training_set)
                if not subsets:
                    continue
                wanted = int(context.option("latency_samples", 64))
                sample = sample_sequences(subsets, wanted, context.job.seed)
                session = context.session(training_set)
                how, budget = (
                    context.option("batching", "bucketed"),
                    context.option("token_budget", TOKEN_BUDGET),
                )
                work = passes(
                    session, feeds(session, sample, str(how), int(budget), context.pad_id(training_set))
                )
                work(0.0)  # warm-up at the measured shapes
                idle = [meter.window(lambda: sleep(seconds / 4))] if meter.measured else []
                done: list[int] = []
                # A modelled window gains nothing from more passes: the model is a constant times time.
                least = math.ceil(LEAST_INFERENCES / len(sample)) if meter.measured else 1
                spent = meter.window(
                    lambda run=work, n=least, kept=done: kept.append(run(seconds, n))  # type: ignore[misc]
                )
                idle += [meter.window(lambda: sleep(seconds / 4))] if meter.measured else []
                examples = done[0] * len(sample)
                for row in _rows(spent, machine_energy(spent), idle, examples, grams_per_joule):
                    yield context.row(
                        "energy", **row, task=asked_task.name, training_set=training_set, examples=examples
                    )


class Passes(Protocol):
    """Whole passes over some batches."""

    def __call__(self, seconds: float, least: int = 1) -> int:
        """Work until the time is over and `least` passes are done; return how many were."""
        ...


def passes(session: Session, inputs: Sequence[tuple[np.ndarray, np.ndarray]]) -> Passes:
    """Return a function that runs whole passes over the batches."""

    def run(seconds: float, least: int = 1) -> int:
        end, count = perf_counter() + seconds, 0
        while count < least or perf_counter() < end:
            for ids, mask in inputs:
                session.run(ids, mask)
            count += 1
        return count

    return run


def is_short(seconds: float, examples: int) -> bool:
    """Is a window of counters shorter, or are its inferences fewer, than a measurement should rest on?

    >>> is_short(30.0, 200), is_short(29.0, 900), is_short(60.0, 199)
    (False, True, True)
    """
    return seconds < LEAST_WINDOW_SECONDS or examples < LEAST_INFERENCES


def _rows(
    spent: Spent, joules: Joules, idle: Sequence[Spent], examples: int, grams_per_joule: float
) -> Iterator[dict[str, Any]]:
    measured = joules.basis == "measured"
    window = f"window {spent.seconds:.1f} s" + (f", {examples} inferences" if measured else "")
    if measured and is_short(spent.seconds, examples):
        window += f", short of {LEAST_WINDOW_SECONDS:g} s and {LEAST_INFERENCES} inferences"

    def row(
        statistic: str, value: float, unit: str, component: str, basis: Basis, more: str = ""
    ) -> dict[str, Any]:
        return {"statistic": statistic, "value": value, "unit": unit, "component": component, "basis": basis,
                "instrument": f"{joules.instrument}, {window}{more}"}  # fmt: skip

    yield row("energy", joules.cpu_j / examples, "J", "cpu", joules.basis)
    yield row("energy", joules.ram_j / examples, "J", "ram", "modelled")
    if joules.gpu_j:
        yield row("energy", joules.gpu_j / examples, "J", "gpu", "measured")
    yield row("energy", joules.total_j / examples, "J", "total", joules.basis)
    if measured:
        yield row(ENERGY_WINDOW, spent.seconds, "s", "total", joules.basis)
    if idle:
        power = sum(one.cpu_j or 0.0 for one in idle) / sum(one.seconds for one in idle)
        net = max(0.0, joules.cpu_j - power * spent.seconds)
        yield row("energy_net", net / examples, "J", "cpu", joules.basis, f", idle {power:.1f} W taken off")
    if grams_per_joule > 0:
        grams = grams_per_joule * (joules.cpu_j + joules.ram_j + (joules.gpu_j or 0.0))
        yield row("carbon", grams / examples, "gCO2e", "total", "modelled")


PROBE = Energy()
