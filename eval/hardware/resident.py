"""Resident memory of this process: now, and at its peak."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_STATUS = Path("/proc/self/status")
_RESET_PEAK = "5"  # proc(5), clear_refs: VmHWM becomes VmRSS


def resident_source() -> str:
    """Return which counter `resident_bytes` and `peak_bytes` read."""
    return "VmRSS and VmHWM" if _STATUS.exists() else "getrusage"


def resident_bytes() -> int:
    """Return the resident memory of this process now."""
    if _STATUS.exists():
        return _status_bytes("VmRSS")
    import psutil

    return int(psutil.Process().memory_info().rss)


def reset_peak() -> None:
    """Let the peak start from now, where the kernel allows it."""
    if not _STATUS.exists():
        return
    try:
        Path("/proc/self/clear_refs").write_text(_RESET_PEAK, encoding="ascii")
    except OSError:  # a locked-down container: a fresh process has no earlier peak to speak of
        return


def peak_bytes() -> int:
    """Return the most that was resident since `reset_peak`, or since the process started."""
    if _STATUS.exists():
        return _status_bytes("VmHWM")
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _status_bytes(name: str) -> int:
    for line in _STATUS.read_text(encoding="ascii", errors="replace").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"{_STATUS} of process {os.getpid()} has no {name}")
