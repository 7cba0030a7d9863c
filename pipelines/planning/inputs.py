"""What a plan starts from: the base checkpoint and the data, with what identifies their content."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from xpareto.compress.core import DataNeed, InputError, json_sha256, load_json, replace_json, sha256_file
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.hardware import cpu_model, usable_cores
from xpareto.eval.results import SEAL
from xpareto.eval.synthetic import GENERATOR, write_data
from xpareto.eval.tasks import split_language
from xpareto.pipelines.planning.base_checkpoint import EMBEDDED, Base, Given, find_folder, open_base
from xpareto.pipelines.planning.own_tasks import with_own_tasks
from xpareto.pipelines.recipe import Recipe
from xpareto.pipelines.storage import Fingerprints, Lock, Store, remove

if TYPE_CHECKING:
    from xpareto.eval.data import Data, DataSpec

HUB = "hub"
OWN_FILES = "the folder of the recipe"


@dataclass(frozen=True)
class Start:
    """The base (None: the first step makes one) and the data of a plan."""

    base: Base | None
    data: Data
    spec: DataSpec
    data_name: str
    fingerprints: Fingerprints
    lock: Lock
    _seen: dict[DataNeed, str] = field(default_factory=dict)

    def fingerprint(self, need: DataNeed) -> str:
        """Return what identifies some data or the machine; equal content, equal fingerprint."""
        if need not in self._seen:
            if need.kind == "text":
                self._seen[need] = self.data.fingerprint(self.data.text_files(need.name))
            elif need.kind == "machine":
                self._seen[need] = f"{cpu_model()}, {usable_cores()} cores, {need.name} {version(need.name)}"
            elif need.kind == "metric":
                self._seen[need] = ", ".join(self.data.training_set(need.name).dev_metrics)
            else:
                splits = [self.data.training_files(need.name, split) for split in ("train", "dev")]
                self._seen[need] = self._declared(
                    split_language(need.name)[0],
                    self.data.fingerprint(file for files in splits for file in files),
                )
        return self._seen[need]

    def _declared(self, name: str, files: str) -> str:
        """Return what identifies examples: their files, and, of a task that the recipe declares, how they are read."""
        own = self.data.own
        return json_sha256([own.digest(name), files]) if name in own.tasks else files

    def task_fingerprint(self, task: str, language: str, split: str) -> str:
        """Return what identifies the evaluation examples of one language."""

        found = self.data.task(task)
        return self._declared(task, self.data.fingerprint(self.data.task_files(found, language, split)))


def open_start(
    recipe: Recipe,
    store: Store,
    *,
    recipe_folder: Path,
    recipe_file: str,
    base: Given | None,
    data: str | None,
    lock_file: Path | None,
) -> Start:
    """Find the base and the data of a recipe; the command line's choice goes before the recipe's.

    Relative folders in a recipe are looked for beside the recipe, then in the working directory.
    """

    fingerprints = Fingerprints(store.root / "fingerprints.json")
    lock = Lock.read(lock_file) if lock_file is not None else store.hub_lock()
    base_place = "--base" if base else f"{recipe_file}: base"
    found_base = open_base(base or recipe.base, recipe, recipe_folder, base_place, fingerprints, lock)
    data_place = "--data" if data else f"{recipe_file}: data"
    if data is None and recipe.data is None and recipe.own():
        spec, name = DataSpec(root=None), OWN_FILES
    else:
        spec, name = open_data(data or recipe.data, recipe_folder, data_place, store, lock)
    spec = with_own_tasks(spec, recipe, recipe_folder, recipe_file, str(lock.file))
    # Whatever a plan reads gets its fingerprint, and so its commit, before a worker starts: the lock that
    # workers obey is then complete, and holds no repository that nobody reads.
    datasets = Data.open(spec, dataset_commits(lock))
    return Start(found_base, datasets, spec, name, fingerprints, lock)


def dataset_commits(lock: Lock) -> Callable[[str], str]:
    """Return what gives the commit of a data set's repository, asking the hub at first use."""
    return lambda repo: lock.resolve(repo, "dataset")


def open_data(name: str | None, folder: Path, where: str, store: Store, lock: Lock) -> tuple[DataSpec, str]:
    """Return where the data of that name is, and the name; InputError when it is nowhere.

    `folder` is looked in for relative names, and `where` is the option or the part of the recipe that messages name.
    """

    if name is None:
        raise InputError(
            f"{where}: expected a folder in XTREME's layout, `hub` or `embedded`, found nothing. "
            "Set it, or use --data."
        )
    if name == EMBEDDED:
        return DataSpec(root=str(embedded_data(store))), name
    if name == HUB:
        return DataSpec(root=None, hub=True, lock=str(lock.file)), name
    path = find_folder(name, folder)
    if path is None:
        raise InputError(f"{where}: no folder {name}. Give the folder that holds XTREME's download/ files.")
    return DataSpec(root=str(path)), name


def embedded_data(store: Store) -> Path:
    """Return the folder of the synthetic default data, writing it at first use, and anew where it was changed.

    Named by the digest of the generator's source, so that another version never meets old files.
    """

    source = sorted(GENERATOR.rglob("*.py"))
    folder = store.root / "embedded" / Fingerprints(None).of_all(source)[:16]
    with store.lock("embedded"):
        if not folder.is_dir() or not _as_written(folder):
            building = folder.with_name(f"{folder.name}.building")
            remove(building)
            building.mkdir(parents=True)
            write_data(building)
            replace_json(building / SEAL, _digests(building))
            remove(folder)
            building.replace(folder)
    return folder


def _as_written(folder: Path) -> bool:
    try:
        return bool(load_json(folder / SEAL) == _digests(folder))
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    """Return the sha256 of every file in a folder, by its relative path."""
    files = sorted(path for path in folder.rglob("*") if not path.is_dir() and path != folder / SEAL)
    return {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
