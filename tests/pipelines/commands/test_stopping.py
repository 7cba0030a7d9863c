"""What a command says that is ended from outside, by Ctrl-C, a kill, or a terminal that closes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import typer

from xpareto.pipelines import cli
from xpareto.pipelines.runs.agenda import Status
from xpareto.pipelines.runs.run import _stopped


@pytest.fixture
def handlers() -> Iterator[None]:
    kept = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    kept[signal.SIGINT] = signal.getsignal(signal.SIGINT)
    for number in kept:  # a shell's background job ignores Ctrl-C from the start
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
@pytest.mark.parametrize("command", ["run", "choose"])
def test_a_command_that_is_stopped_says_how_to_go_on(
    number: signal.Signals, code: int, command: str, handlers: None, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    fake = typer.Typer()

    @fake.command(context_settings={"ignore_unknown_options": True})
    def work(words: list[str]) -> None:
        os.kill(os.getpid(), number)

    monkeypatch.setattr(cli, "app", fake)
    monkeypatch.setattr(cli.Stopped, "signal_number", signal.SIGINT)
    monkeypatch.setattr("sys.argv", ["xpareto", command, "demo", "--set", "seeds=[0, 1]"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    words = "Go on with" if command == "run" else "Stopped. Begin again with"
    told = f"{words}: xpareto {command} demo --set 'seeds=[0, 1]'\n"
    assert ended.value.code == code and capsys.readouterr().err == told


def test_a_signal_that_is_ignored_stays_ignored(handlers: None) -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup does
    cli.stop_on_signals()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_a_run_that_is_stopped_says_what_is_kept_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    status = Status(5, 97, "target (mnli) for arm none", "updates, loss 0.31", 120, 400, 95.0)
    builder = SimpleNamespace(
        agenda=SimpleNamespace(now=status),
        ready=SimpleNamespace(store=SimpleNamespace(root=tmp_path / "store")),
        run=SimpleNamespace(path=Path("runs/r")),
        saved=lambda: [(tmp_path / "store/scratch/key/training.safetensors", 130.0)],
    )
    assert _stopped(builder).splitlines() == [  # type: ignore[arg-type]
        "Stopped at step 5 of 97, target (mnli) for arm none: 120 of 400 updates, loss 0.31, 1 min 35 s left.",
        "Kept, what was made: store",
        "Kept, what was measured: runs/r",
        "Kept, this training as it was 2 min 10 s ago: store/scratch/key/training.safetensors",
    ]


@pytest.mark.parametrize("background", [False, True])
def test_a_stop_while_modules_are_imported_is_one_line(tmp_path: Path, background: bool) -> None:
    (tmp_path / "typer.py").write_text(
        "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nraise SystemExit(7)\n"
    )
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, "-m", "xpareto.pipelines", "plan", "demo"], env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, timeout=100, cwd=tmp_path,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN if background else signal.SIG_DFL),
    )  # fmt: skip
    told = (7, "") if background else (130, "Stopped before anything was begun.\n")
    assert (done.returncode, done.stderr) == told
