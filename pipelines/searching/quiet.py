"""Optuna, where it is installed, without what it logs and warns of."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from xpareto.compress.core import InputError


def check_installed() -> None:
    """Refuse with the command that installs it where Optuna is missing."""
    try:
        import_module("optuna")
    except ImportError as error:
        raise InputError(f"To search, install Optuna: pip install 'xpareto[search]' ({error})") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what Optuna logs and warns of to itself inside."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        optuna.logging.set_verbosity(before)
