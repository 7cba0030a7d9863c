"""CommonsenseQA 1.11 (Talmor et al. 2019): questions that need everyday knowledge. Five options.

The random split, as the authors name its files. ``commonsenseqa@de`` is a translation with the same
fields.
"""

from __future__ import annotations

from xpareto.eval.tasks import HubSource, TrainingSet

_DEV = ("intermediate/commonsenseqa/dev_rand_split.jsonl", "intermediate/commonsenseqa/dev*.jsonl")

TRAINING = TrainingSet(
    name="commonsenseqa",
    kind="choose",
    labels=(),
    files={
        "train": (
            "intermediate/commonsenseqa/train_rand_split.jsonl",
            "intermediate/commonsenseqa/train*.jsonl",
        ),
        "dev": _DEV,
    },
    hub=HubSource(
        repo="tau/commonsense_qa",
        config="default",
        splits={"train": "train", "dev": "validation"},
        columns={"question": "question", "options": "choices.text", "label": "answerKey"},
    ),
    translated={"train": ("intermediate/commonsenseqa/{language}/train*.jsonl",), "dev": _DEV},
)
