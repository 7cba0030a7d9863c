"""Scores of many models on one task, as they are and in every bootstrap draw of its examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from xpareto.eval.kinds import Kind, Resampled
from xpareto.eval.statistics.bootstrap import draw_scores, generator
from xpareto.eval.statistics.row_draws import redrawn_scores
from xpareto.eval.statistics.threshold_draws import retuned_f1
from xpareto.eval.tasks import KINDS, Task


@dataclass(frozen=True)
class ModelTuning:
    """Rows of eval.kinds.Tuning of every model in one language: (models, examples, 4), or None."""

    own: np.ndarray
    calibration: np.ndarray | None


@dataclass(frozen=True)
class TaskScores:
    """Scores in percent, XTREME's way: per language the mean of the task's first `scored_by` metrics.

    `points` is (models, languages). `draws` is (models, languages, draws) for the models that draws
    were asked for, in their order. `examples` counts those that each language rests on, `units` are the
    points (languages,) by which one unit of the metric changes a score. `predictions` (models, languages)
    are equal numbers where two models' predictions are known to be the same.
    """

    task: str
    group: str
    languages: tuple[str, ...]
    examples: tuple[int, ...]
    points: np.ndarray
    draws: np.ndarray = field(repr=False)
    clustered: bool  # languages that share examples were drawn together
    units: np.ndarray
    predictions: np.ndarray
    retuned: bool = False  # a threshold was set anew in every draw

    def floor(self, one: Sequence[int], other: Sequence[int]) -> np.ndarray:
        """Return the variance (languages,) to add to that of the mean difference of pairs of models.

        The models `one` and `other` are paired in their order; where the predictions of all pairs are the
        same, it is 0 (see eval.statistics.metric_units).
        """
        apart = (self.predictions[list(one)] != self.predictions[list(other)]).mean(axis=0)
        added: np.ndarray = apart * self.units**2
        return added

    def beside(self, other: TaskScores) -> TaskScores:
        """Return these models followed by those of another run of the task, whose predictions are their own."""
        others = other.predictions + len(self.predictions)
        return replace(
            self,
            examples=tuple(min(x, y) for x, y in zip(self.examples, other.examples, strict=True)),
            points=np.concatenate([self.points, other.points]),
            draws=np.concatenate([self.draws, other.draws]),
            units=np.maximum(self.units, other.units),
            predictions=np.concatenate([self.predictions, others]),
        )

    def tied(self, predictions: Mapping[str, Sequence[int]]) -> TaskScores:
        """Return the scores with draws of all models, of which those of equal predictions are made equal.

        A threshold that is set anew may else part two models that mined the same pairs.
        """
        numbers = np.array([predictions[language] for language in self.languages]).T
        draws = self.draws.copy()
        for at, of_language in enumerate(numbers.T):
            _, firsts, places = np.unique(of_language, return_index=True, return_inverse=True)
            draws[:, at] = draws[firsts[places], at]
        return replace(self, draws=draws, predictions=numbers)


def task_scores(
    task: Task,
    outcomes: Mapping[str, np.ndarray],
    seed: int,
    draws: int,
    drawn: Sequence[int] | None = None,
    tuning: Mapping[str, ModelTuning] | None = None,
    part: str = "",
    *,
    clusters: Mapping[str, np.ndarray] | None = None,
    normal_from: int | None = None,
    predictions: Mapping[str, Sequence[int]] | None = None,
) -> TaskScores:
    """Return the scores of one task from outcomes per language, each (models, examples, columns).

    Of a parallel task whose languages have equally many examples, one set of drawn rows serves all
    languages: what the languages share stays shared (a cluster bootstrap by example). `clusters` does
    the same for a task of which only some examples are shared, such as MLQA: per language the number
    of the question that each example (examples,) is a version of. Of other tasks each language is
    drawn for itself. `drawn` names the models to draw; default: all. `normal_from`: see draw_scores;
    the draws are float32 then.

    With `tuning`, by language, the threshold of bitext mining is set again inside every draw (see
    eval.statistics.threshold_draws); without, it is taken as it was, and an interval does not cover its choice.

    `predictions` gives, by language, a number for each model, equal where predictions are the same, and all
    models are drawn then; without, no two are taken to be the same.

    `part` names a sample of its own, such as "dev": other parts of a task have independent draws.
    """
    names = (task.name, part) if part else (task.name,)
    kind: Kind = KINDS.load(task.kind)
    languages = tuple(outcomes)
    examples = tuple(outcomes[language].shape[1] for language in languages)
    picked = list(drawn) if drawn is not None else list(range(outcomes[languages[0]].shape[0]))
    scored_by = task.metrics[: task.scored_by]
    points = np.stack([_points(kind, scored_by, of_language) for of_language in outcomes.values()], axis=1)
    picked_outcomes = {
        language: language_outcomes[picked] for language, language_outcomes in outcomes.items()
    }
    together = _together(task, picked_outcomes, clusters) if tuning is None else None

    def draw(rows: np.ndarray, *more: str) -> np.ndarray:
        rng = generator(seed, *names, *more)
        if isinstance(kind, Resampled):
            return redrawn_scores(kind, scored_by, rows, rng, draws, normal_from)
        return draw_scores(rows, lambda totals: _score(kind, scored_by, totals), rng, draws, normal_from)

    precision = np.float64 if normal_from is None else np.float32
    resampled = np.empty((len(picked), len(languages), draws), dtype=precision)
    if together is not None:
        drawn_together = draw(together)
        resampled[:] = drawn_together.reshape(len(languages), len(picked), draws).swapaxes(0, 1)
    else:
        for at, (language, counts) in enumerate(picked_outcomes.items()):
            if tuning is not None:
                resampled[:, at] = _retuned(names, tuning[language], language, picked, seed, draws)
            else:
                resampled[:, at] = draw(counts, language)
    clustered, retuned = together is not None, tuning is not None
    units = [kind.unit_points(counts[0].sum(axis=0), scored_by) for counts in outcomes.values()]
    own = np.tile(np.arange(points.shape[0])[:, None], (1, len(languages)))
    scores = TaskScores(
        task.name,
        task.group,
        languages,
        examples,
        points,
        resampled,
        clustered,
        np.array(units),
        own,
        retuned,
    )
    return scores if predictions is None else scores.tied(predictions)


def _together(
    task: Task, outcomes: Mapping[str, np.ndarray], clusters: Mapping[str, np.ndarray] | None
) -> np.ndarray | None:
    """Return the outcomes of all languages over common clusters, (languages x models, clusters, columns).

    None where no two languages share an example. A language has a row of zeros for a question that it
    lacks, which adds nothing to its totals.
    """
    if len(outcomes) < 2:
        return None
    if task.parallel and len({language_outcomes.shape[1] for language_outcomes in outcomes.values()}) == 1:
        return np.concatenate(list(outcomes.values()))
    if clusters is not None and set(clusters) >= set(outcomes):
        numbers, places = np.unique(
            np.concatenate([clusters[code] for code in outcomes]), return_inverse=True
        )
        counts = [language_outcomes.shape[1] for language_outcomes in outcomes.values()]
        if len(numbers) == sum(counts):
            return None
        first = next(iter(outcomes.values()))
        models, columns = first.shape[0], first.shape[2]
        stacked = np.zeros((len(outcomes), models, len(numbers), columns))
        for language_totals, language_outcomes, at in zip(
            stacked, outcomes.values(), np.split(places, np.cumsum(counts)[:-1]), strict=True
        ):
            np.add.at(language_totals.swapaxes(0, 1), at, language_outcomes.swapaxes(0, 1))
        return stacked.reshape(-1, len(numbers), columns)
    return None


def _retuned(
    names: tuple[str, ...],
    tuning: ModelTuning,
    language: str,
    picked: Sequence[int],
    seed: int,
    draws: int,
) -> np.ndarray:
    rows = [None if part is None else part[list(picked)] for part in (tuning.own, tuning.calibration)]
    assert rows[0] is not None
    rngs = generator(seed, *names, language), generator(seed, *names, language, "calibration")
    return retuned_f1(rows[0], rows[1], *rngs, draws)


def _points(kind: Kind, metrics: Sequence[str], outcomes: np.ndarray) -> np.ndarray:
    """Return the scores of models (models,) from their outcomes (models, examples, columns)."""
    if isinstance(kind, Resampled):
        found = [kind.metrics_of(rows) for rows in outcomes]
        return np.array([float(np.mean([of_model[name] for name in metrics])) for of_model in found])
    return _score(kind, metrics, outcomes.sum(axis=1))


def _score(kind: Kind, metrics: Sequence[str], totals: np.ndarray) -> np.ndarray:
    score_by_metric = kind.metrics(totals)
    score: np.ndarray = np.mean([score_by_metric[name] for name in metrics], axis=0)
    return score
