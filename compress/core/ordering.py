"""What steps ask of the order in a chain, as data: the plan checks it before any weight is loaded.

`follow` checks what the artifact is (its format, its head); rules check how it came to be.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Relation = Literal["after", "never_after", "needs_later", "never_before", "next"]


@dataclass(frozen=True)
class Rule:
    """One demand of a step on what stands around it in its chain.

    after: one of `steps` stands before it. never_after: none of them does. needs_later: one of them
    stands after it, before the chain ends. never_before: none of them stands after it. next: where the
    chain goes on, it goes on with one of them. `why` ends the sentence "..., because", `fix` says what to
    do instead.

        Rule("never_after", ("quantize_dynamic",), why="its weights are integers already",
             fix="Keep one of the two.")
    """

    relation: Relation
    steps: tuple[str, ...]
    why: str
    fix: str

    def told(self, name: str) -> str:
        """Return the rule as a sentence.

        >>> Rule("after", ("a", "b"), "x is so", "Do y.").told("c")
        'c needs a or b before it, because x is so. Do y.'
        """
        steps = " or ".join(self.steps)
        demand = {
            "after": f"needs {steps} before it",
            "never_after": f"never comes after {steps}",
            "needs_later": f"needs {steps} after it",
            "never_before": f"never comes before {steps}",
            "next": f"is followed by {steps} at once",
        }[self.relation]
        return f"{name} {demand}, because {self.why}. {self.fix}"


def broken_here(
    name: str, rules: Iterable[Rule], done: Sequence[tuple[str, Iterable[Rule]]]
) -> tuple[int | None, str] | None:
    """Return the first rule that a step breaks where it stands, or None.

    `done`: the steps before it with their rules, in order. The result is the position in `done` of the
    step that is in the way (None where one is missing), and the rule that is broken, told.

    >>> never = Rule("never_after", ("export",), "x", "Put it first.")
    >>> broken_here("prune", [never], [("train", ()), ("export", ())])
    (1, 'prune never comes after export, because x. Put it first.')
    """
    for rule in rules:
        places = [place for place, (earlier, _) in enumerate(done) if earlier in rule.steps]
        if rule.relation == "after" and not places:
            return None, rule.told(name)
        if rule.relation == "never_after" and places:
            return places[-1], rule.told(name)
    for place, (earlier, theirs) in enumerate(done):
        for rule in theirs:
            if rule.relation == "never_before" and name in rule.steps:
                return place, rule.told(earlier)
            if rule.relation == "next" and place == len(done) - 1 and name not in rule.steps:
                return place, rule.told(earlier)
    return None


def broken_at_end(done: Sequence[tuple[str, Iterable[Rule]]]) -> tuple[int, str] | None:
    """Return the first step of a whole chain that lacks a follower, and the broken rule, told; or None.

    >>> need = Rule("needs_later", ("export",), "x", "Add one.")
    >>> broken_at_end([("fake", [need]), ("train", [])])
    (0, 'fake needs export after it, because x. Add one.')
    >>> broken_at_end([("fake", [need]), ("export", [])])
    """
    for place, (name, rules) in enumerate(done):
        later = {after for after, _ in done[place + 1 :]}
        for rule in rules:
            if rule.relation == "needs_later" and later.isdisjoint(rule.steps):
                return place, rule.told(name)
    return None
