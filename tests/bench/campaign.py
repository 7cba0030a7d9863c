"""Damage, kills and full disks against the command line, and what came of them, as a table.

    python tests/bench/campaign.py [--recipes 5000] [--flips 1000] [--kills 60] [--seed 0] [--kept FOLDER] [--out FILE]

Recipes are mutated and planned; single bits of a finished run and its store are flipped, and every command that reads
them is run (`measure` or `run` after every `--every`th flip only: they take seconds); runs and measurements are killed
(the whole group, the command, its worker, a probe) at random moments and started again; a file system of a few MB fills
up; four runs work on one store, and two measurements on one run. Faults are tracebacks, hangs, outputs that changed
without a word, rows that were lost, steps that were done twice, and processes that were left. Exit code 1 when there is
one. The sizes above are the acceptance's (hours); 0 leaves a part out. With `--kept` the figures of each part and seed
lie in a folder: the same command goes on where it was ended, and the page of `--out` has all that lies there, so that
parts and seeds can run beside each other.

Commands on recipes and flipped bits that start no process are run in forks of this process (`forked_commands.py`),
once each is seen to give what the command line gives; every hundredth recipe is planned by the command line, too.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from campaign_flips import Flips
from campaign_kills import EACH, try_at_once, try_disk, try_kills
from campaign_world import (
    ENVIRONMENT,
    MOST_BYTES,
    MOST_LINES,
    PLAN_SECONDS,
    RUN_SECONDS,
    Tally,
    command,
    new_world,
    remove,
)
from forked_commands import Forks
from mutated_recipes import mutated

from xpareto.eval.hardware import machine_facts

SIZES = {"recipes": 5000, "flips": 1000, "kills": 60, "at-once": 1, "disks": 1}
_SAVED_SECONDS = 20
_REAL = 100  # after so many recipes one is planned by the command line, too


def recipes(seed: int, folder: Path, tally: Tally) -> Callable[[int], None]:
    """Return what plans the recipe of a number, changed at random."""
    world = new_world(folder)
    forks = Forks(folder)
    options = ("--base", "embedded", "--data", "embedded")
    forks.learn(world, "plan", "r.yaml", *options, seconds=RUN_SECONDS)
    mutant = world / "mutated.yaml"
    mutant.write_bytes(mutated(seed))
    forks.learn(world, "plan", mutant.name, *options, seconds=RUN_SECONDS)

    def plan(number: int) -> None:
        mutant.write_bytes(mutated(seed + number))
        done = forks.command(world, "plan", mutant.name, *options, seconds=PLAN_SECONDS)
        what = f"recipe of seed {seed + number}"
        tally.tried["mutated recipes"] += 1
        tally.ended("mutated recipes", what, done)
        if done.code == 2 and (done.err.count("\n") > MOST_LINES or len(done.err) > MOST_BYTES):
            tally.fault("long message", f"{what}: {len(done.err)} characters")
        if number % _REAL == 0 and command(world, "plan", mutant.name, *options, seconds=RUN_SECONDS) != done:
            tally.fault("fork differs", what)

    return plan


def flips(seed: int, folder: Path, tally: Tally, every: int) -> Callable[[int], None]:
    world = Flips(folder, tally)
    return lambda number: world.try_one(seed, number, every)


def parts(
    chosen: argparse.Namespace, folder: Path
) -> Iterator[tuple[str, int, Callable[[Tally], Callable[[int], None]]]]:
    """Yield each part that is wanted, how often, and what begins it; that gives what does the one of a number."""
    seed = chosen.seed

    def chance(part: str, number: int) -> random.Random:
        return random.Random(f"{seed} {part} {number}")

    ways: dict[str, Callable[[Tally], Callable[[int], None]]] = {
        "recipes": lambda tally: recipes(seed, folder / "recipes", tally),
        "flips": lambda tally: flips(seed, folder / "flips", tally, chosen.every),
        "kills": lambda tally: lambda number: try_kills(number, chance("kills", number), folder / "kills", tally),
        "disks": lambda tally: lambda number: try_disk(chance("disks", number), folder / f"disk{number}", tally),
        "at-once": lambda tally: lambda number: try_at_once(folder / f"at-once{number}", tally),
    }  # fmt: skip
    for part, way in ways.items():
        size = getattr(chosen, part.replace("-", "_"))
        times = -(-size // EACH) if part == "kills" else size
        if times:
            yield part, times, way


def attack(part: str, times: int, way: Callable[[Tally], Callable[[int], None]], file: Path | None) -> Tally:
    """Do a part to its end, from where its file says that it was."""
    tally = read(file) if file and file.exists() else Tally(commit=commit())
    if tally.done >= times:
        return tally
    if tally.commit != commit():
        raise SystemExit(f"{file}: is of {tally.commit}, and this is {commit()}. Take another --kept.")
    before, began = tally.seconds, time.monotonic()
    one, saved = way(tally), began
    for number in range(tally.done, times):
        one(number)
        tally.done, tally.seconds = number + 1, before + time.monotonic() - began
        if file and (time.monotonic() - saved > _SAVED_SECONDS or number + 1 == times):
            write(file, tally)
            saved = time.monotonic()
    return tally


def read(file: Path) -> Tally:
    kept = json.loads(file.read_text(encoding="utf-8"))
    counts = {name: Counter(kept.pop(name)) for name in ("tried", "endings")}
    return Tally(**counts, faults=[(kind, what) for kind, what in kept.pop("faults")], **kept)


def write(file: Path, tally: Tally) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    building = file.with_suffix(".building")
    building.write_text(json.dumps(vars(tally), indent=1) + "\n", encoding="utf-8")
    building.replace(file)


def commit() -> str:
    said = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=10"],
        cwd=Path(__file__).parent, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return said.stdout.strip() or "unknown"


def table(tallies: Sequence[tuple[str, Tally]]) -> str:
    """Return what was tried, how it ended and what was found, over all parts, and the parts, as Markdown."""
    tried, endings, found = Counter[str](), Counter[str](), Counter[str]()
    for _, tally in tallies:
        tried += tally.tried
        endings += tally.endings
        found += Counter(kind for kind, _ in tally.faults)
    lines = []
    for title, counts in (("tried", tried), ("ended", endings), ("fault", found)):
        lines += [f"| {title} | number |", "|:--|--:|"]
        lines += [f"| {name} | {number:,} |" for name, number in sorted(counts.items())] or ["| none | 0 |"]
        lines.append("")
    lines += [
        "| part, seed | commit | minutes | most memory of a command in a fork | faults |",
        "|:--|:--|--:|--:|--:|",
    ]
    for name, tally in tallies:
        memory = f"{tally.memory / 2**20:,.0f} MiB" if tally.memory else "–"
        lines.append(
            f"| {name} | {tally.commit} | {tally.seconds / 60:,.1f} | {memory} | {len(tally.faults)} |"
        )
    return "\n".join(lines)


def page(tallies: Sequence[tuple[str, Tally]]) -> str:
    facts = machine_facts()
    return (
        "# What damage, kills and full disks do to the command line\n\n"
        "A command ends with 0, with 1 where something failed or differs, with 2 where it refuses and says why,\n"
        "`choose` with 3 where nothing fits. Faults are tracebacks, hangs, outputs that changed without a word, rows\n"
        "that were lost, finished steps that were done again, and processes that were left.\n\n"
        f"{table(tallies)}\n\n## How it was made\n\nPart by part beside other work, each at its commit\n"
        "(of the branch that mended what was found), in several sittings on machines of two cores:\n\n```sh\n"
        f"{''.join(_command(name, tally) for name, tally in tallies)}```\n\n"
        f"The last one: {facts['cpu']}, {facts['cores']} cores, {facts['os']}, torch {facts['packages']['torch']}, "
        f"onnxruntime {facts['packages']['onnxruntime']}, python {facts['python']}.\n"
    )


def _command(name: str, tally: Tally) -> str:
    """Return the command of one part and seed."""
    part, _, seed = name.partition(", seed ")
    sizes = dict.fromkeys(SIZES, 0) | {part: tally.done * (EACH if part == "kills" else 1)}
    options = " ".join(f"--{one} {size}" for one, size in sizes.items())
    return f"python tests/bench/campaign.py {options} --seed {seed} --kept kept --out reports/published/robustness.md\n"


def main() -> int:
    os.environ.update(ENVIRONMENT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing stays mounted
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size)
    parser.add_argument(
        "--every", type=int, default=10, help="flips per one that measure or run is tried after"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kept", type=Path, help="the folder of the figures of each part and seed")
    parser.add_argument("--out", type=Path, help="the page, as Markdown")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="campaign-"))
    tallies = []
    try:
        for part, times, way in parts(chosen, folder):
            name = f"{part}, seed {chosen.seed}"
            file = chosen.kept / f"{name}.json" if chosen.kept else None
            tallies.append((name, attack(part, times, way, file)))
    finally:
        remove(folder)
    if chosen.kept:
        tallies = [(file.stem, read(file)) for file in sorted(chosen.kept.glob("*.json"))]
    print(table(tallies))
    if chosen.out:
        chosen.out.write_text(page(tallies), encoding="utf-8")
    return 1 if any(tally.faults for _, tally in tallies) else 0


if __name__ == "__main__":
    sys.exit(main())
