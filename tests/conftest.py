from __future__ import annotations

import gc

import pytest
from hypothesis import settings

from tests.tiny_world import TinyWorld

# How long an example takes says how busy the machine is, and is no failure.
settings.register_profile("xpareto", deadline=None)
settings.load_profile("xpareto")


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    # What was imported stays: without this every collection, and each training asks for two, goes through all the
    # objects of torch, transformers and pytest.
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> TinyWorld:
    return TinyWorld(tmp_path_factory.mktemp("world"))
