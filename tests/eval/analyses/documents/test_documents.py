"""Documents of analyses: one reader, one version, a schema that follows from the type."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, ValidationError
from typer.testing import CliRunner

from xpareto.compress.core.errors import InputError
from xpareto.eval.analyses.documents.best_arm import BestArm
from xpareto.eval.analyses.documents.catalogue import DOCUMENTS, document_schema
from xpareto.eval.analyses.documents.claim_status import ClaimStatus
from xpareto.eval.analyses.documents.difference import Change
from xpareto.eval.analyses.documents.document import Document, Estimate, Part
from xpareto.pipelines.cli import app

STATUS: dict[str, Any] = {
    "schema": 1, "runs": ["r"], "comparisons": 0, "command": "xpareto claims", "synthetic": False,
    "claims": [{"number": "1", "text": "t", "test": "c", "findings": [{"status": "not tested", "detail": "d"}]}],
}  # fmt: skip


@pytest.mark.parametrize("name", DOCUMENTS)
def test_the_schema_of_every_document_is_one_and_pins_its_version(name: str) -> None:
    schema = document_schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    shown = CliRunner().invoke(app, ["schema", "--of", name])
    assert json.loads(shown.stdout) == schema
    parts = [own["$ref"].split("/")[-1] for own in schema.get("anyOf", ())]
    for kind in [schema["$defs"][part] for part in parts] or [schema]:
        version = kind["properties"]["schema"]
        assert version["type"] == "integer" and (version.get("const") or name in ("run", "measurement"))


def test_an_unknown_document_is_explained() -> None:
    with pytest.raises(InputError, match=r'unknown document "sumary".*Did you mean "summary"'):
        document_schema("sumary")
    default = CliRunner().invoke(app, ["schema"])
    assert json.loads(default.stdout)["title"] == "xpareto recipe"


def test_a_document_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    status = ClaimStatus.of(STATUS, "x")
    assert status.xpareto == "" and BestArm.model_fields["xpareto"].get_default(call_default_factory=True)
    (tmp_path / "s.json").write_text(status.as_json(indent=1), encoding="utf-8")
    assert ClaimStatus.read(tmp_path / "s.json") == status
    jsonschema.validate(json.loads(status.as_json()), document_schema("claims"))


def test_a_document_in_which_a_bit_was_flipped_is_the_same_or_told(tmp_path: Path) -> None:
    status, file = ClaimStatus.of(STATUS, "x"), tmp_path / "s.json"
    whole = status.as_json().encode()
    told = 0
    for at in range(len(whole)):
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 7]) + whole[at + 1 :])
        try:
            assert ClaimStatus.read(file) == status
        except InputError as error:
            told += 1
            assert "Write it again: xpareto claims" in str(error)
    assert told > 0.9 * len(whole)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", r"s\.json: expected the status of the claims as JSON"),
        ("[]", "as a JSON object, found list. Write it again: xpareto claims"),
        (
            "{}",
            "schema: expected the status of the claims of schema 1 at most, found None, written by another xpareto",
        ),
        ('{"schema": true}', "found True"),
        ('{"schema": 2}', "found 2, written by another xpareto. Write it again: xpareto claims"),
        ('{"schema": 2, "xpareto": "9.1"}', r"found 2, written by xpareto 9\.1\. Write it again"),
        (
            '{"schema": 1}',
            r"the status of the claims of schema 1, found another, written with schema 1 \(runs: is required",
        ),
        (json.dumps(STATUS | {"comparisons": "x"}), r"\(comparisons: .*whole number"),
    ],
)
def test_what_is_no_such_document_is_refused_with_what_writes_it(
    tmp_path: Path, text: str, words: str
) -> None:
    (tmp_path / "s.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=words):
        ClaimStatus.read(tmp_path / "s.json")


def test_documents_do_not_change_and_hold_finite_numbers() -> None:
    status = ClaimStatus.of(STATUS | {"added": "by a later version"}, "x")
    with pytest.raises(ValidationError, match="frozen"):
        status.synthetic = True  # type: ignore[misc]
    with pytest.raises(ValidationError, match="finite"):
        Change(candidate="c", what="costs", name="n", beside=Estimate(float("nan"), 0.0, 1.0))


def test_what_does_not_apply_to_a_change_is_left_out_of_it() -> None:
    plain = Change(candidate="c", what="average", name="").model_dump(mode="json")
    assert plain == {"candidate": "c", "what": "average", "name": ""}
    beside = Change(candidate="c", what="costs", name="latency_ms", beside=Estimate(1.5, 1.4, 1.6))
    assert beside.model_dump(mode="json")["beside"] == [1.5, 1.4, 1.6]


def test_every_document_type_is_frozen() -> None:
    every: list[type] = [Document, Part]
    for kind in every:
        every += [own for own in kind.__subclasses__() if own not in every]
    assert len(every) > 30
    for kind in every:
        assert (
            issubclass(kind, BaseModel)
            and kind.model_config["frozen"]
            and not kind.model_config["allow_inf_nan"]
        )
        assert not (is_dataclass(kind) and fields(kind))
