from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console as RichConsole

from xpareto.pipelines.display.progress import SECONDS_BETWEEN_LINES, Terminal
from xpareto.pipelines.runs.agenda import Status

LONG = Status(
    112, 340, "int8 embeddings=true (mnli+squad_v1+commonsenseqa) seed 3 for arms english, multilingual",
    "updates, loss 0.412, dev 81.20", 1200, 40_000, 3600.0, 7200.0, 36_000.0, True,
)  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 120])
def test_nothing_is_cut_however_narrow_the_terminal_is(width: int) -> None:
    stream = StringIO()
    console = RichConsole(file=stream, force_terminal=True, width=width, highlight=False, color_system=None)
    terminal = Terminal(console)
    terminal.show(LONG)
    console.print(terminal._standing())
    drawn = stream.getvalue()
    assert all(len(line) <= width for line in drawn.splitlines())
    joined = " ".join(drawn.split())
    for words in (LONG.at, LONG.to_go, LONG.what, LONG.parts):
        assert words in joined
    assert "…" not in drawn


def test_a_log_file_tells_the_updates_and_the_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = StringIO()
    terminal = Terminal(RichConsole(file=stream, width=80, highlight=False))
    terminal.show(LONG)
    assert stream.getvalue() == ""  # not on every update
    terminal._told -= SECONDS_BETWEEN_LINES + 1
    terminal.show(LONG)
    assert stream.getvalue() == (
        f"[112/340] {LONG.what}: 1200 of 40000 updates, loss 0.412, dev 81.20, 1 h left; roughly 10 h to go\n"
    )


def test_lines_are_broken_between_words_and_paths_not_at_all() -> None:
    stream = StringIO()
    console = RichConsole(file=stream, force_terminal=True, width=40, highlight=False, color_system=None)
    path = "/a/" + "long-" * 12 + "path"
    Terminal(console).say(f"What was made is kept beside all others in {path}")
    lines = stream.getvalue().splitlines()
    assert path in [line.strip() for line in lines] and lines[0] == "What was made is kept beside all others"
