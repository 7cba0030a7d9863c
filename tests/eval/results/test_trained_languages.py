"""What a chain trained on, language by language, from the fields of its steps alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from xpareto.eval.results.document import Candidate, StepFacts
from xpareto.eval.results.trained_languages import SeenLanguages, seen_languages


def candidate(*fields: dict[str, Any], sets: tuple[str, ...] = ("mnli", "encoder")) -> Candidate:
    steps = [StepFacts(own.pop("step", "train"), None, 1, own) for own in fields]
    target = StepFacts("train", "target", 1, {"on": "each", "languages": None})
    return Candidate(
        "c", "arm", "target", "torch", 0, {}, (*steps, target), dict.fromkeys(sets, "d"), None, "run"
    )


@pytest.mark.parametrize(
    ("fields", "labels", "text", "whole"),
    [
        ({"on": "mnli"}, ("en",), (), ()),
        ({"on": "mnli", "languages": ["en", "de"]}, ("de", "en"), (), ()),
        ({"on": ["mnli@sw", "squad_v1", "mlm:bible"], "text_languages": ["hi"]}, ("en", "sw"), ("hi",), ()),
        ({"on": "tlm:parallel", "text_languages": None}, ("en",), (), ("parallel",)),
        ({"step": "distill", "on": None, "text": "parallel", "text_languages": ["th"]}, ("en",), ("th",), ()),
        ({"step": "quantize_static", "text": "parallel"}, ("en",), (), ()),  # it learns nothing
    ],
)
def test_labels_and_text_are_told_apart(
    fields: dict[str, Any], labels: tuple[str, ...], text: tuple[str, ...], whole: tuple[str, ...]
) -> None:
    assert seen_languages(candidate(dict(fields))) == SeenLanguages(labels, text, whole)


def test_a_training_set_in_another_language_is_seen_and_english_marks_nothing() -> None:
    seen = seen_languages(candidate(sets=("udpos@de",)))
    assert seen.labels == ("de", "en") and seen
    assert [seen.mark(code) for code in ("en", "de", "sw")] == ["", "labels", ""]
    assert not seen_languages(candidate())
    assert SeenLanguages(whole_texts=("parallel",)).mark("sw") == "text"


def test_a_task_of_the_recipe_is_learnt_in_the_languages_that_its_run_wrote_down() -> None:
    learnt = {"mine": ("de", "sw"), "mine@hi": ("hi",)}
    own = replace(candidate(sets=("mine", "encoder")), learnt=learnt)
    assert seen_languages(own).labels == ("de", "sw")  # and not English, which `on: each` is else
    first = replace(candidate({"on": "mine@hi"}, sets=("mine", "mnli")), learnt=learnt)
    assert seen_languages(first).labels == ("de", "en", "hi", "sw")
