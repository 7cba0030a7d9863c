"""Map a file name to the one constant in that file, so that adding an entry is adding a file."""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
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
        return any(True for _ in self._values(ast.parse(file.read_text(encoding="utf-8"))))

    def _values(self, module: ast.Module) -> Iterator[ast.expr | None]:
        """Yield what a module's source assigns to the constant."""
        for node in module.body:
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
            if any(isinstance(target, ast.Name) and target.id == self.constant for target in targets):
                yield getattr(node, "value", None)

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

    def summaries(self) -> dict[str, str]:
        """Return the first line of what every entry, a class, says of itself; its file is read, not imported."""
        files = _modules(self.package)
        return {name: self._summary(name, files.get(name)) for name in self.names}

    def _summary(self, name: str, file: Path | None) -> str:
        if file is not None:
            module = ast.parse(file.read_text(encoding="utf-8"))
            names = {value.id for value in self._values(module) if isinstance(value, ast.Name)}
            for node in module.body:
                if isinstance(node, ast.ClassDef) and node.name in names:
                    return _first_line(ast.get_docstring(node))
        return _first_line(self.load(name).__doc__)  # defined elsewhere, and only named in its file


def _first_line(text: str | None) -> str:
    return (text or "").strip().split("\n")[0]


def _modules(package: str) -> dict[str, Path]:
    """Return the files of a package by the name of the module; those that begin with _ are left out."""
    folder = Path(next(iter(importlib.import_module(package).__path__)))
    names = [module.name for module in pkgutil.iter_modules([str(folder)])]
    return {name: folder / f"{name}.py" for name in names if not name.startswith("_")}


STEPS = Catalog("step", "xpareto.compress.steps", "STEP")
