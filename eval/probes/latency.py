"""Time to answer: one example at a time, and many at once, at the task's real lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter_ns

import numpy as np

from eval.engine import TOKEN_BUDGET, pad, plan_batches
from eval.opened import Opened, Subset
from eval.probe import Probe
from eval.records import Measurement
from eval.runtime import Session

PERCENTILES = (50, 90, 95, 99)


class Latency(Probe):
    """Latency at batch 1 (p50, p90, p95, p99, in ms) and throughput with the engine's batches.

    The sample is seeded and takes languages in turn, so that each counts alike. Only the model is
    timed; the text is tokenised before. Raw times lie in the job's folder as latency/<task>.npz.
    """

    name = "latency"
    timed = True

    def measure(self, opened: Opened) -> Iterator[Measurement]:
        """Yield four latency rows and one throughput row per task."""
        seconds = float(opened.option("seconds", 2.0))
        wanted = int(opened.option("latency_samples", 64))
        budget = int(opened.option("token_budget", TOKEN_BUDGET))
        for training_set in opened.artifacts:
            for ask, found in opened.asks(training_set):
                subsets = opened.subsets(ask, training_set)
                if not subsets:
                    continue
                sample = sample_sequences(subsets, wanted, opened.job.seed)
                session, pad_id = opened.session(training_set), opened.pad_id(training_set)
                single = time_singles(session, sample, seconds, pad_id)
                batched = time_batches(session, sample, seconds, budget, pad_id)
                _keep(opened, found.name, sample, single, batched)
                common = {"task": found.name, "training_set": training_set, "basis": "measured"}
                for percent in PERCENTILES:
                    value = float(np.percentile(single, percent)) / 1e6
                    yield opened.row(
                        "latency", "latency", value, "ms", **common, component=f"p{percent}",
                        examples=len(sample), instrument=f"batch 1, {single.size} calls",
                    )  # fmt: skip
                rate = len(sample) / (float(np.median(batched)) / 1e9)
                yield opened.row(
                    "latency", "throughput", rate, "examples/s", **common, examples=len(sample),
                    instrument=f"batches of {budget} tokens, median of {len(batched)} passes",
                )  # fmt: skip


def sample_sequences(subsets: Sequence[Subset], count: int, seed: int) -> list[list[int]]:
    """Return about `count` sequences, drawn without replacement and evenly over the languages.

    At least one per language. Within a language the lengths are a seeded draw of the real ones.
    """
    generator = np.random.default_rng(seed)
    share, extra = divmod(max(count, len(subsets)), len(subsets))
    sample: list[list[int]] = []
    for index, subset in enumerate(subsets):
        sequences = subset.encoded.input_ids
        take = min(len(sequences), share + (index < extra))
        sample += [sequences[int(i)] for i in generator.choice(len(sequences), take, replace=False)]
    return sample


def time_singles(
    session: Session, sample: Sequence[Sequence[int]], seconds: float, pad_id: int
) -> np.ndarray:
    """Return the times in ns, (rounds, len(sample)): whole rounds over the sample for about `seconds`."""
    inputs = [pad([sequence], pad_id)[:2] for sequence in sample]
    for ids, mask in inputs:  # warm-up at the very shapes that are timed
        session.run(ids, mask)
    return _rounds([lambda i=ids, m=mask: session.run(i, m) for ids, mask in inputs], seconds)  # type: ignore[misc]


def time_batches(
    session: Session, sample: Sequence[Sequence[int]], seconds: float, budget: int, pad_id: int
) -> np.ndarray:
    """Return the times in ns of whole passes over the sample in the engine's batches, (passes,)."""
    inputs = [
        pad([sample[index] for index in batch], pad_id)[:2]
        for batch in plan_batches([len(sequence) for sequence in sample], budget)
    ]

    def whole() -> None:
        for ids, mask in inputs:
            session.run(ids, mask)

    whole()
    return _rounds([whole], seconds)[:, 0]


def _rounds(calls: Sequence[Callable[[], object]], seconds: float) -> np.ndarray:
    rounds: list[list[int]] = []
    end = perf_counter_ns() + int(seconds * 1e9)
    while not rounds or perf_counter_ns() < end:
        times = []
        for call in calls:
            start = perf_counter_ns()
            call()
            times.append(perf_counter_ns() - start)
        rounds.append(times)
    return np.array(rounds, np.int64)


def _keep(
    opened: Opened, task: str, sample: Sequence[Sequence[int]], single: np.ndarray, batched: np.ndarray
) -> None:
    target = opened.folder / "latency" / f"{task}.npz"
    target.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        target,
        allow_pickle=False,
        lengths=np.array([len(sequence) for sequence in sample], np.int64),
        single_ns=single,
        pass_ns=batched,
    )


PROBE = Latency()
