"""One self-contained HTML page that needs no network."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from xpareto.compress.core import enumerated
from xpareto.eval.analyses.documents import NO_ANALYSIS, Analysis, SearchReport
from xpareto.eval.results import INTERVAL, RunSummary, Score
from xpareto.reports.costs import (
    LOAD_NOTE,
    ORACLE,
    ROOFLINE_NOTE,
    TIMES_NOTE,
    TUNING_NOTE,
    bars,
    clock_words,
    curves,
    drawn,
    effort_view,
    energy_bars,
    energy_rows,
    energy_words,
    gross_words,
    latency_view,
    load_times,
    reached,
    sizes,
    spent,
    tuned,
)
from xpareto.reports.findings import (
    TOLERANCE,
    arms_compared,
    as_measured,
    change_tasks,
    change_words,
    changes,
    cheapest,
    columns,
    decided,
    deploy_words,
    disparities,
    drift_number,
    drift_tables,
    drift_words,
    informed_caveats,
    kept_out_words,
    knee_words,
    languages_counted,
    largest_loss,
    loading,
    loss,
    lost,
    method,
    noise_ratio,
    noise_rows,
    opening,
    panels,
    picks,
    priced,
    standing,
    sureness,
    versus_baseline,
)
from xpareto.reports.formats.class_recall import WIDE, task_recalls
from xpareto.reports.formats.page_data import figure_data
from xpareto.reports.formats.search_view import search_section
from xpareto.reports.text import (
    TERMS,
    duration,
    embedded_json,
    factor,
    facts,
    language_name,
    midway,
    number,
    points,
    ratio,
    three_digits,
    visible,
)

_TEMPLATE, _STYLE = "page.html.j2", "page.css"
_SCRIPTS = tuple(
    f"{name}.js"
    for name in (
        *("start", "scales", "marks", "filters", "frontier", "labels", "tables", "panels"),
        *("dominance", "waterfall", "heat", "forest", "seeds", "folds", "scroll"),
    )
)


def page(
    run_summary: RunSummary, analysis: Analysis = NO_ANALYSIS, search: SearchReport | None = None
) -> str:
    """Return the page; the same run, analysis and search give the same bytes.

    Style and script are inlined and named by their hashes in the content security policy, so that no
    text from the rows can run even where it was not escaped.
    """
    style, script = _read(_STYLE), "".join(_read(name) for name in _SCRIPTS)
    environment = Environment(
        loader=FunctionLoader(_read),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "points": points,
        "loss": points,
        "plain": lambda value: number(value, "percent"),
        "ratio": ratio,
        "digits": three_digits,
        "drift": drift_number,
        "duration": duration,
        "ms": lambda value: number(value, "ms"),
        "joules": lambda value: number(value, "J"),
        "midway": midway,
        "language_name": language_name,
    }
    environment.globals["term_id"] = _term_id
    certain, fair, answer = panels(run_summary, analysis), disparities(analysis), decided(analysis)
    chosen = picks(run_summary, analysis)
    classes, scripts = columns(fair)
    return environment.get_template(_TEMPLATE).render(
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; "
        "base-uri 'none'; form-action 'none'",
        style=Markup(style),
        script=Markup(script),
        data=Markup(embedded_json(figure_data(run_summary, analysis))),
        title=", ".join(dict.fromkeys(origin.recipe for origin in run_summary.run.origins)),
        run_summary=run_summary,
        run=run_summary.run,
        analysis=analysis,
        seeded=analysis.seeded if analysis else False,
        panels=certain,
        knees=[knee_words(panel) for panel in certain],
        noise=noise_rows(run_summary, analysis),
        disparities=fair,
        classes=classes,
        scripts=scripts,
        drifts=drift_tables(analysis),
        drift_note=drift_words(analysis) if analysis else "",
        flips=any(disparity.flips for disparity in fair),
        latency=latency_view(run_summary),
        latency_floor=noise_ratio(analysis, "latency_ms"),
        energy=energy_bars(run_summary),
        energy_rows=energy_rows(run_summary),
        energy_gross=gross_words(run_summary),
        energy_words=energy_words(run_summary),
        loads=load_times(run_summary),
        load_note=LOAD_NOTE,
        clock=clock_words(run_summary),
        roofline=reached(run_summary),
        roofline_note=ROOFLINE_NOTE,
        profiled=spent(run_summary),
        tuned=tuned(run_summary),
        tuning_note=TUNING_NOTE,
        times_note=TIMES_NOTE,
        effort=effort_view(run_summary.run),
        **search_section(search),
        opening=opening(run_summary),
        arms=arms_compared(run_summary),
        standing=standing(run_summary),
        deploy=deploy_words(run_summary, analysis),
        kept_out=kept_out_words(run_summary, analysis),
        sureness=sureness(run_summary, analysis),
        cards=chosen,
        first=chosen[0] if chosen else None,
        snippet=loading(run_summary, chosen[0]) if chosen else "",
        lost=lambda pick: lost(pick, analysis) if analysis else "",
        decided=answer is not None,
        loss=loss(answer) if answer else "",
        method=method(run_summary, analysis, answer) if analysis and answer else (),
        measured=[] if answer else _measured(run_summary),
        as_measured=as_measured(run_summary, analysis),
        tolerance=TOLERANCE,
        caveats=informed_caveats(run_summary, analysis),
        interval=INTERVAL,
        changes=changes(run_summary, analysis),
        change_tasks=change_tasks(run_summary, analysis),
        change_words=change_words(analysis) if analysis else "",
        objectives=[run_summary.objectives[name] for name in run_summary.shown],
        terms=TERMS,
        rows=[_row(run_summary, analysis, candidate.name) for candidate in run_summary.run.candidates],
        tasks=[task for task in run_summary.run.tasks.values() if task.languages],
        recalls=task_recalls(run_summary),
        wide=f"{WIDE:g}",
        spread={
            task.name: languages_counted(task, run_summary.counted) for task in run_summary.run.tasks.values()
        },
        has_retrieval=any(task.group == "retrieval" for task in run_summary.run.tasks.values()),
        languages=sorted({code for task in run_summary.run.tasks.values() for code in task.languages}),
        bars=bars(
            {
                candidate.name: sizes(run_summary.run.rows[candidate.name])
                for candidate in run_summary.run.candidates
            },
            lambda value: number(value, "bytes"),
        ),
        depths=list(drawn(curves(run_summary))),
        oracle=ORACLE,
        environments=[facts(origin.environment) for origin in run_summary.run.origins],
        flat=lambda value: json.dumps(value, ensure_ascii=False),
    )


def _row(run_summary: RunSummary, analysis: Analysis, name: str) -> Mapping[str, Any]:
    candidate = run_summary.run.candidate(name)
    return {
        "candidate": candidate,
        "baseline": name == run_summary.run.baseline,
        "failures": run_summary.failures_of(name),
        "numbers": [
            {
                "name": key,
                "value": run_summary.value(name, key),
                "text": number(run_summary.value(name, key), run_summary.objectives[key].unit),
                "versus": versus_baseline(run_summary, analysis, name, key),
            }
            for key in run_summary.shown
        ],
        "frontier": [run_summary.objectives[cost].title for cost in run_summary.on_frontier(name)],
        "loss": largest_loss(run_summary, analysis, name),
        "tasks": [
            _interval(run_summary.task_score(name, task.name))
            for task in run_summary.run.tasks.values()
            if task.languages
        ],
        "average": _interval(run_summary.average(name)),
        "without_retrieval": _interval(run_summary.average(name, retrieval=False)),
    }


def _interval(score: Score | None) -> Mapping[str, Any]:
    if score is None:
        return {"value": None, "text": "–", "half": ""}
    half = "" if score.half is None else f"± {score.half:.1f}"
    return {"value": score.value, "text": f"{score.value:.1f}", "half": half}


def _measured(run_summary: RunSummary) -> list[Mapping[str, Any]]:
    """Return every candidate that is the cheapest of those good enough as measured, with what it is that for."""
    costs_of: dict[tuple[str, ...], list[str]] = {}
    for cost in priced(run_summary):
        if names := cheapest(run_summary, cost):
            costs_of.setdefault(names, []).append(cost)
    return [
        {
            "title": enumerated([run_summary.objectives[cost].title for cost in costs], 9),
            "name": names[0],
            "others": enumerated(names[1:], 2),
            "baseline": run_summary.run.baseline in names,
            "gains": ", ".join(
                f"{number(run_summary.value(names[0], cost), run_summary.objectives[cost].unit)} "
                f"({factor(run_summary.ratio(names[0], cost), run_summary.objectives[cost].unit)})"
                for cost in costs
            ),
            "gain": points(run_summary.gain(names[0])),
        }
        for names, costs in costs_of.items()
    ]


def _term_id(word: str) -> str:
    """Return the id of a word's meaning; KeyError for one that is not in the glossary."""
    return f"term-{list(TERMS).index(word)}" if TERMS[word] else ""


def _finalize(value: Any) -> Any:
    if value is None:
        return ""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _read(name: str) -> str:
    return files("xpareto.reports").joinpath("templates", name).read_text(encoding="utf-8")


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
