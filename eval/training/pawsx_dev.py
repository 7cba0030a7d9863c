"""PAWS-X's dev split as training data: human-translated pairs, in English and ``pawsx_dev@de`` alike.

A small native multilingual set where the translated training files are not at hand. It has no dev
split of its own. Never combine it with choices made on PAWS-X dev (`split: dev` of the task, or the
target's training on `pawsx`, which keeps the weights that are best on English dev): its examples
would be seen in training. Evaluate on test.
"""

from __future__ import annotations

from dataclasses import replace

from xpareto.eval.tasks import TrainingSet
from xpareto.eval.tasks.pawsx import HUB, LABELS

TRAINING = TrainingSet(
    name="pawsx_dev",
    kind="classify",
    labels=LABELS,
    files={"train": ("xtreme/pawsx/dev-en.tsv",)},
    hub=replace(HUB, splits={"train": "validation"}),
    translated={"train": ("xtreme/pawsx/dev-{language}.tsv",)},
)
