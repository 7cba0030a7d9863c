"""XQuAD: the paragraphs and questions of 1,190 examples of SQuAD's dev set in 11 languages (Artetxe et al. 2020).

Parallel: question i is the same in every language. `exact_match` and `f1` are official: SQuAD's, with
English rules in all languages. `f1_language_aware` stands beside them (eval.metrics.language_aware_f1).

The hub's google/xquad has one configuration per language, and calls its only split validation.
"""

from __future__ import annotations

from xpareto.eval.tasks._task import HubSource, Task

TASK = Task(
    name="xquad",
    kind="span",
    group="qa",
    languages=("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"),
    trained_on="squad_v1",
    metrics=("exact_match", "f1", "f1_language_aware"),
    max_length=384,
    parallel=True,
    files={"test": ("xquad.{language}.json",)},
    scored_by=2,
    hub=HubSource(
        repo="google/xquad",
        config="xquad.{language}",
        splits={"test": "validation"},
        columns={"id": "id", "question": "question", "context": "context", "answers": "answers"},
    ),
)
