"""Names with a language go through fingerprints, checks and plans; trained-on splits are refused."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.compress.core.step import DataNeed
from xpareto.eval.data.source import Data, DataSpec
from xpareto.eval.tasks import task
from xpareto.pipelines.planning.contamination import refuse_contamination
from xpareto.pipelines.planning.inputs import Start
from xpareto.pipelines.planning.workload import Workload

RECIPE = """\
xpareto: 1
name: tiny
languages: all
tasks: [{task: panx, split: dev}, xnli]
steps:
  - {step: train, label: middle, on: [mnli@de, xnli_dev@sw, mnli], max_steps: 1}
  - {step: train, label: fp32, on: each, max_steps: 1}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    from xpareto.eval.tasks.panx import TASK

    for language in TASK.languages:
        if language != "th":  # as in the data at hand
            write(tmp_path / f"data/panx/dev-{language}.tsv", "Anton\tB-PER\nruft\tO\n")
    write(tmp_path / "data/panx/train-en.tsv", "Anton\tB-PER\n")
    for language in ("en", "sw", "fr"):
        for split in ("dev", "test"):
            write(tmp_path / f"data/xnli/{split}-{language}.tsv", f"a {language}\tb\tneutral\n")
    write(tmp_path / "data/xnli/train-en.tsv", "a\tb\tneutral\n")
    write(tmp_path / "data/xnli/translate-train/en-de-translated.tsv", "a\tb\tc\td\tneutral\n")
    return tmp_path / "data"


def write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)


@pytest.fixture
def checks(root: Path, preflight: Callable[[Path, str], tuple[Workload, ...]]) -> Callable[[str], Any]:
    return partial(preflight, root)


def test_a_missing_language_is_reported_and_never_skipped(checks: Callable[[str], Any]) -> None:
    panx, xnli = checks(RECIPE)
    assert panx.missing == ("th",)
    assert len(panx.languages) == 39 and len(panx.asked) == 40
    assert (xnli.languages, len(xnli.missing)) == (("en", "fr", "sw"), 12)
    with pytest.raises(InputError, match=r"tasks\.panx: the recipe names th, but .* no dev data of them"):
        checks(RECIPE.replace("languages: all", "languages: [en, sw, th]"))


def test_a_named_language_has_a_fingerprint_of_its_own(opened: Callable[[Path], Start], root: Path) -> None:
    start = opened(root)
    names = ("mnli", "mnli@de", "xnli_dev@sw", "xnli_dev@fr")
    before = {name: start.fingerprint(DataNeed("training", name)) for name in names}
    assert len(set(before.values())) == len(names)
    write(root / "xnli/dev-fr.tsv", "other\tb\tneutral\n")
    again = opened(root)
    after = {name: again.fingerprint(DataNeed("training", name)) for name in names}
    assert [name for name in names if before[name] != after[name]] == ["xnli_dev@fr"]


@pytest.mark.parametrize(
    ("file", "content", "words"),
    [
        ("xnli/translate-train/en-de-translated.tsv", "a\tb\tc\tneutral\n", r"translated\.tsv:1: expected 5"),
        ("xnli/dev-sw.tsv", "a\tb\n", r"dev-sw\.tsv:1: expected 3 columns"),
        ("panx/dev-my.tsv", "a\tB-PER\nb\tB-MISC\n", r'dev-my\.tsv:2: label "B-MISC"'),
    ],
)
def test_a_bad_translation_is_told_before_any_work(
    checks: Callable[[str], Any], root: Path, file: str, content: str, words: str
) -> None:
    write(root / file, content)
    with pytest.raises(InputError, match=words):
        checks(RECIPE)


def test_a_missing_translation_is_told_before_any_work(checks: Callable[[str], Any]) -> None:
    with pytest.raises(InputError, match="no train data of mnli in th; expected one of"):
        checks(RECIPE.replace("mnli@de", "mnli@th"))


def test_what_is_trained_on_is_not_evaluated_in_any_language_of_a_parallel_task(
    checks: Callable[[str], Any],
) -> None:
    recipe = RECIPE.replace("xnli]", "{task: xnli, split: dev}]")
    with pytest.raises(InputError, match=r"tasks\.xnli: its dev split .*trains on xnli_dev.*same examples"):
        checks(recipe.replace("languages: all", "languages: [en, fr]"))
    assert checks(recipe.replace("xnli_dev@sw, ", ""))


@pytest.mark.parametrize(("languages", "refused"), [(("sw",), True), (("de",), False), (("de", "sw"), True)])
def test_a_language_of_a_task_that_is_not_parallel_stands_for_itself(
    root: Path, languages: Sequence[str], refused: bool
) -> None:
    for language in ("de", "sw"):
        write(root / f"panx/train-{language}.tsv", "Anton\tB-PER\n")
    work = [Workload(task("panx"), "train", None, tuple(languages), (), ())]
    data = Data.open(DataSpec(str(root)))
    if refused:
        with pytest.raises(InputError, match=r"trains on panx@sw, which reads .*train-sw\.tsv\. Evaluate"):
            refuse_contamination(work, {"training:panx@sw", "text:mono", "training:encoder"}, data)
    else:
        refuse_contamination(work, {"training:panx@sw", "text:mono", "training:encoder"}, data)


@pytest.mark.parametrize(("language", "refused"), [("sw", True), ("ko", False)])
def test_languages_that_the_hub_keeps_in_one_place_are_told_apart(
    monkeypatch: pytest.MonkeyPatch, language: str, refused: bool
) -> None:
    monkeypatch.setattr("xpareto.eval.data.hub.resolve", lambda repo: "0" * 40)
    data = Data.open(DataSpec(None, hub=True))
    work = [Workload(task("tydiqa"), "train", None, (language,), (), ())]
    assert data.task_files(task("tydiqa"), language, "train") == data.training_files("tydiqa@sw", "train")
    if refused:
        with pytest.raises(
            InputError, match="trains on tydiqa@sw, which reads google-research-datasets/tydiqa"
        ):
            refuse_contamination(work, {"training:tydiqa", "training:tydiqa@sw"}, data)
    else:
        refuse_contamination(work, {"training:tydiqa", "training:tydiqa@sw"}, data)
