"""Runs and measurements that are killed, that fill a disk, and that work at once, for `campaign.py`."""

from __future__ import annotations

import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from campaign_world import (
    RUN_SECONDS,
    VICTIMS,
    Done,
    Tally,
    command,
    events,
    kill,
    left_over,
    new_world,
    rows_of,
    start,
)

EACH = 6  # kills of one run before it may end
_MEASURE = ("measure", "latest", "--probe", "size")


def try_kills(number: int, chance: random.Random, folder: Path, tally: Tally) -> None:
    """Kill a run a few times at random moments, then a measurement of it; nothing is lost, done twice or left."""
    world = new_world(folder / f"{number}")
    victims = sorted(chance.choices(VICTIMS, k=EACH), key=lambda victim: victim == "probe")  # they come last
    while victims:
        if _kill_one(world, ("run", "r.yaml"), victims[0], chance.uniform(0.3, 25), chance, tally):
            del victims[0]
        elif victims[0] == "worker":  # all is made here
            finish(world, tally, "killed run")
            world = new_world(folder / f"{number}.{len(victims)}")
    if not finish(world, tally, "killed run"):
        return
    for _ in range(2):
        victim = chance.choice([victim for victim in VICTIMS if victim != "worker"])
        _kill_one(world, _MEASURE, victim, chance.uniform(0.3, 12), chance, tally)
        verified(world, tally, f"run whose measurement's {victim} was killed")
    rows = rows_of(world)
    done = command(world, *_MEASURE, seconds=RUN_SECONDS)
    tally.ended("measures", "run whose measurements were killed", done)
    if done.code != 0 or not rows < rows_of(world):
        tally.fault("not finished", f"measurement after killed ones: {done.err[-300:]}")
    verified(world, tally, "run measured after killed measurements")


def _kill_one(
    world: Path, words: Sequence[str], victim: str, after: float, chance: random.Random, tally: Tally
) -> bool:
    """Start a command and kill it, or what it started, some seconds later; say whether it was still at work."""
    what = f"{words[0]} whose {victim} was killed after {after:.2f} s in {world.name}"
    rows, keys = rows_of(world), _keys(world)
    process = start(world, *words)
    if victim in ("group", "command"):
        time.sleep(after)
    killed = kill(process, victim, chance)
    name = f"kills -9 of a {words[0]}'s {victim}" if killed else f"a {words[0]} that ended before a kill"
    tally.tried[name] += 1
    try:
        out, err = process.communicate(timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        tally.fault("hang", what)
        return killed
    if killed and victim in ("group", "command"):
        tally.endings[f"killed {words[0]}: killed"] += 1
    else:
        tally.ended(f"killed {words[0]}", what, Done(process.returncode, out, err))
    left = left_over(process.pid)
    if left:
        tally.fault("orphan", f"{what}: {left}")
    if not rows <= rows_of(world):
        tally.fault("lost rows", what)
    if not keys <= _keys(world):
        tally.fault("repeated step", what)
    return killed


def _keys(world: Path) -> set[tuple[str, int]]:
    """Return the steps that are finished, each with the time at which it was."""
    return {(file.name, file.stat().st_mtime_ns) for file in world.glob("store/keys/*.json")}


def finish(world: Path, tally: Tally, what: str) -> bool:
    """Run to the end, and verify it: every step was made once, every probe is there once; say whether it ended."""
    keys = _keys(world)
    done = command(world, "run", "r.yaml", seconds=RUN_SECONDS)
    tally.ended("goes on", what, done)
    if done.code != 0:
        tally.fault("not finished", f"{what}: {done.err[-300:]}")
        return False
    verified(world, tally, what)
    made = Counter(event["key"] for event in events(world) if event["event"] == "made")
    if any(times > 1 for times in made.values()) or not keys <= _keys(world):
        tally.fault("repeated step", f"{what}: {[key[:8] for key, times in made.items() if times > 1]}")
    return True


def verified(world: Path, tally: Tally, what: str) -> None:
    check = command(world, "verify", "latest")
    tally.ended("verify", what, check)
    if check.code != 0:
        tally.fault("not as sealed", f"{what}: {check.err[:300]}")


# -- full disks, and several at once ----------------------------------------------------------


def try_disk(chance: random.Random, folder: Path, tally: Tally) -> None:
    """Let the disk fill up during a run, then give it room: it goes on to its end."""
    folder.mkdir(parents=True)
    with small_disk(folder, 1) as mounted:
        if not mounted:
            tally.endings["full disk: left out, nothing can be mounted here"] += 1
            return
        world = new_world(folder / "world")
        for megabytes in (1, 3, *sorted(chance.sample(range(4, 16), 3))):
            subprocess.run(["mount", "-o", f"remount,size={megabytes}m", folder], check=True)
            done = command(world, "run", "r.yaml", seconds=RUN_SECONDS)
            tally.tried["full disks"] += 1
            tally.ended("full disk", f"run on {megabytes} MB", done)
            if done.code and "full" not in done.err:
                tally.fault("unclear", f"run on {megabytes} MB: {done.err[-300:]}")
        subprocess.run(["mount", "-o", "remount,size=400m", folder], check=True)
        finish(world, tally, "run after a full disk")


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mount a file system of that size, if this user may: say so."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", folder]
    mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    try:
        yield mounted
    finally:
        if mounted:
            subprocess.run(["umount", folder], check=True)


def try_at_once(folder: Path, tally: Tally) -> None:
    """Run a recipe four times at once on one store, then measure a run twice at once."""
    world = new_world(folder)
    runs = [start(world, "run", "r.yaml", "--out", f"runs{number}") for number in range(4)]
    for process in runs:
        out, err = process.communicate(timeout=4 * RUN_SECONDS)
        tally.tried["runs at once"] += 1
        tally.ended("runs at once", "four runs on one store", Done(process.returncode, out, err))
        if process.returncode:
            tally.fault("not finished", f"one of four runs: {err[-300:]}")
    made = Counter(event["digest"] for event in events(world) if event["event"] == "made")
    if len(list((world / "store/artifacts").glob("*/*"))) != len(made):
        tally.fault("repeated step", f"four runs on one store made {made}")
    run = next((world / "runs0").iterdir())
    before = rows_of(world)
    twice = [start(world, "measure", run, "--probe", "size") for _ in range(2)]
    ended = [(*process.communicate(timeout=RUN_SECONDS), process.returncode) for process in twice]
    for out, err, code in ended:
        tally.tried["measurements at once"] += 1
        tally.ended("measurements at once", "two measurements of one run", Done(code, out, err))
    if all(code for _, _, code in ended):
        tally.fault("not finished", f"neither of two measurements: {ended[0][1][-300:]}")
    if not before <= rows_of(world) or command(world, "verify", run).code != 0:
        tally.fault("lost rows", "two measurements of one run")
