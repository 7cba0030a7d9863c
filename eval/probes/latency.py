"""Time to answer: one example at a time, and many at once, at the task's real lengths."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from xpareto.eval.encoding import pack, refuse_packed
from xpareto.eval.probing import (
    TOKEN_BUDGET,
    MeasurementContext,
    Probe,
    Subset,
    Times,
    pad,
    plan_batches,
    time_calls,
)
from xpareto.eval.records import Measurement
from xpareto.eval.runtimes import Session

PACKED_ROWS = "packed"
PERCENTILES = (50, 90, 95, 99)


class Latency(Probe):
    """Latency at batch 1 (p50, p90, p95, p99, in ms; per language p50) and throughput in batches.

    The sample is seeded and takes languages in turn, so that each counts alike. Only the model is
    timed; the text is tokenised before. Batches are the engine's, of equal lengths (`batching: bucketed`),
    of sentences as they come, padded to their longest (`padded`), or of rows that hold several sentences
    each (`packed`, see eval.encoding.packing). All hold the same budget of tokens, and all candidates get the same.
    Calls that the kernel interrupted for other work do not count (see eval.probing.timed_calls). Raw times lie
    in the job's folder as latency/<task>.npz.
    """

    name = "latency"
    taken = "with twin"
    default = True
    timed = True
    place = 20

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield per task four latency rows, one per language, and one of throughput."""
        seconds = float(context.option("seconds", 2.0))
        wanted = int(context.option("latency_samples", 64))
        budget = int(context.option("token_budget", TOKEN_BUDGET))
        for training_set in context.artifacts:
            for ask, task in context.asks(training_set):
                subsets = context.subsets(ask, training_set)
                if not subsets:
                    continue
                drawn = sample_by_language(subsets, wanted, context.job.seed)
                sample = [sequence for _, sequence in drawn]
                session, pad_id = context.session(training_set), context.pad_id(training_set)
                single = time_singles(session, sample, seconds, pad_id)
                how = str(context.option("batching", "bucketed"))
                batched = time_batches(session, feeds(session, sample, how, budget, pad_id), seconds)
                _keep(context, task.name, sample, single, batched)
                common = {"task": task.name, "training_set": training_set, "basis": "measured"}
                for percent in PERCENTILES:
                    yield context.row(
                        "latency", "latency", single.percentile_ms(percent), "ms", **common,
                        component=f"p{percent}", examples=len(sample), instrument=f"batch 1, {single.told()}",
                    )  # fmt: skip
                for language in dict.fromkeys(language for language, _ in drawn):
                    places = [place for place, (other, _) in enumerate(drawn) if other == language]
                    yield context.row(
                        "latency", "latency_by_language",
                        single.percentile_ms(50, places), "ms",
                        **common, language=language, component="p50", examples=len(places),
                        instrument=f"batch 1, {single.told(places)}",
                    )  # fmt: skip
                rate = len(sample) / batched.round_seconds()
                yield context.row(
                    "latency", "throughput", rate, "examples/s", **common, examples=len(sample),
                    instrument=f"{how} batches of {budget} tokens, medians of {len(batched.ns)} passes, "
                    f"{batched.told()}",
                )  # fmt: skip


def sample_sequences(subsets: Sequence[Subset], count: int, seed: int) -> list[list[int]]:
    """Return the sequences of `sample_by_language`."""
    return [sequence for _, sequence in sample_by_language(subsets, count, seed)]


def sample_by_language(subsets: Sequence[Subset], count: int, seed: int) -> list[tuple[str, list[int]]]:
    """Return about `count` (language, sequence), drawn without replacement and evenly over the languages.

    At least one per language. Within a language the lengths are a seeded draw of the real ones.
    """
    generator = np.random.default_rng(seed)
    share, extra = divmod(max(count, len(subsets)), len(subsets))
    sample: list[tuple[str, list[int]]] = []
    for index, subset in enumerate(subsets):
        sequences = subset.encoded.input_ids
        take = min(len(sequences), share + (index < extra))
        chosen = generator.choice(len(sequences), take, replace=False)
        sample += [(subset.language, sequences[int(i)]) for i in chosen]
    return sample


def time_singles(session: Session, sample: Sequence[Sequence[int]], seconds: float, pad_id: int) -> Times:
    """Return the times (rounds, len(sample)): whole rounds over the sample for about `seconds`."""
    inputs = [pad([sequence], pad_id)[:2] for sequence in sample]
    return time_calls([lambda i=ids, m=mask: session.run(i, m) for ids, mask in inputs], seconds)  # type: ignore[misc]


def bucketed(sample: Sequence[Sequence[int]], budget: int) -> list[np.ndarray]:
    """Return the engine's batches: equal lengths together."""
    return plan_batches([len(sequence) for sequence in sample], budget)


def padded(sample: Sequence[Sequence[int]], budget: int) -> list[np.ndarray]:
    """Return batches of sequences in their order, as many as fit the budget at the longest of all.

    >>> [batch.tolist() for batch in padded([[0] * 2, [0] * 4, [0] * 2], 8)]
    [[0, 1], [2]]
    """
    step = max(1, budget // max(map(len, sample)))
    return [np.arange(start, min(start + step, len(sample))) for start in range(0, len(sample), step)]


BATCHING: dict[str, Callable[[Sequence[Sequence[int]], int], list[np.ndarray]]] = {
    "bucketed": bucketed,
    "padded": padded,
}


def feeds(
    session: Session, sample: Sequence[Sequence[int]], how: str, budget: int, pad_id: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return (input_ids, attention_mask) of all batches of a sample: bucketed, padded or packed.

    InputError where the batches are packed and the session takes a row for one sequence.
    """
    if how == PACKED_ROWS:
        refuse_packed(session.packs)
        return [(batch.input_ids, batch.attention_mask) for batch in pack(sample, budget, pad_id)]
    return [pad([sample[index] for index in batch], pad_id)[:2] for batch in BATCHING[how](sample, budget)]


def time_batches(session: Session, inputs: Sequence[tuple[np.ndarray, np.ndarray]], seconds: float) -> Times:
    """Return the times of whole passes over the batches given, (passes, batches)."""
    return time_calls([lambda i=ids, m=mask: session.run(i, m) for ids, mask in inputs], seconds)  # type: ignore[misc]


def _keep(
    context: MeasurementContext,
    task: str,
    sample: Sequence[Sequence[int]],
    single: Times,
    batched: Times,
) -> None:
    target = context.folder / "latency" / f"{task}.npz"
    target.parent.mkdir(exist_ok=True)
    np.savez_compressed(
        target,
        allow_pickle=False,
        lengths=np.array([len(sequence) for sequence in sample], np.int64),
        single_ns=single.ns,
        single_preempted=single.preempted,
        pass_ns=batched.ns.sum(axis=1),
        batch_ns=batched.ns,
        batch_preempted=batched.preempted,
    )


PROBE = Latency()
