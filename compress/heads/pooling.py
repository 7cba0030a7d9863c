"""How a sentence encoder makes one vector of a sentence's hidden states."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from xpareto.compress.core import InputError

POOLING = "xpareto_pooling"


@dataclass(frozen=True)
class Pooling:
    """The mean over all tokens, special ones included, or the state of the `first_token`.

    `normalize`: the vector is then made a unit vector, which changes no cosine. `unread` names what else a
    model does with the states, which xpareto cannot compute; "" where there is nothing.
    """

    first_token: bool = False
    normalize: bool = False
    unread: str = ""

    @staticmethod
    def of(config: Mapping[str, Any]) -> Pooling:
        """Return what the content of a config.json says; the mean where it says nothing.

        >>> Pooling.of({"hidden_size": 16}), Pooling.of({POOLING: {"first_token": True}}).first_token
        (Pooling(first_token=False, normalize=False, unread=''), True)
        """
        told = config.get(POOLING)
        if told is None:
            return Pooling()
        if not isinstance(told, Mapping) or not {*told} <= {*asdict(Pooling())}:
            keys = ", ".join(asdict(Pooling()))
            raise InputError(f"config.json: {POOLING}: expected the keys {keys}, found {told!r}.")
        return Pooling(
            bool(told.get("first_token")), bool(told.get("normalize")), str(told.get("unread", ""))
        )

    def write(self, config: dict[str, Any]) -> None:
        """Write it into the content of a config.json, where it is not the mean."""
        if self != Pooling():
            config[POOLING] = asdict(self)

    def readable(self, where: str) -> Pooling:
        """Return it; InputError, naming `where`, where xpareto cannot compute it."""
        if self.unread:
            raise InputError(
                f"{where}: expected a sentence's vector that is the mean over its tokens or the state of its first "
                "one (pooling_mode_mean_tokens, pooling_mode_cls_token), normalized or not, found "
                f"{self.unread} (modules.json). "
                "Retrieval would score another model than the one that was published: leave out the tasks that "
                "compare vectors, or give a base that pools so."
            )
        return self
