"""Quora Question Pairs: do two questions ask the same? 1 for yes. Intermediate training only.

GLUE's train.tsv and dev.tsv win, then Quora's own file, which has no split of its own (and so no dev
here), then a sample in shards of JSON lines: sentence1, sentence2, label 0 or 1. A sample's test part
is training data, too: QQP is no target. ``qqp@de`` is a translation with the fields of the sample.
"""

from __future__ import annotations

from xpareto.eval.tasks import HubSource, TrainingSet

_DEV = ("intermediate/qqp/dev.tsv", "intermediate/qqp/dev*.jsonl")

TRAINING = TrainingSet(
    name="qqp",
    kind="classify",
    labels=("0", "1"),
    files={
        "train": (
            "intermediate/qqp/train.tsv",
            "intermediate/qqp/quora_duplicate_questions.tsv",
            "intermediate/qqp/train*.jsonl + intermediate/qqp/test*.jsonl",
        ),
        "dev": _DEV,
    },
    hub=HubSource(
        repo="nyu-mll/glue",
        config="qqp",
        splits={"train": "train", "dev": "validation"},
        columns={"first": "question1", "second": "question2", "label": "label"},
        label_names={"not_duplicate": "0", "duplicate": "1"},
    ),
    translated={"train": ("intermediate/qqp/{language}/train*.jsonl",), "dev": _DEV},
)
