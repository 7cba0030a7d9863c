"""Questions with options to token ids: one sequence for every option."""

from __future__ import annotations

from collections.abc import Sequence

from xpareto.compress.core import InputError
from xpareto.eval.encoding.text import TextEncoder, longest_first
from xpareto.eval.tasks import Choice

_SPECIAL = 4  # <s> … </s></s> … </s>


def encode_choices(
    examples: Sequence[Choice], tokenizer: TextEncoder, max_length: int
) -> tuple[list[list[int]], list[int]]:
    """Return (sequences, number of options of each question).

    A sequence is ``<s> context question </s></s> option </s>``; those of one question follow each
    other, in the order of its options. What does not fit in `max_length` tokens is cut from the end of
    the context first, by as much as the longest option asks for, so that all options see the same
    context; then from the longer of question and option.
    """
    room = max_length - _SPECIAL
    if room < 2:
        raise InputError(f"max_length: choices need at least {_SPECIAL + 2} tokens, found {max_length}.")
    texts = [text for item in examples for text in (item.context, item.question, *item.options)]
    ids = tokenizer.ids(texts)
    sequences = []
    for item in examples:
        context, question, options = ids[item.context], ids[item.question], [ids[it] for it in item.options]
        longest = max(map(len, options))
        first = [*context[: max(0, room - len(question) - longest)], *question]
        for option in options:
            keep, keep_option = longest_first(len(first), len(option), room)
            head, tail = first[:keep], option[:keep_option]
            sequences.append([tokenizer.bos, *head, tokenizer.eos, tokenizer.eos, *tail, tokenizer.eos])
    return sequences, [len(item.options) for item in examples]
