"""PAWS-X: do the two sentences say the same? 1 for yes (Yang et al. 2019).

Row i is the same pair in each of the 7 languages, in the words of its translator: the labels of a
few rows differ between languages (dev: 0.1 to 1.6 % differ from English), so each language keeps
its own. The hub's google-research-datasets/paws-x has one configuration per language.

Trained on its English; ``pawsx@de`` is the machine translation of that: XTREME's
(``en-de-translated.tsv``), or PAWS-X's own ``translated_train.tsv`` of the folder x-final, laid in
intermediate/pawsx. The hub's configurations have the latter as train split.
"""

from __future__ import annotations

from xpareto.eval.tasks._task import HubSource, Task, TrainingSet

LABELS = ("0", "1")

HUB = HubSource(
    repo="google-research-datasets/paws-x",
    config="{language}",
    splits={"train": "train", "dev": "validation", "test": "test"},
    columns={"first": "sentence1", "second": "sentence2", "label": "label"},
)

TASK = Task(
    name="pawsx",
    kind="classify",
    group="classification",
    languages=("de", "en", "es", "fr", "ja", "ko", "zh"),
    trained_on="pawsx",
    metrics=("accuracy",),
    labels=LABELS,
    max_length=128,
    parallel=True,
    hub=HUB,
)

_DEV = ("xtreme/pawsx/dev-en.tsv",)

TRAINING = TrainingSet(
    name="pawsx",
    kind="classify",
    labels=LABELS,
    files={"train": ("xtreme/pawsx/train-en.tsv",), "dev": _DEV},
    hub=HUB,
    translated={
        "train": (
            "xtreme/pawsx/translate-train/en-{language}-translated.tsv",
            "xtreme/xtreme_translations/PAWSX/translate-train/en-{language}-translated.tsv",
            "xtreme/pawsx/train-{language}.tsv",
            "intermediate/pawsx/{language}/translated_train.tsv",
            "intermediate/pawsx/{language}/train*.jsonl",
        ),
        "dev": _DEV,
    },
)
