"""What a machine could do at best with the operations and bytes of a graph, and what was reached of it.

The roofline model (Williams, Waterman and Patterson 2009): a pass takes at least as long as its products
do at the machine's peak, and as its bytes do at the machine's bandwidth, whichever is longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from xpareto.eval.roofline.onnx_operations import Work
from xpareto.eval.roofline.peak_rates import Peak


@dataclass(frozen=True)
class Roof:
    """Peaks in operations per second by precision, and the bandwidth of memory in bytes per second."""

    peaks: Mapping[str, Peak]
    bandwidth: Peak

    def least_seconds(self, work: Work) -> float:
        """Return the time below which no pass can come: precisions one after the other, bytes beside them.

        >>> roof = Roof({"fp32": Peak(100.0, ""), "int8": Peak(400.0, "")}, Peak(50.0, ""))
        >>> roof.least_seconds(Work({"fp32": 100, "int8": 400}, 40, 10, None))
        2.0
        >>> roof.least_seconds(Work({"int8": 400}, 240, 10, None))
        5.0
        """
        computing = sum(count / self.peaks[name].rate for name, count in work.operations.items())
        return max(computing, work.compulsory_bytes / self.bandwidth.rate)

    def bound(self, work: Work) -> str:
        """Return what holds the pass back at best: "compute" or "memory"."""
        moving = work.compulsory_bytes / self.bandwidth.rate
        return "memory" if self.least_seconds(work) == moving else "compute"

    def share(self, work: Work, seconds: float) -> float:
        """Return the achieved share of the attainable rate, from 0 to about 1."""
        return self.least_seconds(work) / seconds


def in_precision(work: Work, precision: str) -> Work:
    """Return the work of a graph whose float products a runtime does in bf16: weights of half the bytes.

    A graph with integer products, too, keeps its bytes: most of its weights are integers.
    """
    operations = dict(work.operations)
    if precision not in ("fp32", "f32") and "fp32" in operations:
        operations[precision] = operations.pop("fp32") + operations.get(precision, 0)
        weights = work.weight_bytes if "int8" in operations else work.weight_bytes // 2
        return replace(work, operations=operations, weight_bytes=weights)
    return work
