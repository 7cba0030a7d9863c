"""The claims of the source study (Phang et al. 2020, arXiv 2005.13013), each judged by what tests it.

A claim about arms is tested by comparisons of arms that train on what it speaks of, whatever they are
called; the status is read from their documents and never written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xpareto.eval.analyses.documents import (
    ArmComparison,
    BestArm,
    ClaimEntry,
    ClaimStatus,
    ComparedArms,
    Estimate,
    Finding,
    Status,
    TrainingStep,
)
from xpareto.eval.statistics import Contrast, Verdict

ENGLISH, MULTILINGUAL, TEXT, MIXED, MULTITASK, NONE = (
    "one English task", "a translated or multilingual task", "text alone", "tasks and text mixed",
    "several tasks", "no intermediate training",
)  # fmt: skip
_TURNED: Mapping[Verdict, Verdict] = {"better": "worse", "worse": "better"}
Finder = Callable[[Sequence[ArmComparison]], Iterator[Finding]]


@dataclass(frozen=True)
class Claim:
    """One claim. `find` gives findings from comparisons; `best`: from the best arm per task; `fact` names
    a check of eval.analyses.claim_checks.
    """

    number: str
    text: str
    test: str  # the command
    why_not: str  # what is missing where there is no finding
    find: Finder | None = None
    best: bool = False
    fact: str = ""


def trained_on(steps: Sequence[TrainingStep]) -> tuple[str, tuple[str, ...]]:
    """Return what kind of intermediate training an arm has, and the training sets or texts of it.

    >>> trained_on([TrainingStep(label="", on="mnli"), TrainingStep(label="", on="each")])
    ('one English task', ('mnli',))
    >>> trained_on([TrainingStep(label="", on=("mnli", "mlm:parallel"))])[0]
    'tasks and text mixed'
    """
    intermediate = [step for step in steps if step.on not in ("each", "encoder")]
    if not intermediate:
        return NONE, ()
    names = [
        name for step in intermediate for name in ([step.on] if isinstance(step.on, str) else step.on or ())
    ]
    languages = {code for step in intermediate for code in step.languages or ()}
    languages |= {name.partition("@")[2] for name in names if "@" in name}
    texts = [name for name in names if ":" in name]
    sets = tuple(dict.fromkeys(name.partition("@")[0] for name in names if ":" not in name))
    known = (*sets, *texts)
    if not sets:
        return TEXT, known
    if texts:
        return MIXED, known
    if languages - {"en"}:
        return MULTILINGUAL, known
    return (ENGLISH if len(sets) == 1 else MULTITASK), known


def _sign(comparison: ArmComparison, a: str, b: str) -> int | None:
    """Return 1 where the sides are of kinds a and b, -1 where they are exchanged, else None."""
    if comparison.same_arm:
        return None
    kinds = [trained_on(comparison.rests_on.training[label])[0] for label in comparison.labels]
    return 1 if kinds == [a, b] else -1 if kinds == [b, a] else None


def _finding(comparison: ArmComparison, contrast: Contrast, what: str, sign: int, wanted: Verdict) -> Finding:
    a, b = comparison.labels
    verdict, difference = contrast.verdict, Estimate(contrast.difference, contrast.low, contrast.high)
    if sign < 0:
        a, b = b, a
        verdict = _TURNED.get(verdict, verdict)
        difference = Estimate(-contrast.difference, -contrast.high, -contrast.low)
    compared = ComparedArms(
        run=comparison.run,
        a=a,
        b=b,
        what=what,
        difference=difference,
        verdict=verdict,
        synthetic=comparison.rests_on.synthetic,
        scope=comparison.scope,
    )
    return Finding(status=_status(verdict, wanted), contrast=compared)


def _status(verdict: Verdict, wanted: Verdict) -> Status:
    if verdict == "undetermined":
        return "undetermined"
    return "supported" if verdict == wanted else "contradicted"


def _averages(a: str, b: str, wanted: Verdict = "better") -> Finder:
    """Return the finder of contrasts of the average of B less A, by what the arms train on."""

    def find(comparisons: Sequence[ArmComparison]) -> Iterator[Finding]:
        for comparison in comparisons:
            sign = _sign(comparison, a, b)
            if sign is not None:
                yield _finding(comparison, comparison.variants[0].average, "average", sign, wanted)

    return find


def _either(*finders: Finder) -> Finder:
    return lambda comparisons: (finding for finder in finders for finding in finder(comparisons))


def _tasks(wanted: Mapping[str, Verdict]) -> Finder:
    """Return the finder of one English task against none, in tasks and what is claimed of them."""

    def find(comparisons: Sequence[ArmComparison]) -> Iterator[Finding]:
        for comparison in comparisons:
            sign = _sign(comparison, NONE, ENGLISH)
            if sign is None:
                continue
            for task, verdict in wanted.items():
                contrast = comparison.variants[0].tasks.get(task)
                if contrast is not None:
                    yield _finding(comparison, contrast, task, sign, verdict)

    return find


COMPARE = "xpareto compare RUN --arms"
AT_ONCE = "xpareto run stilts; xpareto claims latest --compare"
CLAIMS = (
    Claim(
        "1",
        "SQuAD, MNLI and HellaSwag as single intermediate tasks raise the average by 8.2, 7.5 and 7.0 points.",
        f"{AT_ONCE}; or {COMPARE} none TASK, for arms that train on squad_v1, mnli and hellaswag",
        "no comparison of an arm with one English task against none. The size of the gain needs XLM-R Large, "
        "the full training sets and all nine tasks; smaller ones test its direction only",
        _averages(NONE, ENGLISH),
    ),
    Claim(
        "2",
        "All nine intermediate tasks together gain 8.7, more than the best single one.",
        f"{AT_ONCE}; or {COMPARE} SINGLE MULTI, for every arm with one task and an arm `on: [anli, mnli, qqp, ...]`",
        "no comparison of an arm with several English tasks against one with a single task; CCG needs a "
        "licence of the LDC",
        _averages(ENGLISH, MULTITASK),
    ),
    Claim(
        "3",
        "The retrieval tasks gain, and with them most of the average.",
        f"{COMPARE} none TASK (rows tatoeba and bucc2018, attribution); xpareto measure RUN --probe depth",
        "no comparison with a retrieval task in it. At the layer that was read only: under oracle-layer selection "
        "it has to be read off the curves per layer of both arms",
        _tasks({"tatoeba": "better", "bucc2018": "better"}),
    ),
    Claim(
        "4",
        "TyDiQA gains much, XNLI nearly nothing.",
        f"{COMPARE} none TASK (rows tydiqa and xnli; xnli: equivalent), with equal steps in both arms",
        "no comparison with tydiqa or xnli in it",
        _tasks({"tydiqa": "better", "xnli": "equivalent"}),
    ),
    Claim(
        "5",
        "The best intermediate task for each target gains 5.4 points on average on test.",
        f"{AT_ONCE}; with a run of the same models on `split: dev`, dev chooses: "
        "xpareto claims RUN DEV_RUN --compare",
        "no run with several arms of one English task and one of none whose best arm per task was chosen",
        best=True,
    ),
    Claim(
        "6",
        "English intermediate tasks help more than continued masked LM, and than translated task data.",
        f"{AT_ONCE}; or {COMPARE} text english; {COMPARE} multilingual english",
        "no comparison of an English arm with one on text or on translated data",
        _either(_averages(TEXT, ENGLISH), _averages(MULTILINGUAL, ENGLISH)),
    ),
    Claim(
        "7",
        "XLM-R Large with STILTs is the state of the art on XTREME.",
        "none",
        "true of 2020: a place in a ranking of that day, not a property that can be measured again",
    ),
    Claim(
        "8, 13",
        "XTREME has nine tasks in four groups, in the languages that it lists.",
        "xpareto list tasks -v; xpareto claims",
        "",
        fact="xtreme",
    ),
    Claim(
        "9, 10, 14, 15",
        "There are nine intermediate tasks: classification, tagging, spans and multiple choice.",
        "xpareto list training -v; xpareto claims",
        "",
        fact="intermediate",
    ),
    Claim(
        "11",
        "Training has three phases: a multilingual base, the intermediate task, the target task.",
        "xpareto claims RUN, which reads the chain of steps of every candidate",
        "give a run",
        fact="phases",
    ),
    Claim(
        "12",
        "Intermediate training may be on a single task or on several at once.",
        "xpareto claims RUN; python -m pytest tests/compress",
        "give runs whose arms train on one task and on several; the tests train both",
        fact="single-and-multi",
    ),
)


def claim_status(
    comparisons: Sequence[ArmComparison],
    best: Sequence[BestArm],
    facts: Mapping[str, Sequence[Finding]],
    runs: Sequence[str],
    command: str,
) -> ClaimStatus:
    """Return what is known of every claim. `facts` are the findings of checks by their names."""
    return ClaimStatus(
        runs=tuple(runs),
        comparisons=len(comparisons),
        command=command,
        synthetic=any(comparison.rests_on.synthetic for comparison in comparisons)
        or any(document.synthetic for document in best),
        claims=tuple(
            ClaimEntry(
                number=claim.number,
                text=claim.text,
                test=claim.test,
                findings=tuple(_findings(claim, comparisons, best, facts)),
            )
            for claim in CLAIMS
        ),
    )


def _findings(
    claim: Claim,
    comparisons: Sequence[ArmComparison],
    best: Sequence[BestArm],
    facts: Mapping[str, Sequence[Finding]],
) -> list[Finding]:
    """Return what is known of a claim, each thing once, or one finding that says why nothing is."""
    known = list(claim.find(comparisons)) if claim.find else list(facts.get(claim.fact, ()))
    if claim.best:
        known += [
            Finding(status=_status(document.average.verdict, "better"), best=document) for document in best
        ]
    once = [finding for place, finding in enumerate(known) if finding not in known[:place]]
    return once or [Finding(status="not tested", detail=claim.why_not)]
