"""Who is on the frontier, and how surely: the tables of the analysis in plain words."""

from __future__ import annotations

from dataclasses import dataclass

from xpareto.eval.analyses.documents import ALL, Analysis, FrontierEntry, Summary
from xpareto.eval.results import RunSummary
from xpareto.reports.text import midway

_WORTH_NAMING = 5  # percent: a domination that is rarer says nothing


@dataclass(frozen=True)
class Member:
    """One system of one frontier; percentages are shares of the draws."""

    name: str
    baseline: bool
    on: bool  # as measured
    membership: int
    beyond_noise: int
    inside: bool  # the confidence set
    only_just: bool  # in it, but not once being worse by less than the noise floors is forgiven
    dominators: tuple[tuple[str, int], ...]  # why it is outside; if inside, its likeliest
    knee: bool
    knee_share: int | None  # None where a knee has no meaning


@dataclass(frozen=True)
class Volume:
    """A hypervolume in points x octaves of cost, with its interval; `arm` is "" for all together."""

    arm: str
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Panel:
    """The frontier of the score against one cost, or against all of them."""

    key: str
    title: str
    members: tuple[Member, ...]
    knee_none: int | None  # percent of the draws without a knee; None where a knee has no meaning
    volumes: tuple[Volume, ...]

    @property
    def knee(self) -> Member | None:
        """Return the knee as measured."""
        return next((member for member in self.members if member.knee), None)

    @property
    def inside(self) -> int:
        """Return how many systems are in the confidence set."""
        return sum(member.inside for member in self.members)


def panels(run_summary: RunSummary, analysis: Analysis) -> list[Panel]:
    """Return one panel for each cost, and one for all costs at once; none without an analysis."""
    if not analysis:
        return []
    return [
        Panel(
            key,
            title,
            tuple(_member(analysis, frontier, at) for at in range(len(frontier.systems))),
            frontier.knee_none if frontier.knee_shares else None,
            _volumes(frontier),
        )
        for key, title, frontier in shown_frontiers(run_summary, analysis)
    ]


def shown_frontiers(run_summary: RunSummary, analysis: Analysis) -> list[tuple[str, str, FrontierEntry]]:
    """Return (key, title, frontier of the document) of each panel."""
    if not analysis:
        return []
    count = len(analysis.frontiers) - 1
    return [
        (key, f"All {count} costs at once" if key == ALL else run_summary.objectives[key].title, frontier)
        for key, frontier in analysis.frontiers.items()
        if key == ALL or key in run_summary.costs
    ]


def _member(analysis: Summary, frontier: FrontierEntry, at: int) -> Member:
    names, place = analysis.names, frontier.systems[at]
    column = [row[at] for row in frontier.dominance]
    dominators = [frontier.systems.index(other) for other in frontier.dominated_by.get(place, ())]
    if not dominators:
        likeliest = max(range(len(column)), key=lambda other: column[other])
        dominators = [likeliest] if column[likeliest] >= _WORTH_NAMING else []
    shares = frontier.knee_shares
    return Member(
        names[place],
        place == analysis.base,
        place in frontier.on,
        frontier.membership[at],
        frontier.beyond_noise[at],
        place in frontier.confidence_set,
        place in frontier.confidence_set and place not in frontier.within_floors,
        tuple((names[frontier.systems[other]], column[other]) for other in dominators),
        place == frontier.knee,
        shares[at] if shares else None,
    )


def _volumes(frontier: FrontierEntry) -> tuple[Volume, ...]:
    if frontier.hypervolume is None:
        return ()
    volumes = {"": frontier.hypervolume, **(frontier.hypervolumes if len(frontier.hypervolumes) > 1 else {})}
    return tuple(Volume(arm, one.value, one.low, one.high) for arm, one in volumes.items())


def knee_words(panel: Panel) -> tuple[str, ...]:
    """Return the sentence on the knee, names at odd places; () where a knee has no meaning."""
    if panel.knee_none is None:
        return ()
    title = midway(panel.title)
    if panel.knee is not None:
        share = panel.knee.knee_share
        tail = f" as measured, and in {share} % of the draws; {panel.knee_none} % of the draws have none."
        return (f"The knee of score against {title} is ", panel.knee.name, tail)
    best = max(panel.members, key=lambda member: member.knee_share or 0)
    lead = f"Score against {title} has no knee as measured; neither have {panel.knee_none} % of the draws"
    if not best.knee_share:
        return (lead + ".",)
    return (lead + ", and ", best.name, f" is it in {best.knee_share} %.")
