"""The store on a local S3 server: what its client says that goes wrong, and which record stands."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

MISSING = [name for name in ("s3fs", "moto", "flask") if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(MISSING), reason=f"not installed: {', '.join(MISSING)} (pip install s3fs 'moto[server]')"
)
ROOT = Path(__file__).parents[3]
TOLD = """
import sys
from xpareto.compress.core import InputError
from xpareto.pipelines.storage import open_store
try:
    open_store(sys.argv[1])
except InputError as error:
    print(error)
"""
FIRST_STANDS = """
import sys
from xpareto.pipelines.storage import open_store
bucket = open_store(sys.argv[1]).bucket
print(bucket.write("a", b"first", only_new=True), bucket.write("a", b"second", only_new=True), bucket.read("a"),
      bucket.read("absent"), bucket.read_all(["a", "absent"]))
"""


def environment(**more: str) -> dict[str, str]:
    ours = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_DEFAULT_REGION": "us-east-1"}
    found = f"{ROOT / '.packages'}{os.pathsep}{ROOT}"
    return {
        name: value for name, value in (os.environ | {"PYTHONPATH": found} | ours | more).items() if value
    }


def serve(**more: str) -> Iterator[str]:
    running = subprocess.Popen(
        [sys.executable, "-m", "tests.pipelines.s3_server"], cwd=ROOT, env=environment(**more),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert running.stdout is not None
    yield next(line.strip() for line in running.stdout if line.startswith("http://"))
    running.communicate("", timeout=60)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    yield from serve()


@pytest.fixture(scope="module")
def strict_server() -> Iterator[str]:
    yield from serve(INITIAL_NO_AUTH_ACTION_COUNT="1")


def said(program: str, url: str, folder: Path, **more: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program, url], cwd=folder, capture_output=True, text=True, check=False,
        env=environment(XPARETO_CACHE=str(folder), AWS_EC2_METADATA_DISABLED="true", **more),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_of_two_records_the_first_stands(server: str, tmp_path: Path) -> None:
    found = said(FIRST_STANDS, "s3://bucket/x", tmp_path, AWS_ENDPOINT_URL=server)
    assert found.split("\n")[0] == "True False b'first' None {'a': b'first'}"


def test_no_bucket_no_server_no_credentials_and_no_right_are_told(
    server: str, strict_server: str, tmp_path: Path
) -> None:
    cases = {
        ("s3://absent/x", server, "a"): "The specified bucket does not exist",
        ("s3://bucket/x", "http://127.0.0.1:1", "a"): "Could not connect to the endpoint URL",
        ("s3://bucket/x", server, ""): "Unable to locate credentials",
        ("s3://bucket/x", strict_server, "a"): "PermissionError",
    }
    for (url, address, key), reason in cases.items():
        told = said(TOLD, url, tmp_path, AWS_ENDPOINT_URL=address, AWS_ACCESS_KEY_ID=key)
        assert told.startswith(f"{url}: expected an object store") and reason in told, (url, address, told)
        assert "AWS_ENDPOINT_URL" in told and "AWS_PROFILE" in told
