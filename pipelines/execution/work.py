"""Do the work of one node: a pure function of its keyed inputs, whoever runs it and wherever."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from xpareto.compress.architectures import architecture_of, unmet
from xpareto.compress.core import STEPS, Artifact, Context, InputError, Manifest, Step, StepResult, read_json
from xpareto.compress.models import import_checkpoint
from xpareto.compress.training import alone
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.hardware import machine_energy, peak_bytes, reset_peak
from xpareto.pipelines.execution.carried import carried
from xpareto.pipelines.execution.data import TaskDataProvider
from xpareto.pipelines.execution.effort import WorkMeter, instrument_of_work
from xpareto.pipelines.planning import HUB_FILES, Base, Node
from xpareto.pipelines.storage import Store, folder_of, open_store, remove

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Job:
    """A node and all that is needed to do it on any machine that sees the store and the data."""

    node: Node
    store: str
    data: DataSpec
    threads: int
    base_folder: str | None = None
    base_repo: str | None = None
    base_revision: str | None = None
    save_minutes: float = 5.0  # see Context
    memory_bytes: int | None = None  # that it is expected to take; None: not known

    @staticmethod
    def of(
        node: Node,
        store: Store,
        data: DataSpec,
        threads: int,
        base: Base | None,
        save_minutes: float = 5.0,
        memory_bytes: int | None = None,
    ) -> Job:
        plain = Job(node, store.address, data, threads, save_minutes=save_minutes, memory_bytes=memory_bytes)
        if node.step != "base" or base is None:
            return plain
        found = base.source(node.fields["source"])
        folder = str(found.folder) if found.folder is not None else None
        return replace(plain, base_folder=folder, base_repo=found.repo, base_revision=found.revision)

    def node_folder(self) -> Path:
        """Return where the node's artifact is built."""
        return folder_of(self.store) / "building" / self.node.key

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Job:
        raw: dict[str, Any] = json.loads(text)
        return Job(**(raw | {"node": Node(**raw["node"]), "data": DataSpec(**raw["data"])}))


def do(work: Job, progress: Progress, announce: Callable[[str], None] | None = None) -> str:
    """Make the node's artifact, unless somebody else did meanwhile; return its digest.

    `announce` tells the processes that train with this one of a work, who `join_job` it; None: it is alone.
    """
    store, node = open_store(work.store), work.node
    store.look_up([key for key in (node.key, node.parent, node.teacher) if key is not None])
    with store.lock(node.key):
        known = store.find(node.key, verify=True)
        if known is not None:
            return known.digest
        inputs = _Inputs.of(work, store)
        together = False
        if announce is not None and node.step != "base" and STEPS.load(node.step).together:
            together = True
            announce(work.to_json())
        with nullcontext() if together else alone(), carried(store, inputs.scratch):
            artifact = store.put(
                node.key, inputs.digests(node), lambda target: _make(work, inputs, target, progress)
            )
        remove(inputs.scratch)
    return artifact.digest


def join_job(work: Job) -> None:
    """Run a training beside the process that makes its artifact; nothing of it is kept here."""
    inputs = _Inputs.of(work, open_store(work.store))
    with TemporaryDirectory() as target, WorkMeter(inputs.scratch, helps=True):
        _apply(work, inputs, Path(target), lambda *_: None, first=False)


@dataclass(frozen=True)
class _Inputs:
    """What a node is made of, and the folder that survives a kill."""

    source: Artifact | None
    teacher: Artifact | None
    scratch: Path

    @staticmethod
    def of(work: Job, store: Store) -> _Inputs:
        scratch = store.root / "scratch" / work.node.key
        scratch.mkdir(parents=True, exist_ok=True)
        return _Inputs(_given(work, store, work.node.parent), _given(work, store, work.node.teacher), scratch)

    def digests(self, node: Node) -> dict[str, str]:
        """Return the digest of each artifact by its key."""
        pairs = ((node.parent, self.source), (node.teacher, self.teacher))
        return {key: artifact.digest for key, artifact in pairs if key is not None and artifact is not None}


def _given(work: Job, store: Store, key: str | None) -> Artifact | None:
    """Return the artifact of a key that the node is given, None for none; InputError where it is not there."""
    if key is None:
        return None
    artifact = store.find(key, verify=False)
    if artifact is None:
        what = "starts" if key == work.node.parent else "learns"
        raise InputError(f"{work.node.where}: what step {work.node.label} {what} from is not in the store.")
    return store.open(artifact.digest, verify=False)


def _apply(work: Job, inputs: _Inputs, target: Path, progress: Progress, *, first: bool = True) -> StepResult:
    node = work.node
    step: Step = STEPS.load(node.step).from_json(node.fields)
    given = inputs.source.manifest if inputs.source is not None else None
    labels = given.labels if given is not None and given.training_set is not None else ()
    context = Context(
        TaskDataProvider(Data.open(work.data), labels), node.seed or 0, work.threads, inputs.scratch, progress,
        work.save_minutes, inputs.teacher, first,
    )  # fmt: skip
    if inputs.source is not None and step.needs():  # of a hub's base the plan did not know
        lacks = unmet(step.needs(), architecture_of(read_json(inputs.source.file("config.json"))))
        if lacks is not None:
            raise InputError(f"{step.name()}: {lacks}")
    return step.apply(inputs.source, target, context)


def _make(work: Job, inputs: _Inputs, target: Path, progress: Progress) -> Manifest:
    node, source, teacher = work.node, inputs.source, inputs.teacher
    reset_peak()
    with WorkMeter(inputs.scratch) as meter:
        made = _take_base(work, target) if node.step == "base" else _apply(work, inputs, target, progress)
        spent = meter.spent()
    used = machine_energy(spent)
    return Manifest(
        files={},
        format=made.format,
        head=made.head,
        labels=made.labels,
        training_set=made.training_set,
        layer=made.layer,
        key=node.key,
        step=node.step,
        step_version=node.step_version,
        fields=node.fields,
        seed=node.seed,
        parents=(source.digest, *source.manifest.parents) if source is not None else (),
        teacher=teacher.digest if teacher is not None else None,
        data=node.data,
        versions=node.versions,
        seconds=round(spent.seconds, 3),
        cpu_seconds=round(spent.cpu_seconds, 3),
        memory_bytes=peak_bytes(),
        energy_j=round(used.total_j + (used.gpu_j or 0.0), 3),
        energy_basis=used.basis,
        energy_instrument=instrument_of_work(used),
        notes=_plain(made.notes),
    )


def _take_base(work: Job, target: Path) -> StepResult:
    """Take a checkpoint into the store: whole, or as the model that answers for a training set."""
    made = _imported(work, target)
    if "training_set" not in work.node.fields:
        return made
    labels, name = tuple(work.node.fields["labels"]), work.node.fields["training_set"]
    return replace(made, labels=labels, training_set=name)


def _imported(work: Job, target: Path) -> StepResult:
    head = work.node.fields.get("head")
    if work.base_folder is not None:
        return import_checkpoint(Path(work.base_folder), target, head=head)
    if work.base_repo is None:
        raise InputError(f"{work.node.where}: neither a folder nor a hub id is given as base.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        folder = snapshot_download(work.base_repo, revision=work.base_revision, allow_patterns=[*HUB_FILES])
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"{work.base_repo}@{work.base_revision}: cannot be downloaded ({str(error).splitlines()[0]}). "
            "Check the network, or give a local folder with --base."
        ) from error
    copy = target.with_name(f"{target.name}.download")
    remove(copy)
    shutil.copytree(folder, copy)  # the hub's cache holds links; an artifact must not
    try:
        return import_checkpoint(copy, target, head=head)
    finally:
        remove(copy)


def _plain(notes: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(notes))
    return plain
