"""Make the artifacts of a plan: each piece of work once, as many at a time as the executor takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from xpareto.compress.core import Artifact, ArtifactDamaged, InputError
from xpareto.compress.training import SAVED_TRAINING
from xpareto.pipelines.execution import (
    Executor,
    Expected,
    Job,
    Schedule,
    StepError,
    WorkerDied,
    longest_paths,
)
from xpareto.pipelines.planning import Candidate, Plan, Prepared, as_downloaded, notes_of_base, work_titles
from xpareto.pipelines.runs.agenda import Agenda, Piece, making
from xpareto.pipelines.storage import RunFolder


def missing(ready: Prepared) -> dict[str, str]:
    """Return the label, by key, of every piece of work of a plan that the store has no artifact of."""
    ready.store.look_up(ready.plan.nodes)
    return {key: node.label for key, node in ready.plan.nodes.items() if not ready.store.is_made(key)}


@dataclass(frozen=True)
class Use:
    """What is done with artifacts, by their keys, as soon as they are made or have failed."""

    keys: Collection[str]
    do: Callable[[], object]


@dataclass
class ArtifactBuilder:
    """Makes the artifacts of candidates; each node at most once. Several builders may share an executor.

    A node has `threads`; one whose outcome hangs on times that it takes (of data "machine") has those of a
    measurement, `timed_threads`, and nothing of ours beside it.
    """

    ready: Prepared
    run: RunFolder
    executor: Executor
    threads: int
    agenda: Agenda
    save_minutes: float = 5.0
    timed_threads: int | None = None  # None: as many
    verified: dict[str, Artifact] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # node key -> why
    _at_work: set[str] = field(default_factory=set)  # keys
    _memory: dict[str, int | None] = field(default_factory=dict)  # expected, by key
    _stopping: bool = False

    @cached_property
    def titles(self) -> dict[str, str]:
        """Return what every node is called."""
        return work_titles(self.ready.plan)

    def mend(self) -> None:
        """Make again what cannot be read of what the store has: results tell of it, even if no candidate needs it."""
        damaged = []
        for key in self.ready.plan.nodes:
            try:
                self.ready.store.find(key, verify=False)
            except ArtifactDamaged:
                damaged.append(key)
        self.build(damaged)

    def bundles(self, candidates: Iterable[Candidate]) -> dict[str, dict[str, Artifact] | None]:
        """Return by name the artifacts of candidates, made where they are missing; None where one failed."""
        wanted = list(candidates)
        self.build(key for candidate in wanted for key in candidate.artifacts.values())
        return {candidate.name: self.bundle(candidate) for candidate in wanted}

    def bundle(self, candidate: Candidate) -> dict[str, Artifact] | None:
        """Return a candidate's artifacts, which were built before; None when one failed."""
        artifacts = {name: self.verified.get(key) for name, key in candidate.artifacts.items()}
        whole = {name: artifact for name, artifact in artifacts.items() if artifact is not None}
        return whole if len(whole) == len(artifacts) else None

    def build(self, keys: Iterable[str], uses: Mapping[str, Use] | None = None) -> None:
        """Verify the artifacts of nodes byte by byte, and make those that are not there, and what they are made of.

        A node that fails takes with it what is made of it; InputError ends all once what runs is done. `uses`, by name,
        are of artifacts among these: each is done beside the making, where there is room that no making takes.
        """
        uses = uses or {}
        self.ready.store.send()
        needs = self._missing(keys)
        nodes = self.ready.plan.nodes
        together = self.executor.at_once > 1
        self._expected = Expected.of(self.ready.store, {nodes[key].step for key in needs if together})
        # one at a time in the order of the plan: nothing waits for the longest way
        seconds = {key: self._expected.costs.seconds(nodes[key]) for key in needs if together}
        schedule = Schedule(
            self.executor.at_once + self.executor.ahead,
            {key: -rest for key, rest in longest_paths(needs, seconds).items()},
            self._fit,
            {key for key in needs if self._is_timed(key)},
            self._abandon,
        )
        used = {name: [key for key in use.keys if key in needs] for name, use in uses.items()}
        schedule.run({**needs, **used}, lambda name: uses[name].do() if name in uses else self._obtain(name))

    def _fit(self, running: Sequence[str], key: str) -> bool:
        known = [memory for one in (*running, key) if (memory := self._expected_memory(one)) is not None]
        return not known or self.executor.fits(known)

    def _expected_memory(self, key: str) -> int | None:
        """Return what a node is expected to take once its parents are there; None where nothing tells."""
        if key not in self.ready.plan.nodes:
            return None
        if key not in self._memory:
            self._memory[key] = self._expected.memory_bytes(self.ready.plan.nodes[key])
        return self._memory[key]

    def _missing(self, keys: Iterable[str]) -> dict[str, list[str]]:
        """Return, in the order of the plan, the nodes that are not in the store, and which of them each needs."""
        needs: dict[str, list[str]] = {}
        waiting = list(keys)
        while waiting:
            key = waiting.pop()
            if key in needs or key in self.verified or key in self.failed:
                continue
            artifact = self._stored(key)
            if artifact is not None:
                self.verified[key] = artifact
                continue
            needs[key] = self._given(key)
            waiting += needs[key]
        return {
            key: [given for given in needs[key] if given in needs]
            for key in self.ready.plan.nodes
            if key in needs
        }

    def _given(self, key: str) -> list[str]:
        node = self.ready.plan.nodes[key]
        return [given for given in (node.parent, node.teacher) if given is not None]

    def _is_timed(self, key: str) -> bool:
        return any(name.startswith("machine:") for name in self.ready.plan.nodes[key].data)

    def _obtain(self, key: str) -> None:
        """Make the artifact of a node whose parents are there or failed."""
        for given in self._given(key):
            if given in self.failed:
                self.failed[key] = self.failed[given]
                self.agenda.skip(making(self.ready.plan.nodes[key].label))
                return
        artifact = self._stored(key) or self._make(key)  # a parent may have been rebuilt
        if artifact is not None:
            self.verified[key] = artifact

    def _abandon(self) -> None:
        self._stopping = True
        self.executor.close()

    def _stored(self, key: str) -> Artifact | None:
        try:
            artifact = self.ready.store.find(key, verify=True)
        except ArtifactDamaged as error:
            with self.ready.store.lock(key):
                self.ready.store.set_aside(key)
            self._note("damaged", key=key, error=str(error))
            self.agenda.say(f"Damaged, so made again: {error}")
            return None
        if artifact is not None:
            self._note("cached", key=key, label=self.ready.plan.nodes[key].label, digest=artifact.digest)
        return artifact

    def _make(self, key: str) -> Artifact | None:
        node, what = self.ready.plan.nodes[key], self.titles[key]
        self._note("started", key=key, label=node.label, step=node.step)
        start = self.ready.start
        threads = self.timed_threads if self.timed_threads and self._is_timed(key) else self.threads
        memory = self._expected_memory(key)
        work = Job.of(node, self.ready.store, start.spec, threads, start.base, self.save_minutes, memory)
        try:
            with self.agenda.piece(making(node.label), what) as piece:
                self._at_work.add(key)
                self._do(work, piece)
                self._at_work.discard(key)
        except StepError as error:
            if self._stopping:
                return None
            self._at_work.discard(key)
            self.failed[key] = str(error)
            self._note("failed", key=key, label=node.label, error=str(error))
            self.agenda.say(f"Failed: {what}: {error}")
            return None
        self.ready.store.look_up([key], anew=True)
        made = self.ready.store.find(key, verify=False)
        if made is None:
            raise InputError(
                f"{self.ready.store.address}: the artifact of {what} is gone right after it was made."
            )
        own = made.manifest.key == key  # else it is equal to one of before, whose manifest stays
        seconds = made.manifest.seconds if own else round(time.monotonic() - piece.began, 3)
        self._note("made", key=key, label=node.label, digest=made.digest, seconds=seconds)
        self.agenda.made(piece, seconds)
        if (
            node.step == "base" and start.base is not None
        ):  # of the hub's, more is known now than when it was planned
            for note in notes_of_base(as_downloaded(start.base), self.ready.plan, self.ready.checked.recipe):
                if note not in self.ready.notes:
                    self.agenda.say(f"Note: {note}")
        return made

    def _do(self, work: Job, piece: Piece) -> None:
        """Do the work, once more where its worker died: a training goes on from its saved state."""
        try:
            self.executor.do(work, piece.tell, piece.begins)
        except WorkerDied as error:
            if self._stopping:
                raise
            self._note("died", key=work.node.key, label=work.node.label, error=str(error))
            self.agenda.say(f"Done again: {piece.what}: {error}")
            self.executor.do(work, piece.tell, piece.begins)

    def _note(self, what: str, **facts: object) -> None:
        with self.agenda.lock:  # threads of this process: a line at a time
            self.run.event(what, **facts)

    def saved(self) -> Sequence[tuple[Path, float]]:
        """Return the files in which the trainings at work are saved, and how many seconds ago each was."""
        scratch = self.ready.store.root / "scratch"
        files = [scratch / key / SAVED_TRAINING for key in sorted(self._at_work)]
        return [(file, time.time() - file.stat().st_mtime) for file in files if file.is_file()]

    def failed_candidates(self, plan: Plan) -> dict[str, str]:
        """Return why each candidate that could not be made failed, by name."""
        reasons = {}
        for candidate in plan.candidates:
            for key in candidate.artifacts.values():
                if key in self.failed:
                    reasons[candidate.name] = self.failed[key]
        return reasons

    def failed_step(self, candidate: Candidate) -> str:
        """Return the label of the first step of a candidate that failed."""
        for key in candidate.artifacts.values():
            line = [node for node in self.ready.plan.ancestors(key) if node.key in self.failed]
            if line:
                return line[-1].label
        return "unknown"
