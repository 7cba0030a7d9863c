"""What this machine is, and what can be measured on it. Names no host, no user, no local path."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xpareto.eval.hardware.container import cpu_quota, memory_left, memory_limit
from xpareto.eval.hardware.rapl import POWERCAP, PowerCounter

PACKAGES = (
    "accelerate", "codecarbon", "datasets", "moocore", "numpy", "onnx", "onnxruntime", "optimum",
    "pydantic", "safetensors", "scipy", "tokenizers", "torch", "transformers", "xpareto",
)  # fmt: skip
FLAGS = (
    "avx2", "fma", "avx512f", "avx512_vnni", "avx_vnni", "avx_vnni_int8", "avx512_bf16",
    "amx_tile", "amx_int8", "amx_bf16", "neon", "asimddp", "i8mm", "sve",
)  # fmt: skip
_RAPL = POWERCAP


@dataclass(frozen=True)
class Ability:
    """One line of `xpareto doctor`: can it be measured here, and why (not)."""

    name: str
    ok: bool
    detail: str


def machine_facts() -> dict[str, Any]:
    """Return a JSON-able description of the machine, for environment.json."""
    return {
        "cpu": cpu_model(),
        "cpu_flags": list(vector_flags()),
        "cores": usable_cores(),
        **({} if (quota := cpu_quota()) is None else {"cpu_quota": quota}),  # in cores' time
        "physical_cores": physical_cores(),
        "memory_bytes": memory_bytes(),
        "os": _os_name(),
        "kernel": f"{platform.system()} {platform.release()}",
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "packages": package_versions(),
        "gpus": gpus(),
        "rapl_readable": rapl_readable(),
        "git": git_state(Path(__file__).resolve().parents[2]),
    }


def abilities() -> list[Ability]:
    """Return what this machine can measure, and what to beware of on it."""
    flags = set(vector_flags())
    vnni = flags & {"avx512_vnni", "avx_vnni", "amx_int8", "asimddp", "i8mm"}
    bf16 = flags & {"amx_bf16", "avx512_bf16"}
    memory, cards, counters = memory_bytes() / 2**30, gpus(), rapl_readable()
    quota = cpu_quota()
    within = "" if quota is None else f", of which the container gives the time of {quota:g}"
    without = (
        "NVML measures the GPU only" if cards else "energy would be modelled by codecarbon's process mode"
    )
    return [
        Ability(
            "energy counters",
            counters or bool(cards),
            "RAPL is readable" if counters else f"no RAPL: {without}",
        ),
        Ability(
            "int8 instructions",
            bool(vnni),
            " ".join(sorted(vnni)) or "none: int8 gains less here than on a CPU with VNNI or AMX",
        ),
        Ability("bf16 instructions", bool(bf16), " ".join(sorted(bf16)) or "none: training stays in fp32"),
        Ability("memory", memory >= 6, f"{memory:.1f} GiB (XLM-R base needs about 6 to export)"),
        Ability("cores", usable_cores() >= 2, f"{usable_cores()} usable by this process{within}"),
        Ability("gpu", bool(cards), ", ".join(cards) or "none found"),
    ]  # fmt: skip


def cpu_model() -> str:
    """Return the CPU's marketing name, or the architecture where it has none."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


@cache
def vector_flags() -> tuple[str, ...]:
    """Return those of FLAGS that the CPU has."""
    lines = [line.partition(":")[2].split() for line in _cpuinfo() if line.startswith(("flags", "Features"))]
    cpu_flags = set(lines[0]) if lines else set()
    return tuple(flag for flag in FLAGS if flag in cpu_flags)


def is_virtual() -> bool:
    """Return whether the CPU says that a hypervisor runs this machine; CPUs other than x86 do not say."""
    return any(line.startswith("flags") and "hypervisor" in line.split() for line in _cpuinfo())


def usable_cores() -> int:
    """Return how many logical cores this process can keep busy: those it may run on, in the quota's time.

    Threads beyond the quota of a container would use it up early in each period, and then all stand still.
    """
    pinned = len(core_numbers())
    quota = cpu_quota()
    return pinned if quota is None else max(1, min(pinned, int(quota)))


def core_numbers() -> list[int]:
    """Return the numbers of the logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def gpu_numbers() -> list[str]:
    """Return what CUDA_VISIBLE_DEVICES calls each GPU that this process may use; none where there is none."""
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    if given is not None:
        return [name for name in given.split(",") if name and name != "-1"]
    return [str(number) for number in range(len(gpus()))]


def physical_cores() -> int | None:
    """Return the number of physical cores of the machine, None where the system does not say."""
    import psutil

    cores: int | None = psutil.cpu_count(logical=False)
    return cores


def memory_bytes() -> int:
    """Return the memory of the machine, or the container's limit where that is lower."""
    import psutil

    total, limit = int(psutil.virtual_memory().total), memory_limit()
    return total if limit is None else min(total, limit)


def free_memory_bytes() -> int:
    """Return the memory that this process and its children could still take, a container's limit considered."""
    import psutil

    free, left = int(psutil.virtual_memory().available), memory_left()
    return free if left is None else min(free, left)


def rapl_readable() -> bool:
    """Return whether the energy counter of a CPU package can be read by this user."""
    return PowerCounter.find(_RAPL) is not None


def gpus() -> list[str]:
    """Return the names of the CUDA devices, asking torch only where it is already imported."""
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "cuda") and torch.cuda.is_available():
        return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    tool = shutil.which("nvidia-smi")
    said = _said([tool, "--query-gpu=name", "--format=csv,noheader"]) if tool else None
    return said.splitlines() if said else []


def package_versions(names: tuple[str, ...] = PACKAGES) -> dict[str, str]:
    """Return the versions of those packages that are installed."""
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def git_state(folder: Path) -> Mapping[str, Any] | None:
    """Return {commit, dirty} of the working copy whose root is `folder`; None for an installed package."""
    git = shutil.which("git")
    if git is None or not (folder / ".git").exists():
        return None
    commit = _said([git, "-C", str(folder), "rev-parse", "HEAD"])
    changes = _said([git, "-C", str(folder), "status", "--porcelain", "--untracked-files=no"])
    return None if commit is None else {"commit": commit, "dirty": bool(changes)}


def _said(command: list[str]) -> str | None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    except OSError:
        return platform.system()


@cache
def _cpuinfo() -> tuple[str, ...]:
    try:
        return tuple(Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines())
    except OSError:
        return ()
