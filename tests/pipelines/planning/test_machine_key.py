"""What was measured on one machine is not taken for what another one would measure."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xpareto.compress.core.step import DataNeed
from xpareto.pipelines.planning import inputs as start
from xpareto.pipelines.planning.inputs import Start


def test_the_cpu_is_what_a_step_that_measures_depends_on(
    opened: Callable[[Path], Start], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "xtreme").mkdir()
    need = DataNeed("machine", "onnxruntime")
    found = []
    for name, cores in (("one", 2), ("other", 2), ("one", 4), ("one", 2)):
        monkeypatch.setattr(start, "version", lambda library: f"of {library}")
        monkeypatch.setattr(start, "cpu_model", lambda name=name: name)
        monkeypatch.setattr(start, "usable_cores", lambda cores=cores: cores)
        found.append(opened(tmp_path).fingerprint(need))
    runtime = "onnxruntime of onnxruntime"
    assert found == [
        f"{machine}, {runtime}"
        for machine in ("one, 2 cores", "other, 2 cores", "one, 4 cores", "one, 2 cores")
    ]
