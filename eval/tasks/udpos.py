"""UDPOS: universal part-of-speech tags of Universal Dependencies 2.5, as XTREME converts them.

`f1` is the official score: chunk F1 over bare tags, as seqeval 0.0.12 computes it. seqeval 1.2.2
takes the first letter of a bare tag for a prefix and drops it, so that CCONJ and SCONJ become one
class: its number differs (see eval.metrics.chunk_f1). `accuracy` is the share of words.

The hub's google/xtreme has one configuration per language, spelt in English. Its rows keep the
syntactic words of a fused form apart, where XTREME's files keep the fused form: for languages with
fused forms (ar, de, es, fr, he, it, pt, ta, tr …) scores on the two are not the same number.

Trained on its English; ``udpos@de`` is native German, from its treebanks' train files.
"""

from __future__ import annotations

from xpareto.eval.tasks._task import HubSource, Task, TrainingSet

LABELS = (
    "ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "INTJ", "NOUN", "NUM",
    "PART", "PRON", "PROPN", "PUNCT", "SCONJ", "SYM", "VERB", "X",
)  # fmt: skip

HUB = HubSource(
    repo="google/xtreme",
    config="udpos.{language}",
    splits={"train": "train", "dev": "validation", "test": "test"},
    columns={"words": "tokens", "tags": "pos_tags"},
    language_names={
        "af": "Afrikaans", "ar": "Arabic", "bg": "Bulgarian", "de": "German", "el": "Greek",
        "en": "English", "es": "Spanish", "et": "Estonian", "eu": "Basque", "fa": "Persian",
        "fi": "Finnish", "fr": "French", "he": "Hebrew", "hi": "Hindi", "hu": "Hungarian",
        "id": "Indonesian", "it": "Italian", "ja": "Japanese", "kk": "Kazakh", "ko": "Korean",
        "mr": "Marathi", "nl": "Dutch", "pt": "Portuguese", "ru": "Russian", "ta": "Tamil",
        "te": "Telugu", "th": "Thai", "tl": "Tagalog", "tr": "Turkish", "ur": "Urdu",
        "vi": "Vietnamese", "yo": "Yoruba", "zh": "Chinese",
    },
)  # fmt: skip

TASK = Task(
    name="udpos",
    kind="tag",
    group="tagging",
    languages=tuple(sorted(HUB.language_names)),
    trained_on="udpos",
    metrics=("f1", "accuracy"),
    labels=LABELS,
    max_length=128,
    hub=HUB,
)

_DEV = ("xtreme/udpos/dev-en.tsv",)

TRAINING = TrainingSet(
    name="udpos",
    kind="tag",
    labels=LABELS,
    dev_metrics=("f1",),
    files={"train": ("xtreme/udpos/train-en.tsv",), "dev": _DEV},
    hub=HUB,
    translated={"train": ("xtreme/udpos/train-{language}.tsv",), "dev": _DEV},
)
