"""Addresses of stores: a folder, or a URL of which this machine has a cache."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from xpareto.compress.core import InputError

CACHE = "XPARETO_CACHE"  # environment variable: the folder of the caches
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]*://")


def is_url(address: str | Path) -> bool:
    """Tell whether an address is that of an object store."""
    return _URL.match(str(address)) is not None


def store_and_digest(address: str) -> tuple[str, str]:
    """Return the address of the store, and the digest, of an artifact's address.

    >>> store_and_digest("s3://bucket/x/artifacts/ab/abcd")
    ('s3://bucket/x', 'abcd')
    """
    store, _, place = address.rpartition("/artifacts/")
    return store, place.rpartition("/")[2]


def folder_of(address: str) -> Path:
    """Return the folder of this machine that a store works in."""
    return cache_folder(address) if is_url(address) else Path(address)


def cache_folder(url: str) -> Path:
    """Return where this machine keeps what it reads from or makes for the store at a URL."""
    url = url.rstrip("/")
    try:
        caches = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    except RuntimeError as error:
        raise InputError(f"--store {url}: no home folder to cache it in. Name one with {CACHE}.") from error
    root = os.environ.get(CACHE) or Path(caches) / "xpareto"
    return Path(root) / hashlib.sha256(url.encode()).hexdigest()[:16]
