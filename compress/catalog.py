"""Map a file name to the one constant in that file, so that adding an entry is adding a file."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from compress.errors import InputError, hint


@dataclass(frozen=True)
class Catalog:
    """The entries of one package: listing names imports nothing, loading one imports one file.

    ``Catalog("step", "compress.steps", "STEP").load("train")`` returns ``compress.steps.train.STEP``.
    """

    noun: str
    package: str
    constant: str

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the names of all entries, sorted."""
        top, *rest = self.package.split(".")
        spec = importlib.util.find_spec(top)
        if spec is None or not spec.submodule_search_locations:
            raise InputError(f"The package {top} is not installed. Run: pip install -e .")
        folder = Path(spec.submodule_search_locations[0], *rest)
        modules = pkgutil.iter_modules([str(folder)])
        return tuple(sorted(module.name for module in modules if not module.name.startswith("_")))

    def load(self, name: str) -> Any:
        """Return the entry; raise InputError, with a near-miss hint, when there is none."""
        if name not in self.names:
            raise InputError(
                f'Unknown {self.noun} "{name}".{hint(name, self.names)} See: xpareto list {self.noun}s'
            )
        return getattr(importlib.import_module(f"{self.package}.{name}"), self.constant)

    def all(self) -> dict[str, Any]:
        """Return every entry by name."""
        return {name: self.load(name) for name in self.names}


STEPS = Catalog("step", "compress.steps", "STEP")
