from __future__ import annotations

import pytest
import typer

from xpareto.compress.core.errors import DiskError
from xpareto.pipelines import cli


@pytest.mark.parametrize(
    ("command", "advice", "other"),
    [("run", "--store and --out", "last argument"), ("report", "with --out", "--store"),
     ("export", "the last argument", "--out"), ("choose", "", "--")],
)  # fmt: skip
def test_a_full_disk_is_told_with_the_options_of_the_command_at_hand(
    command: str, advice: str, other: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = typer.Typer()

    @fake.command()
    def work(words: list[str]) -> None:
        raise DiskError("x: the disk is full. Free some space, or write to another one.")

    monkeypatch.setattr(cli, "app", fake)
    monkeypatch.setattr(cli, "stop_on_signals", lambda: None)
    monkeypatch.setattr("sys.argv", ["xpareto", command])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    told = capsys.readouterr().err
    assert ended.value.code == 2 and advice in told and other not in told
