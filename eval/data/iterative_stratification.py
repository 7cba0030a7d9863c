"""Examples with several labels each, shared out so that every part has its share of every label."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def shared_out(
    drawn: Sequence[str],
    labels: Mapping[str, frozenset[str]],
    sizes: Mapping[str, int],
    shares: Mapping[str, float],
) -> dict[str, str]:
    """Return the part of each text: of every label, the rarest first, the parts get the shares that they still want.

    `drawn` are the texts in the order in which they are given out, `labels` those of each (maybe none), `sizes` how
    many examples have the text; `shares` of all parts sum to 1. The iterative stratification of Sechidis, Tsoumakas and
    Vlahavas 2011, "On the Stratification of Multi-Label Data", algorithm 1. Combinations of labels, most of which may
    occur once, are not held to.

    >>> labels = {f"{n}": frozenset("ab"[: 1 + n % 2]) for n in range(10)}
    >>> found = shared_out([*labels], labels, dict.fromkeys(labels, 1), {"train": 0.6, "test": 0.4})
    >>> sorted(len(labels[text]) for text, part in found.items() if part == "test")
    [1, 1, 2, 2]
    """
    total = sum(sizes[text] for text in drawn)
    open_of: dict[str, list[str]] = {}
    for text in drawn:
        for label in sorted(labels[text]):
            open_of.setdefault(label, []).append(text)
    wanted = {part: share * total for part, share in shares.items()}
    wanted_of = {
        label: {part: share * sum(sizes[text] for text in texts) for part, share in shares.items()}
        for label, texts in open_of.items()
    }
    left = {label: sum(sizes[text] for text in texts) for label, texts in open_of.items()}
    found: dict[str, str] = {}

    def give(text: str, wants: Mapping[str, float]) -> None:
        part = max(shares, key=lambda name: (wants[name], wanted[name]))  # of equals the first
        found[text] = part
        wanted[part] -= sizes[text]
        for label in labels[text]:
            wanted_of[label][part] -= sizes[text]
            left[label] -= sizes[text]

    while any(left.values()):
        rarest = min(
            (label for label, count in left.items() if count), key=lambda label: (left[label], label)
        )
        for text in open_of[rarest]:
            if text not in found:
                give(text, wanted_of[rarest])
    for text in drawn:
        if text not in found:
            give(text, wanted)
    return found
