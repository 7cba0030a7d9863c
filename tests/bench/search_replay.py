"""What a search finds of a space all of which is known: enumerate it once, then search it again and again on the table.

    python tests/bench/search_replay.py enumerate --base MODEL --data FOLDER --work FOLDER
    python tests/bench/search_replay.py replay

The first makes and scores every point of SPACE (mini-xlmr: about twenty minutes of CPU time) and writes two tables to
reports/published: search-replay-candidates.csv, a row for each point, and search-replay-nodes.csv, a row for each piece
of work, which candidates share. The second needs the tables alone. It lets the chooser of `xpareto search` choose, as
it does live, pays for the work that is not made yet, and tells it the score and the size that the table has; 20 seeds
for each way to choose. It writes the page search-replay.md and a figure.

A point is a setting of SPACE; cost is CPU seconds of making, which other work on the machine disturbs less than time.
The hypervolume is that of score and size as searches weigh it (pipelines.searching.racing.hypervolume).
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from xpareto.compress.core import Artifact
from xpareto.eval.objectives import OBJECTIVES
from xpareto.pipelines.execution import ExpectedCosts
from xpareto.pipelines.planning import Node, Options, Prepared, prepare
from xpareto.pipelines.recipe import Recipe, check, plain_data
from xpareto.pipelines.searching import (
    Chooser,
    Point,
    Space,
    TrialPlans,
    hypervolume,
    point_key,
)
from xpareto.pipelines.storage import RunFolder

RECIPE: Mapping[str, Any] = {
    "xpareto": 1,
    "name": "search-replay",
    "tasks": [{"task": "tatoeba", "languages": ["de", "fr", "nl", "tr"]}],
    "languages": "all",
    "steps": [
        "arms",
        {"step": "trim_vocab", "label": "trim", "text": "mono", "coverage": 0.999},
        {"step": "prune_width", "label": "narrow", "ffn": 0.5, "tune": "weights",
         "calibration": {"text": "parallel", "examples": 64, "max_length": 64}},
        {"step": "export_onnx", "label": "onnx"},
        {"step": "quantize_weights", "label": "weights", "products": "int8", "embeddings": "int8"},
    ],
    "arms": {
        "whole": [],
        "shallow": [{"step": "prune_depth", "label": "cut", "layers": 4, "by": "spread"}],
        "student": [
            {"step": "prune_depth", "label": "cut", "layers": 4, "by": "spread"},
            {"step": "distill", "label": "student", "teacher": "base", "text": "parallel", "hidden": {"layers": "last"},
             "steps": 120, "batch_size": 32, "max_length": 48, "freeze": 0},
        ],
    },
    "search": {
        "space": {
            "cut.layers": [2, 3, 4],
            "student.steps": [40, 120],
            "trim.enabled": [True, False],
            "narrow.enabled": [True, False],
            "weights.products": ["int8", "int4", "float"],
            "weights.embeddings": ["int8", "int4"],
        },
        "budget": {"candidates": 40},
    },
    "runtimes": ["torch", "onnxruntime"],
    "objectives": ["score", "size_bytes"],
    "measure": {"probes": ["accuracy", "size"], "limit": 200, "threads": 1},
}  # fmt: skip
PUBLISHED = Path(__file__).parents[2] / "reports" / "published"
CANDIDATES, NODES = "search-replay-candidates.csv", "search-replay-nodes.csv"
SEEDS, SHARE = 20, 0.95


# -- enumerating --------------------------------------------------------------------------------


def enumerate_space(base: str, data: str, work: Path) -> None:
    """Make and score every point; what is made already is not made again."""
    ready = prepare(Options(RECIPE, base=base, data=data, store=work / "store", runs=work / "runs"))
    space = Space(ready.checked.recipe, ready.checked.plain)
    points = {f"p{at}": point for at, point in enumerate(space.points())}
    prepared = TrialPlans(ready, space).prepared(points)
    made = _made(prepared, work)
    scored = work / "scored.jsonl"
    known = {}
    if scored.is_file():
        known = {row["name"]: row for row in map(json.loads, scored.read_text("utf-8").splitlines())}
    rows = []
    for candidate in prepared.plan.candidates[1:]:
        (end,) = candidate.artifacts.values()
        if end not in known:
            artifacts = {name: made[key] for name, key in candidate.artifacts.items()}
            known[end] = {"name": end, **_scored(prepared, candidate, artifacts, work)}
            with scored.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(known[end]) + "\n")
        row, nodes = known[end], _line(prepared.plan.nodes, end)
        shown = " ".join(_short(key) for key in nodes)
        rows.append([json.dumps(points[candidate.arm]), row["score"], row["size_bytes"], shown])
    _write(CANDIDATES, ["point", "score", "size_bytes", "nodes"], rows)
    varying = _varying(prepared.plan.nodes.values())
    _write(
        NODES,
        ["node", "step", "label", "fields", "cpu_seconds"],
        [
            [_short(key), node.step, node.label,
             json.dumps({name: node.fields.get(name) for name in varying[node.step]}),
             round(made[key].manifest.cpu_seconds or made[key].manifest.seconds, 2)]
            for key, node in prepared.plan.nodes.items()
        ],
    )  # fmt: skip


def _made(prepared: Prepared, work: Path) -> dict[str, Artifact]:
    from xpareto.pipelines.execution import LocalExecutor
    from xpareto.pipelines.runs import Agenda, ArtifactBuilder, Console

    (work / "run").mkdir(parents=True, exist_ok=True)
    executor = LocalExecutor(work / "run" / "worker.log")
    builder = ArtifactBuilder(prepared, RunFolder(work / "run"), executor, 1, Agenda(Console(), {}))
    try:
        builder.build(prepared.plan.nodes)
    finally:
        executor.close()
    return builder.verified


def _scored(
    prepared: Prepared, candidate: Any, artifacts: Mapping[str, Artifact], work: Path
) -> dict[str, float]:
    """Return score and size, by the probes themselves, all in this process: to start one takes longer than they do."""
    from xpareto.eval.probing import PROBES, Ask, Job, MeasurementContext

    asks = tuple(
        Ask(one.task.name, one.asked, one.split, one.limit, one.task.trained_on) for one in prepared.work
    )
    folders = {name: str(artifact.path) for name, artifact in artifacts.items()}
    probes = ("accuracy", "size")
    job = Job("enumerated", candidate.name, candidate.runtime, 1, folders, prepared.start.spec, asks, probes)
    folder = work / "probe"
    folder.mkdir(exist_ok=True)
    context = MeasurementContext(job, folder)
    rows = [row for name in probes for row in PROBES.load(name).measure(context)]
    context.close()
    print(candidate.name, flush=True)
    return {name: float(OBJECTIVES.load(name).reduce(rows) or 0.0) for name in RECIPE["objectives"]}


def _line(nodes: Mapping[str, Node], end: str) -> list[str]:
    """Return the keys of a node, and of all that it is made of, the first first."""
    waiting, line = [end], []
    while waiting:
        key = waiting.pop()
        if key not in line:
            line.append(key)
            waiting += [given for given in (nodes[key].parent, nodes[key].teacher) if given is not None]
    return [key for key in nodes if key in line]


def _varying(nodes: Any) -> dict[str, list[str]]:
    by_step: dict[str, list[Node]] = {}
    for node in nodes:
        by_step.setdefault(node.step, []).append(node)
    return {
        step: [name for name in some[0].fields if len({json.dumps(one.fields.get(name)) for one in some}) > 1
               or name in ("steps",)]
        for step, some in by_step.items()
    }  # fmt: skip


def _short(key: str) -> str:
    return key[:10]


def _write(name: str, header: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    with (PUBLISHED / name).open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([header, *rows])


# -- replaying ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Table:
    """The enumerated space: of each point its nodes and values, of each node what it cost."""

    nodes: Mapping[str, Node]
    costs: Mapping[str, float]  # CPU seconds
    lines: Mapping[str, Sequence[str]]  # point -> nodes
    values: Mapping[str, Sequence[float]]  # point -> score, size

    @staticmethod
    def read() -> Table:
        nodes, costs = {}, {}
        for row in _rows(NODES):
            fields = json.loads(row["fields"])
            nodes[row["node"]] = Node(
                row["node"], row["step"], row["label"], 1, fields, None, None, {}, {}, ""
            )
            costs[row["node"]] = float(row["cpu_seconds"])
        lines, values = {}, {}
        for row in _rows(CANDIDATES):
            key = point_key(json.loads(row["point"]))
            lines[key] = row["nodes"].split()
            values[key] = (float(row["score"]), float(row["size_bytes"]))
        return Table(nodes, costs, lines, values)

    @cached_property
    def everything(self) -> np.ndarray:
        return np.array(list(self.values.values()))

    @property
    def cost(self) -> float:
        """Return the CPU seconds of making all of it."""
        return sum(self.costs.values())


def _rows(name: str) -> list[dict[str, str]]:
    with (PUBLISHED / name).open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


Curve = list[tuple[float, float]]
"""After each trial: CPU seconds spent, and the share of the enumerated hypervolume."""


def replayed(table: Table, chooser: Chooser, recipe: Recipe, most: float) -> Curve:
    """Return the curve of one search that ends when a share `most` of the enumeration's cost is spent."""
    import optuna

    space = chooser.space
    objectives = [OBJECTIVES.load(name) for name in recipe.objectives]
    whole = hypervolume(table.everything, table.everything, objectives)
    costs = ExpectedCosts()
    made: set[str] = set()
    tried: set[str] = set()
    trials: list[Any] = []
    spent, curve, found = 0.0, [], []

    def price(point: Point) -> float | None:
        key = point_key(point)
        return (
            None
            if key in tried
            else costs.of_all((table.nodes[one] for one in table.lines[key]), made.__contains__)
        )

    while spent < most * table.cost and len(tried) < len(table.lines):
        point = chooser.next(trials, price)
        if point is None:
            break
        key = point_key(point)
        for node in table.lines[key]:
            if node not in made:
                spent += table.costs[node]
                costs.add(table.nodes[node].step, table.nodes[node].fields, table.costs[node])
                made.add(node)
        tried.add(key)
        score, size = table.values[key]
        found.append((score, size))
        study = optuna.create_study(directions=["maximize", "minimize"])
        study.enqueue_trial(space.parameters(point))
        asked = study.ask()
        space.suggested(asked)
        frozen = study.trials[0]
        trials.append(
            optuna.trial.create_trial(
                values=[score, float(np.log2(size))], params=frozen.params, distributions=frozen.distributions
            )
        )
        curve.append((spent, hypervolume(np.array(found), table.everything, objectives) / whole))
    return curve


def randomly(table: Table, space: Space, recipe: Recipe, seed: int) -> Curve:
    """Return the curve of Optuna's random sampler, in which nothing is tried twice."""
    import optuna

    objectives = [OBJECTIVES.load(name) for name in recipe.objectives]
    whole = hypervolume(table.everything, table.everything, objectives)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed))
    made: set[str] = set()
    found: dict[str, Sequence[float]] = {}
    curve: Curve = []
    for _ in range(_ASKED):
        key = point_key(space.suggested(study.ask()))
        if key not in found:
            made |= set(table.lines[key])
            found[key] = table.values[key]
            share = hypervolume(np.array(list(found.values())), table.everything, objectives) / whole
            curve.append((sum(table.costs[one] for one in made), share))
    return curve


def cost_to_reach(curve: Curve, share: float) -> float:
    """Return the cost at which a share of the hypervolume is reached; infinite where it is not."""
    return next((cost for cost, reached in curve if reached >= share), float("inf"))


WAYS: Mapping[str, tuple[str, float, Mapping[str, Any]]] = {
    "search": ("as `xpareto search` chooses", 0.4, {}),
    "TPE": ("Optuna's multi-objective TPE by itself", 0.5, {"sampler": "tpe", "proposals": 1}),
    "random": ("Optuna's random sampler, without replacement", 1.0, {}),
}
"""Name -> in words, the share of the enumeration's cost after which a curve ends, and the chooser's fields."""
COLOURS = ("#0b6e4f", "#b8860b", "#888888")
_ASKED = 2000  # of the random sampler: all but a few settings are then tried
WIDTH, HEIGHT, LEFT, BOTTOM, LEAST = 640, 360, 48, 40, 0.5


def replay(names: Sequence[str], seeds: int) -> dict[str, list[Curve]]:
    """Return the curves of each way to choose."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    table = Table.read()
    checked = check(plain_data(dict(RECIPE), "recipe"))
    space = Space(checked.recipe, checked.plain)
    objectives = [OBJECTIVES.load(name) for name in checked.recipe.objectives]
    curves: dict[str, list[Curve]] = {}
    for name in names:
        _, most, way = WAYS[name]
        choosers = [Chooser(space, objectives, seed, **way) for seed in range(seeds)]
        curves[name] = [
            randomly(table, space, checked.recipe, chooser.seed)
            if name == "random"
            else replayed(table, chooser, checked.recipe, most)
            for chooser in choosers
        ]
        shown = ", ".join(f"{100 * cost / table.cost:.1f}" for cost in _costs(curves[name]))
        print(f"{name}: {shown} % of the enumeration's cost", flush=True)
    return curves


def _costs(curves: Sequence[Curve]) -> list[float]:
    return sorted(cost_to_reach(curve, SHARE) for curve in curves)


def _at(curve: Curve, cost: float) -> float:
    return max((reached for spent, reached in curve if spent <= cost), default=0.0)


def page(curves: Mapping[str, Sequence[Curve]], table: Table) -> str:
    """Return the page."""
    seeds = len(next(iter(curves.values())))
    randomly = median(_costs(curves["random"]))
    head = f"CPU seconds to {100 * SHARE:.0f} % of the hypervolume, median"
    lines = [
        "# What a search finds of a space all of which is known",
        "",
        f"{len(table.lines)} settings of mini-xlmr on Tatoeba (de, fr, nl, tr; 200 pairs each): which layers stay,",
        "whether what is left is distilled and how long, trimmed vocabulary, narrower feed-forward layers, and the",
        f"bits of products and embeddings. All were made and scored once, in {table.cost:.0f} s of CPU time of making;",
        f"shared work counts once. On that table the chooser of `xpareto search` chose {seeds} times with different",
        "seeds, and so did other ways to choose. A search pays for the work that it has not made yet, and nothing for",
        "scoring.",
        "",
        f"| chosen by | | {head} | quartiles | share of the enumeration | over random |",
        "|:--|:--|--:|--:|--:|--:|",
    ]
    for name, of_way in curves.items():
        costs = _costs(of_way)
        low, middle, high = costs[len(costs) // 4], median(costs), costs[3 * len(costs) // 4]
        if middle < float("inf"):
            shares = f"{100 * middle / table.cost:.0f} % | {middle / randomly:.2f}"
        else:
            shares = f"over {100 * WAYS[name][1]:.0f} %, where it ended | "
        lines.append(
            f"| {name} | {WAYS[name][0]} | {_seconds(middle)} | {_seconds(low)} to {_seconds(high)} | {shares} |"
        )
    early = {
        name: 100 * median(_at(curve, table.cost / 5) for curve in of_way) for name, of_way in curves.items()
    }
    lines += [
        "",
        "With a fifth of the enumeration's cost spent, the median is "
        + ", ".join(f"{share:.1f} % of the hypervolume ({name})" for name, share in early.items())
        + ".",
        "",
        "![Median share of the hypervolume against the cost of making](search-replay.svg)",
        "",
        "Hypervolume is that of score and size, in percent times octaves, with the reference that every search has",
        "(0 %, one octave above the largest). Scores are of 800 pairs and have a standard error of about one point, so",
        "the table is a landscape to search, and says little of which setting is best. How much cost counts, how the",
        "first settings are drawn, how many proposals there are and the model of what they promise were chosen on this",
        "table, with seeds 0 to 39, so the figures of `search` flatter.",
        "",
        "Tables: [candidates](search-replay-candidates.csv), [work](search-replay-nodes.csv). Repeat:",
        "",
        "    python tests/bench/search_replay.py enumerate --base MODEL --data FOLDER --work FOLDER # makes the tables",
        "    python tests/bench/search_replay.py replay",
        "",
    ]
    return "\n".join(lines)


def _seconds(value: float) -> str:
    return f"{value:.0f}" if value < float("inf") else "not reached"


def figure(curves: Mapping[str, Sequence[Curve]], table: Table) -> str:
    """Return the median curves as SVG; the dashed line is the share that is to be reached."""

    def x(cost: float) -> float:
        return LEFT + (WIDTH - LEFT - 12) * cost / table.cost

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 12) * (max(share, LEAST) - LEAST) / (1 - LEAST)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        f'<path d="M{LEFT} 12V{HEIGHT - BOTTOM}H{WIDTH - 12}" fill="none" stroke="#333"/>',
        f'<path d="M{LEFT} {y(SHARE):.1f}H{WIDTH - 12}" stroke="#999" stroke-dasharray="4 3"/>',
    ]
    for percent in (50, 60, 70, 80, 90, 100):
        parts.append(
            f'<text x="{LEFT - 6}" y="{y(percent / 100) + 4:.1f}" text-anchor="end">{percent}</text>'
        )
    for percent in (0, 20, 40, 60, 80, 100):
        at = x(percent / 100 * table.cost)
        parts.append(f'<text x="{at:.1f}" y="{HEIGHT - BOTTOM + 16}" text-anchor="middle">{percent}</text>')
    words = "cost of making, percent of the enumeration; up: percent of its hypervolume, median"
    parts.append(f'<text x="{WIDTH / 2}" y="{HEIGHT - 6}" text-anchor="middle">{words}</text>')
    for place, (name, of_way) in enumerate(curves.items()):
        grid = np.linspace(0, WAYS[name][1] * table.cost, 120)
        line = " ".join(
            f"{x(cost):.1f},{y(median(_at(curve, cost) for curve in of_way)):.1f}" for cost in grid
        )
        parts.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[place]}" stroke-width="2"/>')
        down = HEIGHT - BOTTOM - 16 - 18 * (len(curves) - place)
        parts.append(f'<text x="{WIDTH - 190}" y="{down}" fill="{COLOURS[place]}">{name}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    making = commands.add_parser("enumerate")
    making.add_argument("--base", required=True)
    making.add_argument("--data", required=True)
    making.add_argument("--work", type=Path, required=True)
    replaying = commands.add_parser("replay")
    replaying.add_argument("--seeds", type=int, default=SEEDS)
    given = parser.parse_args(arguments)
    if given.command == "enumerate":
        enumerate_space(given.base, given.data, given.work)
        return 0
    curves, table = replay(list(WAYS), given.seeds), Table.read()
    (PUBLISHED / "search-replay.md").write_text(page(curves, table), encoding="utf-8")
    (PUBLISHED / "search-replay.svg").write_text(figure(curves, table), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
