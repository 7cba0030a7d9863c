"""`xpareto push`, against a stand-in for the hub's API that keeps what it is sent."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from xpareto.pipelines.runs.later_actions import export, store_of
from xpareto.pipelines.storage.run_folder import RunFolder

NAME = "none/fp32/torch"
TOKEN = "hf_" + "x" * 34


@dataclass
class Hub:
    """Repositories by name: which are private, and their files; and what is refused."""

    address: str = ""
    private: dict[str, bool] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


def handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def answer(self, value: Any, status: int = 200) -> None:
            body = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            if status >= 400:
                self.send_header("X-Error-Message", value["error"])
            self.end_headers()
            self.wfile.write(body)

        def body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", 0)))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def do_PUT(self) -> None:
            oid, content = self.path.rsplit("/", 1)[1], self.body()
            assert hashlib.sha256(content).hexdigest() == oid
            hub.blobs[oid] = content
            self.answer({})

        def do_POST(self) -> None:
            content = self.body()
            if self.path.endswith("/api/validate-yaml"):
                return self.answer({"errors": [], "warnings": []})
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                return self.answer({"error": "Invalid username or password."}, 401)
            if self.path == "/api/repos/create":
                told = json.loads(content)
                name = f"{told.get('organization') or 'me'}/{told['name']}"
                if name.startswith("others/"):
                    return self.answer({"error": "You don't have the rights to create a model"}, 403)
                hub.private.setdefault(name, told.get("visibility") == "private")
                hub.files.setdefault(name, {})
                return self.answer({"url": f"{hub.address}/{name}", "id": name, "name": name})
            repo = self.path.removeprefix("/api/models/").removeprefix("/")
            if "/preupload/" in self.path:
                files = json.loads(content)["files"]
                modes = [
                    {
                        "path": one["path"],
                        "uploadMode": "lfs" if one["path"].endswith((".safetensors", ".onnx")) else "regular",
                        "shouldIgnore": False,
                    }
                    for one in files
                ]
                return self.answer({"files": modes})
            if self.path.endswith("/info/lfs/objects/batch"):
                asked = json.loads(content)["objects"]
                return self.answer(
                    {
                        "transfer": "basic",
                        "objects": [
                            {**one, "actions": {"upload": {"href": f"{hub.address}/lfs/{one['oid']}"}}}
                            for one in asked
                        ],
                    }
                )
            assert "/commit/" in self.path
            kept = hub.files[repo.partition("/commit/")[0]]
            for line in content.splitlines():
                entry = json.loads(line)
                value = entry["value"]
                if entry["key"] == "header":
                    hub.messages.append(value["summary"])
                elif entry["key"] == "file":
                    kept[value["path"]] = base64.b64decode(value["content"])
                elif entry["key"] == "lfsFile":
                    kept[value["path"]] = hub.blobs[value["oid"]]
            return self.answer(
                {
                    "commitUrl": f"{hub.address}/{repo}/commit/{'a' * 40}",
                    "commitOid": "a" * 40,
                    "success": True,
                }
            )

    return Handler


@pytest.fixture
def hub() -> Iterator[Hub]:
    kept = Hub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(kept))
    kept.address = f"http://127.0.0.1:{server.server_port}"
    Thread(target=server.serve_forever, daemon=True).start()
    yield kept
    server.shutdown()
    server.server_close()


def push(hub: Hub, run: RunFolder, *words: str, token: str = TOKEN) -> subprocess.CompletedProcess[str]:
    """Push in a process of its own: the hub's library reads its settings as it is imported."""
    settings = {
        "HF_ENDPOINT": hub.address,
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }
    command = [sys.executable, "-P", "-m", "xpareto.pipelines", "push", str(run.path), *words]
    return subprocess.run(
        command, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Return the one line that says what is wrong, below the warning that the made-up run has no seal."""
    warning, line = done.stderr.splitlines()
    assert warning.startswith("warning: ")
    return line


def test_a_push_leaves_in_the_hub_what_an_export_writes(
    hub: Hub, stored_run: RunFolder, tmp_path: Path
) -> None:
    done = push(hub, stored_run, NAME, "me/model", "--private", "--license", "mit")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [f"{hub.address}/me/model-udpos", f"{hub.address}/me/model-encoder"]
    assert hub.private == {"me/model-udpos": True, "me/model-encoder": True}
    folders = export(stored_run, store_of(stored_run, None), NAME, tmp_path / "out", "mit", "hub")
    for folder, name in zip(folders, hub.files, strict=True):
        files = {
            str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()
        }
        assert hub.files[name] == files and "README.md" in files and "model.safetensors" in files
    assert all(message.startswith(f"{NAME}, made by xpareto ") for message in hub.messages)


def test_a_second_push_replaces_its_files_and_leaves_others(hub: Hub, stored_run: RunFolder) -> None:
    hub.files["me/model-udpos"] = {"notes.txt": b"mine", "README.md": b"old"}
    hub.private["me/model-udpos"] = True
    assert push(hub, stored_run, NAME, "me/model").returncode == 0
    kept = hub.files["me/model-udpos"]
    assert kept["notes.txt"] == b"mine" and kept["README.md"] != b"old"
    assert hub.private == {"me/model-udpos": True, "me/model-encoder": False}


@pytest.mark.parametrize(
    ("repo", "token", "told"),
    [
        ("others/model", TOKEN, "don't have the rights"),
        ("me/model", "hf_wrong", "401"),
        ("me/mo del", TOKEN, "Repo id must use alphanumeric chars"),
    ],
)
def test_what_the_hub_refuses_is_one_line(
    hub: Hub, stored_run: RunFolder, repo: str, token: str, told: str
) -> None:
    done = push(hub, stored_run, NAME, repo, token=token)
    assert done.returncode == 2 and not any(hub.files.values())
    assert told in refusal(done) and refusal(done).startswith(f"error: {repo}: the hub did not take it: ")


def test_no_hub_is_one_line(hub: Hub, stored_run: RunFolder) -> None:
    nowhere = Hub(address="http://127.0.0.1:9")
    done = push(nowhere, stored_run, NAME, "me/model")
    assert done.returncode == 2 and "the hub did not take it" in refusal(done)
