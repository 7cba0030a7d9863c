"""Damage, kills and full disks against the command line, and what came of them, as a table.

    python tests/bench/campaign.py [--recipes 5000] [--flips 1000] [--kills 60] [--seed 0] [--json FILE]

Recipes are mutated and planned; single bits of a finished run and its store are flipped, and every command that reads
them is run; runs are killed (the whole group, the command, its worker, a probe) at random moments and started again;
a file system of a few MB fills up; four runs work on one store, and two measurements on one run. Faults are
tracebacks, hangs, outputs that changed without a word, rows that were lost, steps that were done twice, and processes
that were left. Exit code 1 when there is one. The sizes above are the acceptance's (hours); 0 leaves a part out.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from campaign_world import (
    MOST_BYTES,
    MOST_LINES,
    PLAN_SECONDS,
    RUN_SECONDS,
    VICTIMS,
    Done,
    Tally,
    command,
    digest,
    events,
    kill,
    left_over,
    new_world,
    remove,
    rows_of,
    start,
)
from mutated_recipes import mutated

# -- recipes ----------------------------------------------------------------------------------


def try_recipes(count: int, seed: int, folder: Path, tally: Tally) -> None:
    """Plan recipes that were changed at random."""
    world = new_world(folder)
    for number in range(seed, seed + count):
        (world / "mutated.yaml").write_bytes(mutated(number))
        words = ("plan", "mutated.yaml", "--base", "embedded", "--data", "embedded")
        done = command(world, *words, seconds=PLAN_SECONDS)
        what = f"recipe of seed {number}"
        tally.tried["mutated recipes"] += 1
        tally.ended("mutated recipes", what, done)
        if done.code == 2 and (done.err.count("\n") > MOST_LINES or len(done.err) > MOST_BYTES):
            tally.fault("long message", f"{what}: {len(done.err)} characters")


# -- single bits ------------------------------------------------------------------------------


def try_flips(count: int, chance: random.Random, folder: Path, tally: Tally) -> None:
    """Flip one bit of a finished run or its store; every command then says so, or does what it did."""
    whole = new_world(folder / "whole")
    done = command(whole, "run", "r.yaml", seconds=RUN_SECONDS)
    assert done.code == 0, done.err
    world = folder / "world"
    run = next((whole / "runs").iterdir()).name
    words = {
        "verify": ("verify", run, "--store", "store"),
        "report": ("report", run, "--out", "out"),
        "choose": ("choose", run, "--json"),
        "diff": ("diff", f"../whole/runs/{run}", run, "--json"),
        "export": ("export", run, "main/int8/onnxruntime", "out", "--store", "store"),
        "plan": ("plan", "r.yaml", "--json"),
        "measure": ("measure", run, "--probe", "size", "--store", "store"),
        "run": ("run", "r.yaml", "--out", "out"),
    }
    read_only = [name for name in words if name not in ("measure", "run")]

    def answers(names: Sequence[str], prepare: Callable[[], None]) -> dict[str, tuple[Done, str]]:
        """Return how each command ends in a fresh copy, and a digest of what it wrote elsewhere."""
        found = {}
        for name in names:
            if name not in read_only or not world.exists():
                remove(world)
                shutil.copytree(whole, world)
                prepare()
            remove(world / "out")
            done = command(world, *words[name], seconds=RUN_SECONDS)
            found[name] = done, digest(world / "out") if name in read_only else ""
        remove(world)
        return found

    first, second = (answers(list(words), lambda: None) for _ in range(2))
    steady = [name for name in read_only if first[name] == second[name]]
    files = [path for path in sorted(whole.rglob("*")) if path.is_file() and path.stat().st_size
             and path.name != "r.yaml" and "locks" not in path.parts]  # fmt: skip
    for number in range(count):
        file = chance.choice(files)
        bit = chance.randrange(8 * file.stat().st_size)
        name = file.relative_to(whole)

        def flip(name: Path = name, bit: int = bit) -> None:
            content = bytearray((world / name).read_bytes())
            content[bit // 8] ^= 1 << bit % 8
            (world / name).chmod(0o644)
            (world / name).write_bytes(content)

        tally.tried["flipped bits"] += 1
        for verb, (done, wrote) in answers([*read_only, ("measure", "run")[number % 2]], flip).items():
            what = f"{verb} after bit {bit} of {name}"
            tally.ended("flipped bits", what, done)
            before, wrote_before = first[verb]
            told = done.code != before.code or done.err != before.err
            if verb in steady and not told and (done.out, wrote) != (before.out, wrote_before):
                tally.fault("silent change", what)


# -- kills ------------------------------------------------------------------------------------


def try_kills(count: int, chance: random.Random, folder: Path, tally: Tally, each: int = 6) -> None:
    """Kill a run a few times, at random moments, before it may end; nothing is lost, done twice or left at work."""
    while count > 0:
        world = new_world(folder / f"{count}")
        for _ in range(min(each, count)):
            victim, rows = chance.choice(VICTIMS), rows_of(world)
            tally.tried[f"kills -9 of the {victim}"] += 1
            process = start(world, "run", "r.yaml")
            time.sleep(chance.uniform(0.3, 25))
            killed = kill(process, victim, chance)
            out, err = process.communicate(timeout=RUN_SECONDS)
            if killed and victim in ("group", "command"):
                tally.endings["kills: killed"] += 1
            else:
                tally.ended("kills", f"run whose {victim} was killed", Done(process.returncode, out, err))
            left = left_over(process.pid)
            if left:
                tally.fault("orphan", f"after a kill of the {victim}: {left}")
            if not rows <= rows_of(world):
                tally.fault("lost rows", f"after a kill of the {victim} in {world}")
        count -= each
        finish(world, tally, "killed run")


def finish(world: Path, tally: Tally, what: str) -> None:
    """Run to the end, and verify it: every step was made once, every probe is there once."""
    done = command(world, "run", "r.yaml", seconds=RUN_SECONDS)
    tally.ended("goes on", what, done)
    if done.code != 0:
        tally.fault("not finished", f"{what}: {done.err[-300:]}")
        return
    check = command(world, "verify", "latest")
    tally.ended("verify", what, check)
    if check.code != 0:
        tally.fault("not as sealed", f"{what}: {check.err[:300]}")
    made = Counter(event["key"] for event in events(world) if event["event"] == "made")
    if any(times > 1 for times in made.values()):
        tally.fault("repeated step", f"{what}: {[key[:8] for key, times in made.items() if times > 1]}")


# -- full disks, and several at once ----------------------------------------------------------


def try_disk(chance: random.Random, folder: Path, tally: Tally) -> None:
    """Let the disk fill up during a run, then give it room: it goes on to its end."""
    folder.mkdir()
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


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, size in (
        ("recipes", 5000),
        ("flips", 1000),
        ("kills", 60),
        ("at-once", 1),
        ("disks", 1),
        ("seed", 0),
    ):
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    tally, began, chance = Tally(), time.monotonic(), random.Random(chosen.seed)
    folder = Path(tempfile.mkdtemp(prefix="campaign-"))
    try:
        if chosen.recipes:
            try_recipes(chosen.recipes, chosen.seed, folder / "recipes", tally)
        if chosen.flips:
            try_flips(chosen.flips, chance, folder / "flips", tally)
        if chosen.kills:
            try_kills(chosen.kills, chance, folder / "kills", tally)
        if chosen.disks:
            try_disk(chance, folder / "disk", tally)
        if chosen.at_once:
            try_at_once(folder / "at-once", tally)
    finally:
        remove(folder)
    faults = Counter(kind for kind, _ in tally.faults)
    for title, counts in (("Tried", tally.tried), ("Ended", tally.endings), ("Faults", faults)):
        print(f"\n{title:40} number")
        print("\n".join(f"{name:40} {number:6,}" for name, number in sorted(counts.items())) or "none")
    print(f"\nseed {chosen.seed}, {time.monotonic() - began:.0f} s")
    if chosen.json:
        told = {"tried": tally.tried, "endings": tally.endings, "faults": tally.faults, "seed": chosen.seed}
        chosen.json.write_text(json.dumps(told, indent=1) + "\n")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
