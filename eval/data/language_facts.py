"""What XLM-R read of each language of XTREME before anything else, and how that language is written.

Tokens and bytes are those of CC-100, Table 6 in Appendix A of Conneau et al. 2020, "Unsupervised
Cross-lingual Representation Learning at Scale" (arXiv 1911.02116), in the numbers that the authors later
corrected (github.com/mayhewsw/multilingual-data-stats, cc-100/cc-100.csv). Two rows of one language are
added up: simplified and traditional Chinese, Burmese in Unicode and in Zawgyi.

The table counts what stands between blanks. Of languages that put none between words it counts sentences
or so (ja: 530 million tokens in 69 GiB), so that their numbers compare with no other's: `spaced` is
False there, and the slope on tokens leaves them out. Classes of resources go by bytes, which all have.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

Resources = Literal["high", "medium", "low", "unseen"]

HIGH_GIB, MEDIUM_GIB = 20.0, 4.0  # from here on a language counts as rich, or as middling, in text


@dataclass(frozen=True)
class Pretraining:
    """One language: its script (ISO 15924), millions of tokens and GiB of text in CC-100."""

    script: str
    tokens_m: float
    gib: float
    spaced: bool = True

    @property
    def resources(self) -> Resources:
        """Return the class of resources.

        >>> LANGUAGES["en"].resources, LANGUAGES["sw"].resources, LANGUAGES["yo"].resources
        ('high', 'low', 'unseen')
        """
        if self.gib == 0:
            return "unseen"
        return "high" if self.gib >= HIGH_GIB else "medium" if self.gib >= MEDIUM_GIB else "low"

    @property
    def log_tokens(self) -> float | None:
        """Return log10 of the tokens; None where they compare with no other language's."""
        return math.log10(1e6 * self.tokens_m) if self.spaced and self.tokens_m else None


LANGUAGES = {
    "af": Pretraining("Latn", 242, 1.3), "ar": Pretraining("Arab", 2869, 28.0),
    "bg": Pretraining("Cyrl", 5487, 57.5), "bn": Pretraining("Beng", 525, 8.4),
    "de": Pretraining("Latn", 10297, 66.6), "el": Pretraining("Grek", 4285, 46.9),
    "en": Pretraining("Latn", 55608, 300.8), "es": Pretraining("Latn", 9374, 53.3),
    "et": Pretraining("Latn", 843, 6.1), "eu": Pretraining("Latn", 270, 2.0),
    "fa": Pretraining("Arab", 13259, 111.6), "fi": Pretraining("Latn", 6730, 54.3),
    "fr": Pretraining("Latn", 9780, 56.8), "he": Pretraining("Hebr", 3399, 31.6),
    "hi": Pretraining("Deva", 1715, 20.2), "hu": Pretraining("Latn", 7807, 58.4),
    "id": Pretraining("Latn", 22704, 148.3), "it": Pretraining("Latn", 4983, 30.2),
    "ja": Pretraining("Jpan", 530, 69.3, spaced=False), "jv": Pretraining("Latn", 24, 0.2),
    "ka": Pretraining("Geor", 469, 9.1), "kk": Pretraining("Cyrl", 476, 6.4),
    "ko": Pretraining("Kore", 5644, 54.2), "ml": Pretraining("Mlym", 313, 7.6),
    "mr": Pretraining("Deva", 175, 2.8), "ms": Pretraining("Latn", 1318, 8.5),
    "my": Pretraining("Mymr", 71, 2.0, spaced=False), "nl": Pretraining("Latn", 5025, 29.3),
    "pt": Pretraining("Latn", 8405, 49.1), "ru": Pretraining("Cyrl", 23408, 278.0),
    "sw": Pretraining("Latn", 275, 1.6), "ta": Pretraining("Taml", 595, 12.2),
    "te": Pretraining("Telu", 249, 4.7), "th": Pretraining("Thai", 1834, 71.7, spaced=False),
    "tl": Pretraining("Latn", 556, 3.1), "tr": Pretraining("Latn", 2736, 20.9),
    "ur": Pretraining("Arab", 730, 5.7), "vi": Pretraining("Latn", 24757, 137.3),
    "yo": Pretraining("Latn", 0, 0.0), "zh": Pretraining("Hans", 435, 63.5, spaced=False),
}  # fmt: skip
