"""Tatoeba in de and a small BUCC in de, of made-up sentences of letters."""

from __future__ import annotations

from pathlib import Path

import numpy as np

WORDS = "abcdefghijklmnopqrstuvwxyz"


def write_texts(root: Path) -> None:
    """Write them as XTREME lays them."""
    generator = np.random.default_rng(0)

    def lines(count: int, start: int) -> list[str]:
        return [
            " ".join(generator.choice(list(WORDS), size=1 + (start + i) % 5)) + f" {WORDS[7 * i % 26]}"
            for i in range(count)
        ]

    tatoeba, bucc = root / "tatoeba", root / "bucc2018"
    for folder in (tatoeba, bucc):
        folder.mkdir()
    foreign = lines(24, 0)
    english = [" ".join(reversed(line.split())) for line in foreign]
    (tatoeba / "de-en.de").write_text("\n".join(foreign) + "\n")
    (tatoeba / "de-en.en").write_text("\n".join(english) + "\n")
    for side, texts in (("de", foreign), ("en", [*lines(8, 2), *english[:12]])):
        numbered = [f"{side}-{i}\t{text}" for i, text in enumerate(texts)]
        (bucc / f"de-en.dev.{side}").write_text("\n".join(numbered) + "\n")
    gold = [f"de-{i}\ten-{i + 8}" for i in range(12)]
    (bucc / "de-en.dev.gold").write_text("\n".join(gold) + "\n")
