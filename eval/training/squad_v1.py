"""SQuAD 1.1 (Rajpurkar et al. 2016), the English training data of XQuAD and MLQA.

XTREME's training file wins, then the original file, then another one with a name that says train.
SQuAD's own dev set is never read: it holds every paragraph of XQuAD, so that choosing a model on it
would be choosing on the test set. The last twentieth of the training questions serves as dev instead.

`squad_v1@de` is XTREME's machine-translated training set.
"""

from __future__ import annotations

from xpareto.eval.tasks import HubSource, TrainingSet

TRAINING = TrainingSet(
    name="squad_v1",
    kind="span",
    labels=(),
    dev_metrics=("exact_match", "f1"),
    files={
        "train": (
            "xtreme/squad/train-v1.1.json",
            "intermediate/squad_v1.1/train-v1.1.json",
            "intermediate/squad_v1.1/train*.json",
        )
    },
    translated={
        "train": (
            "xtreme/squad/translate-train/squad.translate.train.en-{language}.json",
            "xtreme/squad/squad.translate.train.en-{language}.json",
            "intermediate/squad_v1.1/squad.translate.train.en-{language}.json",
            "intermediate/squad_v1.1/translated/train-{language}.json",
        )
    },
    held_out=0.05,
    hub=HubSource(
        repo="rajpurkar/squad",
        config="plain_text",
        splits={"train": "train"},
        columns={"id": "id", "question": "question", "context": "context", "answers": "answers"},
    ),
)
