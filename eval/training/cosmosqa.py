"""CosmosQA (Huang et al. 2019): questions on what is not said in a narrative. Four options.

The authors' train.csv and valid.csv; where train.csv is not at hand, valid.csv trains, and there is
no dev split. ``cosmosqa@de`` is a translation with the same fields.
"""

from __future__ import annotations

from xpareto.eval.tasks import HubSource, TrainingSet

_DEV = ("intermediate/cosmosqa/valid.csv", "intermediate/cosmosqa/valid*.jsonl")

TRAINING = TrainingSet(
    name="cosmosqa",
    kind="choose",
    labels=(),
    files={
        "train": (
            "intermediate/cosmosqa/train.csv",
            "intermediate/cosmosqa/train*.jsonl",
            "intermediate/cosmosqa/valid.csv",
        ),
        "dev": _DEV,
    },
    hub=HubSource(
        repo="allenai/cosmos_qa@refs/convert/parquet",
        config="default",
        splits={"train": "train", "dev": "validation"},
        columns={
            "context": "context",
            "question": "question",
            "options": "answer0 + answer1 + answer2 + answer3",
            "label": "label",
        },
    ),
    translated={
        "train": (
            "intermediate/cosmosqa/{language}/train*.csv",
            "intermediate/cosmosqa/{language}/train*.jsonl",
        ),
        "dev": _DEV,
    },
)
