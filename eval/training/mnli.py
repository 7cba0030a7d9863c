"""MultiNLI (Williams et al. 2018), the English training data of XNLI; the dev split is XNLI's English.

The original file wins; then a sample in shards: train*.jsonl and, where there are any, test*.jsonl.
MNLI's own test part is training data here, because the target is XNLI, and no pair of MNLI is one of
XNLI's. Last comes XTREME's copy. The hub's facebook/xnli "en" has MNLI as its train split.

``mnli@de`` is a machine translation: XTREME's (``en-de-translated.tsv``), or that of XNLI's authors
(XNLI-MT-1.0/multinli), which is also the train split of the hub's other configurations.
"""

from __future__ import annotations

from xpareto.eval.tasks import TrainingSet
from xpareto.eval.tasks.xnli import HUB, LABELS

_DEV = ("xtreme/xnli/dev-en.tsv",)

TRAINING = TrainingSet(
    name="mnli",
    kind="classify",
    labels=LABELS,
    files={
        "train": (
            "intermediate/mnli/multinli_1.0_train.jsonl",
            "intermediate/mnli/train*.jsonl + intermediate/mnli/test*.jsonl",
            "xtreme/xnli/train-en.tsv",
        ),
        "dev": _DEV,
    },
    hub=HUB,
    translated={
        "train": (
            "xtreme/xnli/translate-train/en-{language}-translated.tsv",
            "xtreme/xtreme_translations/XNLI/translate-train/en-{language}-translated.tsv",
            "xtreme/xnli/train-{language}.tsv",
            "intermediate/mnli/multinli.train.{language}.tsv",
            "intermediate/mnli/{language}/train*.jsonl",
        ),
        "dev": _DEV,
    },
)
