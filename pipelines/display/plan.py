"""Show a plan: as a tree for people, as JSON for programs."""

from __future__ import annotations

import json
from collections.abc import Mapping

from xpareto.compress.core import title
from xpareto.pipelines.planning import Prepared, withheld_notes
from xpareto.reports.terminal import printer
from xpareto.reports.text import visible

MOST_LINES = 200


def cached_keys(ready: Prepared) -> dict[str, bool]:
    """Return for every node whether its artifact is in the store (present, not rehashed)."""
    ready.store.look_up(ready.plan.nodes)
    return {key: ready.store.is_made(key) for key in ready.plan.nodes}


def plan_json(ready: Prepared) -> str:
    """Return the plan as one JSON document."""
    cached = cached_keys(ready)
    nodes = [vars(node) | {"cached": cached[key]} for key, node in ready.plan.nodes.items()]
    candidates = [
        {
            "name": item.name,
            "arm": item.arm,
            "stage": item.stage,
            "runtime": item.runtime,
            "seed": item.seed,
            "settings": dict(item.settings),
            "artifacts": dict(item.artifacts),
        }
        for item in ready.plan.candidates
    ]
    document = {
        "schema": 1,
        "key": ready.plan.key,
        "baseline": ready.plan.baseline,
        "nodes": nodes,
        "candidates": candidates,
        "withheld": {
            item.task.name: {language: vars(told) for language, told in item.withheld.items()}
            for item in ready.work
            if item.withheld
        },
    }
    return json.dumps(document, ensure_ascii=False) + "\n"


def show_plan(ready: Prepared) -> None:
    """Print the graph as a tree, then the candidates."""
    from rich.text import Text
    from rich.tree import Tree

    plan, cached = ready.plan, cached_keys(ready)
    console = printer()
    children: dict[str | None, list[str]] = {}
    for key, node in plan.nodes.items():
        children.setdefault(node.parent, []).append(key)
    for note in ready.notes:
        console.print(visible(f"Note: {note}"), markup=False)
    for note in withheld_notes(ready.work):
        console.print(visible(note), markup=False)
    done = sum(cached.values())
    console.print(
        f"{len(plan.nodes)} steps ({done} cached, {len(plan.nodes) - done} to run), "
        f"{len(plan.candidates)} candidates; baseline {plan.baseline}",
        markup=False,
    )
    tree = Tree(Text(f"plan {plan.key[:12]}"))
    shown = 0
    stack: list[tuple[Tree, str]] = [(tree, key) for key in reversed(children.get(None, []))]
    while stack and shown < MOST_LINES:
        branch, key = stack.pop()
        node = plan.nodes[key]
        mark = "cached" if cached[key] else "to run"
        child_branch = branch.add(Text(f"{node.label} ({_what(node.step, node.fields)}) {key[:8]} {mark}"))
        stack += [(child_branch, child) for child in reversed(children.get(key, []))]
        shown += 1
    console.print(tree)
    if len(plan.nodes) > shown:
        console.print(f"... and {len(plan.nodes) - shown} more steps; --json has them all", markup=False)
    for candidate in plan.candidates[:MOST_LINES]:
        console.print(visible(f"  {candidate.name}"), markup=False)
    if len(plan.candidates) > MOST_LINES:
        console.print(f"  ... and {len(plan.candidates) - MOST_LINES} more candidates", markup=False)


def _what(step: str, fields: Mapping[str, object]) -> str:
    on = fields.get("on") or fields.get("training_set")
    return f"{step} on {title(on)}" if on else step
