"""Questions with options to token ids: one sequence for every option."""

from __future__ import annotations

from collections.abc import Sequence

from xpareto.compress.core import InputError
from xpareto.eval.encoding.text import TextEncoder, longest_first
from xpareto.eval.tasks import Choice


def encode_choices(
    examples: Sequence[Choice], tokenizer: TextEncoder, max_length: int
) -> tuple[list[list[int]], list[int]]:
    """Return (sequences, number of options of each question).

    A sequence is ``<s> context question </s></s> option </s>``, as the tokenizer wraps a pair; those of one
    question follow each other, in the order of its options. What does not fit in `max_length` tokens is cut
    from the end of the context first, by as much as the longest option asks for, so that all options see the
    same context; then from the longer of question and option.
    """
    room = max_length - tokenizer.around_pair
    if room < 2:
        raise InputError(
            f"max_length: choices need at least {tokenizer.around_pair + 2} tokens, found {max_length}."
        )
    asked = [(tokenizer.space if item.context and item.question else "") + item.question for item in examples]
    texts = [text for item in examples for text in (item.context, *item.options)]
    ids = tokenizer.ids([*texts, *asked])
    sequences = []
    for item, behind in zip(examples, asked, strict=True):
        context, question, options = ids[item.context], ids[behind], [ids[it] for it in item.options]
        longest = max(map(len, options))
        first = [*context[: max(0, room - len(question) - longest)], *question]
        for option in options:
            keep, keep_option = longest_first(len(first), len(option), room)
            sequences.append(tokenizer.pair(first[:keep], option[:keep_option]))
    return sequences, [len(item.options) for item in examples]
