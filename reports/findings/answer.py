"""The decision that an analysis holds, in words and numbers: what to deploy, what it costs and saves."""

from __future__ import annotations

import shlex
from dataclasses import dataclass, replace

from xpareto.compress.core import enumerated
from xpareto.eval.analyses.documents import Analysis, Answer, Summary
from xpareto.eval.analyses.documents import Pick as PickEntry
from xpareto.eval.results import SCORE, RunSummary
from xpareto.reports.findings.drop_power import power_words
from xpareto.reports.findings.learning import NOTHING_LEARNT
from xpareto.reports.text import beyond_noise, factor_found, midway, number

_SIZE = "size_bytes"
Sentence = tuple[str, ...]  # plain words, with a candidate's or arm's name, or a command, at every odd place


@dataclass(frozen=True)
class Gain:
    """One cost of a variant beside others', in words such as `4.2× quicker (3.8× to 4.5×)`.

    `compression` is beside `uncompressed`, the uncompressed baseline in the variant's own runtime, `runtime`
    what that is beside the baseline, and `whole` both together; "–" where a side was not measured.
    """

    title: str
    most: bool  # a rate: the more the better
    uncompressed: str
    compression: str
    runtime: str
    whole: str
    before: str
    value: str
    shares: frozenset[str]  # of compression and runtime, those that make a difference beyond noise


@dataclass(frozen=True)
class Pick:
    """A variant to deploy, with the costs that it is the choice for; numbers are written with their units.

    `name` is a variant, its seeds together, and `candidate` the trained model of their middle score, ""
    where there is one seed. `run` is the run's folder as a shell takes it.
    """

    name: str
    candidate: str
    seeds: int
    baseline: bool
    gains: tuple[Gain, ...]
    drop: float
    most_drop: float
    run: str

    @property
    def model(self) -> str:
        """Return the trained model to deploy."""
        return self.candidate or self.name

    @property
    def aims(self) -> str:
        """Return what it is the choice for, as `low latency and size on disk`."""
        most = [midway(gain.title) for gain in self.gains if gain.most]
        least = [midway(gain.title) for gain in self.gains if not gain.most]
        parts = [
            f"{word} {enumerated(titles, 9)}" for word, titles in (("low", least), ("high", most)) if titles
        ]
        return ", and ".join(parts) or "a high score"

    @property
    def export(self) -> str:
        """Return the command that gives its files out."""
        return f"xpareto export {self.run} {shlex.quote(self.model)} exported"


def decided(analysis: Analysis) -> Answer | None:
    """Return the decision that an analysis holds; those that were written earlier have none."""
    return analysis.answer if analysis else None


def loss(answer: Answer) -> str:
    """Return what may be lost, as `1 point`."""
    return f"{answer.max_drop:g} point" + ("" if answer.max_drop == 1 else "s")


def picks(run_summary: RunSummary, analysis: Analysis) -> tuple[Pick, ...]:
    """Return a pick for each variant that is the choice for any cost, in the order of the document.

    None where no task was learnt: then nothing is decided.
    """
    if not analysis or analysis.answer is None or analysis.nothing_learnt:
        return ()
    found: dict[int, Pick] = {}
    for entry in analysis.answer.picks:
        if entry.objective in (SCORE, *run_summary.costs):
            entry = _shown_better(run_summary, analysis, entry)
            own = _pick(run_summary, analysis, entry)
            before = found.get(entry.chosen)
            found[entry.chosen] = own if before is None else replace(before, gains=before.gains + own.gains)
    return tuple(found.values())


def _shown_better(run_summary: RunSummary, analysis: Summary, entry: PickEntry) -> PickEntry:
    """Return a pick of the baseline in place of one that is better in its cost or score by no more than noise.

    What is best as measured may be so by luck: of the baseline nothing has to be shown.
    """
    ratio, gain = entry.ratio, analysis.scores[entry.chosen].change.low
    if ratio is None or ratio.low is None or ratio.high is None or beyond_noise(ratio.low, ratio.high):
        return entry
    if gain is None or gain > 0:
        return entry
    by_score = sorted(analysis.members[analysis.base], key=lambda name: run_summary.value(name, SCORE) or 0.0)
    middle = by_score[(len(by_score) - 1) // 2]
    there = {"chosen": analysis.base, "candidate": middle, "drop": 0.0, "most_drop": 0.0}
    return entry.model_copy(update=there | {"ratio": None, "ratios": None})


def _pick(run_summary: RunSummary, analysis: Summary, entry: PickEntry) -> Pick:
    members = analysis.members[entry.chosen]
    return Pick(
        name=analysis.names[entry.chosen],
        candidate=entry.candidate if len(members) > 1 else "",
        seeds=len(members),
        baseline=entry.chosen == analysis.base,
        gains=() if entry.objective == SCORE else (_gain(run_summary, analysis, entry),),
        drop=entry.drop,
        most_drop=entry.most_drop,
        run=run_summary.run.place,
    )


_LOADED = {  # by runtime; what follows a load, from text to answer, is on the exported folder's card
    "onnxruntime": 'import onnxruntime\n\nfile = "{folder}/model.onnx"\nmodel = onnxruntime.InferenceSession(file)',
    "openvino": 'import openvino\n\nmodel = openvino.compile_model("{folder}/openvino_model.xml")',
    "torch": 'from xpareto.compress.models import from_pretrained\n\nmodel = from_pretrained("{folder}")',
}


def loading(run_summary: RunSummary, pick: Pick) -> str:
    """Return Python that loads one of the pick's exported models; "" for a runtime that is not known here."""
    candidate = run_summary.run.candidate(pick.model)
    code, sets = _LOADED.get(candidate.runtime), list(candidate.artifacts)
    if code is None or not sets:
        return ""
    folder = f"exported/{sets[0]}"
    others = f"\n# likewise {enumerated(sets[1:], 3)}" if sets[1:] else ""
    return f"{code.format(folder=folder)}\n# {folder}/README.md goes on, from text to answer{others}"


def _gain(run_summary: RunSummary, analysis: Summary, entry: PickEntry) -> Gain:
    objective = run_summary.objectives[entry.objective]
    costs = analysis.costs[objective.name]
    here, base = costs[entry.chosen], costs[analysis.base]
    assert here is not None  # a summary whose pick has no cost is refused when it is read
    ratios = entry.ratios
    unit = objective.unit
    whole = factor_found(*entry.ratio, unit) if entry.ratio else "–"
    return Gain(
        title=objective.title,
        most=objective.sense == "max",
        uncompressed=ratios.uncompressed if ratios else analysis.baseline,
        compression=factor_found(*ratios.compression, unit) if ratios else whole,
        runtime=factor_found(*ratios.runtime, unit) if ratios else "–",
        whole=factor_found(*ratios.whole, unit) if ratios else whole,
        before=number(base.value if base else None, unit),
        value=number(here.value, unit),
        shares=frozenset(
            share
            for share, found in (("compression", ratios.compression), ("runtime", ratios.runtime))
            if found.low is None or found.high is None or beyond_noise(found.low, found.high)
        )
        if ratios
        else frozenset(),
    )


def pick_words(pick: Pick, analysis: Summary, most_loss: str) -> Sentence:
    """Return a pick as a sentence, with names at odd places."""
    # Not "the lowest": what noise cannot tell from it may be a hair lower.
    lead = f"For {pick.aims}, losing at most {most_loss}: "
    if pick.baseline:
        return (lead, pick.name, ", the baseline itself: nothing is shown to be better and to lose no more.")
    told = [f"{midway(gain.title)} {gain.value}, {gain.whole}" for gain in pick.gains]
    gains = "; ".join(told or ["no cost was measured"])
    who: Sentence = (lead, pick.name)
    if pick.candidate:
        who = (*who, f", of its {pick.seeds} seeds the middle one ", pick.candidate)
    return (*who, ", beside ", analysis.baseline, f": {gains}; {lost(pick, analysis)}.")


def deploy_words(run_summary: RunSummary, analysis: Analysis) -> Sentence:
    """Return the recommendation in one sentence, names at odd places; () where the analysis holds none.

    It speaks of the first pick, the one for latency where that was measured: how much quicker and smaller
    than the uncompressed model in its runtime it is, and what is lost.
    """
    found, answer = picks(run_summary, analysis), decided(analysis)
    if analysis and analysis.nothing_learnt:
        return (NOTHING_LEARNT,)
    if not analysis or answer is None or not found:
        return ()
    pick = found[0]
    who: Sentence = ("Deploy the baseline, " if pick.baseline else "Deploy ", pick.model)
    if pick.candidate:
        who = (*who, f", the middle one of {pick.seeds} seeds of ", pick.name)
    if not pick.gains:
        best = "nothing scores better beyond noise" if pick.baseline else lost(pick, analysis)
        return (
            *who,
            f": no cost was measured, and {best}." if pick.baseline else f", {best}: no cost was measured.",
        )
    if pick.baseline:
        costs = enumerated([midway(gain.title) for gain in pick.gains], 9)
        return (*who, f": nothing shown to lose at most {loss(answer)} is better in {costs} beyond noise.")
    gain, size = pick.gains[0], _size(run_summary, analysis, pick)
    against, gains, how = analysis.baseline, [gain.whole], ""
    if "compression" in gain.shares and gain.uncompressed != pick.name:
        against, gains = gain.uncompressed, [gain.compression, *([size] if size else [])]
        how = f", uncompressed in {run_summary.run.candidate(pick.model).runtime}"
    elif "runtime" in gain.shares:
        how = " by its runtime alone"
    return (*who, f": {' and '.join(gains)} than ", against, f"{how}, {lost(pick, analysis)}.")


def kept_out_words(run_summary: RunSummary, analysis: Analysis) -> Sentence:
    """Return what compression would give and why it is not picked, () where a pick is compressed."""
    answer = decided(analysis)
    miss = answer.nearest if answer else None
    if not analysis or answer is None or miss is None:
        return ()
    gains = []
    for cost in (_SIZE, *(name for name in ("latency_ms", "throughput") if name in analysis.cost_ratios)):
        found = analysis.cost_ratios[cost][miss.system] if cost in analysis.cost_ratios else None
        if found is not None:
            gains.append(factor_found(*found.compression, run_summary.objectives[cost].unit))
    digits = 1 if f"{miss.most_drop:.1f}" != f"{answer.max_drop:.1f}" else 2
    lose = f"it may lose up to {miss.most_drop:.{digits}f} points ({miss.drop:.1f} as measured)"
    gained = f" it would be {enumerated(gains[:2], 2)} than uncompressed in its runtime;" if gains else ""
    return ("Compressed to ", analysis.names[miss.system], f"{gained} kept out because {lose}.")


def _size(run_summary: RunSummary, analysis: Summary, pick: Pick) -> str:
    """Return how much smaller it is than the uncompressed model in its runtime, "" where that is not known."""
    ratios = analysis.cost_ratios.get(_SIZE)
    own = ratios[analysis.names.index(pick.name)] if ratios else None
    if own is None or any(gain.title == run_summary.objectives[_SIZE].title for gain in pick.gains[:1]):
        return ""
    return factor_found(*own.compression, run_summary.objectives[_SIZE].unit)


def sureness(run_summary: RunSummary, analysis: Analysis) -> tuple[str, ...]:
    """Return in short sentences what the recommendation is sure of, and what it cannot tell."""
    answer = decided(analysis)
    if not analysis or answer is None or analysis.nothing_learnt:
        return ()
    told = [
        f"{len(answer.fits)} of {len(analysis.names)} variants are shown to lose at most {loss(answer)} "
        f"({analysis.percent} sure that none of them loses more)."
    ]
    for entry in answer.picks[:1]:
        if entry.objective == SCORE:
            continue
        title, noise = (
            run_summary.objectives[entry.objective].title,
            analysis.objectives[entry.objective].noise,
        )
        if noise.basis == "blocks" and noise.floor is not None:
            told.append(
                f"{title} was measured in {noise.blocks} blocks: differences below {noise.floor:.1f} % are noise."
            )
        elif noise.basis != "exact":
            told.append(
                f"{title} was measured in one block, so its noise is not known: measure.blocks: 4 tells it."
            )
    if answer.power is not None and not answer.power.enough:
        told.append(power_words("average drop", answer.max_drop, answer.power, holds=bool(answer.picks)))
    if not analysis.seeded:
        told.append("One training seed: what another training would score is not known.")
    return tuple(told)


def lost(pick: Pick, analysis: Summary) -> str:
    """Return what a pick loses or gains of the baseline's score, and what it may lose at most."""
    base = f"the baseline’s {number(analysis.scores[analysis.base].average, 'percent')} points"
    if pick.drop == pick.most_drop == 0:
        return f"answering as the baseline does, with {base[15:]}"
    most = f"at most {max(pick.most_drop, 0.0):.1f} ({analysis.percent})"
    if pick.drop <= -0.05:
        return f"scoring {-pick.drop:.1f} points above {base}, losing {most}"
    if pick.drop < 0.05:
        return f"losing none of {base}, {most}"
    return f"losing {pick.drop:.1f} of {base}, {most}"


def method(run_summary: RunSummary, analysis: Summary, answer: Answer) -> Sentence:
    """Return what the picks rest on, and at its odd place the command that says the same."""
    return (
        f"{len(answer.fits)} of {len(analysis.names)} variants are shown to lose at most "
        f"{loss(answer)}: the upper end of the drop’s interval does ({analysis.percent} "
        "sure that none of them loses more; the seeds of each count together). That end is of a one-sided limit and "
        "nearer than those of the two-sided intervals in the tables. A drop is what is lost, so plus is worse. "
        "Costs and scores that noise cannot "
        "tell apart count as equal. What a block of measurements does to all variants is in the interval of a "
        "cost and cancels in that of a ratio. The same is said, with reasons, by: ",
        f"xpareto choose {run_summary.run.place} --max-drop {answer.max_drop:g} --seed-policy mean",
    )
