"""Show in a terminal which variant to deploy, why, and what kept the others out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table
from rich.text import Text

from eval.choice import MAX_DROP, WORST_DROP
from pipelines.printing import printer
from reports.numbers import points, ratio, three_digits
from reports.text import visible

NAMES = {MAX_DROP: "drop", WORST_DROP: "worst language's drop", "p95_ms": "p95 latency", "rss_mb": "peak memory",
         "size_mb": "size", "energy_j": "energy per example"}  # fmt: skip
_AIMS = {"latency": ("latency", "ms", 1.0), "size": ("size", "MB", 1e-6), "energy": ("energy", "J", 1.0)}


def show_choice(document: Mapping[str, Any]) -> None:
    """Print the answer, what it costs, the runner-up and every rejection."""
    console = printer()
    for line in answer(document):
        console.print(Text(visible(line)), soft_wrap=True)
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("candidate", "verdict"):
        table.add_column(column, overflow="fold")
    for name in document["fits"]:
        mark = "chosen" if name == document["fits"][0] else "fits; " + _behind(document, name)
        table.add_row(Text(visible(name)), Text(mark))
    for name, found in document["rejected"].items():
        table.add_row(Text(visible(name)), Text("; ".join(violation(own, document) for own in found)))
    for name, why in document["left_out"].items():
        table.add_row(Text(visible(name)), Text(visible(f"left out: {why}")))
    console.print(table)


def answer(document: Mapping[str, Any]) -> list[str]:
    """Return the answer in sentences, one a line."""
    chosen = document["chosen"]
    if chosen is None:
        nearest = document["nearest"]
        if nearest is None:
            return ["Nothing fits: the run has no candidate with scores."]
        missed = document["rejected"][nearest["name"]]
        return [
            "Nothing fits.",
            f"Nearest miss: {nearest['name']}: "
            + "; ".join(violation(own, document) for own in missed)
            + ".",
            *_against(nearest, document),
        ]
    lines = [f"Deploy {chosen['candidate']}."]
    if chosen["candidate"] != chosen["name"]:
        lines.append(f"It is the middle one of {len(chosen['seeds'])} seeds of {chosen['name']}.")
    lines += [f"Why: {document['rule']}", *_against(chosen, document)]
    runner = document["runner_up"]
    if runner is None:
        lines.append("Runner-up: none; nothing else meets every limit.")
    else:
        lines.append(f"Runner-up: {runner['name']}: {_behind(document, runner['name'])}.")
        lines += ["  " + line for line in _against(runner, document)]
    other = document["reported_on"]
    if other is not None:
        drop, worst = other["drop"], other["worst_language_drop"]
        lines.append(
            f"On {other['run']}: drop {points(drop['value'])} ({points(drop['low'])} to {points(drop['high'])}), most "
            f"in {other['worst_language']}: {points(worst['value'])} ({points(worst['low'])} to "
            f"{points(worst['high'])})."
        )
    cross = document["cross_fit"]
    if cross is not None and cross["held_out_drop"] is not None:
        lines.append(
            f"Chosen on {cross['folds'] - 1} of {cross['folds']} parts of the examples and scored on the other, "
            f"in turn: the same choice {cross['same_choice']} of {cross['folds']} times, with a drop of "
            f"{points(cross['held_out_drop'])} on examples that had no say in it."
        )
    return lines


def _against(facts: Mapping[str, Any], document: Mapping[str, Any]) -> list[str]:
    against, there = facts["against_baseline"], document["baseline"]["name"]
    if facts["name"] == there:
        return ["It is the baseline."]
    bits = [f"score {facts['score']:.1f} ({points(against['score'])})"]
    for name, drop in facts["drops"].items():
        bound = "" if document["point_estimates"] else f", at most {points(drop['upper'])}"
        where = f" ({drop['language']})" if "language" in drop else ""
        bits.append(f"{NAMES[name]} {points(drop['value'])}{bound}{where}")
    for name, (title, unit, scale) in _AIMS.items():
        if name in facts["aims"]:
            value = three_digits(scale * facts["aims"][name])
            bits.append(f"{title} {value} {unit} ({ratio(against.get(name))})")
    for name in ("p95_ms", "rss_mb"):
        if name in facts["costs"]:
            unit = "ms" if name == "p95_ms" else "MB"
            bits.append(
                f"{NAMES[name]} {three_digits(facts['costs'][name])} {unit} ({ratio(against.get(name))})"
            )
    return [f"Against the baseline {there}: " + "; ".join(bits) + "."]


def _behind(document: Mapping[str, Any], name: str) -> str:
    """Return why a variant that fits is not the one, as far as the runner-up's numbers say."""
    runner, chosen, prefer = document["runner_up"], document["chosen"], document["prefer"]
    if runner is None or runner["name"] != name:
        return "ranks lower"
    if prefer == "score":
        return f"scores {points(runner['score'] - chosen['score'])} against the chosen one"
    here, there = runner["aims"].get(prefer), chosen["aims"].get(prefer)
    if not here or not there:
        return f"its {prefer} is not known"
    return (
        f"{ratio(here / there)} the chosen one's {prefer}, score {points(runner['score'] - chosen['score'])}"
    )


def violation(found: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    """Return one broken limit in words."""
    name, limit = found["limit_name"], found["limit"]
    unit = {"p95_ms": " ms", "rss_mb": " MB", "size_mb": " MB", "energy_j": " J"}.get(name, " points")
    if found["found"] is None:
        return (
            f"{NAMES[name]}: not measured, so the limit of {three_digits(limit)}{unit} is not shown to hold"
        )
    where = f" in {found['language']}" if "language" in found else ""
    if unit == " points":
        words = "is" if document["point_estimates"] else "may be up to"
        return f"{NAMES[name]}{where} {words} {points(found['found'])}, {found['excess']:.1f} over {limit:g} points"
    return (
        f"{NAMES[name]} {three_digits(found['found'])}{unit}, {three_digits(found['excess'])}{unit} over "
        f"{three_digits(limit)}"
    )
