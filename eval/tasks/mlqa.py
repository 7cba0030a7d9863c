"""MLQA: questions on Wikipedia in 7 languages, context and question in the same one (Lewis et al. 2020).

XTREME evaluates the seven pairs of equal languages, each by MLQA's own rules (eval.metrics.mlqa),
whose F1 is language-aware already. The hub's google/xtreme has a configuration per pair of languages.
"""

from __future__ import annotations

from xpareto.eval.tasks._task import HubSource, Task

TASK = Task(
    name="mlqa",
    kind="span",
    group="qa",
    languages=("ar", "de", "en", "es", "hi", "vi", "zh"),
    trained_on="squad_v1",
    metrics=("exact_match", "f1"),
    max_length=384,
    files={
        split: (f"MLQA_V1/{split}/{split}-context-{{language}}-question-{{language}}.json",)
        for split in ("dev", "test")
    },
    scored_by=2,
    hub=HubSource(
        repo="google/xtreme",
        config="MLQA.{language}.{language}",
        splits={"dev": "validation", "test": "test"},
        columns={"id": "id", "question": "question", "context": "context", "answers": "answers"},
    ),
)
