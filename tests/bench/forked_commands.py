"""The command line in forks of one process that has imported what the commands need: for `campaign.py`.

A command of 0.2 s takes 2 s of imports. A fork has them done, and shares nothing else: it has its own session, working
directory, output and limits, and ends for itself. The process that forks has one thread and no torch, so that no lock
of another thread and no pool of threads is torn in two; `learn` sees to it.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from campaign_world import ENVIRONMENT, MOST_MEMORY, Done

import xpareto.pipelines.cli
from xpareto.pipelines.cli import main

_MAIN = str(Path(xpareto.pipelines.cli.__file__).with_name("__main__.py"))  # what `python -m` has as argv[0]
_MOST_WAIT = 180  # times the seconds of a core: others may be at work on it
_NEVER = {"torch", "onnxruntime", "openvino"}  # they start threads


class Forks:
    """Runs commands in forks of this process; `folder` holds their output."""

    def __init__(self, folder: Path) -> None:
        os.environ.update(ENVIRONMENT)
        here = str(Path(__file__).parent)
        sys.path[:] = [place for place in sys.path if place != here]  # as with -P: ours hides no library
        self._out, self._err, self._modules = (folder / name for name in ("out", "err", "modules"))

    def learn(self, folder: Path, *words: object, seconds: float) -> Done:
        """Run a command, and import here what it imported."""
        done = self.command(folder, *words, seconds=seconds)
        for name in self._modules.read_text(encoding="utf-8").split():
            if name not in sys.modules and name.partition(".")[0] not in _NEVER:
                try:
                    importlib.import_module(name)
                except ImportError:
                    continue  # made by its package under this name, or of the fork alone
        threads = Path("/proc/self/task")
        assert not _NEVER & sys.modules.keys(), "a process that forks has no torch"
        assert not threads.exists() or len(list(threads.iterdir())) == 1, (
            "a process that forks has one thread"
        )
        gc.freeze()  # a collection in a fork copies no page of ours
        return done

    def command(self, folder: Path, *words: object, seconds: float) -> Done:
        """Run xpareto in a folder to its end; the code is None where it took more seconds of a core, or waited long."""
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            self._be(folder, [str(word) for word in words], int(seconds))
        deadline, pause = time.monotonic() + _MOST_WAIT * seconds, 0.001
        while True:
            ended, status, used = os.wait4(child, os.WNOHANG)
            if ended:
                break
            if time.monotonic() > deadline:
                os.killpg(child, signal.SIGKILL)
                os.wait4(child, 0)
                return Done(None, "", "")
            time.sleep(pause)
            pause = min(1.5 * pause, 0.05)
        code = os.waitstatus_to_exitcode(status)
        out, err = (file.read_text(encoding="utf-8", errors="replace") for file in (self._out, self._err))
        memory = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return Done(
            None if code == -signal.SIGXCPU else code, out, err, used.ru_utime + used.ru_stime, memory
        )

    def _be(self, folder: Path, words: Sequence[str], seconds: int) -> NoReturn:
        """Be the command: nothing of this returns to what forked."""
        code: object = 1
        try:
            os.setsid()
            os.chdir(folder)
            flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
            for number, name in enumerate((os.devnull, self._out, self._err)):
                given = os.open(name, flags if number else os.O_RDONLY)
                os.dup2(given, number)
                os.close(given)
            resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
            sys.argv = [_MAIN, *words]
            main()
            code = 0
        except SystemExit as ended:
            code = ended.code
        except BaseException:
            traceback.print_exc()
        finally:
            try:
                self._modules.write_text("\n".join(sys.modules), encoding="utf-8")
                atexit._run_exitfuncs()
                sys.stdout.flush()
                sys.stderr.flush()
            finally:
                os._exit(code if isinstance(code, int) else 0 if code is None else 1)
