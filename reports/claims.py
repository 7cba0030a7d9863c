"""The claims of the source study (Phang et al. 2020, arXiv 2005.13013), each with the test that it got.

A claim about arms is tested by comparisons of arms that train on what it speaks of, whatever they are
called; the status is read from their documents and never written by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reports.best_arm import headline
from reports.compared import interval
from reports.markdown import table
from reports.numbers import points
from reports.text import code, markdown

Document = Mapping[str, Any]
Status = Literal["supported", "contradicted", "undetermined", "holds", "fails", "not tested"]
ENGLISH, MULTILINGUAL, TEXT, MIXED, MULTITASK, NONE, OTHER = (
    "one English task", "a translated or multilingual task", "text alone", "tasks and text mixed",
    "several tasks", "no intermediate training", "something else",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One answer to a claim: its status, from what, and how that was found."""

    status: Status
    detail: str


@dataclass(frozen=True)
class Claim:
    """One claim. `find` gives findings from comparisons; `best`: from the best arm per task; `fact` names
    a check of pipelines.claims.
    """

    number: str
    text: str
    test: str  # the command
    why_not: str  # what is missing where there is no finding
    find: Callable[[Sequence[Document]], Iterator[Finding]] | None = None
    best: bool = False
    fact: str = ""


def trained_on(steps: Sequence[Mapping[str, Any]]) -> tuple[str, tuple[str, ...]]:
    """Return what kind of intermediate training an arm has, and the training sets or texts of it.

    >>> trained_on([{"on": "mnli", "languages": None}, {"on": "each", "languages": None}])
    ('one English task', ('mnli',))
    >>> trained_on([{"on": ["mnli", "mlm:parallel"], "languages": None}])[0]
    'tasks and text mixed'
    """
    own = [step for step in steps if step["on"] not in ("each", "encoder")]
    if not own:
        return NONE, ()
    names = [name for step in own for name in ([step["on"]] if isinstance(step["on"], str) else step["on"])]
    languages = {code for step in own for code in step["languages"] or ()}
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


def _sides(document: Document) -> list[tuple[str, tuple[str, ...]]]:
    return [trained_on(document["rests_on"]["training"][label]) for label in document["labels"]]


def _turned(document: Document, a: str, b: str) -> float | None:
    """Return 1 where the sides are of kinds a and b, -1 where they are exchanged, else None."""
    if document["same_arm"]:
        return None
    kinds = [kind for kind, _ in _sides(document)]
    return 1.0 if kinds == [a, b] else -1.0 if kinds == [b, a] else None


def _finding(document: Document, contrast: Mapping[str, Any], what: str, sign: float, wanted: str) -> Finding:
    verdict = contrast["verdict"]
    if sign < 0:
        verdict = {"better": "worse", "worse": "better"}.get(verdict, verdict)
        low, high = -contrast["high"], -contrast["low"]
        contrast = {**contrast, "difference": -contrast["difference"], "low": low, "high": high}
    a, b = document["labels"] if sign > 0 else reversed(document["labels"])
    status: Status = (
        "undetermined" if verdict == "undetermined" else "supported" if verdict == wanted else "contradicted"
    )
    grade = "synthetic data" if document["rests_on"]["synthetic"] else "real data"
    scope = ", these trained models only" if document["scope"] == "these models" else ""
    return Finding(
        status,
        f"{b} against {a}, {what}: {points(contrast['difference'])} ({interval(contrast)}), {verdict}; "
        f"{grade}, {document['run']}{scope}",
    )


def _averages(a: str, b: str, wanted: str = "better") -> Callable[[Sequence[Document]], Iterator[Finding]]:
    """Return the finder of contrasts of the average of B less A, by what the arms train on."""

    def find(documents: Sequence[Document]) -> Iterator[Finding]:
        for document in documents:
            sign = _turned(document, a, b)
            if sign is not None:
                yield _finding(document, document["variants"][0]["average"], "average", sign, wanted)

    return find


def _either(
    *finders: Callable[[Sequence[Document]], Iterator[Finding]],
) -> Callable[[Sequence[Document]], Iterator[Finding]]:
    return lambda documents: (found for finder in finders for found in finder(documents))


def _tasks(wanted: Mapping[str, str]) -> Callable[[Sequence[Document]], Iterator[Finding]]:
    """Return the finder of one English task against none, in tasks and what is claimed of them."""

    def find(documents: Sequence[Document]) -> Iterator[Finding]:
        for document in documents:
            sign = _turned(document, NONE, ENGLISH)
            for task, verdict in wanted.items() if sign is not None else ():
                contrast = document["variants"][0]["tasks"].get(task)
                if contrast is not None and sign is not None:
                    yield _finding(document, contrast, task, sign, verdict)

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
        "xpareto list steps -v; xpareto claims",
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


def findings(
    claim: Claim,
    documents: Sequence[Document],
    best: Sequence[Document],
    facts: Mapping[str, Sequence[Finding]],
) -> list[Finding]:
    """Return what is known of a claim, each thing once, or one finding that says why nothing is."""
    found = list(claim.find(documents)) if claim.find else list(facts.get(claim.fact, ()))
    found += [_best(document) for document in best if claim.best]
    return list(dict.fromkeys(found)) or [Finding("not tested", claim.why_not)]


def _best(document: Document) -> Finding:
    verdict = document["average"]["verdict"]
    status: Status = (
        "undetermined"
        if verdict == "undetermined"
        else "supported"
        if verdict == "better"
        else "contradicted"
    )
    return Finding(status, headline(document))


def claims_markdown(
    documents: Sequence[Document],
    best: Sequence[Document],
    facts: Mapping[str, Sequence[Finding]],
    runs: Sequence[str],
    command: str,
) -> str:
    """Return the table of claims as Markdown; equal arguments give equal bytes."""
    lines = ["# The claims of Phang et al. 2020, and what became of them here", ""]
    synthetic = any(document["rests_on"]["synthetic"] for document in documents)
    synthetic = synthetic or any(document["synthetic"] for document in best)
    if synthetic:
        lines += [
            "> **Some findings rest on synthetic data: they show that the machinery works, nothing else.**",
            "",
        ]
    lines += [
        "A claim about arms is supported when the comparison's verdict is the one it predicts, contradicted "
        "when it is another, and undetermined when the data do not decide. A verdict on a small model or on "
        "little data says nothing of XLM-R Large. Differences are in points with 95 % intervals, in the "
        "uncompressed variant.",
        "",
        f"Runs: {', '.join(code(name) for name in runs) or 'none'}. "
        f"Comparisons: {len(documents)}. Made by {code(command)}.",
        "",
    ]
    rows = []
    for claim in CLAIMS:
        for place, finding in enumerate(findings(claim, documents, best, facts)):
            first = [claim.number, markdown(claim.text), code(claim.test)] if not place else ["", "", ""]
            rows.append([*first, f"**{finding.status}**", markdown(finding.detail)])
    lines += table(["claim", "", "how to test it", "status", "on the data at hand"], rows, numeric_from=5)
    return "\n".join(lines).rstrip() + "\n"
