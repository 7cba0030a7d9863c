"""XLM-R base in every form that a user could deploy on a CPU, timed in one run, one process per contestant.

    python tests/bench/xlmr_base_contestants.py --models DIR --env DIR [--data XTREME --tokenizer tokenizer.json]
        [--rounds 4] [--threads 2] [--shapes 1x16 1x128 8x128 32x64] [--layers 12] [--vocab 250002]
        [--without NAME ...] [--out FILE.md]

Weights are random (time does not depend on them). --models is a folder to make the models in, about 7 GB; those
that lie there are used. --env is a folder for the environments of optimum-onnx, NNCF, torchao and CTranslate2, made
when missing; a tool that cannot be installed is left out and named, as contestants may be by --without. With --data
and the tokenizer of XLM-R, UDPOS's test sentences of all languages, 64 in all, give real lengths, in batches of equal
lengths. At 12 layers on two cores it takes half an hour, models included (torch's compilers take a quarter of it), and
14 GB; --layers 2 --vocab 5000 --rounds 2 is a quick try.

Answers are compared before anything is timed, with those of torch in fp32: mean absolute difference over mean
absolute logit at most 0.001 for fp32, 0.2 for bf16 and int8; who is beyond is left out and named. Then contestants
are woken in turn, in random orders and back (A B B A), see contest.py; our int8 runs twice, so that the noise is
seen (A/A). Written to --out: medians, ratios per round, roofline shares, and where onnxruntime's time goes. Exit
code 1 where our int8 is slower than optimum's on any workload by more than 2 %, which is for the noise of clocks.
"""

from __future__ import annotations

import argparse
import shlex
import statistics
import sys
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

import numpy as np
from contest import Contestant, Entrant, Turns, drift, hold
from contestant import workloads
from contestant_models import (
    CTRANSLATE2,
    EXPORTERS,
    FLOAT_ATTENTION,
    FP32,
    INT8,
    NEAR,
    NNCF,
    NNCF_WEIGHTS,
    OPTIMIZED,
    OPTIMUM_FP32,
    OPTIMUM_INT8,
    PEERS,
    STATIC,
    TORCH,
    UNSMOOTHED,
    make_models,
    tell,
)  # fmt: skip
from environments import versions
from xlmr_base_size import in_process

from xpareto.compress.core.artifact import Artifact
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.encoding.text import TextEncoder
from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.probes.shapes import parse_shape
from xpareto.eval.probing.batches import pad, plan_batches
from xpareto.eval.probing.child import pin
from xpareto.eval.roofline.bound import Roof, in_precision
from xpareto.eval.roofline.onnx_operations import Work, read_graph
from xpareto.eval.roofline.onnx_operations import work_of as graph_work
from xpareto.eval.roofline.operator_profile import OperatorTimes, profile
from xpareto.eval.roofline.peak_rates import bandwidth, peaks
from xpareto.eval.roofline.torch_work import encoder_work
from xpareto.eval.runtimes.onnxruntime import open_file, session_options
from xpareto.eval.tasks import KINDS, task
from xpareto.reports.formats.markdown_table import table

OURS, TWIN, RIVAL, EXACT = "ours int8", "ours int8, again", "optimum-onnx int8", "torch fp32"
DRIFT = {"fp32": 1e-3, "bf16": 0.2, "int8": 0.2}
SLOWER = 1.02
UNCOUNTED = (OPTIMIZED, NNCF, NNCF_WEIGHTS, CTRANSLATE2)
UDPOS, SENTENCES = "udpos", 64
_TOKENS_A_TURN = 4000  # about so many in each turn, at least two calls


def entrants(models: Path, pythons: dict[str, Path]) -> list[Entrant]:
    """Return the contestants whose tools there are, in the order of the table."""
    python = pythons["optimum"]
    theirs = {
        "nncf": [
            Entrant("OpenVINO int8 by NNCF", "openvino", models / NNCF, "int8"),
            Entrant("OpenVINO, int8 weights by NNCF", "openvino-groups", models / NNCF_WEIGHTS, "int8"),
        ],
        "torchao": [Entrant("torchao int8, compiled", "torchao", models / TORCH, "int8")],
        "ctranslate2": [Entrant("CTranslate2 int8", "ctranslate2", models / CTRANSLATE2, "int8")],
    }
    own = ("torchao", "ctranslate2")  # their engines do not load here
    return [
        Entrant(OURS, "ours-onnxruntime", models / INT8, "int8"),
        Entrant(TWIN, "ours-onnxruntime", models / INT8, "int8"),
        Entrant("ours static int8 on openvino", "ours-openvino", models / STATIC, "int8"),
        Entrant("ours static int8, attention in float", "ours-openvino", models / FLOAT_ATTENTION, "int8"),
        Entrant("ours static int8, that and unsmoothed", "ours-openvino", models / UNSMOOTHED, "int8"),
        Entrant("ours static int8, nearest to float", "ours-openvino", models / NEAR, "int8"),
        Entrant("ours int8 on openvino", "ours-openvino", models / INT8, "int8"),
        Entrant(RIVAL, "optimum", models / OPTIMUM_INT8, "int8", python),
        Entrant("onnxruntime's optimizer, int8", "onnxruntime", models / OPTIMIZED, "int8"),
        *(
            replace(one, python=pythons[name]) if name in own else one
            for name in PEERS
            if name in pythons
            for one in theirs[name]
        ),
        Entrant("exporters + quantize_dynamic", "onnxruntime", models / EXPORTERS, "int8"),
        Entrant("ours fp32, onnxruntime", "ours-onnxruntime", models / FP32, "fp32"),
        Entrant("ours fp32 on openvino", "ours-openvino", models / FP32, "fp32"),
        Entrant("optimum-onnx fp32", "optimum", models / OPTIMUM_FP32, "fp32", python),
        Entrant("ours fp32, torch", "ours-torch", models / TORCH, "fp32"),
        Entrant(EXACT, "torch-fp32", models / TORCH, "fp32"),
        Entrant("torch bf16", "torch-bf16", models / TORCH, "bf16"),
        Entrant("torch bf16, compiled", "torch-compiled-bf16", models / TORCH, "bf16"),
        Entrant("ours on openvino bf16", "ours-openvino-bf16", models / FP32, "bf16"),
    ]


def write_inputs(file: Path, shapes: list[str], vocab: int, data: str | None, tokenizer: Path | None) -> None:
    """Write the batches of every workload: random ids at fixed shapes, and at UDPOS's real lengths."""
    rng, arrays = np.random.default_rng(0), {}
    for shape in shapes:
        ids = rng.integers(4, vocab - 1, parse_shape(shape))
        arrays |= {f"{shape}/0/ids": ids, f"{shape}/0/mask": np.ones_like(ids)}
    if data is not None and tokenizer is not None:
        found, opened, encoder = task(UDPOS), Data.open(DataSpec(data)), TextEncoder(tokenizer)
        languages = opened.languages(found)
        each = -(-SENTENCES // len(languages))
        lengths = [
            len(ids)
            for language in languages
            for ids in KINDS.load(found.kind)
            .encode(opened.examples(found, language, "test", each), encoder, found)
            .input_ids
        ][:SENTENCES]
        for number, batch in enumerate(plan_batches(lengths)):
            ids, mask, _ = pad([rng.integers(4, vocab - 1, lengths[place]).tolist() for place in batch], 1)
            arrays |= {f"{UDPOS}/{number:03d}/ids": ids, f"{UDPOS}/{number:03d}/mask": mask}
    np.savez(file, allow_pickle=False, **arrays)


def agree(
    contestants: dict[str, Contestant], chosen: list[Entrant], names: list[str], folder: Path
) -> dict[str, float]:
    """Return each contestant's greatest drift from torch in fp32, over the workloads."""
    answers: dict[str, dict[str, np.ndarray]] = {}
    for entrant in chosen:
        for name in names:
            file = folder / "answer.npy"
            contestants[entrant.name].ask(workload=name, answer=str(file))
            answers.setdefault(entrant.name, {})[name] = np.load(file)
    drifts = {
        entrant.name: max(drift(answers[entrant.name][name], answers[EXACT][name]) for name in names)
        for entrant in chosen
    }
    return drifts


read_once = cache(read_graph)


def work_of(entrant: Entrant, shapes: list[tuple[int, int]]) -> Work:
    """Return the work of all batches of a workload together."""
    parts = []
    for batch, length in shapes:
        if "torch" in entrant.engine:
            parts.append(encoder_work(Artifact.open(entrant.model), batch, length, entrant.precision))
        else:
            kind = "bf16" if entrant.precision == "bf16" else "fp32"
            # Formats and fused operators that are not counted do the same products.
            folder = entrant.model.parent / INT8 if entrant.model.name in UNCOUNTED else entrant.model
            graph = read_once(next(folder.glob("*.onnx")))
            parts.append(in_precision(graph_work(graph, batch, length), kind))
    operations: dict[str, int] = {}
    for part in parts:
        for name, count in part.operations.items():
            operations[name] = operations.get(name, 0) + count
    return Work(operations, sum(p.weight_bytes for p in parts), sum(p.boundary_bytes for p in parts), None)


def report(
    turns: Turns, chosen: list[Entrant], names: list[str], works: dict[tuple[str, str], Work], roof: Roof,
    profiles: dict[str, OperatorTimes], profiled: str, drifts: dict[str, float], facts: dict[str, Any],
) -> str:  # fmt: skip
    """Return the Markdown page."""
    lines = ["# XLM-R base on a CPU, contestant by contestant", "", facts["what"], "", "## Milliseconds", ""]
    lines += table(
        ["contestant", *names, "drift of logits"],
        [[one.name, *(f"{turns.median(one.name, name):.2f}" for name in names), f"{drifts[one.name]:.1e}"]
         for one in chosen],
    )  # fmt: skip
    lines += [f"Medians over rounds of each turn's median. Turns thrown away for foreign load: {turns.thrown}; kept "
              f"although disturbed: {turns.disturbed}. Left out, since its answers are too far from torch's: "
              f"{facts['left out'] or 'none'}.", "", f"## Time over that of {OURS}", ""]  # fmt: skip
    rows = []
    for one in chosen:
        if one.name == OURS:
            continue
        cells = []
        for name in names:
            ratios = turns.ratios(one.name, OURS, name)
            cells.append(f"{statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})")
        rows.append([one.name, *cells])
    lines += table(["contestant", *names], rows)
    lines += [f"Paired by round; in brackets the extremes. {TWIN} is the same model in another process: what it "
              "differs by is noise.", "", "## Time over that of the quickest int8 of ours", ""]  # fmt: skip
    lines += best_of_ours(turns, chosen, names)
    lines += ["## Share of the roofline (%)", ""]
    lines += table(
        ["contestant", *names],
        [[one.name, *(f"{100 * roof.share(works[one.name, name], turns.median(one.name, name) / 1e3):.0f} "
                      f"({roof.bound(works[one.name, name])})" for name in names)] for one in chosen],
    )  # fmt: skip
    found = "; ".join(
        f"{name} {peak.rate / 1e9:.0f} G op/s ({peak.instrument})" for name, peak in roof.peaks.items()
    )
    lines += [f"Peaks, measured in a process of its own after the rounds: {found}; memory "
              f"{roof.bandwidth.rate / 1e9:.1f} "
              f"GB/s ({roof.bandwidth.instrument}). The share is of the rate that operations at the peak of their "
              "precision, or weights at the memory's bandwidth, would allow; in brackets which of the two.", "",
              f"## Where onnxruntime's time goes at {profiled} (% of a pass)", ""]  # fmt: skip
    for kind, title in (("by_operator", "operator"), ("by_component", "part")):
        shares = {name: getattr(times, kind) for name, times in profiles.items()}
        parts = sorted({part for own in shares.values() for part in own},
                       key=lambda part: -max(own.get(part, 0.0) / profiles[name].total_ms
                                             for name, own in shares.items()))[:14]  # fmt: skip
        lines += table(
            [title, *shares],
            [[part, *(f"{100 * own.get(part, 0.0) / profiles[name].total_ms:.1f}" for name, own in shares.items())]
             for part in parts],
        )  # fmt: skip
    lines += ["With the profiler on, in passes apart from the timed ones.", "", "## How it was made", "",
              "```sh", facts["command"], "```", ""]  # fmt: skip
    lines += table(["environment", ""], [[name, str(value)] for name, value in facts["machine"].items()], 2)
    return "\n".join(lines).rstrip() + "\n"


def best_of_ours(turns: Turns, chosen: list[Entrant], names: list[str]) -> list[str]:
    """Return the table of the other tools' int8 against what is quickest of ours on each workload."""
    ours = [
        one.name
        for one in chosen
        if one.precision == "int8" and one.name.startswith("ours") and one.name != TWIN
    ]
    others = [one.name for one in chosen if one.precision == "int8" and not one.name.startswith("ours")]
    best = {name: min(ours, key=lambda one: turns.median(one, name)) for name in names}
    rows = []
    for other in others:
        ratios = [statistics.median(turns.ratios(other, best[name], name)) for name in names]
        rows.append(
            [other, *(f"{ratio:.2f}" for ratio in ratios), f"{statistics.geometric_mean(ratios):.2f}"]
        )
    lines = [*table(["contestant", *names, "geometric mean"], rows)]
    return [*lines, f"Quickest of ours: {'; '.join(f'{name} {one}' for name, one in best.items())}.", ""]


def measure_roof(precisions: list[str], threads: int, seconds: float, pipe: Any) -> None:
    """Send the machine's roof, measured in this process: fresh, and pinned as the contestants were."""
    pin(threads)
    pipe.send(Roof(peaks(precisions, threads, seconds), bandwidth(threads, seconds)))


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", type=Path, required=True)
    parser.add_argument("--env", type=Path, required=True, help="environment to make or use")
    parser.add_argument("--data", help="XTREME's folder, for UDPOS's real lengths")
    parser.add_argument("--tokenizer", type=Path, help="tokenizer.json of XLM-R, for the same")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--shapes", nargs="+", default=["1x16", "1x128", "8x128", "32x64"])
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--vocab", type=int, default=250_002)
    parser.add_argument("--retries", type=int, default=2, help="how often a disturbed turn is made again")
    parser.add_argument(
        "--without", nargs="+", default=[], help="contestants to leave out, by their names in the table"
    )
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    if (arguments.data is None) != (arguments.tokenizer is None):
        parser.error("--data and --tokenizer go together")
    models: Path = arguments.models
    pythons = make_models(models, arguments.layers, arguments.vocab, arguments.env)
    chosen = [one for one in entrants(models, pythons) if one.name not in arguments.without]
    if {OURS, RIVAL, EXACT} & set(arguments.without):
        parser.error(f"{OURS}, {RIVAL} and {EXACT} are what the others are held against")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = folder / "inputs.npz"
        write_inputs(inputs, arguments.shapes, arguments.vocab, arguments.data, arguments.tokenizer)
        batches = workloads(inputs)
        names = sorted(batches, key=[*arguments.shapes, UDPOS].index)
        shapes = {name: [ids.shape for ids, _ in batches[name]] for name in names}
        calls = {name: max(2, _TOKENS_A_TURN // sum(b * n for b, n in shapes[name]) // 4) for name in names}
        # First, since what cannot be counted or profiled should not be noticed after all the timing.
        works = {(one.name, name): work_of(one, shapes[name]) for one in chosen for name in names}
        profiled = "8x128" if "8x128" in names else arguments.shapes[-1]
        ids, mask = batches[profiled][0]
        profiles = {
            one.name: _profiled(one, ids, mask, arguments.threads, folder)
            for one in chosen
            if one.engine in ("ours-onnxruntime", "onnxruntime", "optimum") and one.name != TWIN
        }
        contestants: dict[str, Contestant] = {}
        try:
            for entrant in chosen:
                tell(f"opening {entrant.name}")
                contestants[entrant.name] = Contestant(entrant, inputs, arguments.threads)
            drifts = agree(contestants, chosen, names, folder)
            out = [one for one in chosen if not drifts[one.name] <= DRIFT[one.precision]]
            if {OURS, RIVAL, EXACT} & {one.name for one in out}:
                raise SystemExit(f"answers are too far from torch's in fp32, nothing is timed: {drifts}")
            for one in out:
                contestants.pop(one.name).close()
            chosen = [one for one in chosen if one not in out]
            turns = hold(contestants, calls, arguments.rounds, arguments.threads, 0, arguments.retries)
        finally:
            for contestant in contestants.values():
                contestant.close()
        roof = in_process(measure_roof, ["fp32", "bf16", "int8"], arguments.threads, 3.0)
    facts = {
        "what": f"XLM-R base with random weights, {arguments.layers} layers, {arguments.vocab} pieces, three classes; "
        f"{arguments.threads} threads, {arguments.rounds} rounds. One process per contestant, the others stopped.",
        "command": shlex.join(["python", "tests/bench/xlmr_base_contestants.py", *_portable(sys.argv[1:])]),
        "machine": _facts(pythons),
        "left out": {one.name: drifts[one.name] for one in out},
    }
    page = report(turns, chosen, names, works, roof, profiles, profiled, drifts, facts)
    print(page)
    if arguments.out is not None:
        arguments.out.write_text(page, encoding="utf-8")
    slow = {
        name: round(statistics.median(turns.ratios(OURS, RIVAL, name)), 3)
        for name in names
        if statistics.median(turns.ratios(OURS, RIVAL, name)) > SLOWER
    }
    if slow:
        tell(f"{OURS} is slower than {RIVAL}, time over time: {slow}")
    return 1 if slow else 0


def _profiled(one: Entrant, ids: np.ndarray, mask: np.ndarray, threads: int, folder: Path) -> OperatorTimes:
    import onnxruntime

    file = next(one.model.glob("*.onnx"))
    options = session_options(threads, onnxruntime)
    given = {"input_ids": ids, "attention_mask": mask}
    return profile(lambda options: open_file(file, options), options, given, 5, folder)


def _portable(words: list[str]) -> list[str]:
    """Return the command line without this machine's folders."""
    folders = {
        "--models": "MODELS",
        "--env": "ENVIRONMENT",
        "--data": "XTREME",
        "--tokenizer": "tokenizer.json",
        "--out": "FILE.md",
    }
    before = ["", *words]
    return [folders.get(last, word) for last, word in zip(before, words, strict=False)]


def _facts(pythons: dict[str, Path]) -> dict[str, Any]:
    found = machine_facts()
    kept = {name: found[name] for name in ("cpu", "cores", "os", "kernel", "python")}
    kept["cpu flags"] = " ".join(found["cpu_flags"])
    packages = found["packages"]
    kept |= {name: packages[name] for name in ("torch", "transformers", "onnxruntime") if name in packages}
    asked = (
        "optimum-onnx",
        "nncf",
        "openvino",
        "torchao",
        "ctranslate2",
        "transformers",
        "onnxruntime",
        "torch",
    )
    for name, python in pythons.items():
        theirs = versions(python, asked)
        kept[f"environment {name}"] = ", ".join(f"{package} {number}" for package, number in theirs.items())
    return kept


if __name__ == "__main__":
    sys.exit(main())
