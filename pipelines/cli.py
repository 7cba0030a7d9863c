"""The command line. Imports stay inside the commands, so that --help answers at once."""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from xpareto.pipelines.commands import choose, export, report, run
from xpareto.pipelines.commands import list as listing

app = typer.Typer(
    name="xpareto",
    help="Compress multilingual encoders and see, on XTREME, which variant to deploy.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(run.run)
app.command()(run.plan)
app.command()(run.measure)
app.command()(report.report)
app.command()(report.compare)
app.command(cls=choose.LimitOptions)(choose.choose)
app.command()(report.diff)
app.command()(report.claims)
app.command()(export.export)
app.command()(export.outliers)
app.command()(export.submit)
app.command()(export.score)
app.command()(export.verify)
app.command(name="list")(listing.list_entries)
app.command()(listing.schema)
app.command()(listing.doctor)


def main() -> None:
    """Run the command line; input errors end with a message and exit code 2, never a traceback."""
    from xpareto.compress.core import InputError
    from xpareto.pipelines.execution import helps

    if helps():  # one of several processes that `accelerate launch` started: the first one is the command
        if sys.argv[1:2] == ["run"]:
            from xpareto.pipelines.execution import follow

            follow(lambda reason: print(reason, file=sys.stderr))
        return
    try:
        app()
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        sys.exit(2)
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; the same command goes on from here\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)  # the reader of our output, such as head, has seen enough
    except OSError as error:
        from xpareto.compress.core import disk_error

        known = disk_error(error, Path())
        if known is None:
            raise
        sys.stderr.write(f"error: {known}\n")
        sys.exit(2)
