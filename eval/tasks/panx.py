"""PANX: named entities of WikiAnn in 40 languages, IOB tags (Pan et al. 2017, Rahimi et al. 2019).

`f1` is the official score: entity F1 as seqeval gives it, lenient on invalid IOB. XTREME's files are
WikiAnn's with the prefix ``de:`` of every token taken off; dev exists in every language. The hub's
google/xtreme has the same sentences, one configuration per language.

Trained on its English; ``panx@sw`` is native Swahili, from WikiAnn's own train split.
"""

from __future__ import annotations

from xpareto.eval.tasks._task import HubSource, Task, TrainingSet

LABELS = ("B-LOC", "B-ORG", "B-PER", "I-LOC", "I-ORG", "I-PER", "O")

HUB = HubSource(
    repo="google/xtreme",
    config="PAN-X.{language}",
    splits={"train": "train", "dev": "validation", "test": "test"},
    columns={"words": "tokens", "tags": "ner_tags"},
)

TASK = Task(
    name="panx",
    kind="tag",
    group="tagging",
    languages=(
        "af", "ar", "bg", "bn", "de", "el", "en", "es", "et", "eu", "fa", "fi", "fr", "he", "hi",
        "hu", "id", "it", "ja", "jv", "ka", "kk", "ko", "ml", "mr", "ms", "my", "nl", "pt", "ru",
        "sw", "ta", "te", "th", "tl", "tr", "ur", "vi", "yo", "zh",
    ),
    trained_on="panx",
    metrics=("f1", "accuracy"),
    labels=LABELS,
    max_length=128,
    hub=HUB,
)  # fmt: skip

_DEV = ("xtreme/panx/dev-en.tsv",)

TRAINING = TrainingSet(
    name="panx",
    kind="tag",
    labels=LABELS,
    dev_metrics=("f1",),
    files={"train": ("xtreme/panx/train-en.tsv",), "dev": _DEV},
    hub=HUB,
    translated={"train": ("xtreme/panx/train-{language}.tsv",), "dev": _DEV},
)
