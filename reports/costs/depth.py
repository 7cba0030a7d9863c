"""Retrieval by layer: the curve of every encoder, the layer in use and the best one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from xpareto.eval.records import Measurement
from xpareto.eval.results import RunSummary

ORACLE = (
    "Layer 0 is the embeddings. The oracle layer is the best of a curve, chosen on the very test examples "
    "that it is scored on, so its score is an upper bound and no result: Tatoeba has no dev set to choose "
    "on. Means over languages."
)
_IN_USE, _LAYER = "in use", "layer="
_WIDTH, _HEIGHT, _EDGE = 300.0, 90.0, 6.0


@dataclass(frozen=True)
class Curve:
    """One candidate's mean over languages in one task at every layer, in percent."""

    candidate: str
    task: str
    scores: tuple[float, ...]  # of layers 0, 1, ...
    in_use: int

    @property
    def oracle(self) -> int:
        """Return the layer with the best score, of equal ones the lowest (it costs least)."""
        return max(range(len(self.scores)), key=lambda layer: (self.scores[layer], -layer))

    @property
    def lost(self) -> float:
        """Return the points that the layer in use lies below the oracle layer."""
        return self.scores[self.oracle] - self.scores[self.in_use]


def curves(run_summary: RunSummary) -> list[Curve]:
    """Return the curves of the candidates whose every layer was scored in every language of the task."""
    complete = []
    for candidate in run_summary.run.candidates:
        rows = run_summary.run.rows[candidate.name]
        depth_rows = [
            row for row in rows if row.probe == "depth" and row.status == "ok" and row.value is not None
        ]
        in_use = [int(row.value) for row in depth_rows if row.component == _IN_USE and row.value is not None]
        for facts in run_summary.run.tasks.values():
            scores = _means([row for row in depth_rows if row.task == facts.name], facts.languages)
            if len(scores) > 1 and in_use and in_use[-1] < len(scores):
                complete.append(Curve(candidate.name, facts.name, scores, in_use[-1]))
    return complete


def _means(rows: Sequence[Measurement], languages: Sequence[str]) -> tuple[float, ...]:
    """Return the mean over languages of layers 0, 1, ... as far as all of them have a score."""
    newest: dict[int, dict[str, float]] = {}
    for row in rows:
        if row.component.startswith(_LAYER) and row.value is not None:
            newest.setdefault(int(row.component.removeprefix(_LAYER)), {})[row.language] = row.value
    means: list[float] = []
    while languages and set(languages) <= set(newest.get(len(means), {})):
        means.append(fmean(newest[len(means)][language] for language in languages))
    return tuple(means)


@dataclass(frozen=True)
class Drawn:
    """A curve as the page draws it: points of a line in a box of `width` x `height`."""

    curve: Curve
    width: float
    height: float
    line: str
    used: tuple[str, str]
    best: tuple[str, str]
    text: str


def drawn(shown_curves: Sequence[Curve]) -> Iterator[Drawn]:
    """Yield every curve with its places; all share one scale, from 0 to the highest score."""
    top = max((max(curve.scores) for curve in shown_curves), default=0.0) or 1.0
    for curve in shown_curves:
        step = (_WIDTH - 2 * _EDGE) / (len(curve.scores) - 1)
        places = [
            (f"{_EDGE + step * layer:.1f}", f"{_HEIGHT - _EDGE - (_HEIGHT - 2 * _EDGE) * score / top:.1f}")
            for layer, score in enumerate(curve.scores)
        ]
        text = ", ".join(f"layer {layer}: {score:.1f}" for layer, score in enumerate(curve.scores))
        yield Drawn(
            curve,
            _WIDTH,
            _HEIGHT,
            " ".join(f"{x},{y}" for x, y in places),
            places[curve.in_use],
            places[curve.oracle],
            text,
        )
