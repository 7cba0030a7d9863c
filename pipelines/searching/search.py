"""`xpareto search`: try settings within a budget, screen them, and run the finalists as any recipe's candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from xpareto.compress.core import Artifact, InputError
from xpareto.eval.analyses.documents import SEARCH, ScreeningRound
from xpareto.eval.objectives import OBJECTIVES, Objective
from xpareto.pipelines.execution import Executor, ExpectedCosts
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
    cores,
    executor_of,
    missing,
    reported,
    run_key,
    share_of,
)
from xpareto.pipelines.searching.chooser import Chooser
from xpareto.pipelines.searching.examples import Examples, examples_of
from xpareto.pipelines.searching.quiet import check_installed
from xpareto.pipelines.searching.racing import Dropped, allowed, dominated, ranked
from xpareto.pipelines.searching.report import report_of
from xpareto.pipelines.searching.rounds import Round, excesses, values_of
from xpareto.pipelines.searching.space import Point, Space
from xpareto.pipelines.searching.study import Study, arm_of
from xpareto.pipelines.searching.trial_plans import BASELINE, TrialPlans, candidate_of
from xpareto.pipelines.storage import RunFolder

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
    threads: int
    dropped: list[Dropped] = field(default_factory=list)
    rounds: list[ScreeningRound] = field(default_factory=list)
    ended: str = ""  # why no further setting was tried
    _made: set[str] = field(default_factory=set)
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
        """Try settings until the budget is spent, or nothing is left to try."""
        chooser = Chooser(self.space, self.objectives, self.search.seed)
        self._first = self.round(0)
        begun = self.study.begun()
        if begun is not None:
            self._try(*begun)
        while (why := self._spent()) is None:
            trials = self.study.seen()
            seen = self._identities()
            point = self.space.as_it_stands() if not self.study.tried() else None
            if point is None or self._price(point, seen) is None:
                point = chooser.next(trials, partial(self._price, seen=seen))
            if point is None:
                why = "no setting that was not tried fits the space and what is left of the budget"
                break
            self._try(self.study.begin(point), point)
        self.ended = why
        spent = self.study.spent()
        self.console.say(
            f"Tried {spent.candidates} settings, {spent.making_seconds:.0f} s of making and "
            f"{spent.screening_seconds:.0f} s of screening: {why}."
        )

    def _spent(self) -> str | None:
        """Return what of the budget is spent; None while there is some of all."""
        budget, spent = self.search.budget, self.study.spent()
        if budget.candidates is not None and spent.candidates >= budget.candidates:
            return f"the budget of {budget.candidates} candidates is spent"
        if budget.hours is not None and spent.hours >= budget.hours:
            return f"the budget of {budget.hours:g} hours is spent"
        if budget.joules is not None and spent.joules >= budget.joules:
            return f"the budget of {budget.joules:g} J is spent"
        return None

    def _identities(self) -> set[str]:
        """Return the models that need no trial: those that were tried, and the baseline's."""
        tried = [self.plans.planned(point).identity for point in self.study.every_point()]
        baseline = self.plans.baseline.artifacts
        return {*tried, " ".join(f"{name}={key}" for name, key in sorted(baseline.items()))}

    def _price(self, point: Point, seen: set[str]) -> float | None:
        planned = self.plans.planned(point)
        if planned.refused or planned.identity in seen:
            return None
        seconds = self.costs.of_all(planned.nodes, self._is_made)
        hours = self.search.budget.hours
        if hours is not None and seconds > (hours - self.study.spent().hours) * 3600:
            return None
        return seconds

    def _is_made(self, key: str) -> bool:
        if key not in self._made and self.ready.store.digest_of(key) is not None:
            self._made.add(key)
        return key in self._made

    def _try(self, number: int, point: Point) -> None:
        """Make a setting and measure it on the examples of the first round."""
        arm = arm_of(number)
        prepared = self.plans.prepared({arm: point})
        absent = missing(prepared)
        if "absent" not in self.study.facts(number):  # a search that goes on knows what it began with
            self.study.note(number, arm=arm, absent=sorted(absent))
        builder = self._builder(prepared)
        baseline, candidate = prepared.plan.candidates[0], candidate_of(prepared.plan, arm)
        made = builder.bundles([baseline, candidate])
        first, bundle = made[baseline.name], made[candidate.name]
        if first is None:
            raise InputError(f"{baseline.name}: {builder.failed_candidates(prepared.plan)[baseline.name]}")
        self._account(number, prepared)
        if bundle is None:
            why = builder.failed_candidates(prepared.plan)[candidate.name]
            self.study.note(number, why=why)
            self.study.tell(number, None)
            return
        seconds = self._measure(self._first_round, baseline.name, prepared, first)
        seconds += self._measure(self._first_round, candidate.name, prepared, bundle)
        self.study.note(number, screening_seconds=round(seconds, 3))
        rows = self._first_round.rows(candidate.name)
        values = values_of(rows, self.objectives)
        if values is None:
            self.study.note(number, why="a probe failed, or an objective was not measured")
        over = excesses(rows, self._first_round.rows(baseline.name), self.search.limits)
        self.study.tell(number, values, over)

    def _builder(self, prepared: Prepared) -> ArtifactBuilder:
        share = share_of(self.options, self.ready.checked.recipe.measure)
        return ArtifactBuilder(
            prepared, self.run, self.executor, share, self.agenda, self.options.save_minutes, self.threads
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
        return Round.open(number, self.run.path / FOLDER, self.ready, work, self.threads)

    def _measure(self, at: Round, name: str, prepared: Prepared, bundle: Mapping[str, Artifact]) -> float:
        candidate = next(one for one in prepared.plan.candidates if one.name == name)
        costs = self._first_round.cost_rows(name) if at.number else None
        with self.agenda.piece("screen", f"screening of {name} on {at.examples} examples"):
            return at.measure(candidate, bundle, costs)

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
        values: dict[str, list[float]] = {}
        excess: dict[str, Mapping[str, float]] = {}
        for candidate in prepared.plan.candidates:
            bundle = builder.bundle(candidate)
            if bundle is None:
                continue
            self._measure(at, candidate.name, prepared, bundle)
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
    run, resumed = RunFolder.start_or_resume(options.runs, recipe.name, run_key(ready, work))
    objectives = [OBJECTIVES.load(name) for name in recipe.objectives]
    with run.held():
        if resumed:
            run.check_measured()
            run.drop_unfinished()
        console.say(f"{'Going on with' if resumed else 'Search in'} {run.path}")
        for name, how in examples.words.items():
            console.say(f"{name} is {how}")
        threads = recipe.measure.threads or cores()
        executor = executor_of(options, recipe.measure, run)
        study = Study.open(run.path / FOLDER, recipe.name, space, objectives)
        (run.path / FOLDER / "recipe.yaml").write_text(ready.checked.source, encoding="utf-8")
        live = LiveSearch(
            options, console, run, ready, space, plans, examples, study, ExpectedCosts.of_store(ready.store),
            Agenda(console, {}, at_once=executor.at_once), executor, threads,
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
        agenda, failed = carry_out(final, final_work, run, options, console)
    return reported(run, failed, agenda)
