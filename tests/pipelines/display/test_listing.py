from __future__ import annotations

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.compress.core.registry import STEPS
from xpareto.compress.core.step_help import example_recipe, field_docs, formats
from xpareto.eval.objectives._objective import OBJECTIVES
from xpareto.eval.probing.registry import PROBES
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.eval.tasks import TASKS, TRAINING_SETS
from xpareto.pipelines.commands.list import WHAT, show
from xpareto.pipelines.display.doctor import show_doctor
from xpareto.pipelines.display.table import print_table
from xpareto.pipelines.recipe.checks import check, shipped_recipes
from xpareto.pipelines.recipe.located_yaml import parse_yaml


@pytest.mark.parametrize(
    ("what", "names"),
    [("steps", STEPS.names), ("tasks", TASKS.names), ("training", TRAINING_SETS.names),
     ("runtimes", RUNTIMES.names), ("probes", PROBES.names), ("objectives", OBJECTIVES.names),
     ("recipes", tuple(shipped_recipes()))],
)  # fmt: skip
@pytest.mark.parametrize("verbose", [False, True])
def test_every_entry_is_listed(
    what: str, names: tuple[str, ...], verbose: bool, capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("COLUMNS", "400")
    show(what, verbose)
    shown = capsys.readouterr().out
    assert what in WHAT and all(name in shown for name in names)
    if what == "steps" and verbose:
        for kind in STEPS.all().values():
            assert formats(kind) in shown
            for doc in field_docs(kind):
                assert doc.name in shown and doc.takes in shown and doc.description in shown
                assert doc.example is None or doc.example in shown
    if what == "training" and verbose:
        declared = TRAINING_SETS.all().values()
        assert all(file in shown for found in declared for files in found.files.values() for file in files)
        assert all(
            file in shown for found in declared for files in found.translated.values() for file in files
        )


def test_a_probe_is_listed_with_what_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    show("probes", False)
    shown = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    for name, words in {
        "accuracy": "default scores once per content One row per task",
        "size": "default costs once Per artifact",
        "latency": "default costs in blocks, A/A twin too Latency at batch 1",
        "roofline": "roofline costs in blocks Operations",
        "predictions": "predictions files never; xpareto submit",
    }.items():
        assert words in " ".join(shown[name].split())
    show("probes", True)
    assert "in the job's folder as latency/<task>.npz" in capsys.readouterr().out


@pytest.mark.parametrize("name", STEPS.names)
def test_the_docstring_of_a_step_holds_a_recipe_that_is_right(name: str) -> None:
    items = example_recipe(STEPS.load(name)).splitlines(keepends=True)
    recipe = "xpareto: 1\nname: tiny\ntasks: [udpos]\nsteps:\n" + "".join(f"  {line}" for line in items)
    assert items, f"{name}: its docstring lacks an example such as `- step: {name}`"
    parsed = parse_yaml(recipe, f"{name}.yaml")
    for at, item in enumerate(parsed.value["steps"]):
        item.setdefault("label", f"number-{at}")  # the examples stand beside one another, not in one chain
    check(parsed)
    assert name in {item["step"] for item in parsed.value["steps"]}


def test_an_unknown_catalogue_is_refused() -> None:
    with pytest.raises(InputError, match="Did you mean"):
        show("taks", False)


def test_no_catalogue_at_all_is_answered_with_the_names_of_all(capsys: pytest.CaptureFixture[str]) -> None:
    show("", False)
    shown = capsys.readouterr().out
    catalogues = (STEPS, TASKS, TRAINING_SETS, RUNTIMES, PROBES, OBJECTIVES)
    assert all(name in shown for catalogue in catalogues for name in catalogue.names)
    assert all(kind in shown for kind in WHAT) and "demo" in shown


@pytest.mark.parametrize(
    ("name", "words", "other"),
    [
        ("train", "learning_rate", "prune_depth"),
        ("xnli", "ar bg de", "tatoeba"),
        ("mnli", "intermediate/mnli", "squad_v1"),
        ("openvino", "openvino", "torch"),
        ("latency", "Latency at batch 1", "Peak"),
        ("latency_ms", "--p95-ms", "size_bytes"),
        ("int8", "tasks: ", "distil-6"),
    ],
)
def test_one_name_is_answered_with_all_about_it(
    name: str, words: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(name, False)
    shown = capsys.readouterr().out
    assert (
        name in shown and words in shown and other not in [line.split(" ")[0] for line in shown.splitlines()]
    )


@pytest.mark.parametrize("what", WHAT)
def test_every_catalogue_tells_more_when_it_is_asked_for_more(
    what: str, capsys: pytest.CaptureFixture[str]
) -> None:
    show(what, False)
    short = capsys.readouterr().out
    show(what, True)
    assert len(capsys.readouterr().out) > len(short)


def test_no_cell_is_wrapped_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    name = "multilingual/" + 40 * "int8" + "/onnxruntime"
    print_table([(name, 30 * "some words "), ("other", "few")], "candidate", "what")
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and name in lines[1]
    assert all(line == line.rstrip() for line in lines)


def test_a_width_that_is_asked_for_is_kept(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    print_table([("name", 30 * "some words ")], "candidate", "what")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


@pytest.mark.parametrize(("found", "word"), [("exact", "add up exactly"), ("saturates", "use reduce_range")])
def test_the_doctor_tells_what_int8_products_gave(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, found: str, word: str
) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    monkeypatch.setattr(
        "xpareto.pipelines.display.doctor.probe",
        lambda weight=127: found if weight == 127 else "exact",
    )
    show_doctor()
    assert word in capsys.readouterr().out


def test_the_doctor_tells_of_energy_and_int8(capsys: pytest.CaptureFixture[str]) -> None:
    show_doctor()
    shown = capsys.readouterr().out
    assert "energy counters" in shown and "int8" in shown and "{" not in shown
