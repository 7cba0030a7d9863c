"""The commits that hub names were resolved to, so that a later run gets the same bytes.

No commit stands in xpareto itself: each is asked of the hub at first use and written here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xpareto.compress.core import InputError, load_json, replace_json

SCHEMA = 1
Kind = Literal["model", "dataset"]


@dataclass
class Lock:
    """A file {repository: commit}; `frozen` (from --lock) means that nothing may be added."""

    file: Path
    commits: dict[str, str]
    frozen: bool
    tell: Callable[[bytes], object] | None = None  # is given what the file holds whenever it is written

    @staticmethod
    def read(file: Path) -> Lock:
        """Return the lock in a file given by the user."""
        try:
            commits = load_json(file)
        except OSError as error:
            raise InputError(f"--lock {file}: cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise InputError(f"--lock {file}: expected JSON as in a run's lock.json ({error}).") from error
        well_formed = isinstance(commits, dict) and all(isinstance(item, str) for item in commits.values())
        if not well_formed:
            raise InputError(f"--lock {file}: expected an object of repository names and commits.")
        return Lock(file, commits, frozen=True)

    @staticmethod
    def new(folder: Path) -> Lock:
        """Return the lock of a store: what was resolved at an earlier use stays resolved."""
        file = folder / "lock.json"
        commits = {}
        if file.is_file():
            commits = Lock.read(file).commits
        return Lock(file, commits, frozen=False)

    def resolve(self, repo: str, kind: Kind) -> str:
        """Return the commit of a repository, asking the hub at first use."""
        if repo in self.commits:
            return self.commits[repo]
        if self.frozen:
            raise InputError(
                f"--lock {self.file}: {repo} is not in it. Use the lock.json of a run that has it."
            )
        commit = _ask_hub(repo, kind)
        self.commits[repo] = commit
        replace_json(self.file, dict(sorted(self.commits.items())))
        if self.tell is not None:
            self.tell(self.file.read_bytes())
        return commit


def _ask_hub(repo: str, kind: Kind) -> str:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled
    from huggingface_hub.utils import httpx  # type: ignore[attr-defined]  # exported at run time

    try:
        name, _, reference = repo.partition("@")
        commit = HfApi().repo_info(name, repo_type=kind, revision=reference or None).sha
    except (HfHubHTTPError, OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(
            f"{repo}: the hub could not be asked for its commit ({reason}). "
            "Give a local folder, or --lock with the lock.json of an earlier run and a filled hub cache."
        ) from error
    if not commit:
        raise InputError(f"{repo}: the hub names no commit for it.")
    return commit
