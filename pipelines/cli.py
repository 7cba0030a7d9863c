"""The command line. Imports stay inside the commands, so that --help answers at once."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from xpareto.pipelines.commands import (
    choose,
    clean,
    completion,
    export,
    init,
    options,
    output,
    report,
    run,
    search,
    track,
)
from xpareto.pipelines.commands import list as listing


def tell_version(wanted: bool) -> None:
    """Print the version of the installed package, and leave, when it is asked for."""
    if wanted:
        from importlib.metadata import version  # 30 ms that --help can spare

        typer.echo(f"xpareto {version('xpareto')}")
        raise typer.Exit


app = typer.Typer(
    name="xpareto",
    help="Compress multilingual encoders and see, on XTREME, which variant to deploy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def global_options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=tell_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


app.command()(init.init)
app.command()(run.run)
app.command()(search.search)
app.command()(run.plan)
app.command()(run.measure)
app.command()(report.report)
app.command()(report.compare)
app.command(cls=choose.LimitOptions)(choose.choose)
app.command()(report.diff)
app.command()(report.claims)
app.command()(export.export)
app.command()(export.push)
app.command()(track.track)
app.command()(export.outliers)
app.command()(export.submit)
app.command()(export.score)
app.command()(export.verify)
app.command()(clean.clean)
app.command(name="list")(listing.list_entries)
app.command()(listing.schema)
app.command()(listing.doctor)


class Stopped(KeyboardInterrupt):
    """A signal asked the command to end; what is at work ends as it does on Ctrl-C."""

    signal_number = signal.SIGINT


def stop_on_signals() -> None:
    """Let a kill, or a terminal that closes, end a command as Ctrl-C does; what is ignored stays ignored."""

    def stop(number: int, frame: object) -> None:
        Stopped.signal_number = signal.Signals(number)
        raise Stopped

    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, stop)


def main() -> None:
    """Run the command line; input errors end with a message and exit code 2, never a traceback."""
    from xpareto.compress.core import DiskError, InputError
    from xpareto.pipelines.execution import helps

    if helps():  # one of several processes that `accelerate launch` started: the first one is the command
        if sys.argv[1:2] == ["run"]:
            from xpareto.pipelines.execution import follow

            follow(lambda reason: print(reason, file=sys.stderr))
        return
    output.open_output()
    stop_on_signals()
    try:
        try:
            options.refuse_undecodable()
            with completion.asked_by_bash():
                app()
        finally:
            sys.stdout.flush()
    except (SystemExit, KeyboardInterrupt) as ended:
        if isinstance(ended, SystemExit) and ended.code != 128 + signal.SIGINT:
            raise
        # typer ends so on every KeyboardInterrupt
        again = "Go on with" if sys.argv[1:2] == ["run"] else "Stopped. Begin again with"
        sys.stderr.write(f"{again}: {options.command_line()}\n")
        sys.exit(128 + Stopped.signal_number)
    except InputError as error:
        _refuse(f"{error}{options.other_folders() if isinstance(error, DiskError) else ''}")
    except MemoryError:
        _refuse("not enough memory. Free some, or give the command less at once.")
    except OSError as error:
        from xpareto.compress.core import disk_error

        output.discard(1)  # what failed may stand there yet
        known = disk_error(error, Path("standard output"))
        if known is not None:
            _refuse(f"{known}{options.other_folders() if error.filename else ''}")
        place = f"{error.filename}: " if error.filename else ""
        _refuse(f"{place}{error.strerror or error}.")


def _refuse(message: str) -> NoReturn:
    from xpareto.compress.core import bounded
    from xpareto.reports.text import visible

    sys.stderr.write(f"error: {visible(bounded(message))}\n")
    sys.exit(2)
