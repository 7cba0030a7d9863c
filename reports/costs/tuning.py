"""What other settings of the runtime gave on the machine of a run."""

from __future__ import annotations

from dataclasses import dataclass

from xpareto.eval.probes.tuning import AS_SET
from xpareto.eval.results import RunSummary

TUNING_NOTE = (
    "Beside the settings of the recipe, others of the runtime, at the lengths of the task: over 1× is quicker, or more "
    "per second. They were not taken: write what pays into `runtime_settings` and measure again, since one session in "
    "a few seconds is no interval. OpenVINO’s groups change how activations are rounded, and so scores."
)


@dataclass(frozen=True)
class Tuned:
    """One candidate in one setting: batch-1 latency (p50), examples per second, and both against those as set."""

    candidate: str
    settings: str
    latency_ms: float
    throughput: float
    quicker: float
    more: float


def tuned(run_summary: RunSummary) -> list[Tuned]:
    """Return every candidate's settings that were tried, the quickest at batch 1 first."""
    found = []
    for candidate in run_summary.run.candidates:
        values = {
            (row.statistic, row.component): row.value
            for row in run_summary.run.rows[candidate.name]
            if row.probe == "tuning" and row.status == "ok" and row.value
        }
        latencies = {name: value for (kind, name), value in values.items() if kind == "latency_at_settings"}
        rates = {name: value for (kind, name), value in values.items() if kind == "throughput_at_settings"}
        if AS_SET not in latencies or AS_SET not in rates:
            continue
        for name in sorted(latencies.keys() & rates.keys(), key=lambda one: (latencies[one], one)):
            latency, rate = latencies[name], rates[name]
            quicker, more = latencies[AS_SET] / latency, rate / rates[AS_SET]
            found.append(Tuned(candidate.name, name, latency, rate, quicker, more))
    return found
