"""Average, tasks and languages of many candidates, as they are and in every bootstrap draw."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xpareto.eval.statistics.estimates import Uncertain, level_of, repeated
from xpareto.eval.statistics.intervals import LEVEL
from xpareto.eval.statistics.metric_units import ABSENT, MetricUnits
from xpareto.eval.statistics.score_draws import TaskScores

AVERAGE = 0  # the first quantity


@dataclass(frozen=True)
class Weights:
    """How much a task counts in the average, and a language in its task; 1 where nothing is said."""

    tasks: Mapping[str, float] = field(default_factory=dict)
    languages: Mapping[str, float] = field(default_factory=dict)

    def task(self, name: str) -> float:
        return self.tasks.get(name, 1.0)

    def language(self, code: str) -> float:
        return self.languages.get(code, 1.0)


@dataclass(frozen=True)
class Quality:
    """One quality of every candidate, in percent: as it is, in every draw, and which quantities it is made of."""

    points: np.ndarray  # (candidates,)
    draws: np.ndarray = field(repr=False)  # (candidates, draws)
    places: tuple[int, ...]  # two models that answer alike in all of these are equal in it


@dataclass(frozen=True)
class ScoreTable:
    """Scores in percent of candidates: the average, then each task, each language and each further quality.

    A task is the (weighted) mean of its languages, the average that of the tasks, and a language that
    of the tasks that have it. `examples` are deviations of the draws. Cells are task x language; their
    errors are those of the change from the baseline of the same seed, `cell_levels` the level at which the intervals of
    all cells of one candidate hold together.
    """

    tasks: tuple[str, ...]
    languages: tuple[str, ...]
    points: np.ndarray  # (candidates, quantities)
    examples: np.ndarray = field(repr=False)  # (candidates, quantities, draws) float32
    cells: tuple[tuple[str, str], ...]
    units: MetricUnits = field(repr=False)  # systems are the candidates, each with one seed
    cell_examples: tuple[int, ...]
    cell_points: np.ndarray  # (candidates, cells)
    cell_errors: np.ndarray  # (candidates, cells), of the change from the baseline
    cell_levels: np.ndarray  # (candidates,)
    qualities: tuple[str, ...] = ()  # objectives of role quality other than the average

    @property
    def task_places(self) -> range:
        """Return where the tasks stand among the quantities."""
        return range(1, 1 + len(self.tasks))

    @property
    def language_places(self) -> range:
        """Return where the languages stand among the quantities."""
        return range(1 + len(self.tasks), 1 + len(self.tasks) + len(self.languages))

    @property
    def quality_places(self) -> Mapping[str, int]:
        """Return where each objective of role quality stands among the quantities, the score first."""
        first = 1 + len(self.tasks) + len(self.languages)
        return {"score": AVERAGE} | {name: first + at for at, name in enumerate(self.qualities)}

    def quantity(self, place: int) -> Quality:
        """Return one quantity of all candidates."""
        points = self.points[:, place]
        return Quality(points, points[:, None] + self.examples[:, place], (place,))

    def reduced(self, places: Sequence[int], reduce: Callable[[np.ndarray], np.ndarray]) -> Quality:
        """Return the quality that `reduce` makes of some quantities, as they are and in every draw.

        It is given scores of (candidates, places), or of (candidates, places, draws), and reduces axis 1.
        What one unit of a metric changes is the largest of theirs, since each may be the one that counts.
        """
        chosen = list(places)
        points = self.points[:, chosen]
        draws = points[..., None] + self.examples[:, chosen]
        return Quality(reduce(points), reduce(draws), tuple(chosen))

    def having(self, qualities: Mapping[str, Quality]) -> ScoreTable:
        """Return the table with further qualities as its last quantities, under their objectives' names."""
        if not qualities:
            return self
        every = qualities.values()
        points = np.stack([quality.points for quality in every], axis=1)
        draws = np.stack([quality.draws for quality in every], axis=1)
        examples = (draws - points[..., None]).astype(np.float32)
        return replace(
            self,
            points=np.concatenate([self.points, points], axis=1),
            examples=np.concatenate([self.examples, examples], axis=1),
            units=replace(
                self.units,
                parts=(
                    *self.units.parts,
                    *(tuple(c for at in q.places for c in self.units.parts[at]) for q in every),
                ),
            ),
            qualities=(*self.qualities, *qualities),
        )

    def systems(self, members: Sequence[Mapping[int, int]]) -> Uncertain:
        """Return the means over training seeds: per system a mapping of seed to the candidate's place."""
        seeds = sorted({seed for by_seed in members for seed in by_seed})
        values = np.full((len(members), self.points.shape[1], len(seeds)), np.nan)
        examples = np.zeros((len(members), *self.examples.shape[1:]), np.float32)
        predictions = np.full((len(members), len(seeds), len(self.cells)), ABSENT)
        for at, by_seed in enumerate(members):
            for seed, candidate in by_seed.items():
                predictions[at, seeds.index(seed)] = self.units.predictions[candidate, 0]
                values[at, :, seeds.index(seed)] = self.points[candidate]
                examples[at] += self.examples[candidate] / np.float32(len(by_seed))
        means, deviations, df = repeated(values)
        return Uncertain(means, examples, deviations, df, replace(self.units, predictions=predictions))


def standard_deviation(draws: np.ndarray) -> np.ndarray:
    """Return the standard deviation of each row of draws (n, draws), float64; 0 where there is one draw.

    From sums in float64 of numbers in the draws' own precision, in a third of the time of numpy's, which
    makes float64 copies of all of them. The first draw is taken off, so that little cancels and rows of
    one number have exactly 0.

    >>> standard_deviation(np.array([[1.0, 3.0], [2.0, 2.0]])).round(3).tolist()
    [1.414, 0.0]
    """
    count = draws.shape[-1]
    if count < 2:
        return np.zeros(len(draws))
    shifted = draws - draws[:, :1]
    sums = shifted.sum(axis=-1, dtype=np.float64)
    squares = np.square(shifted, out=shifted).sum(axis=-1, dtype=np.float64)
    deviations: np.ndarray = np.sqrt(np.maximum(squares - sums**2 / count, 0.0) / (count - 1))
    return deviations


def score_table(
    scored: Iterable[TaskScores],
    tasks: Mapping[str, Sequence[str]],
    baseline: int | Sequence[int],
    weights: Weights,
) -> ScoreTable:
    """Return the table. `tasks` names the languages of each task; `scored` gives them in that order.

    `baseline` is the place of the candidate that cells are compared with, or of each candidate's own.

    The draws of one task at a time are held, so that `scored` may make them as it goes. ValueError when
    a task is not the one that was announced, or has no draws of all candidates.
    """
    languages = tuple(sorted({code for codes in tasks.values() for code in codes}))
    quantities = 1 + len(tasks) + len(languages)
    whole = sum(weights.task(name) for name in tasks)
    shares = {code: sum(weights.task(name) for name in tasks if code in tasks[name]) for code in languages}
    points = examples = largest = np.zeros(0)
    shares_of_cells: list[np.ndarray] = []
    units: list[np.ndarray] = []
    predictions: list[np.ndarray] = []
    cell_examples: list[int] = []
    cells: list[tuple[str, str]] = []
    moving = np.zeros(0, np.int64)
    cell_points: list[np.ndarray] = []
    cell_errors: list[np.ndarray] = []
    for at, (name, of_task) in enumerate(zip(tasks, scored, strict=True)):
        if of_task.task != name or of_task.languages != tuple(tasks[name]):
            raise ValueError(
                f"expected {name} in {list(tasks[name])}, found {of_task.task} in {of_task.languages}"
            )
        if of_task.points.shape[0] != of_task.draws.shape[0]:
            raise ValueError(
                f"expected draws of {of_task.points.shape[0]} candidates, found {of_task.draws.shape[0]}"
            )
        if not cells:
            candidates, _, draws = of_task.draws.shape
            points = np.zeros((candidates, quantities))
            examples = np.zeros((candidates, quantities, draws), np.float32)
            largest, moving = np.zeros((candidates, draws), np.float32), np.zeros(candidates, np.int64)
        deviations = of_task.draws - of_task.points.astype(of_task.draws.dtype)[..., None]
        in_task = np.array([weights.language(code) for code in of_task.languages])
        in_task = in_task / in_task.sum()
        in_average = weights.task(name) / whole
        task_points = of_task.points @ in_task
        mean = np.einsum("clr,l->cr", deviations, in_task.astype(deviations.dtype), optimize=True)
        points[:, 1 + at], examples[:, 1 + at] = task_points, mean
        points[:, AVERAGE] += in_average * task_points
        examples[:, AVERAGE] += np.float32(in_average) * mean.astype(np.float32)
        partners = np.broadcast_to(baseline, candidates)
        for place, code in enumerate(of_task.languages):
            column = 1 + len(tasks) + languages.index(code)
            share = weights.task(name) / shares[code]
            points[:, column] += share * of_task.points[:, place]
            examples[:, column] += np.float32(share) * deviations[:, place].astype(np.float32)
            in_quantities = np.zeros(quantities)
            in_quantities[[AVERAGE, 1 + at, column]] = in_average * in_task[place], in_task[place], share
            shares_of_cells.append(in_quantities)
            change = deviations[:, place] - deviations[partners, place]
            error = standard_deviation(change)
            moving += error > 0
            np.maximum(
                largest,
                np.abs(change) / np.where(error > 0, error, np.inf)[:, None].astype(np.float32),
                out=largest,
            )
            cells.append((name, code))
            cell_points.append(of_task.points[:, place])
            apart = of_task.predictions[:, place] != of_task.predictions[partners, place]
            cell_errors.append(np.sqrt(error**2 + apart * of_task.units[place] ** 2))
        units.append(of_task.units)
        predictions.append(of_task.predictions)
        cell_examples += of_task.examples
    levels = np.array(
        [
            level_of(float(np.quantile(of_candidate, LEVEL)), int(members)) if of_candidate.size else LEVEL
            for of_candidate, members in zip(largest, moving, strict=True)
        ]
    )
    metric_units = MetricUnits(
        np.concatenate(units),
        np.array(shares_of_cells),
        tuple((quantity,) for quantity in range(quantities)),
        np.concatenate(predictions, axis=1)[:, None],
    )
    return ScoreTable(
        tuple(tasks), languages, points, examples, tuple(cells), metric_units, tuple(cell_examples),
        np.stack(cell_points, axis=1), np.stack(cell_errors, axis=1), levels,
    )  # fmt: skip
