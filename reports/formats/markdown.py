"""The summary as Markdown, for a terminal, a review or a repository."""

from __future__ import annotations

from collections.abc import Iterator

from xpareto.eval.analyses.documents import NO_ANALYSIS, Analysis, SearchReport
from xpareto.eval.results import INTERVAL, RunSummary, Score, seen_languages
from xpareto.reports.findings import (
    change_tasks,
    change_words,
    changes,
    headline,
    informed_caveats,
    languages_counted,
    largest_loss,
    noise_rows,
    panels,
    versus_baseline,
)
from xpareto.reports.formats.markdown_costs import (
    depth_lines,
    effort_lines,
    roofline_lines,
    tuning_lines,
    use_lines,
)
from xpareto.reports.formats.markdown_table import table
from xpareto.reports.formats.search_view import search_lines
from xpareto.reports.text import code, facts, language_title, markdown, midway, number, points


def summary(
    run_summary: RunSummary, analysis: Analysis = NO_ANALYSIS, search: SearchReport | None = None
) -> str:
    """Return the whole summary; the same run, analysis and search give the same bytes."""
    return "\n".join(_lines(run_summary, analysis, search)).rstrip() + "\n"


def _lines(run_summary: RunSummary, analysis: Analysis, search: SearchReport | None) -> Iterator[str]:
    run = run_summary.run
    recipes = ", ".join(dict.fromkeys(origin.recipe for origin in run.origins))
    yield from (f"# {markdown(recipes)}: which variant to deploy", "")
    if run.synthetic:
        yield from ("> **Synthetic data: evidence for the machinery only.**", "")
    for sentence in headline(run_summary, analysis):
        parts = [code(part) if place % 2 else markdown(part) for place, part in enumerate(sentence)]
        yield f"- {''.join(parts)}"
    yield ""
    yield from _candidates(run_summary, analysis)
    yield from _certainty(run_summary, analysis)
    yield from _noise(run_summary, analysis)
    yield from _tasks(run_summary)
    yield from _changes(run_summary, analysis)
    yield from _languages(run_summary, analysis)
    yield from _cells(run_summary)
    yield from depth_lines(run_summary)
    yield from roofline_lines(run_summary)
    yield from tuning_lines(run_summary)
    yield from use_lines(run_summary)
    yield from search_lines(search)
    yield from effort_lines(run_summary)
    yield from _failures(run_summary)
    yield from ("## Caveats", "")
    for caveat in informed_caveats(run_summary, analysis):
        yield f"- **{markdown(caveat.title)}.** {markdown(caveat.text)}"
    yield ""
    yield from ("## How to reproduce", "")
    for origin in run.origins:
        command = code(origin.command).strip("`")
        yield from ("```sh", command, "```", "")
        yield f"Run {code(origin.run)}, data: {markdown(origin.data)}."
        yield ""
        yield from table(
            ["environment", ""],
            ([markdown(name), markdown(value)] for name, value in facts(origin.environment, short=True)),
            numeric_from=2,
        )


def _candidates(run_summary: RunSummary, analysis: Analysis) -> Iterator[str]:
    yield from ("## Candidates", "")
    if analysis and not analysis.seeded:
        yield f"In parentheses the paired {analysis.percent} interval of the difference from the baseline."
        yield ""
    beside = "“Than uncompressed”: beside the uncompressed model in the same runtime, and of that one beside"
    notes = [run_summary.objectives[cost].note for cost in run_summary.costs]
    yield from (" ".join([f"{beside} {code(run_summary.run.baseline)}.", *filter(None, notes)]), "")
    head = ["candidate", "score (%)", "± baseline"]
    for quality in run_summary.qualities:
        head += [f"{markdown(run_summary.objectives[quality].title)} (%)", "± baseline"]
    for cost in run_summary.costs:
        head += [markdown(run_summary.objectives[cost].title), "than uncompressed"]
    rows = []
    for candidate in run_summary.run.candidates:
        name = candidate.name
        base = " **(baseline)**" if name == run_summary.run.baseline else ""
        failed = " **(failed)**" if run_summary.failed(name) else ""
        row = [code(name) + base + failed]
        for key in run_summary.shown:
            row.append(number(run_summary.value(name, key), run_summary.objectives[key].unit))
            row.append(versus_baseline(run_summary, analysis, name, key))
        titles = [midway(run_summary.objectives[cost].title) for cost in run_summary.on_frontier(name)]
        rows.append([*row, markdown(", ".join(titles)) or "–"])
    yield from table([*head, "on the frontier of score against"], rows)


def _certainty(run_summary: RunSummary, analysis: Analysis) -> Iterator[str]:
    shown_panels = panels(run_summary, analysis)
    if not analysis or not shown_panels:
        return
    yield from ("## How sure the frontier is", "")
    yield (
        f"Percent of {analysis.resamples} draws in which nothing dominates the candidate (its seeds "
        "together), and the same where only leads above the noise floor count. **Bold**: in the confidence "
        "set, not significantly dominated, which holds for all frontiers at once; (only just): one does "
        "dominate it once it is forgiven to be worse by less than the noise floors."
    )
    yield ""
    cells: dict[str, dict[str, str]] = {}
    for panel in shown_panels:
        for member in panel.members:
            text = f"{_whole(member.membership)} / {_whole(member.beyond_noise)}"
            cells.setdefault(member.name, {})[panel.key] = (
                f"**{text}**{' (only just)' if member.only_just else ''}" if member.inside else text
            )
    rows = [
        [code(name), *(by_panel.get(panel.key, "–") for panel in shown_panels)]
        for name, by_panel in cells.items()
    ]
    yield from table(["candidate", *(markdown(panel.title) for panel in shown_panels)], rows)
    for panel in shown_panels:
        if panel.volumes:
            own_volume = panel.volumes[0]
            value, low, high = (
                number(part, "percent") for part in (own_volume.value, own_volume.low, own_volume.high)
            )
            yield f"- Hypervolume against {markdown(midway(panel.title))}: {value} ({low} to {high})."
    yield ""


def _noise(run_summary: RunSummary, analysis: Analysis) -> Iterator[str]:
    quantities = noise_rows(run_summary, analysis)
    if not quantities:
        return
    yield from ("## What is noise", "", "How far apart two copies of one candidate come out (A/A).", "")
    rows = [
        [markdown(text) for text in (quantity.title, quantity.floor, quantity.blocks, quantity.twin)]
        for quantity in quantities
    ]
    yield from table(["quantity", "floor", "blocks", "baseline’s twin"], rows)


def _whole(value: int | None) -> str:
    return "–" if value is None else str(value)


def _tasks(run_summary: RunSummary) -> Iterator[str]:
    yield from ("## Scores by task", "", markdown(INTERVAL), "")
    tasks = [facts for facts in run_summary.run.tasks.values() if facts.languages]
    spread = {facts.name: languages_counted(facts, run_summary.counted) for facts in tasks}
    head = ["candidate", *(markdown(f"{f.name} ({f.score_name}, {spread[f.name]})") for f in tasks)]
    retrieval = any(facts.group == "retrieval" for facts in tasks)
    head += ["average", "without retrieval"] if retrieval else ["average"]
    rows = []
    for candidate in run_summary.run.candidates:
        name = candidate.name
        row = [code(name), *(_score(run_summary.task_score(name, facts.name)) for facts in tasks)]
        row.append(_score(run_summary.average(name)))
        if retrieval:
            row.append(_score(run_summary.average(name, retrieval=False)))
        rows.append(row)
    yield from table(head, rows)


def _changes(run_summary: RunSummary, analysis: Analysis) -> Iterator[str]:
    systems = changes(run_summary, analysis)
    if not analysis or not systems:
        return
    yield from ("## Change from the baseline by task", "", f"Points. {markdown(change_words(analysis))}", "")
    rows = [
        [code(system.name), *(part.text for part in (*system.tasks, system.average))] for system in systems
    ]
    yield from table(["system", *map(markdown, change_tasks(run_summary, analysis)), "average"], rows)


def _languages(run_summary: RunSummary, analysis: Analysis) -> Iterator[str]:
    yield from ("## Largest loss of any language", "")
    yield "Shown: beyond noise with all tasks and languages of a candidate judged at once; xpareto compare judges the "
    yield "languages of one task at a time, so it may call worse what is not shown here.\n"
    rows = []
    for candidate in run_summary.run.candidates:
        loss = largest_loss(run_summary, analysis, candidate.name)
        if loss is not None:
            where = markdown(language_title(loss.language, seen_languages(candidate)))
            sure = "–" if loss.sure is None else "yes" if loss.sure else "no"
            rows.append([code(candidate.name), markdown(loss.task), where, points(loss.change), sure])
    yield from table(["candidate", "task", "language", "points", "shown"], rows, numeric_from=3)


def _cells(run_summary: RunSummary) -> Iterator[str]:
    """Yield the baseline's score in every task and language."""
    tasks = [facts for facts in run_summary.run.tasks.values() if facts.languages]
    codes = sorted({language for facts in tasks for language in facts.languages})
    yield from ("## Scores by language", "")
    yield (
        f"Of {code(run_summary.run.baseline)}, in percent; scores.csv holds every candidate's, with their other "
        "metrics. – stands where a task has no score in a language."
    )
    yield ""
    base, rows = run_summary.run.baseline, []
    seen = seen_languages(run_summary.run.candidate(base))
    for language in sorted(codes, key=lambda item: (item != "en", item)):
        cells = [run_summary.cells[base].get((facts.name, language)) for facts in tasks]
        scores = [cell.score if cell is not None else None for cell in cells]
        where = markdown(language_title(language, seen))
        rows.append([where, *("–" if score is None else f"{score.value:.1f}" for score in scores)])
    yield from table(["language", *(markdown(facts.name) for facts in tasks)], rows)


def _failures(run_summary: RunSummary) -> Iterator[str]:
    if not run_summary.failures:
        return
    yield from ("## Failures", "")
    rows = (
        [code(f.candidate), *(markdown(text) or "–" for text in (f.what, f.task, f.language, f.error))]
        for f in run_summary.failures
    )
    yield from table(["candidate", "probe or step", "task", "language", "reason"], rows, numeric_from=5)


def _score(score: Score | None) -> str:
    if score is None:
        return "–"
    return f"{score.value:.1f}" + ("" if score.half is None else f" ± {score.half:.1f}")
