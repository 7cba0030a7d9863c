"""How often are two copies of one candidate called different, on this machine, by whole runs? (A/A)

    python tests/bench/two_copies.py [--repetitions N] [--base FOLDER --data FOLDER] [--out FILE.md]

Each repetition is a run of a recipe whose two candidates differ in how many dev examples are scored after
training, which changes nothing: both are one artifact, and that is checked. They are measured as any two
candidates are, and the report is asked whether it calls them different: is one outside a confidence set of
the frontier? Two runs after each other are the same, and `xpareto diff` is asked for regressions between
them; the next two have other names, hence another order of turns.

Exits with 1 where more than 5 % of the repetitions, or of the diffs, call a difference.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

from xpareto.eval.hardware.machine import machine_facts

ROOT = Path(__file__).resolve().parents[2]
ALLOWED = 0.05
RECIPE = """\
xpareto: 1
name: two-copies
{start}tasks: [{{task: udpos, limit: 100}}]
languages: [en, de, ru]
steps:
  - {{step: train, label: fp32, on: each, steps: 60, batch_size: 16, max_length: 64, candidate: false}}
  - {{step: export_onnx, label: onnx, candidate: false}}
  - {{step: quantize_dynamic, label: int8}}
sweep: {{fp32.dev_limit: [{one}, {other}]}}
runtimes: [onnxruntime]
measure: {{probes: [accuracy, memory, latency], seconds: 0.5, latency_samples: 32}}
objectives: [score, latency_ms, throughput, peak_rss_bytes]
"""


@dataclass(frozen=True)
class Repetition:
    """What one run said of its two copies: by cost, percent between them and whether they are different."""

    apart: Mapping[str, float]
    different: Mapping[str, bool]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repetitions", type=int, default=40)
    parser.add_argument("--base", help="a checkpoint; without it the embedded base and data")
    parser.add_argument("--data", help="XTREME's folders")
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if (arguments.base is None) != (arguments.data is None):
        parser.error("give --base and --data together, or neither")
    found, diffs = [], []
    with tempfile.TemporaryDirectory() as name:
        folder, before = Path(name), None
        for number in range(arguments.repetitions):
            run = _run(folder, number, arguments.base, arguments.data)
            found.append(_read(run))
            if number % 2:
                diffs.append(_diff(before, run))
            before = run
            print(f"{number + 1:3d} {_line(found[-1])}{_regressed(diffs) if number % 2 else ''}", flush=True)
    text = _table(found, diffs)
    print(text)
    if arguments.out is not None:
        arguments.out.write_text(_page(text, arguments), encoding="utf-8")
    called = sum(any(own.different.values()) for own in found)
    sys.exit(called > ALLOWED * len(found) or sum(map(bool, diffs)) > ALLOWED * max(1, len(diffs)))


def _run(folder: Path, number: int, base: str | None, data: str | None) -> Path:
    start = "" if base else "base: embedded\ndata: embedded\n"
    recipe = folder / "two-copies.yaml"
    recipe.write_text(
        RECIPE.format(start=start, one=50 + number // 2 * 2, other=51 + number // 2 * 2), encoding="utf-8"
    )
    out = folder / f"runs{number}"
    given = ["--base", base, "--data", data] if base and data else []
    _xpareto("run", str(recipe), *given, "--store", str(folder / "store"), "--out", str(out))
    return next(out.iterdir())


def _read(run: Path) -> Repetition:
    found = json.loads((run / "report" / "analysis.json").read_text(encoding="utf-8"))
    listing = json.loads((run / "candidates.json").read_text(encoding="utf-8"))
    digests = {tuple(sorted(own["artifacts"].items())) for own in listing["candidates"]}
    if len(listing["candidates"]) != 2 or len(digests) != 1 or len(found["systems"]) != 2:
        raise SystemExit(f"{run}: expected two candidates with one artifact, found {digests}")
    return Repetition(
        {name: 100 * (own[1][0] / own[0][0] - 1) for name, own in found["costs"].items()},
        {name: len(own["confidence_set"]) < 2 for name, own in found["frontiers"].items()},
    )


def _diff(before: Path | None, after: Path) -> Any:
    """Return the regressions between two runs of the same."""
    done = _xpareto("diff", str(before), str(after), "--json", codes=(0, 1))
    return json.loads(done.stdout)["regressions"]


def _xpareto(*words: str, codes: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", "from xpareto.pipelines.cli import main; main()", *words],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    if done.returncode not in codes:
        raise SystemExit(f"xpareto {words[0]} ended with {done.returncode}: {done.stderr.strip()}")
    return done


def _line(own: Repetition) -> str:
    apart = ", ".join(f"{name} {value:+.1f} %" for name, value in own.apart.items())
    called = [name for name, yes in own.different.items() if yes]
    return f"{apart}{'  DIFFERENT: ' + ', '.join(called) if called else ''}"


def _regressed(diffs: list[Any]) -> str:
    return f"  diff: {len(diffs[-1])} regressions"


def _table(found: list[Repetition], diffs: list[Any]) -> str:
    lines = ["| frontier of score against | called different | apart, median of abs. % | largest |",
             "|:--|--:|--:|--:|"]  # fmt: skip
    for name in found[0].different:
        called = sum(own.different[name] for own in found)
        apart = sorted(abs(own.apart[name]) for own in found) if name in found[0].apart else []
        spread = f"{apart[len(apart) // 2]:.1f} | {apart[-1]:.1f}" if apart else "– | –"
        lines.append(f"| {name} | {called} of {len(found)} | {spread} |")
    any_called = sum(any(own.different.values()) for own in found)
    lines += [
        "",
        f"Any of them: {any_called} of {len(found)} repetitions. `xpareto diff` of two runs of the same: "
        f"{sum(map(bool, diffs))} of {len(diffs)} told of a regression.",
    ]
    return "\n".join(lines)


def _page(text: str, arguments: argparse.Namespace) -> str:
    facts = machine_facts()
    given = " --base MODEL --data DATA" if arguments.base else ""
    return (
        "# Two copies of one candidate\n\n"
        "Both are one artifact, measured as any two candidates are, in whole runs (A/A).\n\n"
        f"{text}\n\n## How it was made\n\n```sh\npython tests/bench/two_copies.py --repetitions "
        f"{arguments.repetitions}{given} --out reports/published/two-copies.md\n```\n\n"
        f"{facts['cpu']}, {facts['cores']} cores, {facts['os']}, onnxruntime "
        f"{facts['packages']['onnxruntime']}, python {facts['python']}.\n"
    )


if __name__ == "__main__":
    main()
