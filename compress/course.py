"""What one training step learns from: its members read, and their batches, heads and dev sets."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compress.batching import IGNORED, Batches, Epochs, Rows
from compress.errors import InputError, hint
from compress.heads.table import HEADS
from compress.members import Member
from compress.mixture import Draws, Mixture
from compress.multitask import TaskHead
from compress.supply import Supply

if TYPE_CHECKING:
    from compress.masking import Lines

LM_TASK = "mlm"  # the name of the one head that all text shares


@dataclass(frozen=True)
class Reading:
    """How the data of a training step are read."""

    tokenizer: Path
    most_tokens: int  # the longest input of the model
    max_length: int | None  # None: what suits each head
    limit: int | None
    dev_limit: int | None
    text_languages: Sequence[str] | None

    def length(self, task: TaskHead) -> int:
        """Return the longest example in subwords: 384 for spans, 256 for choices, 128 else."""
        wanted = self.max_length or HEADS[task.head].max_length
        return min(wanted, self.most_tokens)


@dataclass(frozen=True)
class Masking:
    """How text is masked: the share of the tokens to guess, and the id of <mask>."""

    share: float
    mask_id: int


@dataclass(frozen=True)
class Learned:
    """One member, read: labelled rows or lines of text, and the number of its task."""

    member: Member
    task: int
    size: int  # examples: sequences, windows, questions, lines
    rows: Rows | None = None
    lines: Lines | None = None


@dataclass(frozen=True)
class Course:
    """All that a training step learns from. Members of one training set share a task, and so do texts."""

    tasks: tuple[TaskHead, ...]
    members: tuple[Learned, ...]
    dev: Mapping[int, Rows]  # task -> its English dev examples, where it has any
    lengths: tuple[int, ...]  # per task
    masking: Masking | None

    @property
    def sizes(self) -> list[int]:
        return [member.size for member in self.members]

    def sequences(self) -> Iterator[Sequence[int]]:
        """Yield every labelled sequence of training and dev."""
        for member in self.members:
            yield from member.rows.input_ids if member.rows is not None else ()
        for rows in self.dev.values():
            yield from rows.input_ids

    def mapped(self, remap: Callable[[Sequence[Sequence[int]]], list[list[int]]]) -> Course:
        """Return the course with all labelled ids mapped; see compact_rows."""

        def mapped(rows: Rows) -> Rows:
            return replace(rows, input_ids=remap(rows.input_ids))

        members = tuple(
            replace(member, rows=mapped(member.rows) if member.rows is not None else None)
            for member in self.members
        )
        return replace(self, members=members, dev={task: mapped(rows) for task, rows in self.dev.items()})

    def batches(self, batch_size: int, seed: int, draws: Draws) -> Batches:
        """Return the batches of the whole course, by number."""
        own = [self._batches(number, batch_size, seed) for number in range(len(self.members))]
        if len(own) == 1:
            return own[0]
        tasks = [member.task for member in self.members] if len(self.tasks) > 1 else None
        return Mixture(own, draws, tasks)

    def _batches(self, number: int, batch_size: int, seed: int) -> Batches:
        import numpy as np

        learned = self.members[number]
        # The first keeps the plain seed, so that a set alone gives what it gives in a mixture of one.
        own_seed = int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) if number else seed
        if learned.rows is not None:
            return Epochs(learned.rows, batch_size, own_seed)
        from compress.masking import MaskedBatches

        assert learned.lines is not None and self.masking is not None, "a member is labelled or text"
        return MaskedBatches(
            learned.lines,
            batch_size=batch_size,
            max_length=self.lengths[learned.task],
            mask_id=self.masking.mask_id,
            share=self.masking.share,
            translation=1.0 if learned.member.kind == "tlm" else 0.0,
            seed=own_seed,
        )

    def dev_scores(self, model: Any) -> dict[str, float]:
        """Return the dev score (percent) of each task that has dev examples, by its name."""
        from compress.dev_score import dev_score

        several = len(self.tasks) > 1
        return {
            self.tasks[task].name: dev_score(
                model.models[task] if several else model, self.tasks[task].head, rows
            )
            for task, rows in self.dev.items()
        }

    def notes(
        self, draws: Draws, steps: int, rates: Sequence[float], dev: Mapping[str, float]
    ) -> dict[str, Any]:
        """Return what was learned from, as plain data for a manifest; of a mixture, by member."""
        notes: dict[str, Any] = {"examples": sum(self.sizes), "max_length": max(self.lengths)}
        if len(self.members) > 1:
            notes["members"] = {
                member.member.shown: {"examples": member.size, "rate": round(rate, 6), "batches": batches}
                for member, rate, batches in zip(self.members, rates, draws.counts(steps), strict=True)
            }
            notes["dev_by_task"] = {name: round(score, 4) for name, score in dev.items()}
        return notes


@contextmanager
def compacted(model: Any, course: Course) -> Iterator[Course]:
    """Train only the embedding rows that the course shows: yield it in the ids of those rows.

    With text among the members the table stays whole, since a masked LM predicts all of it.
    """
    from compress.compact_rows import Remap, compact_rows

    if course.masking is not None:
        yield course
        return
    remap = Remap(course.sequences(), model.config.vocab_size)
    with compact_rows(model, remap):
        yield course.mapped(remap)


class DevScores:
    """The mean of the tasks' dev scores as a function of the model, and what it was the mean of."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._seen: dict[float, dict[str, float]] = {}

    def __call__(self, model: Any) -> float:
        """Return the mean dev score in percent."""
        scores = self._course.dev_scores(model)
        mean = sum(scores.values()) / len(scores)
        self._seen.setdefault(mean, scores)
        return mean

    def behind(self, mean: float, model: Any) -> dict[str, float]:
        """Return the scores by task behind a mean; the model is asked where it is not one of ours.

        That is so after a kill: the best score may be of the process that was killed.
        """
        return self._seen[mean] if mean in self._seen else self._course.dev_scores(model)


def read_course(members: Sequence[Member], supply: Supply, reading: Reading, mask: float) -> Course:
    """Read all members; InputError when one has no example, no label, or no such text or language."""
    tasks: dict[str, TaskHead] = {}
    for member in members:
        if member.kind == "labelled":
            head, labels = supply.head(member.name), supply.labels(member.name)
            tasks.setdefault(member.name, TaskHead(member.name, head, labels))
        else:
            tasks.setdefault(LM_TASK, TaskHead(LM_TASK, "mlm"))
    names, specs = list(tasks), tuple(tasks.values())
    learned, dev = [], {}
    for member in members:
        if member.kind != "labelled":
            lines = _read_lines(member, supply, reading)
            size = sum(1 for rows in lines.values() for row in rows if len(row))
            learned.append(Learned(member, names.index(LM_TASK), size, lines=lines))
            continue
        task = names.index(member.name)
        rows = read_rows(member, supply, reading, reading.length(specs[task]))
        learned.append(Learned(member, task, len(rows.labels), rows))
        if task not in dev:
            found = supply.examples(
                member.name, "dev", reading.tokenizer, reading.length(specs[task]), reading.dev_limit
            )
            if len(found.input_ids):
                dev[task] = Rows(found.input_ids, found.labels, found.options)
    masking = Masking(mask, mask_id(reading.tokenizer)) if LM_TASK in tasks else None
    lengths = tuple(reading.length(task) for task in specs)
    return Course(specs, tuple(learned), dev, lengths, masking)


def read_rows(member: Member, supply: Supply, reading: Reading, length: int) -> Rows:
    """Return the training examples of all languages of a member, one language after the other."""
    parts = []
    for name in member.sources:
        found = supply.examples(name, "train", reading.tokenizer, length, reading.limit)
        if not len(found.input_ids):
            raise InputError(f"training set {name}: expected training examples, found none. Check its files.")
        if not any(label != IGNORED for label in _flat(found.labels)):
            raise InputError(f"training set {name}: expected labels, found none in any example.")
        parts.append(found)
    if len(parts) == 1:
        return Rows(parts[0].input_ids, parts[0].labels, parts[0].options)
    options = [part.options for part in parts if part.options is not None]
    return Rows(
        [row for part in parts for row in part.input_ids],
        [label for part in parts for label in part.labels],  # type: ignore[arg-type]
        [count for part in options for count in part] if options else None,
    )


def _read_lines(member: Member, supply: Supply, reading: Reading) -> Lines:
    """Return the encoded lines of a text by language; InputError when it cannot serve its member."""
    from compress.masking import encode_lines

    text = supply.text(member.name)
    wanted = reading.text_languages
    for language in wanted or ():
        if language not in text:
            raise InputError(
                f'train: text_languages: the text {member.name} has no language "{language}".'
                f"{hint(language, text)} It has: {', '.join(sorted(text)) or 'none'}."
            )
    chosen = {
        language: rows[: reading.limit] for language, rows in text.items() if not wanted or language in wanted
    }
    if not any(line for rows in chosen.values() for line in rows):
        raise InputError(
            f"train: on: {member.shown} holds no line. Check the files of the text {member.name}."
        )
    if member.kind == "tlm" and (len(chosen) < 2 or len({len(rows) for rows in chosen.values()}) != 1):
        raise InputError(
            f"train: on: {member.shown} needs two languages or more with the same number of lines, so that "
            f"line i is one sentence; found {', '.join(f'{k} {len(v)}' for k, v in sorted(chosen.items()))}. "
            f"Give parallel text, or use mlm:{member.name}."
        )
    return encode_lines(chosen, reading.tokenizer)


def mask_id(file: Path) -> int:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(file))
    found = tokenizer.token_to_id("<mask>")
    if found is None or found != tokenizer.get_vocab_size(with_added_tokens=True) - 1:
        raise InputError(
            f"{file}: masked language modelling expects <mask> as the last entry of the vocabulary, found "
            f"{'none' if found is None else found}. Start from a checkpoint with XLM-R's tokenizer."
        )
    return int(found)


def _flat(labels: Sequence[int] | Sequence[Sequence[int]]) -> Iterator[int]:
    for label in labels:
        if isinstance(label, Sequence):
            yield from label
        else:
            yield label
