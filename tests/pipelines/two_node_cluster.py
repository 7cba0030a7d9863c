"""A Ray cluster of two nodes with a core each on this machine, in a process of its own; the second is `quiet`.

Prints its address; then reads commands: `remove` ends the second node at once, `add` starts another, `end` all.
"""

from __future__ import annotations

import sys

from ray.cluster_utils import Cluster

_MEMORY = 100 * 2**20  # of the object store, which holds no model


def main() -> None:
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": _MEMORY})
    second = cluster.add_node(num_cpus=1, object_store_memory=_MEMORY, resources={"quiet": 1})
    print(cluster.address, flush=True)
    for line in sys.stdin:
        if line.strip() == "remove":
            cluster.remove_node(second, allow_graceful=False)
            print("removed", flush=True)
        elif line.strip() == "add":
            second = cluster.add_node(num_cpus=1, object_store_memory=_MEMORY, resources={"quiet": 1})
            print("added", flush=True)
        else:
            break
    cluster.shutdown()


if __name__ == "__main__":
    main()
