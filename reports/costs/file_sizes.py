"""Bytes on disk by component."""

from __future__ import annotations

from collections.abc import Iterable

from xpareto.eval.records import Measurement

PARTS = ("embeddings", "encoder", "head", "other")  # of the model file; together they are "model"


def sizes(rows: Iterable[Measurement]) -> dict[str, float]:
    """Return the bytes of each component, as the mean over a candidate's artifacts.

    The model as a whole is one component only where it was not taken apart.
    """
    newest = {
        (row.artifact, row.component): row.value
        for row in rows
        if row.probe == "size" and row.statistic == "size" and row.status == "ok" and row.value is not None
    }
    count = len({artifact for artifact, _ in newest})
    bytes_by_component: dict[str, float] = {}
    for (artifact, component), value in newest.items():
        apart = any((artifact, part) in newest for part in PARTS)
        if component == "model" and apart:
            continue
        bytes_by_component[component] = bytes_by_component.get(component, 0.0) + value / count
    order = (*PARTS, "model", "tokenizer")
    return dict(
        sorted(
            bytes_by_component.items(),
            key=lambda item: order.index(item[0]) if item[0] in order else len(order),
        )
    )
