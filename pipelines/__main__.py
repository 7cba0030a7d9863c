"""What ``xpareto`` and ``python -m xpareto.pipelines`` begin with: Ctrl-C is one line while modules load, too."""

import os
import signal
import sys
from pathlib import Path


def main() -> None:
    """Import the command line and run it; Ctrl-C before it is there ends with 130."""
    if (
        signal.getsignal(signal.SIGINT) is signal.default_int_handler
    ):  # or it is ignored, as for a background job
        signal.signal(signal.SIGINT, _leave)
    from xpareto.pipelines.cli import main as command_line

    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command_line()


def _leave(number: int, frame: object) -> None:
    os.write(2, b"Stopped before anything was begun.\n")
    os._exit(128 + number)  # an import that is interrupted may swallow an exception, or print it


if __name__ == "__main__":
    if not sys.flags.safe_path and Path(sys.path[0]) == Path.cwd():
        del sys.path[0]  # Python puts the working directory there for -m, and what lies in it is data
    main()
