"""Tatoeba: which foreign sentence is the translation of this English one? (Artetxe & Schwenk 2019)

Gold is by position: line i of `{l}-en.{l}` translates line i of `{l}-en.en`. XTREME's own download
sorts the English file to hide that order; on such a file a model can predict, but nothing can be scored.

The hub's google/xtreme keeps the original order, under three-letter codes.
"""

from __future__ import annotations

from xpareto.eval.tasks._task import ENCODER, HubSource, Task

HUB = HubSource(
    repo="google/xtreme",
    config="tatoeba.{language}",
    splits={"test": "validation"},
    columns={"source": "source_sentence", "target": "target_sentence"},
    language_names={
        "af": "afr", "ar": "ara", "bg": "bul", "bn": "ben", "de": "deu", "el": "ell", "es": "spa",
        "et": "est", "eu": "eus", "fa": "pes", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin",
        "hu": "hun", "id": "ind", "it": "ita", "ja": "jpn", "jv": "jav", "ka": "kat", "kk": "kaz",
        "ko": "kor", "ml": "mal", "mr": "mar", "nl": "nld", "pt": "por", "ru": "rus", "sw": "swh",
        "ta": "tam", "te": "tel", "th": "tha", "tl": "tgl", "tr": "tur", "ur": "urd", "vi": "vie",
        "zh": "cmn",
    },
)  # fmt: skip

TASK = Task(
    name="tatoeba",
    kind="retrieve",
    group="retrieval",
    languages=tuple(sorted(HUB.language_names)),
    trained_on=ENCODER,
    metrics=("accuracy",),
    max_length=512,
    files={"test": ("{language}-en.{language}", "{language}-en.en")},  # one set, no split in its name
    hub=HUB,
)
