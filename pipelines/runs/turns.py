"""What is measured when: scores as many at a time as there is room for, costs alone and in blocks."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import partial

from xpareto.eval.results import CONTROL, COST, turns
from xpareto.pipelines.execution import Schedule
from xpareto.pipelines.planning import Candidate, Plan
from xpareto.pipelines.recipe import Measure, groups
from xpareto.pipelines.runs.agenda import Agenda, measuring
from xpareto.pipelines.runs.building import ArtifactBuilder, Use
from xpareto.pipelines.runs.measure import Measuring, failure


@dataclass(frozen=True)
class Turn:
    """A group of probes that one candidate is measured with, and which repeat of it that is."""

    group: str
    candidate: str
    repeat: int

    @property
    def alone(self) -> bool:
        """Would other work on the machine change what it finds?"""
        return self.group in (COST, CONTROL)

    @property
    def title(self) -> str:
        """Return what it is called.

        >>> Turn("aa", "main/int8", 1).title, Turn("accuracy", "main/int8", 0).title
        ('A/A of main/int8, block 2', 'accuracy of main/int8')
        """
        what = "A/A" if self.group == CONTROL else self.group
        return f"{what} of {self.candidate}" + (f", block {self.repeat + 1}" if self.alone else "")


def turns_to_take(plan: Plan, settings: Measure, finished: AbstractSet[tuple[str, str, int]]) -> list[Turn]:
    """Return what is still to be measured: first all scores, then all costs in blocks, so that they are near
    in time."""
    names = [candidate.name for candidate in plan.candidates]
    wanted = {group for group, probes in groups().items() if set(probes) & set(settings.probes)}
    work = [Turn(group, name, 0) for group in groups() if group in wanted - {COST, CONTROL} for name in names]
    if COST in wanted:
        timed = CONTROL in wanted  # sizes are counted: once is enough, and no A/A control
        order = turns(names, plan.baseline, settings.blocks if timed else 1, plan.key)
        work += [Turn(turn.group, turn.candidate, turn.block) for turn in order if timed or not turn.control]
    return [turn for turn in work if (turn.candidate, turn.group, turn.repeat) not in finished]


@dataclass(frozen=True)
class Measurer:
    """Takes the turns of candidates whose artifacts were made, and notes of each that could not be made why."""

    builder: ArtifactBuilder
    agenda: Agenda

    def uses(self, work: Sequence[Turn], measuring_with: Measuring) -> dict[str, Use]:
        """Return the turns as what is done with artifacts as soon as they are made; what failed is left to `take`."""
        return {
            turn.title: Use(
                tuple(self._candidate(turn).artifacts.values()),
                partial(self._measure, turn, measuring_with),
            )
            for turn in work
        }

    def take(self, work: Sequence[Turn], measuring_with: Measuring, at_once: int = 1) -> None:
        """Measure what can be and is not yet, `at_once` candidates at a time; each one's rows join the run when it is
        done."""
        done = measuring_with.run.finished()
        left = [turn for turn in work if (turn.candidate, turn.group, turn.repeat) not in done]
        by_title = {turn.title: turn for turn in left if self._is_made(turn, measuring_with)}
        schedule = Schedule(at_once, abandon=self.builder.executor.close)
        schedule.run(
            dict.fromkeys(by_title, ()), lambda title: self._measure(by_title[title], measuring_with)
        )

    def _is_made(self, turn: Turn, measuring_with: Measuring) -> bool:
        candidate = self._candidate(turn)
        if self.builder.bundle(candidate) is not None:
            return True
        run, plan = measuring_with.run, self.builder.ready.plan
        self.agenda.skip(measuring(turn.group))
        step = self.builder.failed_step(candidate)
        if (turn.candidate, step, 0) not in run.finished():
            error = self.builder.failed_candidates(plan)[turn.candidate]
            run.add_rows(failure(run.name, candidate, step, error), candidate=turn.candidate, probe=step)
        return False

    def _measure(self, turn: Turn, measuring_with: Measuring) -> None:
        candidate = self._candidate(turn)
        bundle = self.builder.bundle(candidate)
        if bundle is None:
            return
        with self.agenda.piece(measuring(turn.group), turn.title) as piece:
            rows, kept = measuring_with.rows_of(candidate, bundle, turn.group, turn.repeat, piece.begins)
        with self.agenda.lock:  # rows of one turn stay together
            measuring_with.run.add_rows(
                rows, kept, candidate=turn.candidate, probe=turn.group, seconds=rows[-1].value
            )
        for row in rows:
            if row.status == "failed":
                self.agenda.say(f"Failed: {row.probe} of {turn.candidate}: {row.error.splitlines()[0]}")

    def _candidate(self, turn: Turn) -> Candidate:
        return next(one for one in self.builder.ready.plan.candidates if one.name == turn.candidate)
