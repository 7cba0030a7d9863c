"""Which candidates of a run stand against each other when two of its arms are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xpareto.compress.core import InputError, hint
from xpareto.eval.results.document import Candidate
from xpareto.eval.results.summary import RunSummary


@dataclass(frozen=True)
class Matched:
    """A full grid of candidates: `names` is (arms, variants, seeds), the compared arms first.

    `labels` say what the two sides are; in a comparison of an arm with itself (`same_arm`) the sides
    are two halves of its seeds, and `seeds` numbers the pairs.
    """

    labels: tuple[str, str]
    arms: tuple[str, ...]
    variants: tuple[str, ...]
    seeds: tuple[int, ...]
    names: tuple[tuple[tuple[str, ...], ...], ...]
    same_arm: bool
    left_out: Mapping[str, str]  # candidate -> why

    @property
    def flat(self) -> list[str]:
        """Return the names with the seeds running fastest, then the variants, then the arms."""
        return [name for arm in self.names for variant in arm for name in variant]


def match(run_summary: RunSummary, a: str, b: str) -> Matched:
    """Return the grid on which arms A and B are compared.

    Candidates match in stage, runtime, swept settings and seed. The seeds are those that both arms
    have in the first variant; a variant that lacks one of them in either arm is left out, so that all
    variants rest on the same trainings. Other arms that have the whole grid come along.

    InputError for an arm that the run has not, or when no pair of candidates matches.
    """
    arms = list(dict.fromkeys(candidate.arm for candidate in run_summary.run.candidates))
    for arm in (a, b):
        if arm not in arms:
            raise InputError(f'No arm "{arm}" in this run.{hint(arm, arms)} It has: {", ".join(arms)}.')
    if len(arms) == 1 and a != b:
        raise InputError(f"The run has one arm only ({arms[0]}).")
    left_out = {
        candidate.name: "it failed, or has no score in every task and language"
        for candidate in run_summary.run.candidates
        if run_summary.average(candidate.name) is None
    }
    by_arm: dict[str, dict[str, dict[int, str]]] = {arm: {} for arm in arms}  # arm -> variant -> seed
    for candidate in run_summary.run.candidates:
        if candidate.name not in left_out:
            by_arm[candidate.arm].setdefault(variant_of(candidate), {})[candidate.seed] = candidate.name
    pairs = _halves(by_arm[a]) if a == b else _pairs(by_arm[a], by_arm[b])
    if not pairs:
        raise InputError(_nothing(a, b, run_summary, left_out))
    seeds = sorted(next(iter(pairs.values())))
    variants = [variant for variant, by_seed in pairs.items() if set(seeds) <= set(by_seed)]
    grids = [
        tuple(tuple(pairs[variant][seed][side] for seed in seeds) for variant in variants) for side in (0, 1)
    ]
    others = [
        arm
        for arm in arms
        if a != b and arm not in (a, b) and all(set(seeds) <= set(by_arm[arm].get(v, ())) for v in variants)
    ]
    grids += [tuple(tuple(by_arm[arm][v][seed] for seed in seeds) for v in variants) for arm in others]
    used = {name for grid in grids for row in grid for name in row}
    for candidate in run_summary.run.candidates:
        if candidate.arm in (a, b) and candidate.name not in used:
            left_out.setdefault(candidate.name, "it has no counterpart of equal stage, runtime and seed")
    labels = (a, b) if a != b else _half_labels(run_summary, grids)
    mine = {
        c.name: left_out[c.name] for c in run_summary.run.candidates if c.name in left_out and c.arm in (a, b)
    }
    return Matched(
        labels, (*labels, *others), tuple(variants), tuple(seeds), tuple(grids), a == b, mine
    )  # fmt: skip


def variant_of(candidate: Candidate) -> str:
    """Return a candidate's name without its arm and its seed."""
    without_arm = candidate.name.removeprefix(f"{candidate.arm}/")
    return without_arm.replace(f"/seed={candidate.seed}/", "/")


def _pairs(
    a: Mapping[str, Mapping[int, str]], b: Mapping[str, Mapping[int, str]]
) -> dict[str, dict[int, tuple[str, str]]]:
    paired = {
        variant: {seed: (name, b[variant][seed]) for seed, name in by_seed.items() if seed in b[variant]}
        for variant, by_seed in a.items()
        if variant in b
    }
    return {variant: by_seed for variant, by_seed in paired.items() if by_seed}


def _halves(arm: Mapping[str, Mapping[int, str]]) -> dict[str, dict[int, tuple[str, str]]]:
    """Return the first half of the seeds paired with the second; an odd one out is left."""
    halves: dict[str, dict[int, tuple[str, str]]] = {}
    for variant, by_seed in arm.items():
        names = [by_seed[seed] for seed in sorted(by_seed)]
        half = len(names) // 2
        if half:
            halves[variant] = dict(enumerate(zip(names[:half], names[half : 2 * half], strict=True)))
    return halves


def _half_labels(run_summary: RunSummary, grids: Sequence[Sequence[Sequence[str]]]) -> tuple[str, str]:
    first, second = (
        [run_summary.run.candidate(name) for name in grids[side][0]] for side in (0, 1)
    )  # fmt: skip
    return _half_label(first), _half_label(second)


def _half_label(candidates: Sequence[Candidate]) -> str:
    seeds = ", ".join(str(candidate.seed) for candidate in candidates)
    return f"{candidates[0].arm} (seed{'s' if len(candidates) > 1 else ''} {seeds})"


def _nothing(a: str, b: str, run_summary: RunSummary, left_out: Mapping[str, str]) -> str:
    if a == b:
        return (
            f"An arm is compared with itself by its seeds, and {a} has fewer than two whose candidates have "
            "scores. Name two arms, or run the recipe with more seeds."
        )
    failed = [name for name in left_out if run_summary.run.candidate(name).arm in (a, b)]
    reason = f" Without a score: {', '.join(failed[:6])}." if failed else ""
    return (
        f"Arms {a} and {b} have fewer than two candidates to compare: none of equal stage, runtime, "
        f"settings and seed has scores in both.{reason}"
    )
