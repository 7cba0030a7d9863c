from __future__ import annotations

import json
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from xpareto.compress.core.errors import InputError
from xpareto.eval.records.measurement import Measurement, to_json
from xpareto.eval.results.document import (
    Candidate,
    Provenance,
    RunDocument,
    StepFacts,
    TaskFacts,
    read_document,
    row_schema,
    run_schema,
    write_document,
)
from xpareto.eval.tasks import Task

TRAIN = StepFacts("train", "target", 1, {"on": "each", "epochs": 2.0})


def _candidate(name: str, artifacts: dict[str, str]) -> Candidate:
    return Candidate(
        name, "none", "target", "torch", 0, {"target.epochs": 2.0}, (TRAIN,), artifacts, 1.5, "r",
        {"mnli": "k1", "udpos": "k2"},
    )  # fmt: skip


DOCUMENT = RunDocument(
    run="r",
    recipe="tiny",
    command="xpareto run tiny",
    synthetic=True,
    data="embedded",
    base="",
    description="",
    incomplete={"mnli": ("train-sw",)},
    brought=("udpos",),
    tasks={
        "xnli": TaskFacts("xnli", ("en", "de"), ("sw",), ("accuracy",), "classification", None, "test", 1,
                          {"en": "e", "de": "d"})
    },
    objectives=("score", "size_bytes"),
    baseline="a",
    candidates=(_candidate("a", {"mnli": "1", "udpos": "2"}), _candidate("b", {"mnli": "1"})),
    made={
        "k1": Provenance("train", "fp32", None, 3.0, 4.0, 5.0, "measured", "rapl"),
        "k2": Provenance("train", "fp32", "k1", None),
    },
)  # fmt: skip


def _raw(folder: Path) -> dict[str, Any]:
    raw: dict[str, Any] = json.loads((folder / "candidates.json").read_text("utf-8"))
    return raw


def _edited(folder: Path, **changes: Any) -> Path:
    (folder / "candidates.json").write_text(json.dumps(_raw(folder) | changes), encoding="utf-8")
    return folder


def test_what_is_written_is_read_as_it_was(tmp_path: Path) -> None:
    write_document(tmp_path, DOCUMENT)
    assert read_document(tmp_path) == replace(DOCUMENT, xpareto=version("xpareto"))


def test_the_file_obeys_the_schema_that_the_types_give(tmp_path: Path) -> None:
    write_document(tmp_path, DOCUMENT)
    jsonschema.Draft202012Validator(run_schema()).validate(_raw(tmp_path))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(_raw(tmp_path) | {"baseline": 3}, run_schema())


def test_a_row_obeys_the_schema_that_its_type_gives() -> None:
    row = Measurement("r", "a", "size", "size", 3.0, "bytes", artifact="1", component="model")
    jsonschema.Draft202012Validator(row_schema()).validate(json.loads(to_json(row)))
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(json.loads(to_json(row)) | {"basis": "guessed"}, row_schema())


def test_the_file_says_who_wrote_it_and_what_could_not_be_made(tmp_path: Path) -> None:
    write_document(tmp_path, DOCUMENT)
    raw = _raw(tmp_path)
    assert list(raw)[:2] == ["schema", "xpareto"] and raw["xpareto"] == version("xpareto")
    assert raw["base"] is None and raw["candidates"][1]["artifacts"] == {"mnli": "1", "udpos": None}
    assert (
        raw["made"]["k1"]["energy_basis"] == "measured" and raw["made"]["k1"]["energy_instrument"] == "rapl"
    )
    assert read_document(tmp_path).candidate("b").unmade == ("udpos",)


def test_an_older_run_without_keys_work_and_version_is_read(tmp_path: Path) -> None:
    write_document(tmp_path, DOCUMENT)
    raw = _raw(tmp_path)
    for name in ("xpareto", "made", "incomplete", "brought", "description", "base"):
        del raw[name]
    for entry in raw["candidates"]:
        del entry["keys"], entry["run"]
    for facts in raw["tasks"].values():
        del facts["name"], facts["fingerprints"], facts["scored_by"]
    (tmp_path / "candidates.json").write_text(json.dumps(raw), encoding="utf-8")
    document = read_document(tmp_path)
    assert document.made is None and document.xpareto == "" and document.tasks["xnli"].scored_by == 1
    assert document.candidate("b").unmade == ("udpos",) and document.candidate("a").run == "r"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": 2, "xpareto": "9.1.0"}, r"at most 1, found 2\. A newer xpareto wrote this run, 9\.1\.0; upgrade"),
        ({"schema": 0}, "from 1 to 1, found 0"),
        ({"baseline": "c"}, "baseline: 'c' is none of the 2 candidates"),
        ({"candidates": [{"name": "a"}]}, "expected the field 'arm'"),
        ({"objectives": "score"}, r"objectives: expected a list, .*found 'score'.*repeat it"),
        ({"schema": None}, "schema: expected a whole number from 1 to 1, found none.*repeat it"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_and_says_why(
    tmp_path: Path, changes: dict[str, Any], message: str
) -> None:
    write_document(tmp_path, DOCUMENT)
    with pytest.raises(InputError, match=message):
        read_document(_edited(tmp_path, **changes))


def test_a_candidate_of_another_name_is_refused_with_a_near_miss() -> None:
    other = replace(DOCUMENT, candidates=(_candidate("none/int8", {}),))
    with pytest.raises(InputError, match=r'no candidate "none/int9".* Did you mean "none/int8"'):
        other.candidate("none/int9")


def test_a_candidate_is_found_by_a_beginning_that_it_has_alone() -> None:
    first, second = (
        replace(DOCUMENT.candidates[0], name=name) for name in ("none/int8/torch", "none/int8-a/torch")
    )
    document = replace(DOCUMENT, candidates=(first, second))
    assert document.begun("none/int8/") == first and document.begun("none/int8-") == second
    assert (
        replace(document, candidates=(replace(first, name="a"), replace(first, name="ab"))).begun("a").name
        == "a"
    )
    with pytest.raises(
        InputError, match=r"begins the names of none/int8/torch and none/int8-a/torch\. Give more"
    ):
        document.begun("none/int8")
    for start in ("", "int8"):
        with pytest.raises(InputError, match="Its candidates: none/int8/torch"):
            document.begun(start)


MINE = Task("mine", "classify", "classification", ("de",), "mine", ("macro_f1",), ("a", "b"), own=True)


def test_a_task_that_the_recipe_declares_is_read_with_its_declaration(tmp_path: Path) -> None:
    facts = TaskFacts(
        "mine", ("de",), (), ("macro_f1",), "classification", None, "test", declared=asdict(MINE)
    )
    write_document(tmp_path, replace(DOCUMENT, tasks={"mine": facts}))
    read = read_document(tmp_path).tasks["mine"]
    assert read.task == MINE and read.known
    assert not TaskFacts("unheard", ("de",), (), ("f1",), "qa", None, "test").known


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"kind": "odd"}, r"tasks\.mine\.declared: kind: expected 'classify'"),
        ({"languages": 3}, r"tasks\.mine\.declared: languages: expected"),
        ({"metrics": ["f1"]}, r"tasks\.mine\.declared: expected a declaration of mine with its metrics"),
        ({"name": "../other"}, r"tasks\.mine\.declared: expected a declaration of mine"),
    ],
)
def test_a_damaged_declaration_is_refused(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    facts = TaskFacts(
        "mine", ("de",), (), ("macro_f1",), "classification", None, "test", declared=asdict(MINE) | changed
    )
    write_document(tmp_path, replace(DOCUMENT, tasks={"mine": facts}))
    with pytest.raises(InputError, match=told):
        read_document(tmp_path)
