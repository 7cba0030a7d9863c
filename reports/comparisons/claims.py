"""What became of the source study's claims, as a table in Markdown."""

from __future__ import annotations

from xpareto.eval.analyses.documents import THESE_MODELS, ClaimStatus, ComparedArms, Finding
from xpareto.reports.comparisons.best_arm import headline
from xpareto.reports.comparisons.compared import interval
from xpareto.reports.formats import table
from xpareto.reports.text import code, markdown, points


def claims_markdown(status: ClaimStatus) -> str:
    """Return the table of claims as Markdown; the same document gives the same bytes."""
    lines = ["# The claims of Phang et al. 2020, and what became of them here", ""]
    if status.synthetic:
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
        f"Runs: {', '.join(code(name) for name in status.runs) or 'none'}. "
        f"Comparisons: {status.comparisons}. Made by {code(status.command)}.",
        "",
    ]
    rows = []
    for claim in status.claims:
        told = dict.fromkeys((finding.status, words(finding)) for finding in claim.findings)
        for place, (how, detail) in enumerate(told):
            first = [claim.number, markdown(claim.text), code(claim.test)] if not place else ["", "", ""]
            rows.append([*first, f"**{how}**", markdown(detail)])
    lines += table(["claim", "", "how to test it", "status", "on the data at hand"], rows, numeric_from=5)
    return "\n".join(lines).rstrip() + "\n"


def words(finding: Finding) -> str:
    """Return what a finding rests on."""
    if finding.contrast is not None:
        return _contrast(finding.contrast)
    return finding.detail if finding.best is None else headline(finding.best)


def _contrast(compared: ComparedArms) -> str:
    grade = "synthetic data" if compared.synthetic else "real data"
    scope = ", these trained models only" if compared.scope == THESE_MODELS else ""
    return (
        f"{compared.b} against {compared.a}, {compared.what}: {points(compared.difference.value)} "
        f"({interval(compared.difference)}), {compared.verdict}; {grade}, {compared.run}{scope}"
    )
