"""The law of the house, read from the source: which room may import which (see pipelines/README.md).

Rooms stand in ROOMS in the order of their arrows: a room imports only rooms that stand above it. So there
is no circle between rooms, and a newcomer can read the house from the top.
"""

from __future__ import annotations

import ast
import functools
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("compress", "eval", "reports", "pipelines")
ROOMS = (
    "compress/core",
    "compress/data",
    "compress/architectures",
    "compress/heads",
    "compress/models",
    "compress/vocabulary",
    "compress/training",
    "compress/quantization",
    "compress/onnx",
    "compress/quantization/graph",
    "compress/pruning",
    "compress/pretraining",
    "compress/mixed_precision",
    "compress/distillation",
    "compress/steps",
    "eval/tasks",
    "eval/training",
    "eval/synthetic/languages",
    "eval/synthetic",
    "eval/metrics",
    "eval/data/readers",
    "eval/submission",
    "eval/data",
    "eval/encoding",
    "eval/kinds",
    "eval/statistics",
    "eval/records",
    "eval/hardware",
    "eval/runtimes",
    "eval/roofline",
    "eval/probing",
    "eval/probes",
    "eval/pareto",
    "eval/objectives",
    "eval/results",
    "eval/comparison",
    "eval/analyses/documents",
    "eval/analyses",
    "pipelines/storage",
    "pipelines/recipe",
    "pipelines/planning",
    "pipelines/execution",
    "reports/text",
    "reports/costs",
    "reports/findings",
    "reports/figures",
    "reports/formats",
    "reports/comparisons",
    "pipelines/runs",
    "pipelines/searching",
    "pipelines/trackers",
    "reports/terminal",
    "pipelines/drafting",
    "pipelines/display",
    "pipelines/commands",
    "pipelines/bases",
)
CATALOGUES = (
    "compress/steps",
    "eval/tasks",
    "eval/training",
    "eval/kinds",
    "eval/runtimes",
    "eval/probes",
    "eval/objectives",
    "eval/metrics",
    "pipelines/trackers",
)
"""Rooms of one-file extensions: a file name is an entry's name, or that of a script whose metrics it has."""
MAY_IMPORT = {
    "compress": {"compress"},
    "eval": {"compress", "eval"},
    "reports": {"compress/core", "eval", "reports"},
    "pipelines": {"compress", "eval", "reports", "pipelines"},
}
MOST_MODULES = 15
MOST_LINES = 350
HEAVY = {
    "torch",
    "transformers",
    "onnx",
    "onnxruntime",
    "datasets",
    "codecarbon",
    "accelerate",
    "matplotlib",
    "optuna",
}
LATE = ("eval/probing/child.py", "pipelines/__main__.py", "pipelines/cli.py", "pipelines/commands/")
"""Who may import ours inside functions: the child pins itself to cores before numpy starts its threads, the module
that Python runs takes the working directory off its path first, and a command loads what it needs, so that help,
plan and list answer at once."""
SOURCES = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}
MODULES = [name for name in TREES if not name.endswith("__init__.py")]


def room_of(name: str) -> str:
    return name.rpartition("/")[0]


def imported(tree: ast.AST) -> Iterator[tuple[ast.ImportFrom, str, str]]:
    """Yield each import of ours: its node, the file or the room that it names, and the name taken."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                assert alias.name.split(".")[0] != "xpareto", (
                    f"line {node.lineno}: say from {alias.name} import"
                )
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "xpareto":
            place = node.module.removeprefix("xpareto.").replace(".", "/")
            for alias in node.names:
                inner = f"{place}/{alias.name}"
                if f"{inner}.py" in TREES:
                    yield node, f"{inner}.py", ""
                else:
                    yield node, f"{place}.py" if f"{place}.py" in TREES else place, alias.name


@functools.cache
def exported(room: str) -> dict[str, str]:
    """Return the file of every name that a room exports, as its stub lists them for lazy_loader."""
    stub = ROOT / room / "__init__.pyi"
    if not stub.is_file():
        return {}
    nodes = ast.parse(stub.read_text(encoding="utf-8")).body
    return {
        alias.name: f"{room}/{node.module}.py"
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_every_room_is_listed_once_and_says_what_it_owns() -> None:
    rooms = {room_of(name) for name in MODULES} - set(PACKAGES)
    assert sorted(ROOMS) == sorted(rooms)
    for room in (*ROOMS, *PACKAGES):
        assert ast.get_docstring(TREES[f"{room}/__init__.py"]), f"{room}/__init__.py says nothing"


@pytest.mark.parametrize("name", MODULES)
def test_a_room_imports_only_rooms_above_it(name: str) -> None:
    room = room_of(name)
    package = name.split("/")[0]
    place = ROOMS.index(room) if room in ROOMS else len(ROOMS)
    for node, target, _ in imported(TREES[name]):
        other = room_of(target) if target.endswith(".py") else target
        if other == room or other in PACKAGES:
            continue
        assert ROOMS.index(other) < place, f"{name}:{node.lineno}: {room} stands above {other}"
        allowed = MAY_IMPORT[package]
        assert other.split("/")[0] in allowed or other in allowed, f"{name}:{node.lineno}: {other}"


@pytest.mark.parametrize("name", MODULES)
def test_what_a_room_shows_to_others_is_exported(name: str) -> None:
    for node, target, taken in imported(TREES[name]):
        if target.endswith(".py"):
            other = room_of(target)
            entry = not Path(target).name.startswith("_") and other in CATALOGUES
            whole = not taken  # a module taken as a whole, such as the metrics of mlqa
            assert other == room_of(name) or entry or whole, f"{name}:{node.lineno}: say from {other} import"
        else:
            assert taken in exported(target), f"{name}:{node.lineno}: {target} does not export {taken}"


@pytest.mark.parametrize("room", ROOMS)
def test_no_exported_name_is_that_of_a_module(room: str) -> None:
    names = exported(room)
    assert set(names.values()) <= set(MODULES)
    modules = {Path(name).stem for name in MODULES if room_of(name) == room}
    assert not modules & set(names), "the module would stand in the way of the name, once it is imported"


def test_no_circle_is_left_between_files() -> None:
    homes = {(room, name): home for room in ROOMS for name, home in exported(room).items()}
    graph = {
        name: {homes.get((target, taken), target) for _, target, taken in imported(TREES[name])}
        for name in MODULES
    }
    order = list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError
    assert set(MODULES) <= set(order)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_can_be_looked_over(room: str) -> None:
    modules = [name for name in MODULES if room_of(name) == room]
    assert room in CATALOGUES or len(modules) <= MOST_MODULES, f"{room} has {len(modules)} modules"
    for name in modules:
        lines = len((ROOT / name).read_text(encoding="utf-8").splitlines())
        assert lines <= MOST_LINES, f"{name} has {lines} lines"


@pytest.mark.parametrize("name", MODULES)
def test_our_own_modules_are_imported_at_the_top_and_heavy_libraries_are_not(name: str) -> None:
    top = {node for node in TREES[name].body if isinstance(node, ast.Import | ast.ImportFrom)}
    types = {
        inner
        for node in TREES[name].body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in node.body
    }
    for node, target, _ in imported(TREES[name]):
        assert node in top | types or name.startswith(LATE), f"{name}:{node.lineno}: {target} in a function"
    for statement in top:
        names = (
            [alias.name for alias in statement.names]
            if isinstance(statement, ast.Import)
            else [statement.module or ""]
        )
        heavy = {own.split(".")[0] for own in names} & HEAVY
        assert not heavy, f"{name}:{statement.lineno} imports {heavy} when it is imported"


def test_tests_mirror_the_house() -> None:
    folders = {
        path.parent.relative_to(ROOT / "tests").as_posix()
        for package in PACKAGES
        for path in (ROOT / "tests" / package).rglob("test_*.py")
    }
    assert folders - set(PACKAGES) <= set(ROOMS), sorted(folders - set(PACKAGES) - set(ROOMS))
