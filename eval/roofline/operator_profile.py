"""Where the time of a pass goes, by operator and by part of the encoder, as onnxruntime's profiler tells.

Profiling adds some microseconds to every node, so it belongs into passes that nothing else times.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xpareto.compress.core import load_json
from xpareto.eval.roofline.onnx_operations import component_of_node

_KERNEL = "_kernel_time"  # ends the name of the event that spans a node's own work
_WARM_UP = 2
OVERHEAD = "between operators"


@dataclass(frozen=True)
class OperatorTimes:
    """Milliseconds of one pass, means over the passes profiled.

    `by_operator` names the operators that ran, after onnxruntime's fusions; `by_component` the parts
    embeddings, attention, ffn, head and other. Both add up to `total_ms` with what lies between operators.
    """

    by_operator: dict[str, float]
    by_component: dict[str, float]
    total_ms: float
    passes: int


def profile(
    open_session: Callable[[Any], Any], options: Any, feed: dict[str, np.ndarray], passes: int, folder: Path
) -> OperatorTimes:
    """Return the times of `passes` passes of the session that `open_session` makes of the options.

    `options` are onnxruntime's SessionOptions and are changed. The profile is written into `folder` and
    removed again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    options.enable_profiling = True
    options.profile_file_prefix = str(folder / "profile")
    session = open_session(options)
    for _ in range(_WARM_UP + passes):
        session.run(None, feed)
    file = Path(session.end_profiling())
    events = load_json(file)
    file.unlink()
    return sums(events, passes)


def sums(events: list[dict[str, Any]], passes: int) -> OperatorTimes:
    """Return what the last `passes` passes of a profile took; its events are in microseconds.

    >>> run = {"cat": "Session", "name": "model_run", "ts": 10, "dur": 9000}
    >>> node = {"cat": "Node", "name": "layer.0.attention/MatMul_kernel_time", "ts": 20, "dur": 4000,
    ...         "args": {"op_name": "MatMul"}}
    >>> times = sums([node, run], 1)
    >>> times.by_operator, times.by_component["attention"], times.total_ms
    ({'MatMul': 4.0, 'between operators': 5.0}, 4.0, 9.0)
    """
    runs = sorted((event["ts"], event["dur"]) for event in events if event["name"] == "model_run")[-passes:]
    if len(runs) < passes:
        raise ValueError(f"expected {passes} passes in the profile, found {len(runs)}")
    start, total = runs[0][0], sum(length for _, length in runs) / 1e3 / passes
    operators: dict[str, float] = {}
    components: dict[str, float] = {}
    component = "other"
    for event in sorted((e for e in events if e["cat"] == "Node"), key=lambda e: e["ts"]):
        if event["ts"] < start or not event["name"].endswith(_KERNEL):
            continue
        spent = event["dur"] / 1e3 / passes
        operator = event["args"]["op_name"]
        named = component_of_node(event["name"])
        # A fused or inserted node may have no module in its name: it ends what the node before it began.
        component = component if named == "other" and _nameless(event["name"]) else named
        operators[operator] = operators.get(operator, 0.0) + spent
        components[component] = components.get(component, 0.0) + spent
    rest = max(0.0, total - sum(operators.values()))
    ranked = sorted(operators.items(), key=lambda item: -item[1])
    return OperatorTimes(dict(ranked) | {OVERHEAD: rest}, components | {OVERHEAD: rest}, total, passes)


def _nameless(name: str) -> bool:
    """Say whether a node carries no module's name, as fused ones often do."""
    return "." not in name.removesuffix(_KERNEL) and "/" not in name
