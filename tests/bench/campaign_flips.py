"""Flipped bits of a finished run and its store, for `campaign.py`: what every command that reads them then does."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from campaign_world import RUN_SECONDS, Done, Kept, Tally, command, digest, new_world, remove, rows_of
from forked_commands import Forks

HEAVY = (
    "measure",
    "run",
)  # they start processes of their own, seconds each: one of them after every n-th flip
# Of the flips, by part: most files are embedded data, which one check holds together and `plan` writes anew in seconds.
_SHARES = {"runs/": 4, "store/artifacts/": 3, "store/embedded/": 1, "store/": 2}


@dataclass(frozen=True)
class Answer:
    """How a command ended, and a digest of what it wrote elsewhere, or of the scores and sizes that it gave."""

    done: Done
    wrote: str


class Flips:
    """A finished run and its store; single bits of them are flipped, the commands run, and all is brought back."""

    def __init__(self, folder: Path, tally: Tally) -> None:
        self.tally, self.world, whole = tally, folder / "world", folder / "whole"
        new_world(self.world)
        done = command(self.world, "run", "r.yaml", seconds=RUN_SECONDS)
        assert done.code == 0, done.err
        Kept(self.world, whole)  # what `diff` compares with
        self.run = next((whole / "runs").iterdir()).name
        self.words: Mapping[str, Sequence[str]] = {
            "verify": ("verify", self.run, "--store", "store"),
            "report": ("report", self.run, "--out", "out"),
            "choose": ("choose", self.run, "--json"),
            "diff": ("diff", f"../whole/runs/{self.run}", self.run, "--json"),
            "export": ("export", self.run, "main/int8/onnxruntime", "out", "--store", "store"),
            "plan": ("plan", "r.yaml", "--json"),
            "measure": ("measure", self.run, "--probe", "size", "--store", "store"),
            "run": ("run", "r.yaml", "--out", "out"),
        }
        self.light = [name for name in self.words if name not in HEAVY]
        self.forks = Forks(folder)
        for name in self.light:
            self.forks.learn(self.world, *self.words[name], seconds=RUN_SECONDS)
            remove(self.world / "out")
        self.kept = Kept(self.world, folder / "kept")
        self.first = {name: self._answer(name, real=True) for name in self.words}
        for name in self.light:
            if self._answer(name) != self.first[name]:
                tally.fault("fork differs", name)
        self.files: dict[str, list[Path]] = {}  # by the part of _SHARES that they are in
        for file in sorted(self.world.rglob("*")):
            name = file.relative_to(self.world)
            if file.is_file() and file.stat().st_size and name.name != "r.yaml" and "locks" not in name.parts:
                part = next(part for part in _SHARES if name.as_posix().startswith(part))
                self.files.setdefault(part, []).append(name)

    def try_one(self, seed: int, number: int, every: int) -> None:
        """Flip the bit of a seed and number; every command then says so, or does what it did."""
        chance = random.Random(f"{seed} {number}")
        shares = [_SHARES[part] for part in self.files]
        name = chance.choice(self.files[chance.choices([*self.files], shares)[0]])
        bit = chance.randrange(8 * (self.world / name).stat().st_size)
        quietly = chance.random() < 0.5
        where = f"bit {bit} of {name}{', time of change kept' if quietly else ''}"
        self.tally.tried["flipped bits"] += 1
        self._flip(name, bit, quietly)
        found = {verb: self._answer(verb) for verb in self.light}
        self.kept.bring_back(name)
        if number % every == 0:
            self._flip(name, bit, quietly)
            heavy = HEAVY[number // every % 2]
            rows = rows_of(self.world)
            found[heavy] = self._answer(heavy)
            if heavy == "run" and found[heavy].done.code:  # a new run takes from the store what is whole
                self.tally.fault("not mended", f"{heavy} after {where}: {found[heavy].done.err[-300:]}")
            if not rows <= rows_of(self.world):
                self.tally.fault("lost rows", f"{heavy} after {where}")
            seen = found["verify"].done.code != 0 and found[heavy].done.code == 0
            if heavy == "measure" and seen and self._answer("verify").done.code == 0:
                self.tally.fault("blessed damage", f"{heavy} after {where}")
            self.kept.bring_back(name)
        for verb, answer in found.items():
            self.tally.tried[f"flipped bits: {verb}"] += 1
            self.tally.ended(f"flipped bits: {verb}", f"{verb} after {where}", answer.done)
            if self._silent(verb, answer):
                self.tally.fault("silent change", f"{verb} after {where}")

    def _silent(self, verb: str, answer: Answer) -> bool:
        """Tell whether a command gave something else than before the flip, and did not say so."""
        first = self.first[verb]
        if answer.done.code != first.done.code:
            return False
        if verb in HEAVY:  # their output tells of times
            return answer.done.code == 0 and answer.wrote != first.wrote
        return answer.done.err == first.done.err and answer != first

    def _answer(self, name: str, real: bool = False) -> Answer:
        """Run a command; a real one is a process of its own, and what it changed is undone."""
        run = command if real or name in HEAVY else self.forks.command
        done = run(self.world, *self.words[name], seconds=RUN_SECONDS)
        out = self.world / "out"
        wrote = _scores(out if name == "run" else self.world / "runs") if name in HEAVY else digest(out)
        if real:
            self.kept.bring_back()
        else:
            remove(out)
        return Answer(done, wrote)

    def _flip(self, name: Path, bit: int, quietly: bool) -> None:
        file = self.world / name
        was = file.stat()
        content = bytearray(file.read_bytes())
        content[bit // 8] ^= 1 << bit % 8
        file.chmod(0o644)
        file.write_bytes(content)
        file.chmod(was.st_mode)
        if quietly:  # as a disk does it
            os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))


def _scores(runs: Path) -> str:
    """Return the scores and sizes of runs, without times, as text."""
    found = set()
    for line in rows_of(runs, "*/measurements.jsonl"):
        try:
            row = json.loads(line)
        except ValueError:  # what was flipped, or the empty last line
            continue
        if row.get("probe") in ("accuracy", "size") and row["statistic"] != "probe_time":
            told = {key: value for key, value in row.items() if key not in ("run", "time", "repeat")}
            found.add(json.dumps(told, sort_keys=True))
    return "\n".join(sorted(found))
