"""The best arm for each task against an arm without intermediate training, as Markdown and in one line."""

from __future__ import annotations

from collections.abc import Iterator

from xpareto.eval.analyses.documents import THESE_MODELS, BestArm
from xpareto.eval.statistics import Contrast
from xpareto.reports.comparisons.compared import interval, p_text
from xpareto.reports.findings import unlearnt_text
from xpareto.reports.formats import table
from xpareto.reports.text import code, markdown, points

FILE = "best-arm"


def headline(document: BestArm) -> str:
    """Return the contrast of the average in one sentence, and how the arms were chosen."""
    average = document.average
    grade = "synthetic data" if document.synthetic else "real data"
    scope = ", these trained models only" if document.scope == THESE_MODELS else ""
    return (
        f"best of {', '.join(document.arms)} per task against {document.reference}, average: "
        f"{points(average.difference)} ({interval(average)}), {average.verdict}; {ways(document)}; "
        f"{grade}, {document.run}{scope}"
    )


def ways(document: BestArm) -> str:
    """Return on what each task's arm was chosen: `chosen on dev (xnli)`."""
    by_way = {
        way: [task for task, facts in document.tasks.items() if facts.way == way] for way in ("dev", "halves")
    }
    named = {"dev": "on dev", "halves": "by cross-fitting halves of the test examples"}
    return "chosen " + ", ".join(
        f"{named[way]} ({', '.join(tasks)})" for way, tasks in by_way.items() if tasks
    )


def best_arm_markdown(document: BestArm) -> str:
    """Return the whole document as Markdown; the same document gives the same bytes."""
    return "\n".join(_lines(document)).rstrip() + "\n"


def _lines(document: BestArm) -> Iterator[str]:
    yield from (f"# The best arm for each task against {code(document.reference)}", "")
    if document.synthetic:
        yield from ("> **Synthetic data: evidence for the machinery only.**", "")
    yield from (f"{markdown(headline(document))}. In {code(document.variant)}.", "")
    uncounted = unlearnt_text(document.unlearnt, document.tasks)
    if uncounted:
        yield from (uncounted, "")
    yield (
        "An arm is never chosen on the examples that it is scored on: it is chosen on dev where another run "
        "of the same models was scored there, else on one half of the test examples for the other, both ways "
        "and averaged. Each training seed chooses for itself, and so does every bootstrap draw, so that the "
        "intervals cover the choice. Of equally good arms the first is chosen."
    )
    yield ""
    head = ["task", "chosen on", "arms chosen", "share of draws", code(document.reference), "best",
            "difference", "95 % interval", "p (Holm)", "verdict"]  # fmt: skip
    rows = [["average", "", "", "", *_cells(document.average)]]
    for task, facts in document.tasks.items():
        chosen = ", ".join(f"{arm} ({count}×)" for arm, count in facts.chosen.items())
        shares = ", ".join(f"{arm} {100 * share:.0f} %" for arm, share in facts.shares.items())
        rows.append([markdown(task), facts.way, markdown(chosen), markdown(shares), *_cells(facts.contrast)])
    yield from table(head, rows, numeric_from=4)


def _cells(contrast: Contrast) -> list[str]:
    return [
        f"{contrast.a:.1f}",
        f"{contrast.b:.1f}",
        points(contrast.difference),
        interval(contrast),
        p_text(contrast.p_adjusted),
        contrast.verdict,
    ]
