"""What every document has: a version, frozen fields, finite numbers, and one way in and out of its file."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, computed_field

from xpareto.compress.core import InputError, json_sha256, load_json, refused

# What a terminal obeys or hides; control characters below are escaped in any case, and JSON means the same.
_UNSEEN = re.compile("[\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


class Estimate(NamedTuple):
    """A value with the ends of its interval; in JSON a list of the three."""

    value: float
    low: float
    high: float


class CostEstimate(NamedTuple):
    """A cost, or a ratio of two, with the ends of its interval; null ends: nothing is known of its noise."""

    value: float
    low: float | None = None
    high: float | None = None


class Part(BaseModel):
    """A frozen piece of a document. Numbers are finite; fields that another version added are ignored."""

    model_config = ConfigDict(
        frozen=True,
        extra="ignore",
        allow_inf_nan=False,
        serialize_by_alias=True,
        validate_by_alias=True,
        validate_by_name=True,
    )


class Document(Part):
    """One analysis of a run, as it is kept in a file. Subclasses say what they are and what makes them."""

    what: ClassVar[str]  # as in "expected a comparison of schema 1"
    made_by: ClassVar[str]  # that writes such a document
    newest: ClassVar[int]  # the version that this xpareto writes
    again: ClassVar[str] = "Write it again"

    version: int = Field(alias="schema", description="version of this document's fields")
    xpareto: str = Field(
        default_factory=partial(installed, "xpareto"),
        description="the version that wrote it; empty in older documents, which do not say",
    )

    @computed_field(description="sha256 of all other fields")  # type: ignore[prop-decorator]
    @property
    def checksum(self) -> str:
        return json_sha256(self.model_dump(mode="json", exclude={"checksum"}))

    def as_json(self, indent: int | None = None) -> str:
        """Return the document as JSON text, compact without an indent; equal documents give equal bytes.

        Its last key is the checksum of all others, by which a file that was damaged since is told.
        """
        separators = (",", ":") if indent is None else None
        text = json.dumps(
            self.model_dump(mode="json"),
            ensure_ascii=False,
            indent=indent,
            separators=separators,
            allow_nan=False,
        )
        return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n"

    @classmethod
    def of(cls, raw: Mapping[str, Any], source: str) -> Self:
        """Return the document that parsed JSON holds; InputError tells what of it is wrong.

        `source` names the file. A document of a later schema is refused.
        """
        schema, writer = raw.get("schema"), str(raw.get("xpareto") or "")
        by = f" by xpareto {writer}" if writer else ""
        if not isinstance(schema, int) or isinstance(schema, bool) or schema > cls.newest:
            raise InputError(
                f"{source}: schema: expected {cls.what} of schema {cls.newest} at most, found {schema!r}, "
                f"written{by or ' by another xpareto'}. {cls._again()}"
            )
        try:
            return cls.model_validate({"xpareto": "", **raw})
        except ValidationError as error:
            raise InputError(
                f"{source}: expected {cls.what} of schema {cls.newest}, found another, written{by} with schema "
                f"{schema} ({first(error)}). {cls._again()}"
            ) from error

    @classmethod
    def read(cls, file: Path) -> Self:
        """Return the document in a file; InputError where it is none of a version that can be read."""
        return cls.of(json_object(file, cls.what, cls._again()), str(file))

    @classmethod
    def _again(cls) -> str:
        return f"{cls.again}: {cls.made_by}"


def json_object(file: Path, what: str, advice: str) -> Mapping[str, Any]:
    """Return the JSON object in a file; InputError names what was expected instead of what is there.

    Its checksum is that of what it holds, where it has one (older documents have none).
    """
    try:
        raw = load_json(file)
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: expected {what} as JSON ({error}). {advice}") from error
    if not isinstance(raw, dict):
        raise InputError(f"{file}: expected {what} as a JSON object, found {type(raw).__name__}. {advice}")
    told = raw.pop("checksum", None)
    if told is not None and told != json_sha256(raw):
        raise InputError(
            f"{file}: expected {what} as it was written, found another: it was changed since. {advice}"
        )
    return raw


def first(error: ValidationError) -> str:
    """Return the place of the first thing that is wrong, and what is wrong there."""
    details = error.errors(include_url=False)[0]
    place = ".".join(map(str, details["loc"]))
    return f"{place}: {refused(details)}" if place else refused(details)
