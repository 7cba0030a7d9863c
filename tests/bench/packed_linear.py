"""Packed products (eval/runtimes/_packed_linear.py) against torch.nn.functional.linear, at the shapes of XLM-R.

    python tests/bench/packed_linear.py [--threads N]

Both must agree before they are timed. Calls are interleaved; the ratio is of the best of 7 rounds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch

from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.runtimes._packed_linear import can_pack, packed

SHAPES = [
    (16, 256, 1024),
    (1024, 256, 1024),
    (1024, 1024, 256),
    (16, 768, 3072),
    (128, 768, 768),
    (1024, 768, 3072),
]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=1)
    threads = parser.parse_args().threads
    if not can_pack():
        raise SystemExit("This build of torch, or this machine, has no packed products.")
    torch.set_num_threads(threads)
    print({name: machine_facts()[name] for name in ("cpu", "vector_flags") if name in machine_facts()})
    print(f"{'rows x in x out':>20}{'packed us':>12}{'torch us':>12}{'ratio':>8}")
    with torch.inference_mode():
        for rows, wide, out in SHAPES:
            plain = torch.nn.Linear(wide, out)
            given, fast = torch.randn(1, rows, wide), packed(plain)
            torch.testing.assert_close(fast(given), plain(given), atol=1e-4, rtol=1e-4)
            calls = {
                "packed": lambda fast=fast, given=given: fast(given),
                "torch": lambda plain=plain, given=given: plain(given),
            }
            best = dict.fromkeys(calls, float("inf"))
            for _ in range(7):
                for name, call in calls.items():
                    best[name] = min(best[name], seconds(call))
            shape = f"{rows} x {wide} x {out}"
            ours, theirs = best["packed"] * 1e6, best["torch"] * 1e6
            print(f"{shape:>20}{ours:>12.1f}{theirs:>12.1f}{ours / theirs:>8.2f}")


def seconds(call: Callable[[], object], times: int = 20) -> float:
    call()
    start = time.perf_counter()
    for _ in range(times):
        call()
    return (time.perf_counter() - start) / times


if __name__ == "__main__":
    main()
