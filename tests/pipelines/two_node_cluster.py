"""A Ray cluster of two nodes with a core each on this machine, in a process of its own; the second is `quiet`.

    python -m tests.pipelines.two_node_cluster [CPUS [FOLDER]]

Prints its address; then reads commands: `remove` ends the second node at once, `add` starts another, `end` all.
Given a folder, each node has its cache of object stores in one of its own there, as on another machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_MEMORY = 100 * 2**20  # of the object store, which holds no model
_ROOT = Path(__file__).parents[2]
ENVIRONMENT = os.environ | {
    "PYTHONPATH": f"{_ROOT / '.packages'}{os.pathsep}{_ROOT}",
    "RAY_worker_niceness": "0",
}


class TwoNodes:
    """The cluster, seen by who started it; each node has so many CPUs, and its cache in a folder of its own."""

    def __init__(self, cpus: int = 1, caches: Path | None = None) -> None:
        words = [str(cpus), *([] if caches is None else [str(caches)])]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.pipelines.two_node_cluster", *words], cwd=_ROOT, env=ENVIRONMENT,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        self.address = self._said()

    def remove(self) -> None:
        """End the second node at once, as a machine that fails."""
        self._tell("remove", "removed")

    def add(self) -> None:
        """Start another second node."""
        self._tell("add", "added")

    def end(self) -> None:
        self._process.communicate("end\n", timeout=120)

    def _said(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def _tell(self, command: str, answer: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        said = self._said()
        assert said == answer, said


def main() -> None:
    from ray.cluster_utils import Cluster

    cpus = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    more: dict[str, Any] = {"num_cpus": cpus, "object_store_memory": _MEMORY}
    cluster = Cluster(initialize_head=True, head_node_args=more | _cache("first"))
    quiet = more | _cache("second") | {"resources": {"quiet": 1}}
    second = cluster.add_node(**quiet)
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "remove":
            cluster.remove_node(second, allow_graceful=False)
            print("removed", flush=True)
        elif line.strip() == "add":
            second = cluster.add_node(**quiet)
            print("added", flush=True)
        else:
            break
    cluster.shutdown()


def _cache(node: str) -> dict[str, Any]:
    return {"env_vars": {"XPARETO_CACHE": f"{sys.argv[2]}/{node}"}} if len(sys.argv) > 2 else {}


if __name__ == "__main__":
    main()
