"""Changes from the baseline carry the paired intervals of the analysis, and each interval says what it is."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import pytest

from tests.reports.analysed_run import analysed_run, read, reported
from xpareto.eval.analyses.documents.summary import NO_ANALYSIS, Summary
from xpareto.eval.results.cells import INTERVAL
from xpareto.eval.results.summary import RunSummary
from xpareto.reports.findings.score_changes import Change, change_tasks, change_words, changes, own_change
from xpareto.reports.formats.csv import spreadsheets
from xpareto.reports.formats.latex import escaped, latex
from xpareto.reports.formats.markdown import summary
from xpareto.reports.formats.page import page
from xpareto.reports.text.escaping import markdown
from xpareto.reports.text.numbers import points

Shown = tuple[RunSummary, Summary]


@pytest.fixture(scope="module", params=[(0, 1), (0,)], ids=["seeds", "alone"])
def shown(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Shown:
    folder: Path = tmp_path_factory.mktemp("changes")
    run = analysed_run(folder / "run", seeds=request.param)
    reported(run, folder / "out")
    return read(run, folder / "out")


def test_every_system_but_the_baseline_has_the_documents_changes(shown: Shown) -> None:
    run_summary, analysis = shown
    found, tasks = changes(run_summary, analysis), change_tasks(run_summary, analysis)
    others = [at for at in range(len(analysis.names)) if at != analysis.base]
    assert [own.name for own in found] == [analysis.names[at] for at in others]
    assert set(tasks) == set(analysis.tasks)
    for at, own in zip(others, found, strict=True):
        document = analysis.scores[at]
        assert own.average == Change(*document.change)
        assert list(own.tasks) == [Change(*document.tasks[task]) for task in tasks]
    assert changes(run_summary, NO_ANALYSIS) == () and change_tasks(run_summary, NO_ANALYSIS) == ()


def test_page_summary_csv_and_latex_show_the_same_interval(shown: Shown) -> None:
    run_summary, analysis = shown
    own = changes(run_summary, analysis)[-1]
    cells = [part.text for part in (*own.tasks, own.average)]
    assert f"| `{own.name}` | {' | '.join(cells)} |" in summary(run_summary, analysis)
    table = page(run_summary, analysis).split('id="change-table"')[1].split("</table>")[0]
    words = re.sub(r"<[^>]*>", " ", table.replace("<wbr>", ""))
    assert own.average.range.strip() in words and own.name in words
    line = next(
        line
        for line in latex(run_summary, analysis)["changes.tex"].splitlines()
        if line.startswith(escaped(own.name))
    )
    assert line.startswith(" & ".join(map(escaped, [own.name, *cells])))
    rows = list(csv.DictReader(io.StringIO(spreadsheets(run_summary, analysis)["changes.csv"])))
    assert len(rows) == len(changes(run_summary, analysis)) * (len(own.tasks) + 1)
    assert list(map(float, list(rows[-1].values())[2:])) == [
        own.average.value,
        own.average.low,
        own.average.high,
    ]


def test_each_interval_is_called_what_it_is(shown: Shown) -> None:
    run_summary, analysis = shown
    words = change_words(analysis)
    assert "95 %" in words and "paired bootstrap" in words and "by itself" in words
    assert ("Student" in words) == analysis.seeded and ("not training" in words) != analysis.seeded
    assert "one score by itself, not of a difference" in INTERVAL and "binomial" in INTERVAL
    for text in (summary(run_summary, analysis), summary(run_summary)):
        assert markdown(INTERVAL) in text
    assert markdown(words) in summary(run_summary, analysis) and words in page(run_summary, analysis)
    assert "binomial" in spreadsheets(run_summary)["scores.csv"].splitlines()[0]
    assert "binomial" in latex(run_summary)["scores.tex"].splitlines()[1]


def test_a_candidate_that_is_a_system_shows_its_own_interval(shown: Shown) -> None:
    run_summary, analysis = shown
    name = run_summary.run.candidates[-1].name
    own = own_change(analysis, name)
    assert own_change(analysis, run_summary.run.baseline) is None and own_change(NO_ANALYSIS, name) is None
    if analysis.seeded:
        assert own is None  # one seed of several: the interval is that of their mean
        return
    assert own is not None
    text = points(run_summary.gain(name)) + own.range
    assert f"| {text} |" in summary(run_summary, analysis)
    assert f">{text}<" in page(run_summary, analysis).replace('<span class="sub">', ">")


def test_without_an_analysis_there_are_no_changes_to_show(shown: Shown) -> None:
    run_summary = shown[0]
    assert "## Change from" not in summary(run_summary) and 'id="change-table"' not in page(run_summary)
    assert "changes.csv" not in spreadsheets(run_summary) and "changes.tex" not in latex(run_summary)
