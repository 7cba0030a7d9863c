"""XNLI: does the first sentence entail, contradict or leave open the second? (Conneau et al. 2018)

Parallel: row i is the same pair in each of the 15 languages. The hub's facebook/xnli has one
configuration per language and class labels 0 entailment, 1 neutral, 2 contradiction.
"""

from __future__ import annotations

from xpareto.eval.tasks._task import HubSource, Task

LABELS = ("contradiction", "entailment", "neutral")

HUB = HubSource(
    repo="facebook/xnli",
    config="{language}",
    splits={"train": "train", "dev": "validation", "test": "test"},
    columns={"first": "premise", "second": "hypothesis", "label": "label"},
)

TASK = Task(
    name="xnli",
    kind="classify",
    group="classification",
    languages=("ar", "bg", "de", "el", "en", "es", "fr", "hi", "ru", "sw", "th", "tr", "ur", "vi", "zh"),
    trained_on="mnli",
    metrics=("accuracy",),
    labels=LABELS,
    max_length=128,
    parallel=True,
    hub=HUB,
)
