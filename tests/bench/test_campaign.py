"""What the campaign tries at full size, at a small one: `python tests/bench/campaign.py` has the sizes as options."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.mutated_recipes import mutated
from xpareto.compress.core.errors import InputError, bounded
from xpareto.pipelines.recipe.checks import load_recipe

SIZES = {"recipes": "40", "flips": "6", "kills": "6"}


@pytest.mark.parametrize("seed", range(24))
def test_a_mutated_recipe_is_read_or_refused_in_a_moment(seed: int, tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    file.write_bytes(mutated(seed))
    began = time.process_time()
    try:
        load_recipe(file)
    except InputError as error:
        message = bounded(str(error))
        assert str(file) in message and message.count("\n") < 20
    assert time.process_time() - began < 4


@pytest.mark.slow
@pytest.mark.parametrize("part", ["recipes", "flips", "kills", "disks", "at-once"])
def test_the_campaign_finds_no_fault(part: str, tmp_path: Path) -> None:
    options = [word for name in ("recipes", "flips", "kills", "disks", "at-once")
               for word in (f"--{name}", SIZES.get(name, "1") if name == part else "0")]  # fmt: skip
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("campaign.py"), *options],
        capture_output=True, text=True, check=False, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    if "left out" in done.stdout:
        pytest.skip("nothing can be mounted here")
    assert done.returncode == 0, done.stdout + done.stderr
