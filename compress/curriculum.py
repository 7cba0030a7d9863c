"""What a student is shown: a labelled set, text in many languages, or both, and a dev set to choose by."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from compress.artifact import Head, Manifest
from compress.batching import Batches, Epochs, Rows
from compress.course import Reading, mask_id, read_rows
from compress.errors import InputError, hint
from compress.heads.table import HEADS
from compress.lessons import Lessons
from compress.masking import Lines, MaskedBatches, encode_lines
from compress.members import Member, parse_member
from compress.multitask import TaskHead
from compress.objectives import Objectives
from compress.supply import Supply

if TYPE_CHECKING:
    from compress.teaching import TeacherLoss


@dataclass(frozen=True)
class Curriculum:
    """Encoded examples in memory; None where there are none of a kind."""

    head: Head
    rows: Rows | None  # labelled
    lines: Lines | None  # text by language, no special tokens
    dev: Rows | None
    max_length: int  # of text
    translation: float = 0.0  # share of text inputs that are two translations
    mask_id: int = 0
    mask: float = 0.0  # share of the tokens of a text that are masked

    @property
    def size(self) -> int:
        """Return how many examples and lines there are."""
        lines = sum(len(rows) for rows in self.lines.values()) if self.lines is not None else 0
        return lines + (len(self.rows.labels) if self.rows is not None else 0)

    @property
    def languages(self) -> list[str]:
        """Return the languages of the text."""
        return sorted(language for language, rows in (self.lines or {}).items() if any(map(len, rows)))

    def sequences(self) -> Iterator[Sequence[int]]:
        """Yield every sequence of examples, lines and dev."""
        for rows in (self.rows, self.dev):
            yield from rows.input_ids if rows is not None else ()
        for lines in (self.lines or {}).values():
            yield from lines

    def mapped(self, remap: Callable[[Sequence[Sequence[int]]], list[list[int]]]) -> Curriculum:
        """Return the curriculum with all ids mapped; see compact_rows."""
        rows, dev = (
            replace(one, input_ids=remap(one.input_ids)) if one is not None else None
            for one in (self.rows, self.dev)
        )
        lines = {name: remap(one) for name, one in self.lines.items()} if self.lines is not None else None
        return replace(self, rows=rows, dev=dev, lines=lines)

    def lessons(self, batch_size: int, text_share: float, seed: int) -> Shown:
        """Return the lessons by number; of both kinds: text with probability `text_share`."""
        from compress.mixture import Draws, Mixture

        parts: list[Lessons] = []
        if self.rows is not None:
            parts.append(Lessons(Epochs(self.rows, batch_size, seed), self.head, labelled=True))
        if self.lines is not None:
            text = MaskedBatches(
                self.lines,
                batch_size=batch_size,
                max_length=self.max_length,
                mask_id=self.mask_id,
                share=self.mask,
                translation=self.translation,
                seed=seed,
            )
            parts.append(Lessons(text, self.head, labelled=HEADS[self.head].predicts_tokens))
        if len(parts) == 1:
            return Shown(parts, parts[0])
        return Shown(parts, Mixture(parts, Draws([1 - text_share, text_share], seed), None))


@dataclass(frozen=True)
class Shown:
    """Lessons by number (satisfies Batches), and how many tokens were in those asked for."""

    parts: Sequence[Lessons]
    whole: Batches

    def batch(self, number: int) -> Any:
        """Return lesson `number`."""
        return self.whole.batch(number)

    @property
    def tokens(self) -> int:
        return sum(part.tokens for part in self.parts)


def read_curriculum(
    supply: Supply,
    reading: Reading,
    student: Manifest,
    *,
    on: Member | None,
    dev: str | None,
    text: str | None,
    translation: float,
    mask: float,
) -> Curriculum:
    """Return what a student is shown; InputError where the data cannot serve its head.

    `dev` names the training set of the dev examples. `mask` is the share of the tokens of a text that are
    hidden from a masked LM whose answers are learned.
    """
    head = student.head
    names = dict.fromkeys(
        [*([on.name] if on is not None else []), *([parse_member(dev).name] if dev else [])]
    )
    for name in names:
        found = supply.head(name), supply.labels(name)
        if found != (head, student.labels):
            raise InputError(
                f"distill: {name} has the head {found[0]} with the labels {', '.join(found[1]) or '(none)'}, but the "
                f"student is a model of {student.training_set or 'text'} with the head {head}. Name its own "
                "training set: on: each."
            )
    length = reading.length(TaskHead("", head))
    masked = mask if HEADS[head].predicts_tokens else 0.0
    return Curriculum(
        head,
        rows=read_rows(on, supply, reading, length) if on is not None else None,
        lines=_read_text(text, supply, reading, parallel=translation > 0) if text is not None else None,
        dev=_read_dev(list(names)[-1], supply, reading, length) if names else None,
        max_length=length,
        translation=translation,
        mask_id=mask_id(reading.tokenizer) if masked else 0,
        mask=masked,
    )


def _read_dev(name: str, supply: Supply, reading: Reading, length: int) -> Rows | None:
    """Return the English dev examples of a training set, None where it has none."""
    found = supply.examples(name, "dev", reading.tokenizer, length, reading.dev_limit)
    return Rows(found.input_ids, found.labels, found.options) if len(found.input_ids) else None


def _read_text(name: str, supply: Supply, reading: Reading, *, parallel: bool) -> Lines:
    """Return the encoded lines of a text by language; InputError where it has no such language, or no line.

    `parallel`: line i must be one sentence in every language.
    """
    text, languages = supply.text(name), reading.text_languages
    for language in languages or ():
        if not any(text.get(language, ())):
            raise InputError(
                f'distill: text_languages: the text {name} has no line in "{language}".{hint(language, text)} '
                f"It has: {', '.join(sorted(text)) or 'none'}."
            )
    chosen = {
        language: rows[: reading.limit]
        for language, rows in text.items()
        if not languages or language in languages
    }
    if not any(line for rows in chosen.values() for line in rows):
        raise InputError(f"distill: text: {name} holds no line. Check its files.")
    if parallel and len({len(rows) for rows in chosen.values()}) != 1:
        raise InputError(
            f"distill: translation: {name} has not the same number of lines in every language, so line i is "
            "not one sentence. Give parallel text, or set translation: 0."
        )
    return encode_lines(chosen, reading.tokenizer)


@contextmanager
def compacted(
    student: Any, loss: TeacherLoss, curriculum: Curriculum, objectives: Objectives
) -> Iterator[Curriculum]:
    """Train only the embedding rows that the curriculum shows: yield it in the ids of those rows.

    With a masked LM's answers among the objectives the table stays whole, since all of it is predicted.
    """
    from compress.compact_rows import Remap, compact_rows

    if HEADS[curriculum.head].predicts_tokens and objectives.answers:
        yield curriculum
        return
    remap = Remap(curriculum.sequences(), student.config.vocab_size)
    with compact_rows(student, remap), loss.in_ids_of(remap.kept.tolist()):
        yield curriculum.mapped(remap)
