"""Which room may import which, read from the source (see README, "How it is built")."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
ROOMS = ("compress", "eval", "reports", "pipelines")
ALLOWED = {
    "compress": {"compress"},
    # compress.models.uneven_layers: what a torch artifact is made of. A runtime that opens artifacts must know their format,
    # and the format has one home. compress.heads: what an artifact answers, and which class opens it.
    "eval": {
        "eval",
        "xpareto.compress.core.artifact",
        "xpareto.compress.core.registry",
        "xpareto.compress.core.errors",
        "xpareto.compress.heads",
        "xpareto.compress.models.uneven_layers",
    },
    "reports": {"reports", "eval", "compress"},
    "pipelines": {"pipelines", "compress", "eval", "reports"},
}
HEAVY = {
    "torch",
    "transformers",
    "onnx",
    "onnxruntime",
    "datasets",
    "codecarbon",
    "accelerate",
    "plotly",
    "scipy",
}
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]


def imported(tree: ast.AST) -> set[str]:
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    room = path.relative_to(ROOT).parts[0]
    for name in imported(ast.parse(path.read_text(encoding="utf-8"))):
        if name.split(".")[0] not in ROOMS:
            continue
        whole_room_named = name in {"eval", "compress"} and room != "pipelines"
        allowed = any(
            name == entry or name.startswith(f"{entry}.") or entry.startswith(f"{name}.")
            for entry in ALLOWED[room]
        )
        assert allowed and (not whole_room_named or name == room), f"{path} imports {name}"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_heavy_libraries_are_imported_inside_functions_only(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    at_import_time = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    for node in at_import_time:
        names = {name.split(".")[0] for name in imported(node)}
        assert not names & HEAVY, f"{path}:{node.lineno} imports {names & HEAVY} when it is imported"


def test_nobody_imports_the_pipelines() -> None:
    for path in SOURCES:
        if path.relative_to(ROOT).parts[0] != "pipelines":
            assert not any(
                name.split(".")[0] == "pipelines"
                for name in imported(ast.parse(path.read_text(encoding="utf-8")))
            ), path
