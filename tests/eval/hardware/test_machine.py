from __future__ import annotations

import getpass
import json
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from xpareto.eval.hardware import machine


def test_the_commit_of_a_working_copy_is_told() -> None:
    root = Path(__file__).parents[3]
    git = shutil.which("git")
    if git is None or not (root / ".git").exists():
        pytest.skip("not a working copy of git, or no git")
    head = subprocess.run(
        [git, "-C", str(root), "rev-parse", "HEAD"], capture_output=True, text=True, check=True
    )
    assert machine.machine_facts()["git"]["commit"] == head.stdout.strip()


def test_facts_are_json_and_name_no_host_user_or_path() -> None:
    facts = machine.machine_facts()
    text = json.dumps(facts)
    assert {"cpu", "cpu_flags", "cores", "memory_bytes", "python", "packages", "kernel", "git"} <= set(facts)
    assert facts["python"] == platform.python_version()
    assert str(Path.cwd()) not in text and str(Path.home()) + "/" not in text
    host = platform.node()
    assert len(host) < 4 or host not in text
    assert len(getpass.getuser()) < 5 or getpass.getuser() not in text


def test_cores_are_those_that_this_process_may_use() -> None:
    code = "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
    code += "from xpareto.eval.hardware.machine import usable_cores; print(usable_cores())"
    root = Path(machine.__file__).parent.parent
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True,
        env=os.environ | {"PYTHONPATH": str(root)},
    )  # fmt: skip
    assert done.stdout.strip() == "1"


def test_describing_the_machine_imports_no_torch() -> None:
    code = "import sys; from xpareto.eval.hardware.machine import abilities, machine_facts;"
    code += "machine_facts(); abilities();"
    code += "assert not {'torch', 'transformers', 'onnxruntime', 'codecarbon'} & set(sys.modules)"
    root = Path(machine.__file__).parent.parent
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ | {"PYTHONPATH": str(root)})


def test_abilities_follow_the_flags(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    for flags, safe in ((("avx2",), False), (("avx2", "avx512_vnni"), True)):
        monkeypatch.setattr(machine, "vector_flags", lambda flags=flags: flags)
        found = {ability.name: ability for ability in machine.abilities()}
        assert found["int8 instructions"].ok is safe
        assert all(ability.detail for ability in found.values())


def test_a_folder_without_git_has_no_git_state(tmp_path: Path) -> None:
    assert machine.git_state(tmp_path) is None


def test_git_state_is_none_without_git(monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    (tmp_path / ".git").mkdir()
    monkeypatch.setattr(machine.shutil, "which", lambda name: None)
    assert machine.git_state(tmp_path) is None


def test_rapl_is_readable_only_where_a_counter_gives_a_number(monkeypatch, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(machine, "_RAPL", tmp_path)
    assert not machine.rapl_readable()
    counter = tmp_path / "intel-rapl:0" / "energy_uj"
    counter.parent.mkdir()
    (counter.parent / "name").write_text("package-0\n")
    (counter.parent / "max_energy_range_uj").write_text("262143328850\n")
    counter.write_text("denied")
    assert not machine.rapl_readable()
    counter.write_text("123456\n")
    assert machine.rapl_readable()
