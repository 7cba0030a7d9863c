"""How a sentence encoder makes one vector of a sentence: what is put before it, where it is cut, how it is pooled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from xpareto.compress.core import InputError, checked

SENTENCES = "xpareto_sentences"
POOLINGS = ("cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken")
"""What pooling is called in sentence-transformers, in the order in which it joins several."""
_MEAN = ("mean",)


@dataclass(frozen=True)
class SentenceVectors:
    """What a model's files say of the vector of a sentence; by default the mean over all tokens, special ones included.

    `pooling` names parts of POOLINGS, of which several are joined. `normalize`: the vector is then made a unit
    vector, which changes no cosine. Each sentence begins with the prompt whose name is `default_prompt`, where it is
    one, and is cut to `longest` tokens, special ones included (None: as many as the model has positions).
    `include_prompt`: its tokens are pooled, too. `unread` names what else a model does, which xpareto cannot
    compute; "" where there is nothing.
    """

    pooling: tuple[str, ...] = _MEAN
    normalize: bool = False
    longest: int | None = None
    prompts: dict[str, str] = field(default_factory=dict)
    default_prompt: str | None = None
    include_prompt: bool = True
    similarity: str | None = None  # by which sentence-transformers compares two; scores are of the cosine
    unread: str = ""

    @staticmethod
    def of(config: Mapping[str, Any]) -> SentenceVectors:
        """Return what the content of a config.json says; the default where it says nothing.

        >>> SentenceVectors.of({"hidden_size": 16}).pooling, SentenceVectors.of({SENTENCES: {"longest": 8}}).longest
        (('mean',), 8)
        """
        told = config.get(SENTENCES)
        if told is None:
            return SentenceVectors()
        fix = "Give a checkpoint that this version of xpareto wrote."
        made: SentenceVectors = checked(SentenceVectors, told, f"config.json: {SENTENCES}", fix)
        unknown = {*told} - {*asdict(made)} or {*made.pooling} - {*POOLINGS}
        if unknown:
            raise InputError(f"config.json: {SENTENCES}: expected no {sorted(unknown)[0]}, found it. {fix}")
        return made

    def write(self, config: dict[str, Any]) -> None:
        """Write it into the content of a config.json, where it is not the default."""
        if self != SentenceVectors():
            config[SENTENCES] = asdict(self) | {"pooling": [*self.pooling]}

    @property
    def prompt(self) -> str:
        """Return what each sentence begins with."""
        return self.prompts.get(self.default_prompt or "", "")

    @property
    def is_mean(self) -> bool:
        """Is the vector the mean over all tokens, and nothing else?"""
        return self.pooling == _MEAN

    def readable(self, where: str) -> SentenceVectors:
        """Return it; InputError, naming `where`, where xpareto cannot compute it."""
        if self.unread:
            raise InputError(
                f"{where}: expected a sentence's vector that is pooled ({', '.join(POOLINGS)}), normalized or not, and "
                f"nothing else, found {self.unread} (modules.json and what it names). Retrieval would score another "
                "model than the one that was published: leave out the tasks that compare vectors, or give a base that "
                "pools so."
            )
        return self

    def pooled(self, states: Any, mask: Any) -> Any:
        """Return the vector of each sequence, (rows, width of all parts), of states (rows, tokens, width).

        Both are numpy arrays, or both torch tensors; `mask` (rows, tokens) is 1 where a token is, padding stands
        behind. Formulas: sentence-transformers 6, Pooling; weightedmean: Muennighoff 2022, arXiv 2202.08904.
        """
        count = mask.sum(1)[:, None]
        place = mask.cumsum(1)  # from 1
        parts = []
        for name in self.pooling:
            if name == "max":
                kept = states * mask[..., None] - (1 - mask[..., None]) * 1e9
                parts.append(kept.amax(1) if hasattr(kept, "amax") else kept.max(1))
                continue
            if name == "cls":
                weights, whole = mask * (place == 1), 1
            elif name == "lasttoken":
                weights, whole = mask * (place == count), 1
            elif name == "weightedmean":
                weights = mask * place
                whole = weights.sum(1)[:, None]
            else:
                weights, whole = mask, count if name == "mean" else count**0.5
            parts.append((states * weights[..., None]).sum(1) / whole)
        return parts[0] if len(parts) == 1 else _joined(parts)


def _joined(parts: list[Any]) -> Any:
    if hasattr(parts[0], "amax"):
        import torch

        return torch.cat(parts, -1)
    import numpy as np

    return np.concatenate(parts, -1)
