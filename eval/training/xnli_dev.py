"""XNLI's dev split as training data: human-translated pairs, in English and ``xnli_dev@sw`` alike.

A small native multilingual set where the translations of MNLI are not at hand. It has no dev split
of its own. Never combine it with choices made on XNLI dev (`split: dev` of the task, or the target's
training on `mnli`, which keeps the weights that are best on English dev): its examples would be
seen in training. Evaluate on test.
"""

from __future__ import annotations

from dataclasses import replace

from xpareto.eval.tasks import TrainingSet
from xpareto.eval.tasks.xnli import HUB, LABELS

TRAINING = TrainingSet(
    name="xnli_dev",
    kind="classify",
    labels=LABELS,
    files={"train": ("xtreme/xnli/dev-en.tsv",)},
    hub=replace(HUB, splits={"train": "validation"}),
    translated={"train": ("xtreme/xnli/dev-{language}.tsv",)},
)
