"""Energy per example, with the basis of every figure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from time import perf_counter, sleep
from typing import Any, Protocol

import numpy as np

from eval.energy_meter import EnergyMeter, Reading
from eval.engine import TOKEN_BUDGET
from eval.opened import Opened
from eval.probe import Probe, failed_row
from eval.probes.latency import feeds, sample_sequences
from eval.records import ENERGY_WINDOW, LEAST_INFERENCES, LEAST_WINDOW_SECONDS, Basis, Measurement
from eval.runtime import Session

NO_COUNTER = (
    "No RAPL or NVML counter is readable; energy would be modelled from TDP. "
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

    def measure(self, opened: Opened) -> Iterator[Measurement]:
        """Yield the rows of every task; one failed row where modelled energy is not accepted."""
        meter = EnergyMeter(opened.option("country", None))
        if not meter.measured and not opened.option("allow_modelled", True):
            yield failed_row(opened.job, self.name, NO_COUNTER)
            return
        seconds = float(opened.option("seconds", 2.0))
        for training_set in opened.artifacts:
            for ask, found in opened.asks(training_set):
                subsets = opened.subsets(ask, training_set)
                if not subsets:
                    continue
                wanted = int(opened.option("latency_samples", 64))
                sample = sample_sequences(subsets, wanted, opened.job.seed)
                session = opened.session(training_set)
                how, budget = (
                    opened.option("batching", "bucketed"),
                    opened.option("token_budget", TOKEN_BUDGET),
                )
                work = passes(
                    session, feeds(session, sample, str(how), int(budget), opened.pad_id(training_set))
                )
                work(0.0)  # warm-up at the measured shapes
                idle = [meter.read(lambda: sleep(seconds / 4))] if meter.measured else []
                done: list[int] = []
                # A modelled window gains nothing from more passes: the model is a constant times time.
                least = math.ceil(LEAST_INFERENCES / len(sample)) if meter.measured else 1
                reading = meter.read(
                    lambda run=work, n=least, kept=done: kept.append(run(seconds, n))  # type: ignore[misc]
                )
                idle += [meter.read(lambda: sleep(seconds / 4))] if meter.measured else []
                examples = done[0] * len(sample)
                for row in _rows(meter, reading, idle, examples):
                    yield opened.row(
                        "energy", **row, task=found.name, training_set=training_set, examples=examples
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
    meter: EnergyMeter, reading: Reading, idle: Sequence[Reading], examples: int
) -> Iterator[dict[str, Any]]:
    cpu: Basis = "measured" if meter.measured else "modelled"
    joules: dict[str, tuple[float, Basis]] = {"cpu": (reading.cpu_j, cpu), "ram": (reading.ram_j, "modelled")}
    if reading.gpu_j > 0:
        joules["gpu"] = (reading.gpu_j, "measured")
    joules["total"] = (reading.cpu_j + (0.0 if meter.measured else reading.ram_j), cpu)
    window = f"window {reading.seconds:.1f} s" + (f", {examples} inferences" if meter.measured else "")
    if meter.measured and is_short(reading.seconds, examples):
        window += f", short of {LEAST_WINDOW_SECONDS:g} s and {LEAST_INFERENCES} inferences"
    common = {"instrument": f"{meter.instrument()}, {window}"}
    for component, (value, basis) in joules.items():
        yield {"statistic": "energy", "value": value / examples, "unit": "J", "component": component,
               "basis": basis, **common}  # fmt: skip
    if meter.measured:
        yield {"statistic": ENERGY_WINDOW, "value": reading.seconds, "unit": "s", "component": "total",
               "basis": cpu, **common}  # fmt: skip
    if idle:
        power = sum(window.cpu_j for window in idle) / sum(window.seconds for window in idle)
        net = max(0.0, reading.cpu_j - power * reading.seconds)
        yield {"statistic": "energy_net", "value": net / examples, "unit": "J", "component": "cpu",
               "basis": cpu, "instrument": f"{common['instrument']}, idle {power:.1f} W taken off"}  # fmt: skip
    if reading.carbon_g > 0:
        yield {"statistic": "carbon", "value": reading.carbon_g / examples, "unit": "gCO2e",
               "component": "total", "basis": "modelled", **common}  # fmt: skip


PROBE = Energy()
