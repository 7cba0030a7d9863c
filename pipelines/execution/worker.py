"""A process that does nodes: keeps torch out of the parent, and its death is not the parent's.

Reads one JSON `Job` per line, answers in JSON lines: progress, done or failed. After an empty line
it takes its leave of the processes that train with it. It ends with its parent: when its standard
input closes, it stops at once, even inside a step. One that is started to help another reads no work
but follows that one's; its only answer is why it failed.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import IO, Any

from xpareto.compress.core import InputError, disk_error
from xpareto.compress.training import launched
from xpareto.pipelines.execution.distributed import ProcessGroup, helps
from xpareto.pipelines.execution.work import Job, do, join_job

_GRACE = 5.0  # seconds that a failed helper leaves the first process to fail by itself, and say why


def main() -> None:
    """Serve until standard input closes."""
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # Ctrl-C reaches all: the parent decides, and closes the input
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever libraries print is no answer
    inbox: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_listen, args=(inbox,), daemon=True).start()
    if helps():
        follow(lambda text: _answer(answers, {"failed": text}))
    group = None
    if launched() > 1:
        try:
            group = ProcessGroup.meet()
        except InputError as error:
            _answer(answers, {"failed": str(error), "input": True})
            os._exit(1)
    announce = group.announce if group is not None else None
    while line := inbox.get():
        _answer(answers, serve(line, lambda *parts: _answer(answers, {"progress": parts}), announce))
    if group is not None:
        group.end()
    os._exit(0)


def _listen(inbox: queue.Queue[str]) -> None:
    for line in sys.stdin:
        inbox.put(line.strip())
    os._exit(0)


def follow(say: Callable[[str], None]) -> None:
    """Train with the first process until it has no more work, and end this process.

    When a training fails here, this process says why and ends, which ends the whole group; where the
    first process fails as well, its words count.
    """
    try:
        for work in ProcessGroup.meet().announced():
            join_job(Job.from_json(work))
    except BaseException as error:
        sys.stderr.write(traceback.format_exc())
        time.sleep(_GRACE)
        say(str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}")
        sys.stderr.flush()
        os._exit(1)
    os._exit(0)  # torch would warn that a group which is gone was not left


def serve(
    line: str,
    tell: Callable[[int, int, str], None],
    announce: Callable[[str], None] | None = None,
    seconds: float = 0.2,
) -> dict[str, Any]:
    """Do one piece of work and return what came of it; tell the progress meanwhile, `seconds` apart."""
    last = 0.0

    def progress(done: int, total: int, text: str) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last > seconds or done == total:
            last = now
            tell(done, total, text)

    work = Job.from_json(line)
    try:
        return {"done": do(work, progress, announce)}
    except InputError as error:
        return {"failed": str(error), "input": True}
    except BaseException as error:  # a bug in one step must not take the other candidates along
        known = disk_error(error, work.node_folder())
        text = str(known or f"{type(error).__name__}: {error}")
        return {
            "failed": text,
            "input": known is not None,
            "disk": known is not None,
            "trace": traceback.format_exc(),
        }


def _answer(answers: IO[str], fields: dict[str, Any]) -> None:
    answers.write(json.dumps(fields) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
