"""The study: an Optuna journal in the run's folder, which a killed search goes on with and optuna-dashboard reads.

A trial is a setting; its values are the recipe's objectives, its parameters the fields that matter in it. What else is
known of it stands in its user attributes: `arm`, which is what it is called, `seconds` and `joules` of making,
`screening_seconds`, `why` it was dropped.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xpareto.eval.objectives import Objective
from xpareto.pipelines.searching.directions import directions
from xpareto.pipelines.searching.quiet import quiet
from xpareto.pipelines.searching.space import Point, Space

if TYPE_CHECKING:
    from optuna.study import Study as OptunaStudy
    from optuna.trial import FrozenTrial, Trial

JOURNAL = "study.journal"


@dataclass(frozen=True)
class Spent:
    """What trials have cost: how many there were, and seconds and joules."""

    candidates: int
    making_seconds: float
    screening_seconds: float
    joules: float

    @property
    def hours(self) -> float:
        return (self.making_seconds + self.screening_seconds) / 3600


@dataclass(frozen=True)
class Study:
    """The trials of a search on disk."""

    space: Space
    objectives: tuple[Objective, ...]
    _study: OptunaStudy

    @staticmethod
    def open(folder: Path, name: str, space: Space, objectives: Sequence[Objective]) -> Study:
        """Return the study in a folder, made where there is none; the caller holds the run."""
        import optuna
        from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

        folder.mkdir(parents=True, exist_ok=True)
        file = folder / JOURNAL
        for left in folder.glob(f"{JOURNAL}.lock*"):  # by a kill: nobody else writes a run that is held
            left.unlink()
        with quiet():
            storage = optuna.storages.JournalStorage(
                JournalFileBackend(str(file), lock_obj=JournalFileOpenLock(str(file)))
            )
            study = optuna.create_study(
                storage=storage,
                study_name=name,
                directions=directions(objectives),
                load_if_exists=True,
            )
            study.set_metric_names([objective.name for objective in objectives])
        return Study(space, tuple(objectives), study)

    def begun(self) -> dict[int, Point]:
        """Return by number the points of trials that a kill interrupted, first to last."""
        import optuna

        running = self._study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.RUNNING,))
        return {trial.number: self._point(trial) for trial in running}

    def begin(self, point: Point) -> int:
        """Add a trial of a point, in one entry of the journal; return its number."""
        import optuna

        fixed = optuna.trial.FixedTrial(self.space.parameters(point))
        self.space.suggested(fixed)
        with quiet():
            self._study.add_trial(
                optuna.trial.create_trial(
                    state=optuna.trial.TrialState.RUNNING,
                    params=fixed.params,
                    distributions=fixed.distributions,
                )
            )
        return self._study.get_trials(deepcopy=False)[-1].number

    def note(self, number: int, **facts: Any) -> None:
        """Note facts of a trial."""
        for name, value in facts.items():
            self._trial(number).set_user_attr(name, value)

    def tell(
        self, number: int, values: Sequence[float] | None, excesses: Mapping[str, float] | None = None
    ) -> None:
        """End a trial with its values, in the order of the objectives; None: it failed.

        `excesses`: by limit how much more the trial has than it allows; nothing above 0 where all hold.
        """
        import optuna

        with quiet():
            if values is None:
                self._study.tell(number, state=optuna.trial.TrialState.FAIL)
                return
            for name, excess in (excesses or {}).items():
                self._trial(number).set_constraint(name, excess)
            self._study.tell(number, list(values))

    def tried(self) -> list[FrozenTrial]:
        """Return the trials that have ended, first to last."""
        return [trial for trial in self._study.get_trials(deepcopy=False) if trial.state.is_finished()]

    def complete(self) -> list[FrozenTrial]:
        """Return the trials that have values."""
        return [trial for trial in self.tried() if trial.values is not None]

    def points(self) -> dict[str, Point]:
        """Return the points of the trials that have values, by the arm that each is called."""
        return {arm_of(trial.number): self._point(trial) for trial in self.complete()}

    def every_point(self) -> list[Point]:
        """Return the points of all trials, also of those that failed."""
        return [self._point(trial) for trial in self.tried()]

    def values(self) -> dict[str, list[float]]:
        """Return the values of the trials that have some, by arm, in the order of the objectives."""
        return {arm_of(trial.number): list(trial.values) for trial in self.complete()}

    def excesses(self) -> dict[str, Mapping[str, float]]:
        """Return by arm and limit how much more the trial has than it allows."""
        return {arm_of(trial.number): dict(trial.constraints) for trial in self.complete()}

    def facts(self, number: int) -> Mapping[str, Any]:
        """Return what was noted of a trial."""
        return dict(self._study.get_trials(deepcopy=False)[number].user_attrs)

    def spent(self) -> Spent:
        """Return what all trials cost so far."""
        attributes = [trial.user_attrs for trial in self._study.get_trials(deepcopy=False)]

        def total(name: str) -> float:
            return math.fsum(float(one.get(name, 0.0)) for one in attributes)

        return Spent(len(self.tried()), total("seconds"), total("screening_seconds"), total("joules"))

    def seen(self) -> list[FrozenTrial]:
        """Return the trials with values as the sampler shall see them."""
        return [as_seen(trial, self.objectives) for trial in self.complete()]

    def _trial(self, number: int) -> Trial:
        import optuna

        return optuna.trial.Trial(self._study, self._study.get_trials(deepcopy=False)[number]._trial_id)

    def _point(self, trial: FrozenTrial) -> Point:
        import optuna

        return self.space.suggested(optuna.trial.FixedTrial(trial.params))


def arm_of(number: int) -> str:
    """Return what a trial is called.

    >>> arm_of(7)
    't7'
    """
    return f"t{number}"


def as_seen(trial: FrozenTrial, objectives: Sequence[Objective]) -> FrozenTrial:
    """Return a trial whose costs are logarithms: twice and half the cost are equally far from it."""
    import optuna

    values = [
        value if objective.role == "quality" else math.log2(max(value, 1e-12))
        for value, objective in zip(trial.values, objectives, strict=True)
    ]
    return optuna.trial.create_trial(
        values=values,
        params=trial.params,
        distributions=trial.distributions,
        constraints=trial.constraints,
    )
