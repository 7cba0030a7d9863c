"""What a finished plan leaves for its readers: eval.results' document of the run's candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from xpareto.compress.core import Artifact
from xpareto.eval.data import Data
from xpareto.eval.results import Provenance, RunDocument, StepFacts, TaskFacts
from xpareto.eval.results import document as results
from xpareto.eval.tasks import ENCODER
from xpareto.pipelines.planning import Candidate, Plan, Start, Workload, incomplete
from xpareto.pipelines.recipe import Recipe
from xpareto.pipelines.storage import Store


def results_of(
    run: str,
    command: str,
    recipe: Recipe,
    start: Start,
    plan: Plan,
    work: Sequence[Workload],
    store: Store,
    verified: Mapping[str, Artifact],
) -> RunDocument:
    """Return the document of a run; `verified` holds the artifacts that could be made, by node key."""
    return RunDocument(
        run=run,
        recipe=recipe.name,
        command=command,
        synthetic=start.data.synthetic,
        data=start.data_name,
        base=start.base.name if start.base else "",
        description=recipe.description,
        brought=_brought(plan),
        incomplete={name: tuple(parts) for name, parts in incomplete(plan, start).items()},
        tasks={item.task.name: _task(item) for item in work},
        objectives=tuple(recipe.objectives),
        baseline=plan.baseline,
        candidates=tuple(
            _candidate(item, run, plan, store, verified, start.data) for item in plan.candidates
        ),
        made=_made(plan, store, recipe.measure.allow_modelled_energy),
    )


def _brought(plan: Plan) -> tuple[str, ...]:
    """Return the training sets whose models the base came with, but for bare encoders, which learn from none."""
    taken = (node.fields.get("training_set") for node in plan.nodes.values() if node.step == "base")
    return tuple(sorted({str(name) for name in taken if name is not None} - {ENCODER}))


def _task(item: Workload) -> TaskFacts:
    return TaskFacts(
        item.task.name,
        item.scored,
        item.missing,
        tuple(item.task.metrics),
        item.task.group,
        item.limit,
        item.split,
        item.task.scored_by,
        dict(zip(item.languages, item.fingerprints, strict=True)),
        {language: told.why for language, told in item.withheld.items()},
        asdict(item.task) if item.task.own else None,
        item.skip,
    )


def _candidate(
    planned: Candidate, run: str, plan: Plan, store: Store, verified: Mapping[str, Artifact], data: Data
) -> results.Candidate:
    chain = {node.key: node for key in planned.artifacts.values() for node in plan.ancestors(key)}
    made = [store.find(key, verify=False) for key in chain]
    return results.Candidate(
        planned.name,
        planned.arm,
        planned.stage,
        planned.runtime,
        planned.seed,
        dict(planned.settings),
        tuple(
            StepFacts(setting.name, setting.label, setting.step.version, setting.step.as_json())
            for setting in planned.steps
        ),
        {name: verified[key].digest for name, key in planned.artifacts.items() if key in verified},
        round(sum(artifact.manifest.seconds for artifact in made if artifact is not None), 1),
        run,
        dict(planned.artifacts),
        _learnt(planned, data),
    )


def _learnt(planned: Candidate, data: Data) -> dict[str, tuple[str, ...]]:
    """Return the languages of the labels of a candidate's training sets that the recipe declares."""
    names = {*planned.artifacts}
    for setting in planned.steps:
        on = getattr(setting.step, "on", None)
        names |= {on} if isinstance(on, str) else {*(on or ())}
    own = sorted(name for name in names if name.partition("@")[0] in data.own.tasks)
    return {name: tuple(sorted(data.learnt(name))) for name in own}


def _made(plan: Plan, store: Store, modelled: bool) -> dict[str, Provenance]:
    """Return every piece of work that is in the store, whether this run made it or found it there.

    Energy that was modelled is told only where the recipe accepts it (`modelled`).
    """
    made = {}
    for key, node in plan.nodes.items():
        artifact = store.find(key, verify=False)
        if artifact is None:
            continue
        facts = artifact.manifest
        work = (node.step, node.label, node.parent, facts.seconds, facts.cpu_seconds)
        if modelled or facts.energy_basis == "measured":
            energy = (facts.energy_j, facts.energy_basis, facts.energy_instrument)
            made[key] = Provenance(*work, *energy, tokens=facts.notes.get("tokens"))
        else:
            made[key] = Provenance(*work, tokens=facts.notes.get("tokens"))
    return made
