"""`xpareto search`: try settings within a budget, screen them, and run the finalists as any recipe's candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xpareto.compress.core import Artifact, InputError
from xpareto.eval.analyses.documents import SEARCH, ScreeningRound
from xpareto.eval.objectives import OBJECTIVES, Objective
from xpareto.pipelines.execution import Executor, ExpectedCosts, Schedule
from xpareto.pipelines.planning import (
    Options,
    Prepared,
    check_evaluation,
    check_training,
    prepare,
    workloads,
)
from xpareto.pipelines.recipe import Search
from xpareto.pipelines.runs import (
    Agenda,
    ArtifactBuilder,
    Console,
    Result,
    carry_out,
    executor_of,
    held_run,
    launch_of_costs,
    missing,
    reported,
    share_of,
    threads_of,
)
from xpareto.pipelines.searching.examples import Examples, examples_of
from xpareto.pipelines.searching.proposals import EXHAUSTED, Proposals
from xpareto.pipelines.searching.quiet import check_installed
from xpareto.pipelines.searching.racing import Dropped, allowed, dominated, ranked
from xpareto.pipelines.searching.report import report_of
from xpareto.pipelines.searching.rounds import Means, Round, excesses, values_of
from xpareto.pipelines.searching.space import Point, Space
from xpareto.pipelines.searching.study import Study, arm_of
from xpareto.pipelines.searching.trial_plans import BASELINE, TrialPlans, candidate_of
from xpareto.pipelines.storage import RunFolder

TOGETHER = 8  # settings tried together at most: they learn nothing of each other
FOLDER = "search"  # in the run's: the study, the recipe that searches, the rounds of screening


@dataclass
class LiveSearch:
    """A search at work in a held run."""

    options: Options
    console: Console
    run: RunFolder
    ready: Prepared  # the recipe as it stands
    space: Space
    plans: TrialPlans
    examples: Examples
    study: Study
    costs: ExpectedCosts
    agenda: Agenda
    executor: Executor
    means: tuple[Means, Means]  # of scores, of costs
    dropped: list[Dropped] = field(default_factory=list)
    rounds: list[ScreeningRound] = field(default_factory=list)
    ended: str = ""  # why no further setting was tried
    _first: Round | None = None

    @property
    def search(self) -> Search:
        found = self.ready.checked.recipe.search
        assert found is not None, "search_recipe checks that the recipe has one"
        return found

    @property
    def objectives(self) -> tuple[Objective, ...]:
        return self.study.objectives

    # -- trying -----------------------------------------------------------------------------

    def explore(self) -> None:
        """Try settings, as many together as are made at a time, until the budget is spent or nothing is left to try."""
        self._first = self.round(0)
        self._try(self.study.begun())
        proposals = Proposals(self.search, self.plans, self.study, self.costs, self.ready.store)
        while (why := proposals.spent()) is None:
            points = proposals.next(min(self.executor.at_once, TOGETHER))
            if not points:
                why = EXHAUSTED
                break
            self._try({self.study.begin(point): point for point in points})
        self.ended = why
        spent = self.study.spent()
        self.console.say(
            f"Tried {spent.candidates} settings, {spent.making_seconds:.0f} s of making and "
            f"{spent.screening_seconds:.0f} s of screening: {why}."
        )

    def _try(self, trials: Mapping[int, Point]) -> None:
        """Make settings and measure them on the examples of the first round."""
        if not trials:
            return
        prepared = self.plans.prepared({arm_of(number): point for number, point in trials.items()})
        self._note_absent(trials, prepared)
        builder = self._builder(prepared)
        baseline = prepared.plan.candidates[0]
        arms = {number: candidate_of(prepared.plan, arm_of(number)) for number in trials}
        made = builder.bundles([baseline, *arms.values()])
        if made[baseline.name] is None:
            raise InputError(f"{baseline.name}: {builder.failed_candidates(prepared.plan)[baseline.name]}")
        for number in trials:
            self._account(number, prepared)
        seconds = self._screen(self._first_round, prepared, made)
        beside = seconds[baseline.name]  # is of the trial that it was first measured with
        for number, candidate in arms.items():
            if made[candidate.name] is None:
                self.study.note(number, why=builder.failed_candidates(prepared.plan)[candidate.name])
                self.study.tell(number, None)
                continue
            self.study.note(number, screening_seconds=round(seconds[candidate.name] + beside, 3))
            beside = 0.0
            rows = self._first_round.rows(candidate.name)
            values = values_of(rows, self.objectives)
            if values is None:
                self.study.note(number, why="a probe failed, or an objective was not measured")
            over = excesses(rows, self._first_round.rows(baseline.name), self.search.limits)
            self.study.tell(number, values, over)

    def _note_absent(self, trials: Mapping[int, Point], prepared: Prepared) -> None:
        """Note what has to be made for each trial: what several share, and the baseline, for the first of them.

        A search that goes on knows what it began with.
        """
        left = set(missing(prepared))
        own = {
            number: {node.key for node in self.plans.planned(point).nodes} for number, point in trials.items()
        }
        left_over = left - set().union(*own.values())
        for number in trials:
            if "absent" not in self.study.facts(number):
                absent = (left & own[number]) | left_over
                self.study.note(number, arm=arm_of(number), absent=sorted(absent))
            left, left_over = left - set(self.study.facts(number)["absent"]), set()

    def _builder(self, prepared: Prepared) -> ArtifactBuilder:
        share = share_of(self.options, self.ready.checked.recipe.measure)
        return ArtifactBuilder(
            prepared,
            self.run,
            self.executor,
            share,
            self.agenda,
            self.options.save_minutes,
            self.means[1].threads,
        )

    def _account(self, number: int, prepared: Prepared) -> None:
        """Note what making cost, of the work that was missing when the trial began."""
        seconds = joules = 0.0
        for key in self.study.facts(number)["absent"]:
            artifact = prepared.store.find(key, verify=False) if key in prepared.plan.nodes else None
            if artifact is not None:
                self.costs.add(artifact.manifest.step, artifact.manifest.fields, artifact.manifest.seconds)
                seconds += artifact.manifest.seconds
                joules += artifact.manifest.energy_j or 0.0
        self.study.note(number, seconds=round(seconds, 3), joules=round(joules, 3))

    @property
    def _first_round(self) -> Round:
        assert self._first is not None, "explore opens it"
        return self._first

    def round(self, number: int) -> Round:
        """Return a round of screening."""
        work = self.examples.round(number, self.search.screening)
        scores, costs = self.means
        return Round.open(number, self.run.path / FOLDER, self.ready, work, scores, costs)

    def _screen(
        self, at: Round, prepared: Prepared, made: Mapping[str, Mapping[str, Artifact] | None]
    ) -> dict[str, float]:
        """Measure the candidates that were made: scores several at a time, then costs alone; return seconds of each."""
        there = {
            one.name: (one, bundle) for one in prepared.plan.candidates if (bundle := made.get(one.name))
        }
        seconds = dict.fromkeys(there, 0.0)

        def score(name: str) -> None:
            with self.agenda.piece("screen", f"screening of {name} on {at.examples} examples") as piece:
                seconds[name] += at.score(*there[name], piece.begins)

        together = self.executor.at_once + self.executor.ahead
        Schedule(together, abandon=self.executor.close).run(dict.fromkeys(there, ()), score)
        for name, (candidate, bundle) in there.items():
            if at.number:
                at.take_costs(name, self._first_round.cost_rows(name))
                continue
            with self.agenda.piece("cost", f"screening of {name}, costs") as piece:
                seconds[name] += at.cost(candidate, bundle, piece.begins)
        return seconds

    # -- screening --------------------------------------------------------------------------

    def finalists(self) -> list[str]:
        """Return the settings that are measured as candidates: what screening leaves, round by round."""
        points = self.study.points()
        alive = list(points)
        over = self.study.excesses()
        values = self.study.values()
        rounds = self.examples.rounds(self.search.screening)
        for number in range(rounds):
            if number and alive:
                values, over = self._again(number, alive, points, over)
            alive = [arm for arm in alive if arm in values]
            alive = self._survivors(number, alive, points, values, over, last=number == rounds - 1)
            if len(alive) <= self.search.finalists and number:
                break
        return alive

    def _again(
        self,
        number: int,
        alive: Sequence[str],
        points: Mapping[str, Point],
        over: Mapping[str, Mapping[str, float]],
    ) -> tuple[dict[str, list[float]], dict[str, Mapping[str, float]]]:
        """Measure what is left on the examples of a further round; return values and excesses over the limits."""
        at = self.round(number)
        prepared = self.plans.prepared({arm: points[arm] for arm in alive})
        builder = self._builder(prepared)
        made = builder.bundles(prepared.plan.candidates)
        self._screen(at, prepared, made)
        values: dict[str, list[float]] = {}
        excess: dict[str, Mapping[str, float]] = {}
        for candidate in prepared.plan.candidates:
            if made[candidate.name] is None:
                continue
            if candidate.arm != BASELINE and (found := values_of(at.rows(candidate.name), self.objectives)):
                values[candidate.arm] = found
                excess[candidate.arm] = excesses(
                    at.rows(candidate.name), at.rows(prepared.plan.baseline), self.search.limits
                )
        return values, excess

    def _survivors(
        self,
        number: int,
        alive: Sequence[str],
        points: Mapping[str, Point],
        values: Mapping[str, Sequence[float]],
        over: Mapping[str, Mapping[str, float]],
        last: bool,
    ) -> list[str]:
        """Return what goes on after a round, and note of the others why they do not."""
        if not alive:
            return []
        at = self._first_round if number == 0 else self.round(number)
        prepared = self.plans.prepared({arm: points[arm] for arm in alive})
        proofs = dominated(at.results(prepared, self.options.command), self.objectives)
        for arm in alive:
            if arm in proofs:
                others = [one if one != BASELINE else "the baseline" for one in proofs[arm]]
                self._drop(arm, number, f"dominated beyond doubt by {', '.join(others[:3])}")
        left = [arm for arm in alive if arm not in proofs]
        keep = (
            self.search.finalists
            if last
            else allowed(len(left), self.search.screening.growth, self.search.finalists)
        )
        best = ranked({arm: values[arm] for arm in left}, over, self.objectives)
        for arm in best[keep:]:
            broken = [f"{name} exceeded by {by:.3g}" for name, by in over.get(arm, {}).items() if by > 0]
            why = ", ".join(broken) or f"not among the best {keep} of {len(best)} as measured"
            self._drop(arm, number, why)
        self.rounds.append(
            ScreeningRound(
                number=number + 1, examples=at.examples, settings=len(alive), left=len(best[:keep])
            )
        )
        return best[:keep]

    def _drop(self, arm: str, number: int, why: str) -> None:
        self.dropped.append(Dropped(arm, number + 1, why))


def search_recipe(options: Options, console: Console) -> Result:
    """Search a recipe's space within its budget, then run the finalists; a search that was killed goes on.

    The run's recipe is an ordinary one, in which every finalist is an arm. InputError for a recipe without `search`,
    and where Optuna is not installed.
    """
    check_installed()
    ready = prepare(options)
    recipe = ready.checked.recipe
    if recipe.search is None:
        raise InputError(
            f"{recipe.name}: expected a recipe with the key `search`, found none. Give it a space and a budget, or use "
            "`xpareto run`."
        )
    work = check_evaluation(ready.work, ready.start, ready.store)
    check_training(work, ready.plan, ready.start, ready.store)
    space = Space(recipe, ready.checked.plain)
    plans = TrialPlans(ready, space)
    examples = examples_of(ready, ready.plan)
    objectives = [OBJECTIVES.load(name) for name in recipe.objectives]
    with held_run(ready, work, options, console, "Search in") as (run, cluster):
        for name, how in examples.words.items():
            console.say(f"{name} is {how}")
        executor = executor_of(options, recipe.measure, run, cluster)
        scores = Means(executor.measure, share_of(options, recipe.measure))
        costs = Means(launch_of_costs(executor, cluster), threads_of(recipe.measure, cluster))
        study = Study.open(run.path / FOLDER, recipe.name, space, objectives)
        (run.path / FOLDER / "recipe.yaml").write_text(ready.checked.source, encoding="utf-8")
        live = LiveSearch(
            options, console, run, ready, space, plans, examples, study, ExpectedCosts.of_store(ready.store),
            Agenda(console, {}, at_once=executor.at_once), executor, (scores, costs),
        )  # fmt: skip
        try:
            live.explore()
            finalists = live.finalists()
        finally:
            executor.close()
        points = study.points()
        document = report_of(
            run.name, recipe.search, study, examples.words, live.ended, live.dropped, live.rounds, finalists
        )
        run.write_text(SEARCH, document.as_json(indent=1))
        console.say(f"Finalists: {', '.join(finalists) or 'none'}")
        final = plans.prepared({arm: points[arm] for arm in finalists}, tasks=examples.reported)
        final_work = check_evaluation(workloads(final.checked.recipe, ready.start), ready.start, ready.store)
        agenda, failed = carry_out(final, final_work, run, options, console, cluster)
    return reported(run, failed, agenda)
