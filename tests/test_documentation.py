"""What the pages say exists: links, files, rooms, commands with their options, recipes, names to import."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer

from tests.test_import_law import PACKAGES, ROOMS, ROOT, TREES
from tests.tutorials import files
from xpareto.eval.objectives import declared_limits
from xpareto.pipelines.cli import app
from xpareto.pipelines.recipe import shipped_recipes

PAGES = (
    "README.md", "CONTRIBUTING.md", "CHANGELOG.md", *(f"{package}/README.md" for package in PACKAGES),
)  # fmt: skip
PAST = "CHANGELOG.md"  # names things that are gone, too
BENCHMARKS = sorted((ROOT / "tests" / "bench").glob("*.py"))


def read(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def heading_anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


def code(page: str) -> Iterator[str]:
    """Yield every line of code of a page, and every span of code in its text."""
    text, fenced = read(page), False
    for line in text.splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()
        else:
            yield from re.findall(r"`([^`]+)`", line)


@pytest.mark.parametrize("page", PAGES)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", read(page)):
        if not target.startswith(("http://", "https://")):
            path, _, anchor = target.partition("#")
            file = (ROOT / page).parent / path if path else ROOT / page
            assert file.exists(), f"{page}: {target}"
            assert not anchor or anchor in heading_anchors(file), f"{page}: {target}"


@pytest.mark.parametrize("page", [page for page in PAGES if page != PAST])
def test_every_file_that_is_named_exists(page: str) -> None:
    added = files()
    for span in code(page):
        for path in re.findall(r"(?<![\w/.])(?:compress|eval|pipelines|reports|tests)/[\w./-]+", span):
            wanted = path.rstrip("./")
            known = wanted in added or (ROOT / wanted).exists()
            assert known or "NAME" in wanted, f"{page}: {path}"


@pytest.mark.parametrize("page", [page for page in PAGES if page != PAST])
def test_every_command_exists_with_its_options(page: str) -> None:
    group = typer.main.get_command(app)
    assert isinstance(group, click.Group | typer.core.TyperGroup)
    plain = {option for param in group.params for option in param.opts} | {
        "--install-completion", "--show-completion", "--help",
    }  # fmt: skip
    for span in code(page):
        for words in re.findall(r"(?<![\w.-])xpareto((?: +[^ ]+)+)", span.partition(" #")[0]):
            first, *rest = words.split()
            options = {word.strip("[].") for word in rest if word.strip("[").startswith("--")}
            if first.startswith("-"):
                assert first in plain, f"{page}: {span}"
                continue
            assert first in group.commands, f"{page}: {span}"
            given = {option for param in group.commands[first].params for option in param.opts}
            if first == "choose":
                given |= {limit.option for _, limit in declared_limits().values()}
            added = {"--lowest-drop"} if page == "CONTRIBUTING.md" else set()
            assert options <= given | added, f"{page}: {span}"
            if first == "run" and rest and re.fullmatch(r"[a-z0-9-]+", rest[0]):
                assert rest[0] in shipped_recipes(), f"{page}: {span}"


def test_the_rooms_are_told_in_the_order_of_their_arrows_with_their_own_words() -> None:
    told = re.findall(r"^\| `([\w/]+)` \| ([A-Z].*\.) \|$", read("pipelines/README.md"), re.MULTILINE)
    expected = []
    for room in ROOMS:
        words = ast.get_docstring(TREES[f"{room}/__init__.py"]) or ""
        expected.append((room, " ".join(words.split("\n\n")[0].split())))
    assert told == expected


def test_the_front_page_is_short() -> None:
    assert len(read("README.md").splitlines()) <= 90


def imports(source: str) -> Iterator[tuple[str, str]]:
    """Yield the module and the name of everything of ours that a piece of code imports."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "xpareto":
            yield from ((node.module, alias.name) for alias in node.names)


@pytest.mark.parametrize("page", [page for page in PAGES if page != "CONTRIBUTING.md"])
def test_what_a_page_imports_is_there(page: str) -> None:
    for block in re.findall(r"^```python\n(.*?)^```$", read(page), re.MULTILINE | re.DOTALL):
        for module, name in imports(block):
            assert hasattr(importlib.import_module(module), name), f"{page}: {module} has no {name}"


@pytest.mark.parametrize("file", BENCHMARKS, ids=lambda file: file.stem)
def test_what_a_benchmark_imports_is_there(file: Path) -> None:
    for module, name in imports(file.read_text(encoding="utf-8")):
        place = importlib.import_module(module)
        known = hasattr(place, name) or importlib.util.find_spec(f"{module}.{name}") is not None
        assert known, f"{file.name}: {module} has no {name}"
