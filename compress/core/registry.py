"""Map a file name to the one constant in that file, so that adding an entry is adding a file."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xpareto.compress.core.errors import InputError, hint


@dataclass(frozen=True)
class Catalog:
    """The entries of one package: listing names imports nothing, loading one imports one file.

    ``Catalog("step", "xpareto.compress.steps", "STEP").load("train")`` returns ``compress.steps.train.STEP``.

    `also` is a package of another catalogue whose files may hold an entry beside their own: those that
    assign the constant at their top level do.
    """

    noun: str
    package: str
    constant: str
    also: str | None = None

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Return the names of all entries, sorted."""
        return tuple(sorted(self._packages))

    @cached_property
    def _packages(self) -> dict[str, str]:
        """Return the package of every entry by its name; InputError where two files have one name."""
        packages = dict.fromkeys(_modules(self.package), self.package)
        for name, file in _modules(self.also).items() if self.also is not None else ():
            if self._is_assigned(file):
                if name in packages:
                    raise InputError(
                        f'{file}: {self.constant}: the {self.noun} "{name}" is declared in {self.package} as well. '
                        "Keep one of the two."
                    )
                packages[name] = str(self.also)
        return packages

    def _is_assigned(self, file: Path) -> bool:
        for node in ast.parse(file.read_text(encoding="utf-8")).body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == self.constant for target in targets):
                return True
        return False

    def load(self, name: str) -> Any:
        """Return the entry; raise InputError, with a near-miss hint, when there is none."""
        if name not in self.names:
            raise InputError(
                f'Unknown {self.noun} "{name}".{hint(name, self.names)} See: xpareto list {self.noun}s'
            )
        return getattr(importlib.import_module(f"{self._packages[name]}.{name}"), self.constant)

    def all(self) -> dict[str, Any]:
        """Return every entry by name."""
        return {name: self.load(name) for name in self.names}


def _modules(package: str) -> dict[str, Path]:
    """Return the files of a package by the name of the module; those that begin with _ are left out."""
    folder = Path(next(iter(importlib.import_module(package).__path__)))
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    return {name: folder / f"{name}.py" for name in names if not name.startswith("_")}


STEPS = Catalog("step", "xpareto.compress.steps", "STEP")
