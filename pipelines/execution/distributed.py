"""How the first of several processes tells the others what to train."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from xpareto.compress.core import InputError
from xpareto.compress.training import join, launched

_FOREVER = timedelta(days=365)  # between two trainings the first process may do anything else


class ProcessGroup:
    """Processes that a launcher started together, over the key-value store that it gave them."""

    def __init__(self, board: Any) -> None:
        self._board = board
        self._number = 0

    @staticmethod
    def meet() -> ProcessGroup:
        """Return the group after waiting until all its processes are there."""
        from torch.distributed.rendezvous import rendezvous

        store, _, _ = next(rendezvous("env://", timeout=timedelta(minutes=30)))
        join(store)
        return ProcessGroup(store)

    def announce(self, work: str) -> None:
        """Tell the other processes of a piece of work."""
        self._board.set(self._key(), work)
        self._number += 1

    def end(self) -> None:
        """Tell the other processes that no work is left."""
        self.announce("")

    def announced(self) -> Iterator[str]:
        """Yield each piece of work as soon as the first process tells of it, until no more comes."""
        while True:
            key = self._key()
            self._board.wait([key], _FOREVER)
            work = self._board.get(key).decode()
            if not work:
                return
            self._number += 1
            yield work

    def _key(self) -> str:
        return f"xpareto/work/{self._number}"


def helps() -> bool:
    """Was this process started to help another one?"""
    return launched() > 1 and int(os.environ.get("RANK", "0")) > 0


def check_launch(processes: int) -> None:
    """Refuse --processes where a launcher started several of us already."""
    if processes > 1 and launched() > 1:
        raise InputError(
            f"--processes {processes}: expected 1 under a launcher, which started {launched()} processes already. "
            "Leave --processes out."
        )
