"""Show in a terminal which variant to deploy, why, and what kept the others out."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from xpareto.compress.core import enumerated
from xpareto.eval.analyses import WITH
from xpareto.eval.analyses.documents import BrokenLimit, Recommendation, VariantFacts
from xpareto.eval.objectives import MEGABYTE, Limit, declared_limits, preferences
from xpareto.eval.results import with_basis
from xpareto.reports.findings import NOTHING_LEARNT, power_words, unlearnt_text
from xpareto.reports.terminal.tables import printer
from xpareto.reports.text import midway, points, ratio, three_digits, visible

_FEW_BLOCKS = 4  # Student's t of three degrees of freedom is 2.4 on one side, of one 6.3


def show_choice(document: Recommendation) -> None:
    """Print the answer, what it costs, the runner-up, every rejection, and what the figures rest on."""
    console = printer()
    for line in answer(document):
        console.print(Text(visible(line)))
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("candidate", overflow="fold", no_wrap=True)  # a narrow terminal folds reasons, not names
    table.add_column("verdict", overflow="fold")
    for place, name in enumerate(document.fits):
        table.add_row(Text(visible(name)), Text(("chosen", "runner-up")[place] if place < 2 else "fits"))
    for name, broken in document.rejected.items():
        table.add_row(Text(visible(name)), Text("; ".join(violation(limit, document) for limit in broken)))
    for name, why in document.left_out.items():
        table.add_row(Text(visible(name)), Text(visible(f"left out: {why}")))
    console.print(table)
    console.print()
    for line in notes(document):
        console.print(Text(visible(line)))


def answer(document: Recommendation) -> list[str]:
    """Return the answer in sentences, one a line."""
    chosen = document.chosen
    if document.nothing_learnt:
        return [f"{NOTHING_LEARNT} To decide all the same: --count-unlearnt."]
    if chosen is None:
        return ["Nothing fits.", *_nearest(document)]
    lines = [f"Deploy {chosen.candidate}."]
    if chosen.candidate != chosen.name:
        lines.append(f"It is the middle one of {len(chosen.seeds)} seeds of {chosen.name}.")
    lines += [*_against(chosen, document), f"Why: {document.rule}"]
    runner = document.runner_up
    if runner is None:
        return [*lines, "Runner-up: none; nothing else meets every limit."]
    baseline = runner.name == document.baseline.name
    lines.append(
        f"Runner-up: {runner.name}{', the baseline' if baseline else ''}: {_behind(document, runner.name)}."
    )
    return lines + ([] if baseline else ["  " + line for line in _against(runner, document)])


def notes(document: Recommendation) -> list[str]:
    """Return what the figures are, what they rest on, and what the examples can show, one sentence or more a line."""
    if document.nothing_learnt:
        return []
    lines = _ends(document) + _power(document) + _tokenization(document) + _few_blocks(document)
    other = document.reported_on
    if other is not None:
        drop, worst = other.drop, other.worst_language_drop
        lines.append(
            f"On {other.run}: drop {points(drop.value)} ({points(drop.low)} to {points(drop.high)}), most "
            f"in {other.worst_language}: {points(worst.value)} ({points(worst.low)} to "
            f"{points(worst.high)})."
        )
    cross = document.cross_fit
    if cross is not None and cross.held_out_drop is not None:
        lines.append(
            f"Chosen on {cross.folds - 1} of {cross.folds} parts of the examples and scored on the other, "
            f"in turn: the same choice {cross.same_choice} of {cross.folds} times, with a drop of "
            f"{points(cross.held_out_drop)} on examples that had no say in it."
        )
    return lines


def _nearest(document: Recommendation) -> list[str]:
    nearest = document.nearest
    lines = []
    if document.unmeasured:
        names = " and ".join(_name(limit_name, document) for limit_name in document.unmeasured)
        lines.append(
            f"{names[:1].upper()}{names[1:]}: nothing was measured, of no variant, so no limit on it is "
            "shown to hold."
        )
    if nearest is None and len(document.limits) > len(document.unmeasured):
        others = [
            name
            for name, limits in document.rejected.items()
            if all(limit.limit_name in document.unmeasured for limit in limits)
        ]
        lines.append(f"Every other limit is met by {enumerated(others, 4)}.")
    if nearest is not None:
        missed = "; ".join(
            violation(limit, document) + _over(limit) for limit in document.rejected[nearest.name]
        )
        lines += [f"Nearest miss: {nearest.name}: {missed}.", *_against(nearest, document)]
    return lines


def _power(document: Recommendation) -> list[str]:
    """Return what does not count, and what the examples can show of each limit on a drop."""
    uncounted = [text] if (text := unlearnt_text(document.unlearnt, document.tasks)) else []
    if document.point_estimates:
        return uncounted
    return uncounted + [
        power_words(_name(limit, document), document.limits[limit], power, document.chosen is not None)
        for limit, power in document.power.items()
    ]


def _ends(document: Recommendation) -> list[str]:
    """Return what the numbers above are: the sign of a drop, the ends of limits, and of what a cost is."""
    chosen = document.chosen
    if chosen is None:
        return []
    told = [one.note for name, one in preferences().items() if one.note and one.told and name in chosen.aims]
    if chosen.drops and not document.point_estimates:
        told.insert(
            0,
            "A drop is a loss: plus is worse. “At most” and “up to” are ends of one-sided 95 % limits, nearer than "
            "those of the report’s two-sided intervals.",
        )
    return [" ".join(told)] if told else []


def _tokenization(document: Recommendation) -> list[str]:
    """Return what p95 holds, where it is told."""
    how = document.tokenization
    if not how:
        return []
    if how == WITH:
        return ["p95 latency is the model's p95 plus the mean tokenization of a sequence of the same task."]
    return [f"p95 latency is the model's alone, without tokenization, which was {how}."]


def _few_blocks(document: Recommendation) -> list[str]:
    """Return a line where limits on costs are met as measured, and their ends rest on few blocks."""
    broken = {
        limit.limit_name
        for limits in document.rejected.values()
        for limit in limits
        if limit.upper is not None and limit.value is not None and limit.value <= limit.limit
    }
    blocks = document.blocks_of_limits
    asked = {*document.limits, document.prefer}
    once = [name for name in document.in_one_block if name in asked]
    if once:
        named = [_name(name, document) if name in blocks else name for name in once]
        return [
            f"Measured in one block: {enumerated(list(dict.fromkeys(named)))}. What noise does to it is not known, so "
            "it is taken as measured, and nothing here shows that one variant has less of it than another, or "
            "meets a limit on it. Measure with measure.blocks: 4 or more."
        ]
    named = [name for name in _cost_limits() if name in broken and blocks[name] < _FEW_BLOCKS]
    if document.point_estimates or not named:
        return []
    ends = "its upper end rests" if len(named) == 1 else "their upper ends rest"
    return [
        f"Some variants meet the limit on {enumerated([_name(name, document) for name in named])} as measured; "
        f"{ends} on {min(blocks[name] for name in named)} blocks, which tell little of how the machine differs from "
        "one to the next: measure.blocks: 4 and more narrows that."
    ]


def _cost_limits() -> dict[str, Limit]:
    return {name: limit for name, (_, limit) in declared_limits().items() if limit.measure is not None}


def _name(limit: str, document: Recommendation) -> str:
    objective, declared = declared_limits()[limit]
    title = with_basis(declared.title, document.bases.get(objective.aim, ""))
    if limit == "p95_ms" and document.tokenization:
        return f"{title} {'with' if document.tokenization == WITH else 'without'} tokenization"
    return title


def _against(facts: VariantFacts, document: Recommendation) -> list[str]:
    against, there = facts.against_baseline or {}, document.baseline.name
    if facts.name == there:
        return ["It is the baseline."]
    bits = [f"score {facts.score:.1f} ({points(against.get('score'))})"]
    for name, drop in facts.drops.items():
        bound = "" if document.point_estimates else f", at most {points(drop.upper)}"
        where = f" ({drop.language})" if drop.language else ""
        bits.append(f"{_name(name, document)} {points(drop.value)}{bound}{where}")
    for name, quality in facts.qualities.items():
        change, low, high = map(points, quality.change)
        bits.append(f"{_noun(name, document)} {quality.value:.1f} ({change}, {low} to {high})")
    for name, objective in preferences().items():
        preferred = document.prefer == name and not any(limit.told for limit in objective.limits)
        if name in facts.aims and (objective.told or preferred):
            scale, unit = (MEGABYTE, "MB") if objective.unit == "bytes" else (1.0, objective.unit)
            value = three_digits(facts.aims[name] / scale)
            bits.append(f"{_noun(name, document)} {value} {unit} ({ratio(against.get(name))})")
    for name, limit in _cost_limits().items():
        if name in facts.costs and (limit.told or name in document.limits):
            upper = None
            if name in document.limits and not document.point_estimates:
                upper = facts.cost_uppers.get(name)
            bound = "" if upper is None else f", at most {three_digits(upper)}"
            cost = three_digits(facts.costs[name])
            bits.append(f"{_name(name, document)} {cost} {limit.unit}{bound} ({ratio(against.get(name))})")
    return [f"Against the baseline {there}: " + "; ".join(bits) + "."]


def _noun(aim: str, document: Recommendation) -> str:
    """Return what is preferred in words, its alias or its title, with what it rests on."""
    objective = preferences()[aim]
    return with_basis(objective.alias or midway(objective.title), document.bases.get(aim, ""))


def _behind(document: Recommendation, name: str) -> str:
    """Return why a variant that fits is not the one, as far as the runner-up's numbers say."""
    runner, chosen, prefer = document.runner_up, document.chosen, document.prefer
    if runner is None or chosen is None or runner.name != name:
        return "ranks lower"
    if prefer == "score":
        return f"scores {points(runner.score - chosen.score)} against the chosen one"
    if prefer in runner.qualities and prefer in chosen.qualities:
        behind = runner.qualities[prefer].value - chosen.qualities[prefer].value
        return f"{_noun(prefer, document)} {points(behind)} against the chosen one"
    here, there = runner.aims.get(prefer), chosen.aims.get(prefer)
    if not here or not there:
        return f"its {prefer} is not known"
    change = points(runner.score - chosen.score)
    return f"{ratio(here / there)} the chosen one's {_noun(prefer, document)}, score {change}"


def violation(broken: BrokenLimit, document: Recommendation) -> str:
    """Return one broken limit in words: what was measured, the most that it can be, and the limit."""
    limit, name = broken.limit_name, _name(broken.limit_name, document)
    cost = _cost_limits().get(limit)
    if cost is None:
        return _drop_violation(broken, name, document)
    unit = cost.unit
    most = f"{three_digits(broken.limit)} {unit}"
    if broken.value is None or broken.excess is None:
        return f"{name}: not measured, so the limit of {most} is not shown to hold"
    value = f"{three_digits(broken.value)} {unit}"
    if document.point_estimates:
        return f"{name} {value}, limit {most}"
    if broken.upper is None:
        known = document.noise_of_limits.get(limit) == "exact"
        return f"{name} {value}, limit {most}" + (
            "" if known else " (measured once, so its noise is not known)"
        )
    return f"{name} {value} (up to {three_digits(broken.upper)} {unit}), limit {most}"


def _over(broken: BrokenLimit) -> str:
    """Return by how much a limit is missed."""
    if broken.excess is None:
        return ""
    cost = _cost_limits().get(broken.limit_name)
    if cost is not None:
        return f", {three_digits(broken.excess)} {cost.unit} over it"
    return f", {broken.excess:.1f} over it" if broken.excess >= 0.05 else ", less than 0.1 over it"


def _drop_violation(broken: BrokenLimit, name: str, document: Recommendation) -> str:
    limit = broken.limit
    if broken.excess is None:
        return f"{name}: not known, so the limit of {limit:g} points is not shown to hold"
    where = f" in {broken.language}" if broken.language else ""
    bound = "" if document.point_estimates else f" (up to {points(broken.found)})"
    value = broken.found if document.point_estimates else broken.value
    return f"{name}{where} {points(value)}{bound}, limit {limit:g}"
