"""What intervals, tests and limits promise, and what they keep in simulated runs of known truth.

    python -m tests.bench.coverage [--runs N] [--out reports/published/coverage.md]

Every row is made by the code that commands run, on numbers whose truth is known; nothing is trained or timed.
Exits with 1 where a row misses what it promises by more than three standard errors of the simulation.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / ".packages"))

from tests.bench import coverage_costs as costs
from tests.eval.statistics import simulated_outcomes as drops
from xpareto.eval.comparison.arm_costs import Averages, hypervolumes
from xpareto.eval.comparison.arm_costs import Cost as ArmCost
from xpareto.eval.comparison.arms import Design, compare
from xpareto.eval.comparison.language_fairness import fairness
from xpareto.eval.hardware.machine import machine_facts
from xpareto.eval.pareto.hypervolume import hypervolume
from xpareto.eval.pareto.uncertainty import Cost, uncertain_frontier
from xpareto.eval.statistics.block_noise import cost_noise
from xpareto.eval.statistics.bootstrap import NORMAL_FROM
from xpareto.eval.statistics.estimates import Uncertain, repeated
from xpareto.eval.statistics.pairwise_spread import pairs_of
from xpareto.eval.statistics.score_draws import task_scores
from xpareto.eval.statistics.variance_shrinkage import shrunken_spread

Promise = Literal["at least", "at most"]
ERRORS = 3.0  # standard errors of the simulation that a row may miss its promise by
HELD, WRONG, FOUND = 0.95, 0.05, 0.80
MARGIN = 1.0  # points: `xpareto compare --margin`


@dataclass(frozen=True)
class Row:
    """One promise: that a share of `runs` is at least or at most so much, and the share that was found."""

    what: str
    setting: str
    promise: Promise
    promised: float
    found: float
    runs: int

    @property
    def kept(self) -> bool:
        """Is the promise kept, within the simulation's error?"""
        error = ERRORS * math.sqrt(self.promised * (1 - self.promised) / self.runs)
        if self.promise == "at least":
            return self.found >= self.promised - error
        return self.found <= self.promised + error

    def line(self) -> str:
        promise = f"{'≥' if self.promise == 'at least' else '≤'} {self.promised:.2f}"
        return f"| {self.what} | {self.setting} | {promise} | {self.found:.3f} | {'yes' if self.kept else 'NO'} |"


def moved(rng: np.random.Generator, how: str, members: int, seeds: int) -> np.ndarray:
    """Return what seeds do to members (members, seeds), each of variance 1, where seeds move them `how`."""
    own, one = rng.standard_normal((members, seeds)), rng.standard_normal((1, seeds))
    if how == "each by itself":
        return own
    if how == "half together":
        return math.sqrt(0.5) * one + math.sqrt(0.5) * own
    if how == "all together":
        return np.broadcast_to(one, own.shape).copy()
    several = rng.standard_normal((3, seeds))[np.arange(members) % 3]
    return math.sqrt(0.9) * several + math.sqrt(0.1) * own


TOGETHER = ("each by itself", "half together", "three groups", "all together")


def few_seeds(runs: int) -> Iterator[Row]:
    """Yield the intervals of languages, alone and all at once, and of pairs of systems, over 2 to 5 seeds."""
    codes = [f"x{at}" for at in range(20)]
    for seeds in (2, 3, 5):
        for how in TOGETHER:
            rng = np.random.default_rng([seeds, len(how)])
            alone, at_once = 0.0, 0
            for _ in range(runs):
                values = np.stack([np.zeros((20, seeds)), moved(rng, how, 20, seeds)]) + 50.0
                means, repeats, df = repeated(values)
                scores = Uncertain(means, np.zeros((2, 20, 1000), np.float32), repeats, df)
                gains = scores.less(0)
                half = shrunken_spread(gains.spread(), gains.repeats).half_width(HELD)[1]
                alone += float((np.abs(gains.points[1]) <= half).mean()) / runs
                own = fairness(scores, codes, 0, rng, 1000)[1].drops.values()
                at_once += all(drop.low <= 0 <= drop.high for drop in own)
            setting = f"{seeds} seeds move 20 languages {how}"
            yield Row("interval of a language", setting, "at least", HELD, alone, runs)
            yield Row("intervals of all languages", setting, "at least", HELD, at_once / runs, runs)
        for arms in (1, 2, 4):
            rng = np.random.default_rng([seeds, arms])
            groups = [at // 4 for at in range(4 * arms)]
            pairs, held = np.triu_indices(4 * arms, k=1), 0.0
            for _ in range(runs):
                trained = np.repeat(rng.standard_normal((arms, seeds)), 4, axis=0)
                values = trained + 0.2 * rng.standard_normal(trained.shape)
                means, repeats, df = repeated(values[:, None])
                scores = Uncertain(means, np.zeros((4 * arms, 1, 0)), repeats, df)
                half = np.stack([spread.half_width(HELD)[:, 0] for _, spread in pairs_of(scores, groups)])
                held += float((np.abs(means - means.T) <= half)[pairs].mean()) / runs
            setting = f"{seeds} seeds, {arms} arm{'s' * (arms > 1)} of 4 variants"
            yield Row("interval of two systems", setting, "at least", HELD, held, runs)


def volumes(runs: int) -> Iterator[Row]:
    """Yield the intervals of hypervolumes where candidates tie, nearly tie and do not."""
    for count in (8, 20):
        for gap in (0.0, 0.3, 3.0):
            for seeds in (1, 3):
                rng = np.random.default_rng([count, round(10 * gap), seeds])
                octaves = np.linspace(-2, 0, count)
                truth, held = 40 + gap * np.arange(count), 0
                area = float(hypervolume(truth, octaves))
                exact, noise = cost_noise(2.0 ** octaves[:, None], exact=True)
                cost = Cost(tuple(range(count)), exact, noise)
                for _ in range(runs):
                    draws = rng.standard_normal((count, 1, 400)).astype(np.float32)
                    found = (truth + rng.standard_normal(count))[:, None, None]
                    means, repeats, df = repeated(found + 0.5 * rng.standard_normal((count, 1, seeds)))
                    scores = Uncertain(means, draws, repeats, df)
                    if seeds == 1:
                        scores = Uncertain(found[..., 0], draws, np.zeros((count, 1, 0)), None)
                    frontier = uncertain_frontier(scores, [cost], count - 1, ["none"] * count, 0.99, rng, 400)
                    assert frontier is not None and frontier.volume is not None
                    held += frontier.volume.low <= area <= frontier.volume.high
                words = {0.0: "tie", 0.3: "nearly tie", 3.0: "lie apart"}[gap]
                setting = f"{count} candidates {words}, {seeds} seed{'s' * (seeds > 1)}"
                yield Row("interval of a hypervolume", setting, "at least", HELD, held / runs, runs)


def two_volumes(runs: int) -> Iterator[Row]:
    """Yield the intervals of the difference of two arms' hypervolumes, where the variants of one of them tie."""
    count, octaves = 8, np.linspace(-2, 0, 8)
    for gap in (0.0, 1.0, 3.0):
        for seeds in (1, 3):
            rng = np.random.default_rng([round(gap), seeds])
            truth = np.stack([np.full(count, 40.0), 40 + gap * np.arange(count)])
            area = float(hypervolume(truth[1], octaves) - hypervolume(truth[0], octaves))
            cost = ArmCost(
                "latency_ms", "min", np.broadcast_to(2.0 ** octaves[None, :, None], (2, 8, seeds)), 1.0
            )
            held = 0
            for _ in range(runs):
                trained = (seeds > 1) * 0.5 * rng.standard_normal((2, count, seeds))
                found = truth[..., None] + rng.standard_normal((2, count, 1)) + trained
                draws = found[..., None] + rng.standard_normal((2, count, 1, 400))
                own = hypervolumes(Averages(found, draws, 0.0), [cost], MARGIN)["latency_ms"]
                held += own.low <= area <= own.high
            setting = f"8 variants tie in A, lie {gap:g} apart in B, {seeds} seed{'s' * (seeds > 1)}"
            yield Row("interval of two hypervolumes", setting, "at least", HELD, held / runs, runs)


def verdicts(runs: int) -> Iterator[Row]:
    """Yield how often `compare` calls equal arms different, and arms a margin apart equivalent."""
    for seeds in (1, 3):
        for gap, wrong, what in (
            (0.0, ("better", "worse"), "equal arms are called better or worse"),
            (MARGIN, ("equivalent",), "arms a margin apart are called equivalent"),
        ):
            rng = np.random.default_rng([seeds, round(gap)])
            told = 0
            for _ in range(runs):
                told += _verdict(rng, seeds, gap) in wrong
            setting = f"{seeds} seed{'s' * (seeds > 1)}, 6 languages of 2,000 examples"
            yield Row(what, setting, "at most", WRONG, told / runs, runs)


def _verdict(rng: np.random.Generator, seeds: int, gap: float) -> str:
    """Return the verdict on the averages of two arms, of which the second is truly `gap` points better."""
    codes, examples = drops.TASK.languages[:6], 2000
    accuracy = (
        0.7 + np.array([0.0, gap / 100])[:, None] + (seeds > 1) * 0.01 * rng.standard_normal((2, seeds))
    )
    outcomes = {}
    for code in codes:
        hard = rng.random(examples)  # the same sentence is hard for all of them
        luck = np.where(rng.random((2 * seeds, examples)) < 0.1, rng.random((2 * seeds, examples)), hard)
        right = (luck < accuracy.reshape(-1, 1)).astype(np.float64)
        outcomes[code] = np.stack([right, np.ones_like(right)], axis=-1)
    scored = task_scores(drops.TASK, outcomes, int(rng.integers(1 << 30)), 400, normal_from=NORMAL_FROM)
    design = Design(("a", "b"), ("fp32",), tuple(range(seeds)), (scored,))
    return str(compare(design, MARGIN).variants[0].average.verdict)


def limits(runs: int) -> Iterator[Row]:
    """Yield what `choose` lets through that loses too much, and how often it passes what loses nothing."""
    worst, average = {"worst_language_drop": 2.0}, {"max_drop": 1.0}
    for variants in (1, 8):
        setting = f"{variants} variant{'s' * (variants > 1)}, 1,000 examples a language"
        passed = drops.passed_in_runs(runs, np.full((variants, 12), 1.01), average)
        yield Row(
            "a true average drop of 1.01 passes --max-drop 1", setting, "at most", WRONG,
            float(passed.any(axis=1).mean()), runs,
        )  # fmt: skip
        losses = drops.one_language_loses(2.01, variants, 8 if variants > 1 else 1)
        passed = drops.passed_in_runs(runs, losses, worst, changed=0.01)
        yield Row(
            "a true drop of 2.01 passes --worst-language-drop 2", setting, "at most", WRONG,
            float(passed.any(axis=1).mean()), runs,
        )  # fmt: skip
    for changed in (0.01, 0.02):
        few = max(runs // 4, 25)
        passed = drops.passed_in_runs(few, drops.lossless(), worst, changed=changed)
        setting = f"8 variants, 22 languages of 1,000 examples, {changed:.0%} of answers changed"
        yield Row(
            "some lossless variant passes --worst-language-drop 2", setting, "at least", 0.5,
            float(passed.any(axis=1).mean()), few,
        )  # fmt: skip


def measured(runs: int) -> Iterator[Row]:
    """Yield the intervals of ratios of costs, and what `diff` tells of two runs, with four blocks (the default)."""
    for name, machine in costs.MACHINES.items():
        for candidates in (3, 8):
            setting = f"{name} machine, {candidates} candidates, 4 blocks"
            held, _ = costs.ratio_coverage(machine, candidates, 4, runs)
            yield Row("interval of a ratio of costs", setting, "at least", HELD, held, runs)
            alarms = costs.regressions_found(machine, candidates, 4, runs)
            yield Row("diff of two runs of the same: false alarm", setting, "at most", WRONG, alarms, runs)
            if name == "ordinary":
                found = costs.regressions_found(machine, candidates, 4, runs, 1.2)
                yield Row("diff finds all 20 % slower", setting, "at least", FOUND, found, runs)
                found = costs.regressions_found(machine, candidates, 4, runs, 1.2, [1])
                yield Row("diff finds one 20 % slower", setting, "at least", FOUND, found, runs)


PARTS: Mapping[str, tuple[str, Callable[[int], Iterator[Row]]]] = {
    "few_seeds": ("Few training seeds", few_seeds),
    "volumes": ("Hypervolumes", volumes),
    "two_volumes": ("Hypervolumes of two arms", two_volumes),
    "verdicts": ("Verdicts of `compare`", verdicts),
    "limits": ("Limits of `choose`", limits),
    "measured": ("Costs, and `diff`", measured),
}


def page(rows: Mapping[str, list[Row]], runs: int) -> str:
    """Return the Markdown of all rows."""
    facts = machine_facts()
    missed = sum(not row.kept for part in rows.values() for row in part)
    count = sum(map(len, rows.values()))
    parts = []
    for title, part in rows.items():
        head = "| promise | setting | promised | found | kept |\n|:--|:--|--:|--:|:-:|"
        parts.append(f"## {title}\n\n" + "\n".join([head, *(row.line() for row in part)]))
    told = f"All {count} are kept." if not missed else f"{missed} of {count} are not kept."
    return (
        "# What intervals promise, and what they keep\n\nSimulated runs whose truth is known, judged by the code that "
        "commands run. A promise is kept where the share found is on its side of what is promised, within "
        f"{ERRORS:.0f} standard errors of the simulation (shares of 0.95 over {runs} runs: "
        f"{ERRORS * math.sqrt(HELD * WRONG / runs):.3f}). {told}\n\n"
        + "\n\n".join(parts)
        + "\n\n## How it was made\n\n```sh\npython -m tests.bench.coverage "
        f"--runs {runs} --out reports/published/coverage.md\n```\n\npython {facts['python']}, numpy "
        f"{np.__version__}.\n"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=400, help="simulated runs of every row")
    parser.add_argument("--only", choices=tuple(PARTS), nargs="+", default=list(PARTS))
    parser.add_argument("--out", type=Path, help="a Markdown file to write")
    arguments = parser.parse_args()
    rows: dict[str, list[Row]] = {}
    for name in arguments.only:
        title, part = PARTS[name]
        rows[title] = []
        for row in part(arguments.runs):
            rows[title].append(row)
            print(row.line(), flush=True)
    if arguments.out:
        arguments.out.write_text(page(rows, arguments.runs), encoding="utf-8")
    raise SystemExit(int(not all(row.kept for part in rows.values() for row in part)))


if __name__ == "__main__":
    main()
