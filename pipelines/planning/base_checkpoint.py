"""The checkpoint that a plan starts from, or one for each task: where it lies, what it is, what there is to tell."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from xpareto.compress.architectures import Architecture
from xpareto.compress.core import Head, InputError, enumerated, hint, json_sha256
from xpareto.compress.data import BESIDE_VOCABULARY, TOKENIZER, VOCABULARY
from xpareto.compress.heads import HEADS, SentenceVectors
from xpareto.compress.models import (
    BESIDE_SENTENCE_ENCODER,
    MODULES,
    PROMPTS,
    Facts,
    read_checkpoint,
    read_sentences,
)
from xpareto.eval.tasks import ENCODER, TASKS
from xpareto.pipelines.recipe import Recipe
from xpareto.pipelines.storage import Fingerprints, Lock

HUB_FILES = (
    "config.json", "adapter_config.json", "*.safetensors", "*.safetensors.index.json", "tokenizer*.json",
    "sentencepiece*", VOCABULARY, *BESIDE_SENTENCE_ENCODER, *BESIDE_VOCABULARY,
)  # fmt: skip
"""What is read of a checkpoint on the hub."""
_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(/[A-Za-z0-9][\w.-]*)?")
EMBEDDED = "embedded"
EMBEDDED_BASE = Path(__file__).parents[1] / "bases" / EMBEDDED  # see pipelines/bases/embedded.yaml

Given = str | Mapping[str, str]  # a checkpoint, or one for each task by name (and for `encoder`)


@dataclass(frozen=True)
class Base:
    """A starting checkpoint: a local folder, or a hub id pinned to a commit; or several, one for each task.

    `head` and `labels` are those of its files, as its config.json spells and orders them; of the hub's nothing is
    known before files are fetched.
    """

    identity: str  # what enters the key: a digest of the files, or repo@commit
    name: str  # as the recipe or --base gave it
    folder: Path | None
    repo: str | None
    revision: str | None
    head: Head
    where: str
    notes: tuple[str, ...] = ()  # what there is to tell of it, in sentences
    labels: tuple[str, ...] = ()
    dropped: str = ""  # what of it is not used where a step trains a head; "": nothing
    segments: bool = False  # a head of it was fine-tuned to tell two texts apart by segments (Facts.segments)
    vectors: bool = False  # its sentences' vectors are compared
    architecture: Architecture | None = None  # None: of the hub's, before files are fetched
    parts: Mapping[str, Base] = field(
        default_factory=dict
    )  # by task, or `encoder`; it is nothing but these then

    @property
    def checkpoints(self) -> tuple[Base, ...]:
        """Return the checkpoints that it is: itself, or its parts."""
        return tuple(self.parts.values()) or (self,)

    @property
    def given(self) -> Given:
        """Return what gives the same base again, from any working directory."""
        if self.parts:
            return {key: str(part.given) for key, part in self.parts.items()}
        by_name = self.folder is None or self.name == EMBEDDED  # it ships: its folder may move
        return self.name if by_name else str(self.folder)

    def source(self, identity: str) -> Base:
        """Return the checkpoint of that identity, of several."""
        return next((part for part in self.parts.values() if part.identity == identity), self)


def base_of_options(words: Sequence[str]) -> Given | None:
    """Return what --base says: one checkpoint, or TASK=CHECKPOINT for each of several tasks.

    >>> base_of_options(["xlm-roberta-base"]), base_of_options(["xnli=a", "encoder=b"])
    ('xlm-roberta-base', {'xnli': 'a', 'encoder': 'b'})
    """
    if not words:
        return None
    pairs = [word.partition("=") for word in words]
    if len(words) == 1 and (not pairs[0][1] or Path(words[0]).expanduser().is_dir()):
        return words[0]
    parts: dict[str, str] = {}
    for key, equals, name in pairs:
        if not equals or not name or key in parts:
            raise InputError(
                "--base: expected one checkpoint, or TASK=CHECKPOINT once for each of several tasks, such as "
                f"--base xnli=DIR --base udpos=DIR, found {' and '.join(words)}."
            )
        parts[key] = name
    return parts


def open_base(
    given: Given | None, recipe: Recipe, folder: Path, where: str, fingerprints: Fingerprints, lock: Lock
) -> Base | None:
    """Find the base that a recipe or the command line gives; None where the recipe makes its own.

    Relative folders are looked for in the working directory, then in `folder`. `where` is what messages name.
    """
    makes_own = any(isinstance(item, dict) and item.get("step") == "pretrain" for item in recipe.steps)
    if makes_own:
        if given is not None:
            raise InputError(
                f"{where}: the recipe makes its own base (step pretrain), but {given} is given. "
                "Leave out the one or the other."
            )
        return None
    if given is None:
        raise InputError(
            f"{where}: expected a hub id, a folder or `embedded`, found nothing. Set it, or use --base."
        )
    compared = {choice.task for choice in recipe.choices() if choice.training_set == ENCODER}
    if isinstance(given, str):
        return _open(given, folder, where, fingerprints, lock, bool(compared))
    known = [*(choice.task for choice in recipe.own()), *TASKS.names, ENCODER]
    for key in given:
        if key not in known:
            raise InputError(f'{where}: unknown task "{key}".{hint(key, known)} Known: {", ".join(known)}.')
    parts = {
        key: _open(name, folder, f"{where}.{key}", fingerprints, lock, key in {ENCODER, *compared})
        for key, name in given.items()
    }
    return Base(
        identity=json_sha256({key: part.identity for key, part in parts.items()}),
        name=", ".join(f"{key}={part.name}" for key, part in parts.items()),
        folder=None,
        repo=None,
        revision=None,
        head="encoder",
        where=where,
        parts=parts,
    )


def _open(name: str, folder: Path, where: str, fingerprints: Fingerprints, lock: Lock, vectors: bool) -> Base:
    path = EMBEDDED_BASE if name == EMBEDDED else find_folder(name, folder)
    if path is not None:
        facts = read_checkpoint(path)
        files = sorted(item for item in path.iterdir() if item.is_file() and item.name in _read_by(facts))
        if facts.sentences != SentenceVectors():
            files += read_sentences(path, facts.max_tokens)[1]
        found = Base(fingerprints.of_all(files), name, path, None, None, facts.head, where, vectors=vectors)
        return replace(_told(found, facts), labels=facts.labels, segments=facts.segments)
    if not _HUB_ID.fullmatch(name) or name.startswith("."):
        raise InputError(f"{where}: no folder {name}, and it does not look like a hub id (owner/name).")
    owner = find_folder(name.partition("/")[0], folder) if "/" in name else None
    if owner is not None:  # a hub id may look like that, too, but whoever has the folder means it
        inside = sorted(path.name for path in owner.iterdir() if path.is_dir())
        raise InputError(
            f"{where}: no folder {name}.{hint(Path(name).name, inside)} {owner} is there, and has "
            f"{enumerated(inside, 4) or 'no folder'} in it. If a hub id is meant, run where no such folder is."
        )
    revision = lock.resolve(name, "model")
    found = Base(f"{name}@{revision}", name, None, name, revision, "mlm", where, vectors=vectors)
    return as_downloaded(found)


def as_downloaded(base: Base) -> Base:
    """Return a hub's base with what there is to tell of it, where its files lie in this machine's cache.

    A plan asks before any work, a run again once the base is downloaded. InputError where its sentences' vectors are
    compared and xpareto cannot compute them.
    """
    if base.parts:
        return replace(base, parts={key: as_downloaded(part) for key, part in base.parts.items()})
    if base.repo is None:
        return base
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
        return base
    return _told(base, facts)


def _told(base: Base, facts: Facts) -> Base:
    """Return a base with what there is to tell of it; InputError where it compares vectors that nobody can compute."""
    vectors = (*_vectors(base.name, facts.sentences.readable(base.where)),) if base.vectors else ()
    return replace(
        base,
        notes=(*_left_out(base.name, facts), *vectors),
        dropped=_dropped(base.name, facts),
        architecture=facts.architecture,
    )


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


def _left_out(name: str, facts: Facts) -> tuple[str, ...]:
    """Return what is told of heads in the weights that nothing uses."""
    if not facts.left_out or _has_own_head(facts):
        return ()
    return (
        f"The base {name} has a head, {' and '.join(facts.left_out)}, which is none of the kind that its config.json "
        "names. The head is not used: the body alone is taken.",
    )


def _dropped(name: str, facts: Facts) -> str:
    """Return what is told of a head of ours that was fine-tuned, where a step trains one."""
    if not _has_own_head(facts):
        return ""
    labels = f", with the labels {enumerated(facts.labels, 4)}" if facts.labels else ""
    return (
        f"The base {name} has a {facts.head} head that was fine-tuned{labels}. The head is not used where a step "
        "trains one: the body alone is taken, and what the base itself answers is neither compressed nor scored. To "
        "start from its answers, leave out every step that trains a head (enabled: false)."
    )


def _has_own_head(facts: Facts) -> bool:
    return HEADS[facts.head].has_logits and HEADS[facts.head].supervised


def _read_by(facts: Facts) -> set[str]:
    beside = set() if facts.tokenizer == TOKENIZER else set(BESIDE_VOCABULARY)
    return {"config.json", "tokenizer_config.json", facts.tokenizer, *facts.weights, *beside}


def find_folder(name: str, beside: Path) -> Path | None:
    """Return a folder by its name, in the working directory or beside a recipe; None where there is none."""
    with suppress(RuntimeError):  # ~somebody that the system does not know
        for path in (Path(name).expanduser(), beside / name):
            if path.is_dir():
                return path.resolve()
    return None
