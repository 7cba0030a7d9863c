"""How much each field matters: its share in what the settings that were tried differ by."""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from xpareto.eval.objectives import Objective
from xpareto.pipelines.searching.quiet import quiet
from xpareto.pipelines.searching.space import Point, point_key

_ABSENT, _BINS = "absent", 4
LEAST_TRIALS = 8  # of fewer, a forest tells nothing


def importance(
    points: Sequence[Point], values: Sequence[Sequence[float]], objectives: Sequence[Objective], seed: int
) -> tuple[str, Mapping[str, Mapping[str, float]]]:
    """Return the method, and by objective the share of each field; nothing of too few settings.

    fANOVA (Hutter et al. 2014), where scikit-learn is installed, else PED-ANOVA (Watanabe et al. 2023). A field that
    does not matter in a setting counts as one more of its values; numbers of a range are taken in four parts.
    """
    import optuna

    try:
        import_module("sklearn")
        evaluator: Any = optuna.importance.FanovaImportanceEvaluator(seed=seed)
        method = "fANOVA"
    except ImportError:
        evaluator, method = optuna.importance.PedAnovaImportanceEvaluator(), "PED-ANOVA"
    if len(points) < LEAST_TRIALS:
        return method, {}
    told: dict[str, Mapping[str, float]] = {}
    filled = _filled(points)
    with quiet():
        for at, objective in enumerate(objectives):
            study = optuna.create_study(direction="minimize")
            sign = -1.0 if objective.sense == "max" else 1.0
            study.add_trials(
                [
                    optuna.trial.create_trial(
                        value=sign * of_trial[at],
                        params={path: column[row] for path, column in filled.items()},
                        distributions={
                            path: optuna.distributions.CategoricalDistribution(sorted({*column}))
                            for path, column in filled.items()
                        },
                    )
                    for row, of_trial in enumerate(values)
                ]
            )
            if len({of_trial[at] for of_trial in values}) > 1 and filled:
                found = optuna.importance.get_param_importances(study, evaluator=evaluator)
                told[objective.name] = {path: round(float(share), 4) for path, share in found.items()}
    return method, told


def _filled(points: Sequence[Point]) -> dict[str, list[str]]:
    """Return by path the value of every point as text, of the paths in which points differ."""
    columns: dict[str, list[str]] = {}
    for path in dict.fromkeys(path for point in points for path in point):
        given = [point[path] for point in points if path in point]
        numbers = sorted({one for one in given if isinstance(one, int | float) and not isinstance(one, bool)})
        ends = [numbers[len(numbers) * part // _BINS] for part in range(1, _BINS)] if numbers else []
        many = len(numbers) > 2 * _BINS
        columns[path] = [
            _ABSENT
            if path not in point
            else f"part {bisect.bisect_right(ends, point[path])}"
            if many and isinstance(point[path], int | float)
            else point_key({path: point[path]})
            for point in points
        ]
    return {path: column for path, column in columns.items() if len({*column}) > 1}
