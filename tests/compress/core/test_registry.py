"""Catalogues: what they tell of their entries without importing one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from xpareto.compress.core.registry import STEPS, Catalog


def test_the_summary_of_a_step_is_the_first_line_of_its_docstring() -> None:
    kinds = STEPS.all()
    assert STEPS.summaries() == {name: kind.__doc__.strip().split("\n")[0] for name, kind in kinds.items()}


def test_summaries_import_no_step() -> None:
    program = """
import sys
from xpareto.compress.core.registry import STEPS
assert all(STEPS.summaries().values())
assert not [name for name in sys.modules if name.startswith("xpareto.compress.steps.")]
"""
    subprocess.run([sys.executable, "-c", program], check=True)


def test_an_entry_that_is_defined_elsewhere_is_loaded_for_its_summary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "made_up_steps"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "_base.py").write_text('class Base:\n    """Told\n\n    elsewhere."""\n', encoding="utf-8")
    (package / "given.py").write_text(
        "from made_up_steps._base import Base\n\nSTEP = Base\n", encoding="utf-8"
    )
    (package / "own.py").write_text(
        'class Own:\n    """Told here."""\n\n\nSTEP: type = Own\n', encoding="utf-8"
    )
    (package / "bare.py").write_text("class Bare:\n    pass\n\n\nSTEP = Bare\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    catalog = Catalog("step", "made_up_steps", "STEP")
    assert catalog.summaries() == {"bare": "", "given": "Told", "own": "Told here."}
