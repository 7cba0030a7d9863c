"""Print where the outliers of a quantized candidate's activations are, by product and language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from xpareto.compress.core import Artifact, InputError
from xpareto.eval.results import read_document
from xpareto.pipelines.display.table import print_table
from xpareto.pipelines.runs import artifacts_of
from xpareto.pipelines.storage import RunFolder, Store

COLUMNS = (
    "input of",
    "from",
    "to",
    "kurtosis",
    "max / p99.9",
    "channels",
    "worst language",
    "error",
    "falls back",
)


def show_outliers(run: RunFolder, store: Store, name: str) -> None:
    """Print one table for each model of a candidate; InputError where no step looked at activations."""
    manifests = {}
    candidate = read_document(run.path).candidate(name)
    for training_set, artifact in artifacts_of(run, store, candidate).items():
        for one in _line(artifact, store):
            if "outliers" in one.manifest.notes:
                manifests[training_set] = one.manifest
                break
    if not manifests:
        raise InputError(
            f"{name}: no step of this candidate looked at activations. Those with quantize_static or "
            "smooth_quant have an outlier report."
        )
    for training_set, manifest in manifests.items():
        print(f"{training_set}, seen by {manifest.step}")
        print_table(list(rows(manifest.notes)), *COLUMNS)
        print()


def rows(notes: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each quantized activation, the most outlying first."""
    report = notes["outliers"]
    errors, fallen = notes.get("relative_error", {}), notes.get("fallback", {})
    order = sorted(report["tensors"].items(), key=lambda item: -item[1]["max_over_p99.9"])
    for value, facts in order:
        readers = facts["read_by"]
        told = report["by_language"].get(value)
        worst = told["languages"][told["worst"]]["max_over_p99.9"] if told else None
        yield (
            f"{readers[0]}" + (f" and {len(readers) - 1} more" if len(readers) > 1 else ""),
            f"{facts['low']:g}",
            f"{facts['high']:g}",
            f"{facts['kurtosis']:g}",
            f"{facts['max_over_p99.9']:g}",
            " ".join(f"{channel} ({times:g}x)" for channel, times in facts["channels"].items()),
            f"{told['worst']} ({worst:g})" if told else "",
            f"{max(errors[reader] for reader in readers):g}" if errors else "",
            "; ".join(dict.fromkeys(fallen[reader] for reader in readers if reader in fallen)),
        )


def _line(artifact: Artifact, store: Store) -> Iterator[Artifact]:
    """Yield an artifact and those it came from, nearest first, as far as the store has them."""
    yield artifact
    for digest in artifact.manifest.parents:
        yield store.open(digest, verify=False)
