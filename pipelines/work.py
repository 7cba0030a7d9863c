"""Do the work of one node: a pure function of its keyed inputs, whoever runs it and wherever."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from compress.artifact import Artifact, Manifest
from compress.catalog import STEPS
from compress.errors import InputError
from compress.processes import Helped, alone, helping
from compress.step import Context, Made, Step
from eval.data import Data, DataSpec
from eval.energy_meter import machine_energy
from pipelines.plan import Node
from pipelines.start import Base
from pipelines.store import Store, remove
from pipelines.supply import DataSupply
from pipelines.work_meter import WorkMeter, instrument_of_making

if TYPE_CHECKING:
    from pipelines.team import Team

Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Work:
    """A node and all that is needed to do it on any machine that sees the store and the data."""

    node: Node
    store: str
    data: DataSpec
    threads: int
    base_folder: str | None = None
    base_repo: str | None = None
    base_revision: str | None = None
    save_minutes: float = 5.0  # see Context

    @staticmethod
    def of(
        node: Node, store: Store, data: DataSpec, threads: int, base: Base | None, save_minutes: float = 5.0
    ) -> Work:
        plain = Work(node, str(store.root), data, threads, save_minutes=save_minutes)
        if node.step != "base" or base is None:
            return plain
        folder = str(base.folder) if base.folder is not None else None
        return replace(plain, base_folder=folder, base_repo=base.repo, base_revision=base.revision)

    def node_folder(self) -> Path:
        """Return where the node's artifact is built."""
        return Path(self.store) / "building" / self.node.key

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Work:
        raw: dict[str, Any] = json.loads(text)
        return Work(**(raw | {"node": Node(**raw["node"]), "data": DataSpec(**raw["data"])}))


def do(work: Work, progress: Progress, team: Team | None = None) -> str:
    """Make the node's artifact, unless somebody else did meanwhile; return its digest.

    Where there is a `team`, its other processes are told of a training, and everything else is done here alone.
    """
    store, node = Store(Path(work.store)), work.node
    with store.lock(node.key):
        found = store.find(node.key, verify=True)
        if found is not None:
            return found.digest
        source, teacher = _given(work, store, node.parent), _given(work, store, node.teacher)
        scratch = _scratch(work, store)
        given = {node.parent: source, node.teacher: teacher}
        parents = {key: found.digest for key, found in given.items() if key is not None and found is not None}
        together = team is not None and node.step != "base" and STEPS.load(node.step).together
        if team is not None and together:
            team.announce(work.to_json())
        with nullcontext() if together else alone():
            artifact = store.put(
                node.key, parents, lambda target: _make(work, source, teacher, target, scratch, progress)
            )
        remove(scratch)
    return artifact.digest


def help_with(work: Work) -> None:
    """Do this process' part of a training that the first process makes the artifact of."""
    store = Store(Path(work.store))
    teacher = _given(work, store, work.node.teacher)
    scratch = _scratch(work, store)
    step, context = _ready(work, teacher, scratch, lambda *_: None)
    with TemporaryDirectory() as target, WorkMeter(scratch, helps=True), helping(), suppress(Helped):
        step.apply(_given(work, store, work.node.parent), Path(target), context)


def _given(work: Work, store: Store, key: str | None) -> Artifact | None:
    """Return the artifact of a key that the node is given, None for none; InputError where it is not there."""
    if key is None:
        return None
    found = store.find(key, verify=False)
    if found is None:
        what = "starts" if key == work.node.parent else "learns"
        raise InputError(f"{work.node.where}: what step {work.node.label} {what} from is not in the store.")
    return found


def _scratch(work: Work, store: Store) -> Path:
    scratch = store.root / "scratch" / work.node.key
    scratch.mkdir(parents=True, exist_ok=True)
    return scratch


def _ready(work: Work, teacher: Artifact | None, scratch: Path, progress: Progress) -> tuple[Step, Context]:
    kind: type[Step] = STEPS.load(work.node.step)
    step = kind.model_validate_json(json.dumps(work.node.fields))
    supply = DataSupply(Data.open(work.data))
    seed = work.node.seed or 0
    return step, Context(supply, seed, work.threads, scratch, progress, work.save_minutes, teacher)


def _make(
    work: Work,
    source: Artifact | None,
    teacher: Artifact | None,
    target: Path,
    scratch: Path,
    progress: Progress,
) -> Manifest:
    node = work.node
    with WorkMeter(scratch) as meter:
        if node.step == "base":
            made = _take_base(work, target)
        else:
            step, context = _ready(work, teacher, scratch, progress)
            made = step.apply(source, target, context)
        spent = meter.spent()
    used = machine_energy(spent)
    parents: tuple[str, ...] = ()
    if source is not None:
        parents = (source.digest, *source.manifest.parents)
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
        parents=parents,
        teacher=teacher.digest if teacher is not None else None,
        data=node.data,
        versions=node.versions,
        seconds=round(spent.seconds, 3),
        cpu_seconds=round(spent.cpu_seconds, 3),
        energy_j=round(used.total_j + (used.gpu_j or 0.0), 3),
        energy_basis=used.basis,
        energy_instrument=instrument_of_making(used),
        notes=_plain(made.notes),
    )


def _take_base(work: Work, target: Path) -> Made:
    from compress.checkpoint import import_checkpoint

    if work.base_folder is not None:
        return import_checkpoint(Path(work.base_folder), target)
    if work.base_repo is None:
        raise InputError(f"{work.node.where}: neither a folder nor a hub id is given as base.")
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    wanted = ["config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*.json", "sentencepiece*"]
    try:
        folder = snapshot_download(work.base_repo, revision=work.base_revision, allow_patterns=wanted)
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise InputError(
            f"{work.base_repo}@{work.base_revision}: cannot be downloaded ({str(error).splitlines()[0]}). "
            "Check the network, or give a local folder with --base."
        ) from error
    copy = target.with_name(f"{target.name}.download")
    remove(copy)
    shutil.copytree(folder, copy)  # the hub's cache holds links; an artifact must not
    try:
        return import_checkpoint(copy, target)
    finally:
        remove(copy)


def _plain(notes: Mapping[str, Any]) -> dict[str, Any]:
    plain: dict[str, Any] = json.loads(json.dumps(notes))
    return plain
