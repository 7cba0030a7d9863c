"""SQuAD 2.0 (Rajpurkar et al. 2018): SQuAD 1.1 and as many questions that the context does not answer.

The last twentieth of the training questions serves as dev: SQuAD's own dev set holds paragraphs of
XQuAD. `squad_v2@de` is a translation with the same fields.
"""

from __future__ import annotations

from xpareto.eval.tasks import HubSource, TrainingSet

TRAINING = TrainingSet(
    name="squad_v2",
    kind="span",
    labels=(),
    dev_metrics=("exact_match", "f1"),
    files={"train": ("intermediate/squad_v2.0/train-v2.0.json", "intermediate/squad_v2.0/train*.json")},
    translated={"train": ("intermediate/squad_v2.0/translated/train-{language}.json",)},
    held_out=0.05,
    hub=HubSource(
        repo="rajpurkar/squad_v2",
        config="squad_v2",
        splits={"train": "train"},
        columns={"id": "id", "question": "question", "context": "context", "answers": "answers"},
    ),
)
