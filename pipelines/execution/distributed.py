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


def check_launch(processes: int, workers: int = 1, ray: str | None = None) -> None:
    """Refuse --processes beside --workers and --ray, and each where a launcher started several of us already."""
    given = {f"--workers {workers}": workers > 1, f"--ray {ray}": ray is not None}
    several = [option for option, there in given.items() if there]
    if processes > 1 and several:
        raise InputError(
            f"--processes {processes} {several[0]}: expected one of the two. Processes train one model together, "
            "workers make several pieces of work at a time."
        )
    several += [f"--processes {processes}"] if processes > 1 else []
    if several and launched() > 1:
        option, _, _ = several[0].partition(" ")
        raise InputError(
            f"{several[0]}: expected {'none' if option == '--ray' else '1'} under a launcher, which started "
            f"{launched()} processes already. Leave {option} out."
        )
