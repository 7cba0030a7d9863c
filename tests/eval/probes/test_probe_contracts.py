"""What every probe of the catalogue keeps. A new file in probes/ falls under it."""

from __future__ import annotations

import re
from typing import get_args

import pytest

from xpareto.eval.probing.probe import Probe
from xpareto.eval.probing.registry import PROBES, Taken

UNITS = {"percent", "bytes", "ms", "joules", "operations", "examples"}
GROUPS = {"cost", "aa"}  # names of groups of probes stand in rows beside names of probes


@pytest.fixture(params=PROBES.names)
def named(request: pytest.FixtureRequest) -> tuple[str, Probe]:
    return request.param, PROBES.load(request.param)


def test_a_probe_has_the_name_of_its_file(named: tuple[str, Probe]) -> None:
    name, probe = named
    assert probe.name == name and name not in GROUPS
    assert type(probe).__module__ == f"{PROBES.package}.{name}"


def test_its_docstring_tells_its_rows_and_their_units(named: tuple[str, Probe]) -> None:
    kind = type(named[1])
    told = set(re.findall(r"\w+", f"{kind.__doc__} {kind.measure.__doc__}".lower()))
    assert told & {"row", "rows"} and told & UNITS
    first = (kind.__doc__ or "").split("\n")[0]
    assert first.endswith("."), "its first line stands alone in a listing"


def test_its_declarations_agree(named: tuple[str, Probe]) -> None:
    _, probe = named
    assert probe.taken in get_args(Taken)
    shared = probe.taken not in ("remembered", "by submit")
    assert shared or not (probe.first or probe.timed), "what the machine decides is measured beside costs"
    assert shared or probe.place == Probe.place, "a place is one in a shared process"
    assert not probe.default or probe.taken != "by submit"
    if probe.taken in ("in blocks", "with twin"):
        assert probe.timed or probe.first, (
            "what no clock and no fresh process decides is the same in every block"
        )
