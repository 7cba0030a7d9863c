"""What the campaign tries at full size, at a small one: `python tests/bench/campaign.py` has the sizes as options."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.campaign_world import Kept, remove
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


def test_what_is_tried_leaves_nothing_behind_for_the_next(tmp_path: Path) -> None:
    world = tmp_path / "world"
    file, other = world / "store/sealed/file", world / "other"
    other.mkdir(parents=True)
    file.parent.mkdir(parents=True)
    file.write_text("sealed")
    file.chmod(0o444)
    file.parent.chmod(0o555)
    was = file.stat()
    kept = Kept(world, tmp_path / "copy")
    file.chmod(0o644)
    file.write_text("healed")  # of the same size
    os.utime(file, ns=(was.st_atime_ns, was.st_mtime_ns))
    file.chmod(0o444)
    kept.bring_back(file.relative_to(world))
    now = file.stat()
    assert file.read_text() == "sealed"
    assert (now.st_ino, now.st_mtime_ns, now.st_mode) == (was.st_ino, was.st_mtime_ns, was.st_mode)
    file.parent.chmod(0o755)
    file.unlink()
    file.parent.rmdir()
    other.rmdir()
    (world / "new/folder").mkdir(parents=True)
    (world / "new/folder/file").write_text("x")
    kept.bring_back()
    assert file.read_text() == "sealed" and other.is_dir() and not (world / "new").exists()
    assert file.parent.stat().st_mode & 0o777 == 0o555
    remove(world)  # read-only as it is


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
