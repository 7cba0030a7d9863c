from __future__ import annotations

import gc

import pytest
from hypothesis import settings

from tests.tiny_world import TinyWorld

# How long an example takes says how busy the machine is, and is no failure.
settings.register_profile("xpareto", deadline=None)
settings.load_profile("xpareto")


def pytest_collection_finish() -> None:
    # What was imported stays: without this every collection, and each training asks for two, goes through all of
    # torch's and pytest's objects.
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    return TinyWorld(tmp_path_factory.mktemp("world"))
