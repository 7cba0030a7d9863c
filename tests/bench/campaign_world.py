"""Worlds for `campaign.py`: a folder with a recipe, the commands run in it, their processes, and what they left."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

RECIPE = """\
xpareto: 1
name: campaign
base: embedded
data: embedded
tasks: [udpos]
languages: [en, de]
steps:
  - {step: train, label: fp32, on: each, max_steps: 6, batch_size: 8, dev_limit: 20}
  - {step: export_onnx, label: onnx}
  - {step: quantize_dynamic, label: int8}
runtimes: [onnxruntime]
measure: {limit: 12, threads: 1, probes: [accuracy, size], retries: 0}
"""
PLAN_SECONDS = 20  # of a core, beyond which a plan hangs
RUN_SECONDS = 3600  # beyond which any command hangs, on a machine with other work
LEFT_SECONDS = 60  # in which what a killed command started has ended
MOST_LINES, MOST_BYTES = 20, 20_000
MOST_MEMORY = 8 << 30  # address space of a command in a fork
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "COLUMNS": "200"}
VICTIMS = ("group", "command", "worker", "probe")
_MODULES = {"worker": "xpareto.pipelines.execution.worker", "probe": "xpareto.eval.probing.child"}


@dataclass
class Tally:
    """How much was tried, how it ended, and the faults, each with what repeats it."""

    tried: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str]] = field(default_factory=list)

    commit: str = ""
    done: int = 0  # how many, for one that goes on
    seconds: float = 0.0
    memory: int = 0  # bytes, the most that a command in a fork took

    def fault(self, kind: str, what: str) -> None:
        self.faults.append((kind, what))
        print(f"FAULT {kind}: {what}", file=sys.stderr, flush=True)

    def ended(self, part: str, what: str, done: Done) -> None:
        """Count how a command ended; a traceback, a hang or an odd exit code is a fault."""
        self.endings[f"{part}: exit {done.code}"] += 1
        self.memory = max(self.memory, done.memory)
        if done.code is None:
            self.fault("hang", what)
        elif "Traceback" in done.err or "Traceback" in done.out:
            self.fault("traceback", f"{what}: {done.err.strip().splitlines()[-1][:200]}")
        elif done.code not in (0, 1, 2, 3):
            self.fault("exit code", f"{what}: {done.code}: {done.err[-200:]}")
        elif warning := re.search(r"\.py:\d+: \w*Warning.*", done.err):
            self.fault("warning of a library", f"{what}: {warning[0][:200]}")
        elif "not enough memory" in done.err:
            self.fault("memory", f"{what}: {done.err[-200:]}")


@dataclass(frozen=True)
class Done:
    """A command that ended: its exit code, None where it was killed for its time, and what it wrote.

    Of one in a fork also the processor time (s) and the most memory (bytes) that it took.
    """

    code: int | None
    out: str
    err: str
    seconds: float = field(default=0.0, compare=False)
    memory: int = field(default=0, compare=False)


def command(folder: Path, *words: object, seconds: float = RUN_SECONDS) -> Done:
    """Run xpareto in a folder to its end."""
    process = start(folder, *words)
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Done(None, "", "")
    return Done(process.returncode, out, err)


def start(folder: Path, *words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "xpareto.pipelines", *map(str, words)],
        cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        errors="replace", start_new_session=True, env=os.environ | ENVIRONMENT,
    )  # fmt: skip


def new_world(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "r.yaml").write_text(RECIPE)
    return folder


def digest(folder: Path) -> str:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()] if folder.exists() else []
    parts = [f"{path.relative_to(folder)}:{hashlib.sha256(path.read_bytes()).hexdigest()}" for path in files]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def remove(folder: Path) -> None:
    if folder.exists():
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)  # artifacts are read-only
        shutil.rmtree(folder)


class Kept:
    """A folder as it is now, to bring it back to that after commands that changed some of it."""

    def __init__(self, folder: Path, copy: Path) -> None:
        self.folder, self._copy = folder, copy
        shutil.copytree(folder, copy)
        self._was, self._digest = self._state(), digest(folder)

    def bring_back(self, *changed: Path) -> None:
        """Undo all that sizes, modes and times of change tell of, and what is `changed` without such a trace."""
        now = self._state()
        for name in sorted(now.keys() - self._was.keys(), reverse=True):
            path = self.folder / name
            path.parent.chmod(0o755)
            path.chmod(0o755)
            path.rmdir() if path.is_dir() else path.unlink()
        for name, was in sorted(self._was.items()):
            path, copy = self.folder / name, self._copy / name
            if now.get(name) == was and name not in changed:
                continue
            if copy.is_dir():
                path.mkdir(exist_ok=True)
            else:
                path.parent.chmod(0o755)
                if path.exists():
                    path.chmod(0o644)  # the same file, since fingerprints know it by its inode
                shutil.copyfile(copy, path)
                shutil.copystat(copy, path)
        assert digest(self.folder) == self._digest, "nothing is carried over to what is tried next"
        for name in sorted(self._was, reverse=True):
            if (copy := self._copy / name).is_dir():
                shutil.copystat(copy, self.folder / name)

    def _state(self) -> dict[Path, tuple[int, ...]]:
        """Return mode, and of files size and time of change in ns, of everything in the folder."""
        found = {}
        for path in self.folder.rglob("*"):
            stat = path.lstat()
            of_file = () if path.is_dir() else (stat.st_size, stat.st_mtime_ns)
            found[path.relative_to(self.folder)] = (stat.st_mode, *of_file)
        return found


def kill(process: subprocess.Popen[str], victim: str, chance: random.Random) -> bool:
    """Kill -9 a command, or what it starts within two seconds of when that is there first; say whether it was."""
    if process.poll() is not None:
        return False
    if victim == "group":
        os.killpg(process.pid, signal.SIGKILL)
        return True
    if victim == "command":
        process.kill()
        return True
    while process.poll() is None:
        if _those(process.pid, _MODULES[victim]):
            time.sleep(chance.uniform(0, 2))
            for one in _those(process.pid, _MODULES[victim])[:1]:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
                    return True
        time.sleep(0.1)
    return False


def _those(leader: int, module: str) -> list[psutil.Process]:
    """Return the processes of a session that run a module."""
    found = []
    for one in session(leader):
        with suppress(psutil.NoSuchProcess):
            if module in one.cmdline():
                found.append(one)
    return found


def session(leader: int) -> Iterator[psutil.Process]:
    """Yield the processes of a session; those that probes move to one of their own are found by their parents."""
    for one in psutil.process_iter():
        try:
            if os.getsid(one.pid) == leader and one.status() != psutil.STATUS_ZOMBIE:
                yield one
        except (psutil.NoSuchProcess, ProcessLookupError):
            continue


def left_over(leader: int) -> list[str]:
    """Return the commands of a session that go on working after its leader has ended; they are ended then."""
    deadline = time.monotonic() + LEFT_SECONDS
    while (left := list(session(leader))) and time.monotonic() < deadline:
        time.sleep(0.2)
    names = []
    for one in left:
        try:
            names.append(" ".join(one.cmdline())[:100])
            one.kill()
        except psutil.NoSuchProcess:
            continue
    return names


def events(world: Path) -> Iterator[dict[str, str]]:
    for file in sorted(world.glob("runs*/*/events.jsonl")):
        for line in file.read_text(encoding="utf-8").split("\n"):
            try:
                yield json.loads(line)
            except ValueError:
                continue  # the last line of a kill


def rows_of(world: Path, pattern: str = "runs*/*/measurements.jsonl") -> set[str]:
    """Return the rows of all finished probes of all runs."""
    kept: set[str] = set()
    for file in world.glob(pattern):
        lines: list[str] = []
        for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
            lines.append(line)
            if '"statistic": "probe_time"' in line:
                kept |= set(lines)
                lines = []
    return kept
