"""Runs and stores that come from others are data: they lead nowhere, and nothing of them passes unchecked."""

from __future__ import annotations

import json
import os
import shutil
import unicodedata
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.cli import app
from xpareto.pipelines.runs.compare_arms import write_beside_report
from xpareto.pipelines.runs.later_actions import export, store_of, verify
from xpareto.pipelines.storage.run_folder import RunFolder

NAME = "none/fp32/torch"


def edit(run: RunFolder, name: str, change: Callable[[dict[str, Any]], Any]) -> None:
    file = run.path / name
    content = json.loads(file.read_text("utf-8"))
    change(content)
    file.write_text(json.dumps(content), encoding="utf-8")


def everything(folder: Path) -> dict[str, bytes | None]:
    """Return all that lies in a folder, by path."""
    return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("name", ["../../x", "ABSOLUTE", "a/b", "..", ""])
def test_a_training_set_names_no_folder_elsewhere(stored_run: RunFolder, tmp_path: Path, name: str) -> None:
    name = name.replace("ABSOLUTE", str(tmp_path / "elsewhere"))

    def rename(listing: dict[str, Any]) -> None:
        for candidate in listing["candidates"]:
            candidate["artifacts"] = {name: candidate["artifacts"]["udpos"]}

    edit(stored_run, "candidates.json", rename)
    stored_run.seal()
    before, store = everything(tmp_path), store_of(stored_run, None)
    with pytest.raises(InputError, match=r"candidates.0.artifacts: expected a plain name, found"):
        export(stored_run, store, NAME, tmp_path / "out")
    assert any("expected a plain name" in line for line in verify(stored_run, store))
    assert everything(tmp_path) == before


@pytest.mark.parametrize("name", ["../../../authorized_keys", "/tmp/authorized_keys", "a/../../b"])
def test_a_manifest_names_no_file_elsewhere(stored_run: RunFolder, tmp_path: Path, name: str) -> None:
    (manifest,) = ((tmp_path / "store").glob("artifacts/*/*/manifest.json*"),)
    file = sorted(manifest)[0]
    raw = json.loads(file.read_text("utf-8"))
    raw["files"][name] = {"sha256": "0" * 64, "size_bytes": 1}
    raw.pop("checksum", None)
    file.chmod(0o644)
    file.write_text(json.dumps(raw), encoding="utf-8")
    told = "\n".join(verify(stored_run, store_of(stored_run, None)))
    assert "files: expected a relative path of plain names" in told and str(file) in told


@pytest.mark.parametrize(
    "place", ["report/summary.md", "report", "events.jsonl", "measurements.jsonl", "outcomes"]
)
@pytest.mark.parametrize("command", ["report", "export", "compare"])
def test_nothing_is_written_or_read_through_a_link(
    stored_run: RunFolder, tmp_path: Path, place: str, command: str
) -> None:
    target, link = tmp_path / "target", stored_run.path / place
    if link.is_dir() or place == "report":
        target.mkdir()
        shutil.rmtree(link, ignore_errors=True)
    else:
        target.write_bytes(link.read_bytes() if link.is_file() else b"mine")
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
    link.symlink_to(target)
    before = everything(tmp_path)
    words = {"report": [], "export": [NAME, str(tmp_path / "out")], "compare": ["--arms", "none", "none"]}
    done = CliRunner().invoke(app, [command, str(stored_run.path), *words[command]])
    assert isinstance(done.exception, InputError) and "found a link" in str(done.exception)
    assert everything(tmp_path) == before


def test_a_report_replaces_a_link_where_it_is_told_to_write(stored_run: RunFolder, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "mine").write_text("mine")
    for name in ("summary.md", "index.html", "analysis.json"):
        (tmp_path / "out" / name).symlink_to(tmp_path / "mine")
    done = CliRunner().invoke(app, ["report", str(stored_run.path), "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert (tmp_path / "mine").read_text() == "mine" and not (tmp_path / "out" / "summary.md").is_symlink()


def test_an_arm_names_no_file_elsewhere(stored_run: RunFolder) -> None:
    document: Any = SimpleNamespace(what="a comparison")
    with pytest.raises(InputError, match="a comparison: expected a plain name, found 'compare-none"):
        write_beside_report(stored_run, "compare-none-../../x", "page", document)


def test_artifacts_are_compared_with_their_address(stored_run: RunFolder, tmp_path: Path) -> None:
    store = store_of(stored_run, None)
    assert not any("expected digest" in line for line in verify(stored_run, store))
    one, other = sorted((tmp_path / "store").glob("artifacts/*/*"))
    one.rename(tmp_path / "between")
    other.rename(one)
    (tmp_path / "between").rename(other)
    told = [line for line in verify(stored_run, store) if "expected digest" in line]
    assert len(told) == 2
    with pytest.raises(InputError, match="expected digest"):
        export(stored_run, store, NAME, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_file_that_nobody_sealed_is_no_part_of_an_artifact(stored_run: RunFolder, tmp_path: Path) -> None:
    folder = next((tmp_path / "store").glob("artifacts/*/*"))
    folder.chmod(0o755)
    (folder / "adapter_config.json").write_text("{}")
    told = verify(stored_run, store_of(stored_run, None))
    assert any("adapter_config.json: expected no such file" in line for line in told)


def test_a_store_that_is_not_there_is_not_made(stored_run: RunFolder, tmp_path: Path) -> None:
    gone = tmp_path / "nobody" / "store"
    edit(stored_run, "plan.json", lambda plan: plan["options"].update(store=str(gone)))
    with pytest.raises(InputError, match="Name it with --store"):
        store_of(stored_run, None)
    with pytest.raises(InputError, match=r"not there any more\. Name the store that has it with --store"):
        store_of(stored_run, tmp_path / "store").open("0" * 64, verify=True)
    assert not gone.parent.exists()


@pytest.mark.parametrize("command", ["verify", "report", "choose", "export"])
def test_what_is_read_only_can_be_read_and_stays_as_it_is(
    stored_run: RunFolder, tmp_path: Path, command: str
) -> None:
    stored_run.seal()
    before = everything(stored_run.path) | everything(tmp_path / "store")
    words = {
        "report": ["--out", str(tmp_path / "out")],
        "choose": ["--resamples", "200", "--folds", "0", "--max-drop", "50"],
        "export": [NAME, str(tmp_path / "out")],
    }
    done = CliRunner().invoke(app, [command, str(stored_run.path), *words.get(command, [])])
    assert done.exit_code == 0, (done.output, done.exception)
    assert everything(stored_run.path) | everything(tmp_path / "store") == before


@pytest.mark.parametrize("name", ["plan.json", "candidates.json", "measurements.jsonl"])
@pytest.mark.parametrize("what", ["pipe", "device"])
def test_a_pipe_or_a_device_is_not_read(stored_run: RunFolder, name: str, what: str) -> None:
    file = stored_run.path / name
    file.unlink()
    if what == "pipe":
        os.mkfifo(file)
    else:
        file.symlink_to("/dev/zero")
    done = CliRunner().invoke(app, ["report", str(stored_run.path)])
    assert isinstance(done.exception, InputError)


HOSTILE = "a\x1b[31m\u202eb\x9b2J\n\\input{/etc/passwd}\r\n# c"
UNSEEN = ("Cc", "Cf", "Zl", "Zp")


def unseen(text: str) -> set[str]:
    return {char for char in text if unicodedata.category(char) in UNSEEN and char not in "\n\t"}


def test_text_of_others_neither_moves_nor_hides_nor_ends_what_it_stands_in(
    stored_run: RunFolder, tmp_path: Path
) -> None:
    def rename(listing: dict[str, Any]) -> None:
        for name in ("run", "recipe", "command", "data", "base", "description"):
            listing[name] = HOSTILE

    edit(stored_run, "candidates.json", rename)
    rows = [json.loads(line) for line in stored_run.rows_file.read_text("utf-8").splitlines()]
    rows.append({**rows[0], "value": None, "status": "failed", "error": HOSTILE, "instrument": HOSTILE})
    stored_run.rows_file.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    stored_run.seal()
    (stored_run.path / "recipe.yaml").write_text(HOSTILE, encoding="utf-8")
    run, out = str(stored_run.path), tmp_path / "out"
    commands = [
        ["report", run, "--out", str(out)],
        ["choose", run, "--resamples", "200", "--folds", "0"],
        ["choose", run, "--resamples", "200", "--folds", "0", "--json"],
        ["verify", run],
        ["export", run, NAME, str(tmp_path / "exported")],
        ["diff", run, run, "--resamples", "200"],
    ]
    for words in commands:
        done = CliRunner().invoke(app, words)
        assert not isinstance(done.exception, Exception), (words, done.exception)
        assert not unseen(done.output + done.stderr), words
    written = [path for path in out.iterdir() if path.suffix in (".md", ".tex", ".json", ".html")]
    for path in [*written, *(tmp_path / "exported").rglob("README.md")]:
        text = path.read_text("utf-8")
        assert not unseen(text), path
        lines = text.splitlines() if path.suffix in (".md", ".tex") else ()
        assert not any(line.startswith(("\\input", "# c")) for line in lines), path
