"""What a plan starts from: the base checkpoint and the data, with what identifies their content."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from xpareto.compress.core import (
    DataNeed,
    Head,
    InputError,
    enumerated,
    hint,
    load_json,
    replace_json,
    sha256_file,
)
from xpareto.compress.data import BESIDE_SENTENCEPIECE, TOKENIZER
from xpareto.compress.heads import HEADS, SentenceVectors
from xpareto.compress.models import (
    BESIDE_SENTENCE_ENCODER,
    MODULES,
    PROMPTS,
    Facts,
    read_checkpoint,
    read_sentences,
)
from xpareto.eval.data import Data, DataSpec
from xpareto.eval.hardware import cpu_model, usable_cores
from xpareto.eval.results import SEAL
from xpareto.eval.synthetic import GENERATOR, write_data
from xpareto.eval.tasks import ENCODER, training_set
from xpareto.eval.tasks import task as find
from xpareto.pipelines.recipe import Recipe
from xpareto.pipelines.storage import Fingerprints, Lock, Store, remove

if TYPE_CHECKING:
    from xpareto.eval.data import Data, DataSpec

HUB_FILES = (
    "config.json", "adapter_config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*.json",
    "sentencepiece*", *BESIDE_SENTENCE_ENCODER, *BESIDE_SENTENCEPIECE,
)  # fmt: skip
"""What is read of a checkpoint on the hub."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
HUB = "hub"
EMBEDDED = "embedded"
EMBEDDED_BASE = Path(__file__).parents[1] / "bases" / EMBEDDED  # see pipelines/bases/embedded.yaml


@dataclass(frozen=True)
class Base:
    """A starting checkpoint: a local folder, or a hub id pinned to a commit."""

    identity: str  # what enters the key: a digest of the files, or repo@commit
    name: str  # as the recipe or --base gave it
    folder: Path | None
    repo: str | None
    revision: str | None
    head: Head
    where: str
    notes: tuple[str, ...] = ()  # what of it is not used, in sentences


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
                self._seen[need] = ", ".join(training_set(need.name).dev_metrics)
            else:
                splits = [self.data.training_files(need.name, split) for split in ("train", "dev")]
                self._seen[need] = self.data.fingerprint(file for files in splits for file in files)
        return self._seen[need]

    def task_fingerprint(self, task: str, language: str, split: str) -> str:
        """Return what identifies the evaluation examples of one language."""

        return self.data.fingerprint(self.data.task_files(find(task), language, split))


def open_start(
    recipe: Recipe,
    store: Store,
    *,
    recipe_folder: Path,
    recipe_file: str,
    base: str | None,
    data: str | None,
    lock_file: Path | None,
) -> Start:
    """Find the base and the data of a recipe; the command line's choice goes before the recipe's.

    Relative folders in a recipe are looked for beside the recipe, then in the working directory.
    """

    fingerprints = Fingerprints(store.root / "fingerprints.json")
    lock = Lock.read(lock_file) if lock_file is not None else Lock.new(store.root / "hub")
    base_place = "--base" if base else f"{recipe_file}: base"
    found_base = _open_base(base or recipe.base, recipe, recipe_folder, base_place, fingerprints, lock)
    data_place = "--data" if data else f"{recipe_file}: data"
    spec, name = open_data(data or recipe.data, recipe_folder, data_place, store, lock)
    # Whatever a plan reads gets its fingerprint, and so its commit, before a worker starts: the lock that
    # workers obey is then complete, and holds no repository that nobody reads.
    datasets = Data.open(spec, dataset_commits(lock))
    return Start(found_base, datasets, spec, name, fingerprints, lock)


def dataset_commits(lock: Lock) -> Callable[[str], str]:
    """Return what gives the commit of a data set's repository, asking the hub at first use."""
    return lambda repo: lock.resolve(repo, "dataset")


def _open_base(
    name: str | None, recipe: Recipe, folder: Path, where: str, fingerprints: Fingerprints, lock: Lock
) -> Base | None:
    makes_own = any(isinstance(item, dict) and item.get("step") == "pretrain" for item in recipe.steps)
    if makes_own:
        if name is not None:
            raise InputError(
                f"{where}: the recipe makes its own base (step pretrain), but {name} is given. "
                "Leave out the one or the other."
            )
        return None
    if name is None:
        raise InputError(
            f"{where}: expected a hub id, a folder or `embedded`, found nothing. Set it, or use --base."
        )
    path = EMBEDDED_BASE if name == EMBEDDED else _find_folder(name, folder)
    if path is not None:
        facts = read_checkpoint(path)
        parts = sorted(item for item in path.iterdir() if item.is_file() and item.name in _read_by(facts))
        if facts.sentences != SentenceVectors():
            parts += read_sentences(path, facts.max_tokens)[1]
        notes = _told(name, facts, recipe, where)
        return Base(fingerprints.of_all(parts), name, path, None, None, facts.head, where, notes)
    if not _HUB_ID.fullmatch(name) or name.startswith("."):
        raise InputError(f"{where}: no folder {name}, and it does not look like a hub id (owner/name).")
    owner = _find_folder(name.partition("/")[0], folder) if "/" in name else None
    if owner is not None:  # a hub id may look like that, too, but whoever has the folder means it
        inside = sorted(path.name for path in owner.iterdir() if path.is_dir())
        raise InputError(
            f"{where}: no folder {name}.{hint(Path(name).name, inside)} {owner} is there, and has "
            f"{enumerated(inside, 4) or 'no folder'} in it. If a hub id is meant, run where no such folder is."
        )
    revision = lock.resolve(name, "model")
    base = Base(f"{name}@{revision}", name, None, name, revision, "mlm", where)
    return replace(base, notes=hub_notes(base, recipe))


def hub_notes(base: Base, recipe: Recipe) -> tuple[str, ...]:
    """Return what there is to tell of a hub's base whose files lie in this machine's cache, nothing of others.

    A plan asks before any work, a run again once the base is downloaded. InputError where a task of the recipe
    compares vectors that xpareto cannot compute.
    """
    if base.repo is None:
        return base.notes
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = snapshot_download(
            base.repo, revision=base.revision, allow_patterns=[*HUB_FILES], local_files_only=True
        )
        facts = read_checkpoint(Path(folder))
    except (
        LocalEntryNotFoundError,
        OSError,
        ValueError,
        InputError,
    ):  # or not all of them: the import says so
        return ()
    return _told(base.name, facts, recipe, base.where)


def _told(name: str, facts: Facts, recipe: Recipe, where: str) -> tuple[str, ...]:
    """Return what a plan tells of a base; InputError where a task compares vectors that xpareto cannot compute."""
    choices = recipe.choices()
    if not any((choice.trained_on or find(choice.task).trained_on) == ENCODER for choice in choices):
        return _left_unused(name, facts)
    return (*_left_unused(name, facts), *_vectors(name, facts.sentences.readable(where)))


def _vectors(name: str, sentences: SentenceVectors) -> Iterator[str]:
    """Yield what a base says of sentences' vectors, where it is not the mean of whole sentences as they stand."""
    made = [
        *([] if sentences.is_mean else [f"pooled by {' and '.join(sentences.pooling)}"]),
        *([f"of texts that begin with {sentences.prompt!r}"] if sentences.prompt else []),
        *([f"cut to {sentences.longest} tokens"] if sentences.longest else []),
    ]
    if made:
        yield (
            f"Sentences' vectors are {', '.join(made)}, as {MODULES} of the base {name} and what it names say; "
            "those of its variants and of their exports, too."
        )
    others = [prompt for prompt in sentences.prompts if prompt != sentences.default_prompt]
    if others:
        yield (
            f"The base {name} has prompts ({enumerated(others, 4)}) that are put before no text here, since {PROMPTS} "
            "does not name them as default_prompt_name; exports carry them. To score with one, name it there."
        )
    if sentences.similarity and not sentences.normalize:
        yield f"The base {name} compares vectors by {sentences.similarity}; here they are compared by the cosine."


def _left_unused(name: str, facts: Facts) -> tuple[str, ...]:
    """Return what a base has learnt that no step uses: a head which was fine-tuned, ours or not."""
    heads = facts.left_out
    what = f"a head, {' and '.join(heads)}, which is none of the kind that its config.json names"
    if HEADS[facts.head].has_logits and HEADS[facts.head].supervised:
        labels = f", with the labels {enumerated(facts.labels, 4)}" if facts.labels else ""
        what = f"a {facts.head} head that was fine-tuned{labels}"
    elif not heads:
        return ()
    return (
        f"The base {name} has {what}. The head is not used: the body alone is taken, and every step that trains "
        "gives it a fresh head. What the base itself answers is neither compressed nor scored.",
    )


def _read_by(facts: Facts) -> set[str]:
    beside = set() if facts.tokenizer == TOKENIZER else set(BESIDE_SENTENCEPIECE)
    return {"config.json", "tokenizer_config.json", facts.tokenizer, *facts.weights, *beside}


def _find_folder(name: str, beside: Path) -> Path | None:
    with suppress(RuntimeError):  # ~somebody that the system does not know
        for path in (Path(name).expanduser(), beside / name):
            if path.is_dir():
                return path.resolve()
    return None


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
    path = _find_folder(name, folder)
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
