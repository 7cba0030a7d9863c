"""Who dominates whom: the shares of the draws, ordered so that their structure can be seen."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass

from xpareto.eval.analyses.documents import Analysis, FrontierEntry, Summary
from xpareto.eval.results import RunSummary
from xpareto.reports.findings.membership import shown_frontiers

ROOM = 40  # systems whose shares can be read side by side


@dataclass(frozen=True)
class Domination:
    """One frontier's systems, likeliest first, and in what percent of the draws one dominates another.

    `systems` are places among the systems of the analysis; `shares` has a row for each that dominates
    and a column for each that is dominated, both in that order.
    """

    key: str
    title: str
    systems: tuple[int, ...]
    membership: tuple[int, ...]
    shares: tuple[tuple[int, ...], ...]
    foremost: tuple[int, ...]  # places in `systems` of those to show first, at most ROOM

    @property
    def packed(self) -> str:
        """Return the shares row by row, one byte each, as base64: 200 systems have 40,000 of them."""
        return b64encode(bytes(share for row in self.shares for share in row)).decode()


def dominations(run_summary: RunSummary, analysis: Analysis) -> list[Domination]:
    """Return one for each panel of the report, in the order of the panels; none without an analysis."""
    if not analysis:
        return []
    return [
        _domination(key, title, frontier, analysis)
        for key, title, frontier in shown_frontiers(run_summary, analysis)
    ]


def _domination(key: str, title: str, frontier: FrontierEntry, analysis: Summary) -> Domination:
    """Sort by frontier probability, score, and how much a system dominates.

    So whatever surely dominates another stands before it, and all its shares above the diagonal.
    """
    places, shares, membership = frontier.systems, frontier.dominance, frontier.membership
    scores = [analysis.scores[place].average for place in places]

    def rank(at: int) -> tuple[float, float, float]:
        return -membership[at], -scores[at], -sum(shares[at])

    order = sorted(range(len(places)), key=rank)
    wanted = {*frontier.on, analysis.base}
    first = sorted(range(len(order)), key=lambda rank: places[order[rank]] not in wanted)[:ROOM]
    return Domination(
        key,
        title,
        tuple(places[at] for at in order),
        tuple(membership[at] for at in order),
        tuple(tuple(min(100, max(0, shares[row][column])) for column in order) for row in order),
        tuple(sorted(first)),
    )


def domination_rows(run_summary: RunSummary, analysis: Analysis) -> Iterable[tuple[str, str, str, int]]:
    """Yield (cost, dominator, dominated, percent) wherever the share is not 0, the largest table of all."""
    names = analysis.names if analysis else ()
    for domination in dominations(run_summary, analysis):
        for row, one in enumerate(domination.systems):
            for column, other in enumerate(domination.systems):
                if row != column and domination.shares[row][column] != 0:
                    yield domination.key, names[one], names[other], domination.shares[row][column]
