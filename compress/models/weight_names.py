"""What the tensors of a checkpoint are called, in the names of a bare body and its heads, as transformers has them.

Checkpoints of one model differ in names: with the prefix of the class that they were saved from or without,
`gamma` for `weight`, BERT's names, or a tied table that is kept as the decoder's, as safetensors' own
`save_model` does. A tensor that is none of the body's may change what the body computes (adapters, scales of
codes), so it is told apart from a head, which can be left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from xpareto.compress.architectures import Architecture
from xpareto.compress.core import InputError

BERT = "bert"
_BERT_PREFIX = "bert."
_BERT_HEAD = {
    "cls.predictions.transform.dense.": "lm_head.dense.",
    "cls.predictions.transform.LayerNorm.": "lm_head.layer_norm.",
    "cls.predictions.decoder.": "lm_head.decoder.",
    "cls.predictions.bias": "lm_head.bias",
}
_OLD = {".gamma": ".weight", ".beta": ".bias"}  # as the first checkpoints have it
_NOT_COMPUTED_WITH = ("pooler.", "embeddings.position_ids", "embeddings.token_type_ids")
_CHANGES_A_BODY = re.compile(
    r"(^|\.)(embeddings|encoder)\.|adapter|lora_|prompt|prefix_tuning", re.IGNORECASE
)


@dataclass(frozen=True)
class Names:
    """Names that a checkpoint's files have for what transformers calls something else.

    `body` and `heads`: transformers' name, without prefix -> the stored one. `others`: stored names of heads that
    are none of ours.
    """

    body: Mapping[str, str]
    heads: Mapping[str, str]
    others: tuple[str, ...]

    @property
    def roots(self) -> tuple[str, ...]:
        """Return what the heads are called, such as lm_head and classifier."""
        return tuple(dict.fromkeys(name.split(".")[0] for name in (*self.heads, *self.others)))


def names_of(
    stored: Iterable[str], folder: Path, architecture: Architecture, kind: str = "", tied: bool = True
) -> Names:
    """Return the names of a checkpoint's tensors; InputError where one is there twice, or may change the body.

    `kind` is "bert" for one that is to become an XLM-R. Where input and output are `tied`, either name of a tensor
    is its name.

    >>> from xpareto.compress.architectures import ARCHITECTURES
    >>> xlm_r = ARCHITECTURES.load("xlm_roberta")
    >>> names = names_of(["bert.embeddings.LayerNorm.gamma", "cls.predictions.bias"], Path("x"), xlm_r, "bert")
    >>> dict(names.body), dict(names.heads)
    ({'embeddings.LayerNorm.weight': 'bert.embeddings.LayerNorm.gamma'}, {'lm_head.bias': 'cls.predictions.bias'})
    """
    stored, prefix = list(stored), _BERT_PREFIX if kind == BERT else f"{architecture.body}."
    roots = tuple({f"{root}." for parts in architecture.heads.values() for root in parts})
    bare = not any(name.startswith(prefix) for name in stored)
    body: dict[str, str] = {}
    heads: dict[str, str] = {}
    others, unread = [], []
    for name in stored:
        inner = name.removeprefix(prefix)
        for old, new in _OLD.items():
            inner = inner.removesuffix(old) + new if inner.endswith(old) else inner
        if kind == BERT:
            start = next((part for part in _BERT_HEAD if inner.startswith(part)), "")
            inner = _BERT_HEAD.get(start, "") + inner.removeprefix(start)
        if inner.startswith(roots):
            group = heads
        elif kind == BERT and inner.startswith("cls."):  # the next sentence is none of our questions
            continue
        elif name.startswith(prefix) or bare:
            if inner.startswith(_NOT_COMPUTED_WITH):
                continue
            group = body
        elif _CHANGES_A_BODY.search(name):
            unread.append(name)
            continue
        else:
            others.append(name)
            continue
        if inner in group:
            raise InputError(
                f"{folder}: the weights hold {inner} twice, as {group[inner]} and as {name}. Give a checkpoint that "
                "transformers saved."
            )
        group[inner] = name
    if unread:
        raise unread_tensors(folder, unread)
    words, decoder = f"{architecture.words}.", f"{architecture.decoder}."
    if tied and not any(name.startswith(words) for name in body) and f"{decoder}weight" in heads:
        body[f"{words}weight"] = heads.pop(f"{decoder}weight")
    bias = architecture.decoder_bias
    if tied and bias and bias not in heads and f"{decoder}bias" in heads:
        heads[bias] = heads.pop(f"{decoder}bias")
    return Names(body, heads, tuple(others))


def unread_tensors(folder: Path, names: Iterable[str]) -> InputError:
    """Return the error that names tensors which a plain XLM-R would not read."""
    names = list(names)
    more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
    return InputError(
        f"{folder}: expected the weights of the model that config.json describes, found {names[0]}{more}, which "
        "it does not have: without it the model would compute something else. Merge adapters into the weights, or "
        "undo the quantization, in the library that made the checkpoint, and save it anew."
    )
