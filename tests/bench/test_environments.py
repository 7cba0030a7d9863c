"""What another tool said went wrong stands in a table, so it is one line."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.bench.environments import ToolFailed, first_line, make_environment, run, versions

CHAINED = """Traceback (most recent call last):
  File "a.py", line 1, in <module>
KeyError: 'layer'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "b.py", line 2, in load
    raise ValueError("no such layer")
ValueError: no such layer: 7
Known are 1 to 6.
"""


@pytest.mark.parametrize(
    ("said", "line"),
    [
        (CHAINED, "ValueError: no such layer: 7"),
        (
            "WARNING: slow\nERROR: No matching distribution found for x\nhint: y\n",
            "ERROR: No matching distribution found for x",
        ),
        ("reading\nsegmentation fault\n", "segmentation fault"),
        ("", ""),
    ],
)
def test_the_first_line_of_an_error_is_the_exceptions_own(said: str, line: str) -> None:
    assert first_line(said) == line


def test_a_command_gives_what_it_prints_or_fails_with_one_line() -> None:
    assert run(sys.executable, "-c", "print(7)") == "7\n"
    with pytest.raises(ToolFailed, match=r"^ZeroDivisionError: division by zero$"):
        run(sys.executable, "-c", "1 / 0")
    with pytest.raises(ToolFailed, match=r"^exit code 3$"):
        run(sys.executable, "-c", "raise SystemExit(3)")


def test_an_environment_that_has_the_imports_is_left_as_it_is(tmp_path: Path) -> None:
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.symlink_to(sys.executable)
    assert make_environment(tmp_path, ("no-such-package-of-ours==0",), "json, pathlib") == python
    assert [*python.parent.iterdir()] == [python]


def test_versions_are_those_of_the_environment_that_is_asked() -> None:
    assert versions(Path(sys.executable), ("pytest", "no-such-package")) == {"pytest": pytest.__version__}
