"""What a piece of work is called while it is made: its label, training set, swept fields, seed and arms."""

from __future__ import annotations

import json

from xpareto.compress.core import title
from xpareto.pipelines.planning.graph import Plan


def work_titles(plan: Plan) -> dict[str, str]:
    """Return for every node of a plan, by key, what it is called, such as
    `int8 embeddings=true (udpos) for arm english`.

    Swept fields, seeds and arms are told where a plan has several of them and the work is not of all.
    """
    arms: dict[str, dict[str, None]] = {}
    seeds: dict[str, dict[int, None]] = {}
    settings: dict[str, list[dict[str, object]]] = {}
    for candidate in plan.candidates:
        for end in candidate.artifacts.values():
            for node in plan.ancestors(end):
                arms.setdefault(node.key, {})[candidate.arm] = None
                seeds.setdefault(node.key, {})[candidate.seed] = None
                settings.setdefault(node.key, []).append(dict(candidate.settings))
    every_arm = dict.fromkeys(candidate.arm for candidate in plan.candidates)
    every_seed = dict.fromkeys(candidate.seed for candidate in plan.candidates)
    titles = {}
    for key, node in plan.nodes.items():
        words = [node.label]
        words += [
            f"{path.partition('.')[2]}={json.dumps(value, ensure_ascii=False).strip(chr(34))}"
            for path, value in _shared(settings.get(key, [])).items()
            if path.partition(".")[0] == node.label
        ]
        named = [one.fields.get("on") or one.fields.get("training_set") for one in plan.ancestors(key)]
        sets = [title(name) for name in named if name]
        words += [f"({sets[0]})"] if sets else []
        if len(every_seed) > 1 and len(seeds.get(key, ())) == 1:
            words.append(f"seed {next(iter(seeds[key]))}")
        if 0 < len(arms.get(key, ())) < len(every_arm):
            words.append(f"for arm{'s' * (len(arms[key]) > 1)} {', '.join(arms[key])}")
        titles[key] = " ".join(words)
    return titles


def _shared(settings: list[dict[str, object]]) -> dict[str, object]:
    """Return the swept fields that all candidates of a piece of work have with the same value."""
    first, *others = settings or [{}]
    return {path: value for path, value in first.items() if all(one.get(path) == value for one in others)}
