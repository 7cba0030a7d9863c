"""HellaSwag (Zellers et al. 2019): which ending goes on from the context? Four options.

The authors' files win; then a lettered sample, of which the test part trains and the dev part is dev.
``hellaswag@de`` is a translation with the same fields.
"""

from __future__ import annotations

from xpareto.eval.tasks import HubSource, TrainingSet

_DEV = (
    "intermediate/hellaswag/hellaswag_val.jsonl",
    "intermediate/hellaswag/dev*.jsonl",
    "intermediate/hellaswag/subset-dev.jsonl",
)

TRAINING = TrainingSet(
    name="hellaswag",
    kind="choose",
    labels=(),
    files={
        "train": (
            "intermediate/hellaswag/hellaswag_train.jsonl",
            "intermediate/hellaswag/train*.jsonl",
            "intermediate/hellaswag/subset-test.jsonl",
        ),
        "dev": _DEV,
    },
    hub=HubSource(
        repo="Rowan/hellaswag",
        config="default",
        splits={"train": "train", "dev": "validation"},
        columns={"context": "ctx", "options": "endings", "label": "label"},
    ),
    translated={"train": ("intermediate/hellaswag/{language}/train*.jsonl",), "dev": _DEV},
)
