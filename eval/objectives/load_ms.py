"""Time that a fresh process takes to load the slowest artifact: a cold start."""

from __future__ import annotations

from dataclasses import replace

from xpareto.eval.objectives._limits import worst
from xpareto.eval.objectives._objective import Limit

_LOAD = worst("load_ms", "Load time", "ms", "load_time", "", "artifact")
LIMIT = Limit("load_ms", "load time", "ms", "Time that a fresh process takes to load it.", measure=_LOAD)
OBJECTIVE = replace(_LOAD, limits=(LIMIT,), place=5, timed=True)
