"""Objects below a URL, through fsspec: read, written and deleted by name; what goes wrong is told in a sentence."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from xpareto.compress.core import InputError, disk_error

_PROBE = ".writable"
_S3 = (
    "Credentials are those of AWS's own tools (AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY), with the "
    "right to list, read, write and delete; AWS_ENDPOINT_URL names a server that is not Amazon's."
)
_WHAT_TO_DO = {
    "s3": _S3,
    "s3a": _S3,
    "gs": "Credentials are those of Google's own tools (GOOGLE_APPLICATION_CREDENTIALS).",
}
_EXTRAS = {"s3": "s3", "s3a": "s3"}  # scheme -> extra of ours that installs what it needs


class Bucket:
    """An object store as a flat folder of whole objects; an object appears whole where the store's own are so.

    Every failure but an absent object is an InputError that names the URL and what to do.
    """

    def __init__(self, url: str) -> None:
        """Open what lies below a URL; InputError for a scheme that is not known, or whose package is not installed."""
        from fsspec.core import url_to_fs

        self.url = url.rstrip("/")
        self._scheme = url.partition("://")[0]
        options: dict[str, Any] = {"use_listings_cache": False}
        if self._scheme in ("file", "local"):
            options["auto_mkdir"] = True
        try:
            self._fs, self._root = url_to_fs(self.url, **options)
        except ImportError as error:
            extra = _EXTRAS.get(self._scheme)
            fix = f"Install it with: pip install 'xpareto[{extra}]'" if extra else "Install it."
            raise InputError(
                f"--store {self.url}: {self._scheme}:// needs a package that is not installed ({error}). {fix}"
            ) from error
        except Exception as error:  # every implementation has its own
            raise InputError(
                f"--store {self.url}: expected a folder, or a URL that fsspec knows, such as s3://BUCKET/PREFIX or "
                f"gs://BUCKET/PREFIX ({_said(error)})."
            ) from error

    def read(self, name: str) -> bytes | None:
        """Return an object's bytes; None where there is none."""
        with self._reached():
            try:
                content: bytes = self._fs.cat_file(self._path(name))
            except FileNotFoundError:
                return None
        return content

    def read_all(self, names: Collection[str]) -> dict[str, bytes]:
        """Return the bytes of those objects that are there, asked for together."""
        paths = {self._path(name): name for name in names}
        if not paths:
            return {}
        with self._reached():
            found = self._fs.cat(list(paths), on_error="return")
            for content in found.values():
                if isinstance(content, BaseException) and not isinstance(content, FileNotFoundError):
                    raise content
        return {paths[path]: content for path, content in found.items() if isinstance(content, bytes)}

    def names(self, folder: str) -> list[str]:
        """Return the names of all objects below one."""
        with self._reached():
            try:
                found: list[str] = self._fs.find(self._path(folder))
            except FileNotFoundError:
                return []
        return [path.rpartition(f"{folder}/")[2] for path in found]

    def write(self, name: str, content: bytes, *, only_new: bool = False) -> bool:
        """Write an object; with `only_new` leave one that is there as it is, and return False."""
        with self._reached():
            try:
                self._fs.pipe_file(self._path(name), content, mode="create" if only_new else "overwrite")
            except FileExistsError:
                return False
        return True

    def upload(self, files: Sequence[tuple[Path, str]]) -> None:
        """Write files as objects of these names; an interruption leaves some of them."""
        with self._reached():
            self._fs.put([str(path) for path, _ in files], [self._path(name) for _, name in files])

    def download(self, files: Sequence[tuple[str, Path]]) -> bool:
        """Write objects of these names to new files; False where one of them is absent."""
        for _, path in files:
            path.parent.mkdir(parents=True, exist_ok=True)
        with self._reached(files[0][1] if files else None):
            try:
                self._fs.get([self._path(name) for name, _ in files], [str(path) for _, path in files])
            except FileNotFoundError:
                return False
        return True

    def delete(self, name: str) -> None:
        """Delete an object; nothing happens where there is none."""
        with self._reached():
            try:
                self._fs.rm_file(self._path(name))
            except FileNotFoundError:
                return

    def _path(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    @contextmanager
    def _reached(self, here: Path | None = None) -> Iterator[None]:
        """Turn whatever an implementation raises into what is told; `here` is a file of this machine."""
        try:
            yield
        except InputError:
            raise
        except Exception as error:  # botocore's, aiohttp's, Google's: no common class but this
            if here is not None and (full := disk_error(error, here)) is not None and _here(error, here):
                raise full from error
            raise InputError(
                f"{self.url}: expected an object store that can be read and written, found: {_said(error)}. "
                f"{_WHAT_TO_DO.get(self._scheme, 'Give it what fsspec needs for this scheme.')} What was made is kept "
                "on this machine, and is uploaded when the same command is given again."
            ) from error


@cache
def check_writable(url: str) -> None:
    """Write an object below a URL and delete it, once a process: what may not is told before hours of work."""
    bucket = Bucket(url)
    bucket.write(_PROBE, b"")
    bucket.delete(_PROBE)


def _here(error: BaseException, file: Path) -> bool:
    """Did a file of this machine, not the object store, refuse? A full disk names no file."""
    named = getattr(error, "filename", None)
    return named is None or str(named).startswith(str(file.parent))


def _said(error: BaseException) -> str:
    """Return what an error says on one line, its own words before those of what wraps it."""
    text = " ".join(str(error).split()).rstrip(".")
    return f"{type(error).__name__}{f': {text}' if text else ''}"
