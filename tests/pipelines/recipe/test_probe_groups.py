"""Which probes share a process, and how often each is taken, as runs have it from what probes declare."""

from __future__ import annotations

import subprocess
import sys
from itertools import chain

from xpareto.eval.probing.registry import PROBES
from xpareto.eval.results.blocks import CONTROL, COST
from xpareto.pipelines.recipe.probe_groups import by_default, groups, nameable, taken

GROUPS = {
    "accuracy": ("accuracy",),
    "depth": ("depth",),
    "cost": ("memory", "size", "latency", "energy", "tokenization", "shapes", "roofline", "operators"),
    "aa": ("memory", "latency", "energy", "tokenization", "shapes"),
}
KNOWN = set(chain.from_iterable(GROUPS.values()))  # a probe that is added changes none of these


def known(names: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return tuple(name for name in names if name in KNOWN)


def test_the_known_probes_are_grouped_and_ordered_as_runs_always_had_them() -> None:
    assert [(name, known(own)) for name, own in groups().items() if known(own)] == list(GROUPS.items())
    assert known(taken("once")) == ("size", "operators")
    assert known(taken("remembered")) == ("accuracy", "depth")
    assert known(by_default()) == ("accuracy", "memory", "size", "latency", "energy", "tokenization")


def test_predictions_are_for_xpareto_submit_and_in_no_recipe() -> None:
    assert taken("by submit") == ("predictions",) and "predictions" not in nameable()


def test_every_probe_that_a_recipe_can_name_is_in_one_group_beside_the_twins() -> None:
    found = groups()
    twin = found.pop(CONTROL)
    assert list(chain.from_iterable(found.values())) == list(nameable()) and set(twin) <= set(found[COST])
    assert set(nameable()) | set(taken("by submit")) == set(PROBES.names)


def test_the_command_line_loads_no_probe_and_a_recipe_those_alone_that_it_names(good: str) -> None:
    text = good + "measure: {probes: [size, accuracy]}\n"
    program = f"""
import sys
import xpareto.pipelines.cli, xpareto.pipelines.recipe.schema
assert not {{"numpy", "torch", "xpareto.eval.probing.probe"}} & set(sys.modules)
from xpareto.pipelines.recipe.checks import check
from xpareto.pipelines.recipe.located_yaml import parse_yaml
assert check(parse_yaml({text!r}, "r.yaml")).recipe.measure.probes == ["size", "accuracy"]
loaded = {{name for name in sys.modules if name.startswith("xpareto.eval.probes.")}}
assert loaded == {{"xpareto.eval.probes.size", "xpareto.eval.probes.accuracy"}}, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True)
