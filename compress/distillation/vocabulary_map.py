"""Where each piece of one tokenizer stands in another: a student with a trimmed vocabulary has a teacher."""

from __future__ import annotations

from pathlib import Path

from xpareto.compress.core import InputError, sha256_file
from xpareto.compress.data import open_tokenizer


def piece_map(student: Path, teacher: Path) -> list[int] | None:
    """Return the teacher's id of every id of the student; None where both are one and the same file.

    Both are a tokenizer.json. InputError where the teacher lacks a piece that the student has: it could
    not read what the student reads.
    """
    if sha256_file(student) == sha256_file(teacher):
        return None
    student_vocab, teacher_vocab = (
        open_tokenizer(file).get_vocab(with_added_tokens=True) for file in (student, teacher)
    )
    lacking = sorted(student_vocab.keys() - teacher_vocab.keys())
    if lacking:
        raise InputError(
            f"distill: the teacher's tokenizer lacks {len(lacking)} of the student's {len(student_vocab)} pieces, "
            f"such as {', '.join(map(repr, lacking[:3]))}. Name a teacher with the same vocabulary or a larger "
            "one: one from before trim_vocab."
        )
    teacher_ids = [0] * (max(student_vocab.values()) + 1)
    for piece, student_id in student_vocab.items():
        teacher_ids[student_id] = teacher_vocab[piece]
    return teacher_ids
