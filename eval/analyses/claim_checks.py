"""Checks of the source study's claims that need no statistics: the catalogues, and chains of steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from xpareto.eval.analyses.arm_comparison import training_steps
from xpareto.eval.analyses.claims import ENGLISH, MULTITASK, trained_on
from xpareto.eval.analyses.documents import Finding
from xpareto.eval.results import Candidate, Run
from xpareto.eval.tasks import TASKS, TRAINING_SETS

# XTREME's own list (Hu et al. 2020, table 1): group and number of languages.
XTREME = {
    "xnli": ("classification", 15), "pawsx": ("classification", 7), "udpos": ("tagging", 33),
    "panx": ("tagging", 40), "xquad": ("qa", 11), "mlqa": ("qa", 7), "tydiqa": ("qa", 9),
    "bucc2018": ("retrieval", 4), "tatoeba": ("retrieval", 36),
}  # fmt: skip
# The nine intermediate tasks of the study's second version and their shape of answer.
INTERMEDIATE = {
    "anli": "classify", "mnli": "classify", "qqp": "classify", "squad_v1": "span", "squad_v2": "span",
    "hellaswag": "choose", "ccg": "tag", "cosmosqa": "choose", "commonsenseqa": "choose",
}  # fmt: skip


def checks(runs: Sequence[Run]) -> Mapping[str, list[Finding]]:
    """Return the findings of every check by its name; `runs` are read one by one."""
    return {"xtreme": _xtreme(), "intermediate": _intermediate(), **_chains(runs)}


def arms_by_kind(run: Run) -> dict[str, list[str]]:
    """Return a run's arms by what kind of intermediate training they have, in its order."""
    arms: dict[str, list[str]] = {}
    for arm in dict.fromkeys(candidate.arm for candidate in run.candidates):
        one = next(candidate for candidate in run.candidates if candidate.arm == arm)
        arms.setdefault(trained_on(training_steps(one))[0], []).append(arm)
    return arms


def _xtreme() -> list[Finding]:
    """Return how the catalogue of tasks differs from XTREME's list, or that it does not."""
    wrong = []
    for name, (group, languages) in XTREME.items():
        if name not in TASKS.names:
            wrong.append(f"{name} is missing")
            continue
        declared = TASKS.load(name)
        if (declared.group, len(declared.languages)) != (group, languages):
            wrong.append(
                f"{name}: expected {group} in {languages} languages, "
                f"declared {declared.group} in {len(declared.languages)}"
            )
    if wrong:
        return [Finding(status="fails", detail="; ".join(wrong))]
    holds = "all nine tasks are declared with XTREME’s groups and numbers of languages"
    return [Finding(status="holds", detail=holds)]


def _intermediate() -> list[Finding]:
    wrong = [
        f"{name}: {'missing' if name not in TRAINING_SETS.names else TRAINING_SETS.load(name).kind}"
        for name, kind in INTERMEDIATE.items()
        if name not in TRAINING_SETS.names or TRAINING_SETS.load(name).kind != kind
    ]
    if wrong:
        return [Finding(status="fails", detail="; ".join(wrong))]
    holds = "all nine training sets are declared, each with its shape of answer"
    return [Finding(status="holds", detail=holds)]


def _chains(runs: Sequence[Run]) -> Mapping[str, list[Finding]]:
    phases: list[Finding] = []
    kinds: list[Finding] = []
    for run in runs:
        origin = run.origins[0]
        chains = {each.name: trained_on(training_steps(each)) for each in run.candidates}
        trained = [candidate for candidate in run.candidates if chains[candidate.name][1]]
        whole = [candidate for candidate in trained if _three_phases(candidate, origin.base)]
        if trained:
            phases.append(
                Finding(
                    status="holds" if len(whole) == len(trained) else "fails",
                    detail=f"{len(whole)} of {len(trained)} candidates with an intermediate task: {origin.run}",
                )
            )
        if {ENGLISH, MULTITASK} <= {chains[candidate.name][0] for candidate in trained}:
            kinds.append(Finding(status="holds", detail=f"both were trained in {origin.run}"))
    return {"phases": phases, "single-and-multi": kinds}


def _three_phases(candidate: Candidate, base: str) -> bool:
    """Does the chain go from a base, or its making, over an intermediate task to the target?"""
    names = [step.step for step in candidate.steps]
    trains = [step.fields.get("on") for step in candidate.steps if step.step == "train"]
    return bool(base or names[:1] == ["pretrain"]) and trains[-1:] == ["each"] and len(trains) > 1
