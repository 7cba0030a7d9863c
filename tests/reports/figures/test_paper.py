"""Figures and LaTeX tables hold the run's numbers, the same bytes each time, and no text that could act."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest

from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import SCORE, summarize
from xpareto.reports.figures.build import figures
from xpareto.reports.formats.all_forms import build
from xpareto.reports.formats.latex import escaped, latex
from xpareto.reports.text.numbers import number

Make = Callable[..., Path]
DASH = "\u2013"


def test_every_cost_has_its_figure_in_both_formats_and_equal_bytes(make_run: Make) -> None:
    found = summarize(read_runs([make_run(hostile=True)]))
    one, other = figures(found), figures(found)
    assert set(one) == {f"score-{cost}.{kind}" for cost in found.costs for kind in ("svg", "pdf")}
    assert one == other
    for name, data in one.items():
        if name.endswith("svg"):
            root = ElementTree.fromstring(data)
            assert root.tag.endswith("svg")
            assert not [node for node in root.iter() if node.tag.endswith("script")]
        else:
            assert data.startswith(b"%PDF-")


def test_tables_hold_every_candidate_with_its_score(make_run: Make) -> None:
    found = summarize(read_runs([make_run(hostile=False)]))
    texts = latex(found)
    for name, text in texts.items():
        body = text.split("\\midrule")[1].split("\\bottomrule")[0].strip().splitlines()
        assert len(body) == len(found.run.candidates), name
        columns = {len(re.split(r"(?<!\\)&", line)) for line in body}
        assert columns == {len(re.split(r"(?<!\\)&", text.split("\\toprule")[1].split("\\midrule")[0]))}
    for candidate, line in zip(
        found.run.candidates, texts["candidates.tex"].split("\\midrule")[1].splitlines()[1:], strict=False
    ):
        assert line.startswith(escaped(candidate.name))
        assert f" {number(found.value(candidate.name, SCORE), 'percent').replace(DASH, '--')} " in line


@pytest.mark.parametrize("text", ["a\\input{/etc/passwd}", "x & y \\\\ z", "100 % $1_{2}^3~#", "a\u202eb\nc"])
def test_no_text_acts_in_latex(text: str) -> None:
    found = escaped(text)
    without = re.sub(
        r"\\(textbackslash|textasciicircum|textasciitilde|textless|textgreater|textbar)\{\}", "", found
    )
    without = re.sub(r"\\[{}$&#%_]", "", without)
    assert not set("\\{}$&#%_^~\n\u202e") & set(without)


def test_a_report_for_a_paper_writes_them_beside_the_page(make_run: Make, tmp_path: Path) -> None:
    folder = make_run()
    plain = {file.name for file in build([folder], tmp_path / "plain")}
    paper = {file.name for file in build([folder], tmp_path / "paper", paper=True)}
    assert {"candidates.tex", "scores.tex"} <= plain
    assert paper - plain and all(name.endswith((".svg", ".pdf")) for name in paper - plain)
    assert all((tmp_path / "paper" / name).stat().st_size for name in paper)
