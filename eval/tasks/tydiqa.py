"""TyDiQA-GoldP: questions by speakers of 9 languages who did not know the answer (Clark et al. 2020).

The dev set serves as test, as in XTREME, so there is no dev split to choose anything on. `train` is
the training part of each language: in the zero-shot setting (trained on English) that of another
language is labelled data never trained on; it is not the official score, and reports name the split.
`exact_match` and `f1` are SQuAD's with English rules, as XTREME has them; `f1_language_aware` stands
beside them.

The hub's google-research-datasets/tydiqa holds all languages in one configuration, told apart by the
name of the language that an id begins with; XTREME's training files keep only the end of these ids.

Trained on its English, of which the last twentieth of the questions serves as dev. ``tydiqa@sw`` is
not a translation but what was asked in Swahili, a native multilingual training set; where it is trained
on, the `train` split of the task in that language is no test.
"""

from __future__ import annotations

from dataclasses import replace

from xpareto.eval.tasks._task import HubSource, Task, TrainingSet

HUB = HubSource(
    repo="google-research-datasets/tydiqa",
    config="secondary_task",
    splits={"train": "train", "test": "validation"},
    columns={"id": "id", "question": "question", "context": "context", "answers": "answers"},
    language_names={
        "ar": "arabic", "bn": "bengali", "en": "english", "fi": "finnish", "id": "indonesian",
        "ko": "korean", "ru": "russian", "sw": "swahili", "te": "telugu",
    },
    where={"id": "{language}-*"},
)  # fmt: skip

TASK = Task(
    name="tydiqa",
    kind="span",
    group="qa",
    languages=tuple(sorted(HUB.language_names)),
    trained_on="tydiqa",
    metrics=("exact_match", "f1", "f1_language_aware"),
    max_length=384,
    files={
        "test": ("tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json",),
        "train": ("tydiqa-goldp-v1.1-train/tydiqa.goldp.{language}.train.json",),
    },
    scored_by=2,
    hub=HUB,
)

_FILE = "xtreme/tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{language}.train.json"
_EARLIER = "xtreme/tydiqa/tydiqa-goldp-v1.1-train/tydiqa.{language}.train.json"  # before XTREME renamed it

TRAINING = TrainingSet(
    name="tydiqa",
    kind="span",
    labels=(),
    dev_metrics=("exact_match", "f1"),
    files={"train": (_FILE.format(language="en"), _EARLIER.format(language="en"))},
    translated={"train": (_FILE, _EARLIER)},
    held_out=0.05,
    hub=replace(HUB, splits={"train": "train"}),
)
