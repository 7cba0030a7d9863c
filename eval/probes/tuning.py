"""What other settings of the runtime give on this machine, at the task's own lengths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from xpareto.eval.probes.latency import feeds, sample_sequences, time_batches, time_singles
from xpareto.eval.probes.shapes import largest
from xpareto.eval.probing import TOKEN_BUDGET, MeasurementContext, Probe
from xpareto.eval.records import Measurement

AS_SET = "as set"
_PAYS = 0.98  # a setting is combined with others where it takes at most so much of the time, in every round
_ROUNDS = 2  # in one order, and back


class Tuning(Probe):
    """Rows of latency (batch 1, p50, ms) and throughput (examples/s) per setting of the runtime; the largest artifact.

    `component` names a setting, such as `spinning=false`, `as set` for those of the recipe, or several that paid in
    every round joined by commas. Each round opens the artifact anew with every setting, in one order and then back,
    so that drift of the machine strikes all alike. The text is that of the artifact's first task, as the probe latency
    draws it. What is quickest is not taken by itself: write it in the recipe's `runtime_settings`, which costs and
    scores are then measured with.
    """

    name = "tuning"
    taken = "once"
    timed = True
    place = 80

    def measure(self, context: MeasurementContext) -> Iterator[Measurement]:
        """Yield two rows per setting."""
        training_set = largest(context)
        asked = [(ask, context.subsets(ask, training_set)) for ask, _ in context.asks(training_set)]
        subsets = next((found for _, found in asked if found), None)
        if subsets is None:
            return
        sample = sample_sequences(subsets, int(context.option("latency_samples", 64)), int(context.job.seed))
        set_before: Mapping[str, Any] = context.option("runtime", None) or {}
        tried = {
            _named(fields): {**set_before, **fields}
            for fields in context.runtime.alternatives()
            if any(context.runtime.setting(set_before, name) != value for name, value in fields.items())
        }
        common = {"training_set": training_set, "basis": "measured", "task": subsets[0].task.name}
        found = self._rounds(context, training_set, sample, {AS_SET: set_before, **tried})
        pays = [
            name
            for name in tried
            if all(one < _PAYS * other for one, other in zip(found[name][0], found[AS_SET][0], strict=True))
        ]
        if len(pays) > 1:
            joined = {", ".join(pays): {key: value for name in pays for key, value in tried[name].items()}}
            again = self._rounds(context, training_set, sample, {AS_SET: set_before, **joined})
            for kept, more in zip(found[AS_SET], again.pop(AS_SET), strict=True):
                kept += more
            found |= again
        for name, (latencies, rates) in found.items():
            told = f"median of {len(latencies)} rounds, each in a session of its own"
            for statistic, values, unit in (
                ("latency_at_settings", latencies, "ms"),
                ("throughput_at_settings", rates, "examples/s"),
            ):
                yield context.row(
                    self.name, statistic, median(values), unit, **common, component=name, examples=len(sample),
                    instrument=told,
                )  # fmt: skip

    def _rounds(
        self,
        context: MeasurementContext,
        training_set: str,
        sample: Sequence[Sequence[int]],
        settings: Mapping[str, Mapping[str, Any]],
    ) -> dict[str, tuple[list[float], list[float]]]:
        """Return the medians of single sequences (ms), and the rates of batches, of each round by setting."""
        seconds = float(context.option("seconds", 2.0)) / _ROUNDS
        budget = int(context.option("token_budget", TOKEN_BUDGET))
        how, pad_id = str(context.option("batching", "bucketed")), context.pad_id(training_set)
        found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in settings}
        context.close()  # its threads may spin
        for number in range(_ROUNDS):
            for name in list(settings)[:: -1 if number % 2 else 1]:
                session = context.runtime.open(
                    context.artifacts[training_set], context.job.threads, settings[name]
                )
                try:
                    single = time_singles(session, sample, seconds, pad_id)
                    batched = time_batches(session, feeds(session, sample, how, budget, pad_id), seconds)
                finally:
                    session.close()
                latencies, rates = found[name]
                latencies.append(single.percentile_ms(50))
                rates.append(len(sample) / batched.round_seconds())
        return found


def _named(fields: Mapping[str, Any]) -> str:
    """Return a setting as a recipe writes it.

    >>> _named({"spinning": False}), _named({"group_size": 64})
    ('spinning=false', 'group_size=64')
    """
    return ", ".join(
        f"{name}={str(value).lower() if isinstance(value, bool) else value}" for name, value in fields.items()
    )


PROBE = Tuning()
