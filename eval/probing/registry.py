"""The catalogue of probes, and the ways to take one; apart from the probes, so that a recipe loads none."""

from __future__ import annotations

from typing import Literal

from xpareto.compress.core import Catalog

PROBES = Catalog("probe", "xpareto.eval.probes", "PROBE")

# How a run takes the rows of a probe:
# remembered  a pure function of content: in a process of its own, once per content, then kept in the store
# once        counted, or told as shares: in the first block only
# with twin   a cost of the machine: in every block, and on the baseline's twin too, so that its noise is known
# in blocks   a cost of the machine without a twin: in every block that the run has for others with one
# by submit   not at all: it writes files for `xpareto submit`
# All but the remembered share one process per candidate and block.
Taken = Literal["remembered", "once", "in blocks", "with twin", "by submit"]
