from __future__ import annotations

from importlib.metadata import version

from typer.testing import CliRunner

from xpareto.pipelines.cli import app


def test_the_version_is_that_of_the_package() -> None:
    told = CliRunner().invoke(app, ["--version"])
    assert (told.exit_code, told.stdout) == (0, f"xpareto {version('xpareto')}\n")
