"""Make the artifacts of a plan: each piece of work once, in the executor's processes."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from xpareto.compress.core import Artifact, ArtifactDamaged, InputError
from xpareto.compress.training import SAVED_TRAINING
from xpareto.pipelines.execution import Executor, Job, StepError
from xpareto.pipelines.planning import Candidate, Plan, Prepared, as_downloaded, notes_of_base, work_titles
from xpareto.pipelines.runs.agenda import Agenda, making
from xpareto.pipelines.storage import RunFolder


def missing(ready: Prepared) -> dict[str, str]:
    """Return the label, by key, of every piece of work of a plan that the store has no artifact of."""
    store = ready.store
    return {
        key: node.label
        for key, node in ready.plan.nodes.items()
        if (digest := store.digest_of(key)) is None
        or not store.parents_match(key)
        or not store.folder(digest).is_dir()
    }


@dataclass
class ArtifactBuilder:
    """Makes the artifacts of candidates; each node at most once."""

    ready: Prepared
    run: RunFolder
    executor: Executor
    threads: int
    agenda: Agenda
    save_minutes: float = 5.0
    verified: dict[str, Artifact] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)  # node key -> why
    at_work: str = ""  # the key of the node that is being made

    @cached_property
    def titles(self) -> dict[str, str]:
        """Return what every node is called."""
        return work_titles(self.ready.plan)

    def mend(self) -> None:
        """Make again what cannot be read of what the store has: results tell of it, even if no candidate needs it."""
        for key in self.ready.plan.nodes:
            try:
                self.ready.store.find(key, verify=False)
            except ArtifactDamaged:
                self.artifact(key)

    def bundle(self, candidate: Candidate) -> dict[str, Artifact] | None:
        """Return a candidate's artifacts, made where they are missing; None when one failed."""
        artifacts = {name: self.artifact(key) for name, key in candidate.artifacts.items()}
        whole = {name: artifact for name, artifact in artifacts.items() if artifact is not None}
        return whole if len(whole) == len(artifacts) else None

    def artifact(self, key: str) -> Artifact | None:
        """Return the artifact of a node, verified byte by byte, made when it is not there."""
        if key in self.verified:
            return self.verified[key]
        if key in self.failed:
            return None
        node = self.ready.plan.nodes[key]
        artifact = self._stored(key)
        if artifact is None:
            for given in (node.parent, node.teacher):
                if given is not None and self.artifact(given) is None:
                    self.failed[key] = self.failed[given]
                    self.agenda.skip(making(node.label))
                    return None
            artifact = self._stored(key) or self._make(key)  # the parent may have been rebuilt
        if artifact is not None:
            self.verified[key] = artifact
        return artifact

    def _stored(self, key: str) -> Artifact | None:
        try:
            artifact = self.ready.store.find(key, verify=True)
        except ArtifactDamaged as error:
            with self.ready.store.lock(key):
                self.ready.store.set_aside(key)
            self.run.event("damaged", key=key, error=str(error))
            self.agenda.console.say(f"Damaged, so made again: {error}")
            return None
        if artifact is not None:
            self.run.event("cached", key=key, label=self.ready.plan.nodes[key].label, digest=artifact.digest)
        return artifact

    def _make(self, key: str) -> Artifact | None:
        node, what = self.ready.plan.nodes[key], self.titles[key]
        self.run.event("started", key=key, label=node.label, step=node.step)
        start, console = self.ready.start, self.agenda.console
        work = Job.of(node, self.ready.store, start.spec, self.threads, start.base, self.save_minutes)
        try:
            with self.agenda.piece(making(node.label), what):
                self.at_work = key
                self.executor.do(work, self.agenda.tell)
                self.at_work = ""
        except StepError as error:
            self.failed[key] = str(error)
            self.run.event("failed", key=key, label=node.label, error=str(error))
            console.say(f"Failed: {what}: {error}")
            return None
        made = self.ready.store.find(key, verify=False)
        if made is None:
            raise InputError(
                f"{self.ready.store.root}: the artifact of {what} is gone right after it was made."
            )
        self.run.event("made", key=key, label=node.label, digest=made.digest, seconds=made.manifest.seconds)
        console.made(self.agenda.now, made.manifest.seconds)
        if (
            node.step == "base" and start.base is not None
        ):  # of the hub's, more is known now than when it was planned
            for note in notes_of_base(as_downloaded(start.base), self.ready.plan, self.ready.checked.recipe):
                if note not in self.ready.notes:
                    console.say(f"Note: {note}")
        return made

    def saved(self) -> tuple[Path, float] | None:
        """Return the file in which the training at work is saved, and how many seconds ago; None for none."""
        file = self.ready.store.root / "scratch" / self.at_work / SAVED_TRAINING
        if not self.at_work or not file.is_file():
            return None
        return file, time.time() - file.stat().st_mtime

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
