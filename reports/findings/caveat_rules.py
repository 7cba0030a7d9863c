"""What a reader must know before relying on a report: rules over the rows."""

from __future__ import annotations

import itertools
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from xpareto.eval.analyses import NOTICEABLE_LOAD
from xpareto.eval.records import Measurement
from xpareto.eval.results import RunSummary, TaskFacts, seen_languages
from xpareto.reports.costs import BATCH_NOTE, batch_dependent, clock_drift, clock_words, energy_caveats
from xpareto.reports.findings.learning import brought_text, incomplete_text, unlearnt_texts, withheld_text
from xpareto.reports.text import seen_words

XTREME_TASKS = 9
_DOT_PRODUCTS = {"avx512_vnni", "avx_vnni", "avx_vnni_int8", "amx_int8"}
_UNSIGNED = ("quantize_dynamic", "quantize_static", "quantize_mixed")  # u8 x s8 products
NOTICEABLE_DRIFT = 0.05  # of the clock between blocks: as much as small differences of latency
NEAR = 0.10  # latencies closer than this may differ by noise alone


@dataclass(frozen=True)
class Caveat:
    """One warning; `key` is stable, for links and tests."""

    key: str
    title: str
    text: str


def caveats(run_summary: RunSummary) -> tuple[Caveat, ...]:
    """Return every caveat that the rows call for, the gravest first."""
    return tuple(caveat for rule in _RULES for caveat in rule(run_summary))


def _synthetic(run_summary: RunSummary) -> Iterator[Caveat]:
    if run_summary.run.synthetic:
        yield Caveat(
            "synthetic",
            "The data are synthetic",
            "The texts were made by a small generator, not collected. This report is evidence that the "
            "machinery works, and for nothing else: it says nothing about real languages or real models.",
        )


def _changed(run_summary: RunSummary) -> Iterator[Caveat]:
    words = changed_text(run_summary.run.changed)
    if words:
        yield Caveat(*words)


def _unlearnt(run_summary: RunSummary) -> Iterator[Caveat]:
    for words in unlearnt_texts(run_summary.unlearnt, run_summary.counted, run_summary.nothing_learnt):
        yield Caveat(*words)


def _failed(run_summary: RunSummary) -> Iterator[Caveat]:
    names = [c.name for c in run_summary.run.candidates if run_summary.failed(c.name)]
    if names:
        yield Caveat(
            "failed",
            f"Something failed for {len(names)} of {len(run_summary.run.candidates)} candidates",
            "A failed measurement is left out of the frontier and never replaced by a number; the table of "
            f"failures gives each reason. Concerned: {_some(names)}.",
        )


def _energy(run_summary: RunSummary) -> Iterator[Caveat]:
    yield from (Caveat(*words) for words in energy_caveats(run_summary))


def _clock(run_summary: RunSummary) -> Iterator[Caveat]:
    drift = clock_drift(run_summary)
    if drift > NOTICEABLE_DRIFT:
        yield Caveat(
            "clock-drift",
            "The CPU’s clock drifted between blocks",
            f"The fastest block ran at a clock {drift:.0%} above the slowest’s. {clock_words(run_summary)} Blocks "
            "measure all candidates there and back, so ratios suffer little; figures in ms and J hold for a "
            "mixture of clocks. Fix the frequency (governor, turbo) or wait until the machine is warm.",
        )


def _disturbed(run_summary: RunSummary) -> Iterator[Caveat]:
    rows = [row for rows in run_summary.run.rows.values() for row in rows if row.value is not None]
    thrown = [row.value for row in rows if row.statistic == "discarded" and row.value is not None]
    broken = sum(row.statistic == "discarded" and bool(row.error) for row in rows)
    kept = [row.value for row in rows if row.statistic == "kept_load" and row.value is not None]
    disturbed = [load for load in kept if load > NOTICEABLE_LOAD]
    if disturbed:
        yield Caveat(
            "disturbed",
            "Costs were measured beside other work",
            f"In {len(disturbed)} measurements of costs, {_others(rows)} took over "
            f"{NOTICEABLE_LOAD:.0%} of the cores' time, at most {max(disturbed):.0%}, in every attempt; the calmest "
            f"attempt is shown ({_thrown(thrown, broken)}). Latency and energy are too high there and "
            "throughput is too low; ratios are more reliable than figures.",
        )
    elif thrown:
        yield Caveat(
            "discarded",
            "Disturbed measurements were made again",
            f"{_thrown(thrown, broken)}, because {_others(rows)} took up to {max(thrown):.0%} of the "
            "cores' time; what is shown was measured afterwards, undisturbed.".capitalize(),
        )


def _others(rows: Sequence[Measurement]) -> str:
    """Return who may have taken the cores' time; a container's quota where it ran out."""
    throttled = max((row.value or 0 for row in rows if row.component == "throttled"), default=0)
    if not throttled:
        return "other processes or the hypervisor"
    return f"other processes, the hypervisor or the container's CPU quota (it ran out in {throttled:.0%} of periods)"


def _thrown(loads: Sequence[float], broken: int) -> str:
    failed = f" ({broken} of them had failed)" if broken else ""
    return f"{len(loads)} {'measurement was' if len(loads) == 1 else 'measurements were'} thrown away{failed}"


def _missing(run_summary: RunSummary) -> Iterator[Caveat]:
    parts = [
        f"{facts.name} {len(facts.missing)} of {len(facts.missing) + len(facts.languages) + len(facts.withheld)}: "
        f"{' '.join(facts.missing)}"
        for facts in run_summary.run.tasks.values()
        if facts.missing
    ]
    if parts:
        yield Caveat(
            "missing-languages",
            "Some languages have no data",
            "They are hatched in the heat map and left out of every mean, which is then a mean over "
            f"fewer languages than XTREME’s. {'; '.join(parts)}.",
        )


def _withheld(run_summary: RunSummary) -> Iterator[Caveat]:
    words = withheld_text(run_summary.run.tasks.values())
    if words:
        yield Caveat(*words)


def _incomplete(run_summary: RunSummary) -> Iterator[Caveat]:
    for words in (incomplete_text(run_summary.run.incomplete), brought_text(run_summary.run.brought)):
        if words:
            yield Caveat(*words)


def _limits(run_summary: RunSummary) -> Iterator[Caveat]:
    parts = [
        f"{facts.name}: {facts.limit}"
        for facts in run_summary.run.tasks.values()
        if facts.limit is not None and _reached(run_summary, facts)
    ]
    if parts:
        yield Caveat(
            "limited",
            "Only the first examples were used",
            f"Examples per language at most: {', '.join(parts)}. Scores differ from those on the full sets.",
        )


def _reached(run_summary: RunSummary, facts: TaskFacts) -> bool:
    """Has any language as many examples as its limit allows? With fewer of each, the limit cut nothing.

    Of a mined corpus the limit is on sentences, of which rows do not tell how many there were.
    """
    if facts.known and facts.task.kind == "mine":
        return True
    scores = [
        cell.score
        for cells in run_summary.cells.values() for (name, _), cell in cells.items() if name == facts.name
    ]  # fmt: skip
    return any(score is not None and score.examples >= (facts.limit or 0) for score in scores)


def _seeds(run_summary: RunSummary) -> Iterator[Caveat]:
    if len({candidate.seed for candidate in run_summary.run.candidates}) == 1:
        yield Caveat(
            "one-seed",
            "One training seed only",
            "Each model was trained once, so how much scores vary from training to training is unknown. "
            "Differences of a point or two between arms may be the luck of the seed.",
        )


def _average(run_summary: RunSummary) -> Iterator[Caveat]:
    tasks = run_summary.run.tasks
    count = len(tasks)
    if count < XTREME_TASKS and any(facts.declared is None for facts in tasks.values()):
        yield Caveat(
            "not-xtreme-average",
            f"The average is over {count} task{'s' if count != 1 else ''}, not XTREME’s nine",
            "It must not be compared with published XTREME averages.",
        )


def _splits(run_summary: RunSummary) -> Iterator[Caveat]:
    others = [
        f"{facts.name} ({facts.split})" for facts in run_summary.run.tasks.values() if facts.split != "test"
    ]
    if others:
        yield Caveat(
            "not-test",
            "Not every task is scored on its test split",
            f"Concerned: {_some(others)}. Such scores are not comparable with published ones.",
        )


def _udpos(run_summary: RunSummary) -> Iterator[Caveat]:
    facts = run_summary.run.tasks.get("udpos")
    if facts and facts.metrics[:1] == ("f1",):
        yield Caveat(
            "udpos-f1",
            "F1 of udpos is XTREME’s own",
            "It is chunk F1 over bare tags, where neighbours with equal tags merge into one chunk "
            "(seqeval 0.0.12), not token accuracy.",
        )


def _latency(run_summary: RunSummary) -> Iterator[Caveat]:
    values = [
        v
        for candidate_values in run_summary.values.values()
        if (v := candidate_values.get("latency_ms")) is not None
    ]
    near = sum(abs(a - b) < NEAR * max(a, b) for a, b in itertools.combinations(values, 2))
    if near:
        yield Caveat(
            "latency-noise",
            "Small differences of latency may be noise",
            f"{near} pair{'s' if near > 1 else ''} of candidates differ by less than {NEAR:.0%}, and what two copies "
            "of one candidate differ by was not evaluated here.",
        )


def _batches(run_summary: RunSummary) -> Iterator[Caveat]:
    names = batch_dependent(run_summary)
    if names:
        title = "Dynamic int8 is scored in other batches than it is timed in"
        yield Caveat("dynamic-batches", title, f"{BATCH_NOTE} Concerned: {_some(names)}.")


def _selection(run_summary: RunSummary) -> Iterator[Caveat]:
    if sum(candidate_values["score"] is not None for candidate_values in run_summary.values.values()) > 1:
        yield Caveat(
            "selection",
            "Chosen and reported on the same examples",
            "The best of several candidates looks a little better here than it is (winner’s curse).",
        )


def _machines(run_summary: RunSummary) -> Iterator[Caveat]:
    machines = {
        json.dumps(_machine(o.environment), sort_keys=True, default=str) for o in run_summary.run.origins
    }
    if len(machines) > 1:
        yield Caveat(
            "machines",
            "The runs come from different machines",
            "Latency, memory, throughput and energy do not compare between them.",
        )


def _instructions(run_summary: RunSummary) -> Iterator[Caveat]:
    quantized = [c for c in run_summary.run.candidates if any(s.step.startswith("quantize") for s in c.steps)]
    full = [
        candidate.name
        for candidate in quantized
        if any(step.step in _UNSIGNED and not step.fields.get("reduce_range") for step in candidate.steps)
    ]
    for origin in run_summary.run.origins:
        tried, flags = origin.environment.get("int8_products"), origin.environment.get("cpu_flags") or ()
        if full and tried == "saturates":
            yield Caveat(
                "int8-saturates",
                "8-bit products saturate on this CPU",
                "onnxruntime was tried here: sums of full-range 8-bit products lack what exceeds 16 bits. Scores "
                "of quantized candidates without reduce_range are therefore not those of other CPUs, and "
                f"mostly worse. Concerned: {_some(full)}.",
            )
        if quantized and "avx2" in flags and not _DOT_PRODUCTS & set(flags):
            yield Caveat(
                "no-int8-instructions",
                "This CPU has no instructions for int8 products",
                "Without VNNI or AMX, int8 gains less speed than it does on newer servers"
                + ("" if tried else ", and products may saturate at 16 bits, which can cost accuracy")
                + ". Latency of int8 may be better elsewhere.",
            )
            return


def _machine(environment: object) -> object:
    if not isinstance(environment, dict):
        return None
    return {key: environment.get(key) for key in ("cpu", "cpu_flags", "cores", "memory_bytes", "os")}


def changed_text(files_by_run: Mapping[str, Sequence[str]]) -> tuple[str, str, str] | None:
    """Return key, title and text on runs whose files are not those that were sealed.

    >>> changed_text({"r": ["measurements.jsonl"]})[2]
    'Rows may be lost or altered since the run ended: xpareto verify r. Concerned: r (measurements.jsonl).'
    """
    if not files_by_run:
        return None
    parts = "; ".join(f"{run} ({', '.join(files)})" for run, files in files_by_run.items())
    checked = "; ".join(f"xpareto verify {shlex.quote(run)}" for run in files_by_run)
    text = f"Rows may be lost or altered since the run ended: {checked}. Concerned: {parts}."
    return "changed", "This run's measurements differ from its seal", text


def _some(names: list[str]) -> str:
    if len(names) <= 9:  # "and 1 more" would take the place of the name
        return ", ".join(names)
    return f"{', '.join(names[:8])} and {len(names) - 8} more"


def _seen(run_summary: RunSummary) -> Iterator[Caveat]:
    scored = {code for facts in run_summary.run.tasks.values() for code in facts.languages}
    by_arm: dict[str, list[str]] = {}
    for candidate in run_summary.run.candidates:
        seen = seen_languages(candidate)
        by_arm.setdefault(candidate.arm, []).append(
            seen_words(seen.labels, seen.text, seen.whole_texts, scored)
        )
    if any(map(any, by_arm.values())):
        arms = "; ".join(
            f"{'' if all(found) else 'some variants of '}{arm} saw {next(filter(None, found))}"
            for arm, found in by_arm.items()
            if any(found)
        )
        yield Caveat(
            "not-zero-shot",
            "Not every language is zero-shot in every arm",
            f"By arm: {arms}. Scores in these languages are not zero-shot there; "
            "tables mark them († labels, ‡ text).",
        )


_RULES: tuple[Callable[[RunSummary], Iterator[Caveat]], ...] = (
    _synthetic, _changed, _unlearnt, _failed, _energy, _disturbed, _clock, _withheld, _missing, _incomplete, _limits,
    _seeds, _seen, _splits, _average, _udpos, _latency, _batches, _instructions, _selection, _machines,
)  # fmt: skip
