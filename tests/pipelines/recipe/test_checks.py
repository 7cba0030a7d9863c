from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from xpareto.compress.core.errors import InputError
from xpareto.pipelines.recipe.checks import find_recipe, load_recipe, shipped_recipes
from xpareto.pipelines.recipe.schema import Checked

Read = Callable[..., Checked]


def problems(checked: Read, text: str, *overrides: str) -> str:
    with pytest.raises(InputError) as caught:
        checked(text, *overrides)
    return str(caught.value)


def test_a_good_recipe_is_read(checked: Read) -> None:
    found = checked()
    assert [choice.task for choice in found.recipe.choices()] == ["udpos", "xnli", "tatoeba"]
    assert [[s.label for s in position] for position in found.chains["mnli"]] == [
        ["intermediate"], ["fp32"], ["onnx"], ["int8"],
    ]  # fmt: skip


HUGE_SWEEP = {
    f"fp32.{field}": list(range(1, 40))
    for field in ("max_steps", "batch_size", "max_length", "epochs", "learning_rate")
}


@pytest.mark.parametrize(
    ("old", "new", "where", "words"),
    [
        ("name: tiny", "nmae: tiny", "r.yaml:2: nmae", 'unknown key. Did you mean "name"?'),
        ("name: tiny", "", "name", "required but missing"),
        ("name: tiny", "name: Tiny Recipe", "r.yaml:2: name", "lower-case letters"),
        ("xpareto: 1", "xpareto: 2", "r.yaml:1: xpareto", "expected 1, found 2"),
        ("- step: train", "- step: trian", "r.yaml:6: steps.1.step", 'Did you mean "train"?'),
        ("    epochs: 1", "    epohcs: 1", "r.yaml:9: steps.1.epohcs", 'Did you mean "epochs"?'),
        ("    epochs: 1", "    epochs: two", "r.yaml:9: steps.1.epochs", "found 'two'"),
        ("    epochs: 1", "    epochs: -1", "r.yaml:9: steps.1.epochs", "above 0, found -1"),
        ("    epochs: 1", "    epochs: '1'", "r.yaml:9: steps.1.epochs", "expected a number, found '1'"),
        ("[udpos, xnli, tatoeba]", "[udpos, xlni]", "r.yaml:3: tasks.1", 'Did you mean "xnli"?'),
        ("[udpos, xnli, tatoeba]", "[udpos, udpos]", "r.yaml:3: tasks", "given twice"),
        ("[udpos, xnli, tatoeba]", "[]", "r.yaml:3: tasks", "at least 1"),
        ("[udpos, xnli, tatoeba]", "[{task: udpos, limt: 3}]", "tasks.0.limt", 'Did you mean "limit"?'),
        ("[udpos, xnli, tatoeba]", "[{task: udpos, languages: [e]}]", "tasks.0.languages.0", "unknown language"),
        ("[udpos, xnli, tatoeba]", "[{task: xnli, trained_on: mnil}]", "tasks.0.trained_on", 'mean "mnli"'),
        ("[udpos, xnli, tatoeba]", "[{task: xnli, trained_on: udpos}]", "tasks.0.trained_on", "kind classify"),
        ("name: tiny", "name: tiny\nlanguages: [en, zz]", "r.yaml:3: languages.1", "unknown language"),
        ("name: tiny", "name: tiny\nlanguages: en", "r.yaml:3: languages", "expected `all` or a list"),
        ("name: tiny", "name: tiny\nruntimes: [onxruntime]", "r.yaml:3: runtimes.0", 'mean "onnxruntime"'),
        ("name: tiny", "name: tiny\nobjectives: [scoer]", "r.yaml:3: objectives.0", 'mean "score"'),
        ("name: tiny", "name: tiny\nseeds: []", "r.yaml:3: seeds", "at least 1"),
        ("name: tiny", "name: tiny\nmeasure: {limit: 0}", "r.yaml:3: measure.limit", "above 0"),
        ("name: tiny", "name: tiny\nmeasure: {probes: [energi]}", "r.yaml:3: measure.probes.0", 'mean "energy"'),
        ("name: tiny", "name: tiny\nmeasure: {probes: [size, 3]}", "r.yaml:3: measure.probes.1", "text, found 3"),
        ("name: tiny", "name: tiny\nmeasure: {probes: [predictions]}", "measure.probes.0", "xpareto submit"),
        (
            "name: tiny",
            "name: tiny\nruntime_settings: {onnxruntime: {spining: false}}",
            "runtime_settings.onnxruntime.spining",
            'mean "spinning"',
        ),
        (
            "name: tiny",
            "name: tiny\nruntime_settings: {onnx: {}}",
            "runtime_settings.onnx",
            'unknown runtime "onnx"',
        ),
        ("name: tiny", "name: tiny\nsweep: {int9.embeddings: [true]}", "sweep.int9", 'Did you mean "int8"?'),
        ("name: tiny", "name: tiny\nsweep: {int8.embedings: [true]}", "sweep.int8", 'mean "embeddings"'),
        ("name: tiny", "name: tiny\nsweep: {int8.embeddings: [3]}", "sweep.int8", "true or false or 'int4', found"),
        ("name: tiny", "name: tiny\nsweep: {int8.embeddings: true}", "sweep.int8", "list of values"),
        ("name: tiny", "name: tiny\nsweep: {int8.label: [a, b]}", "sweep.int8", "only `enabled`"),
        ("name: tiny", f"name: tiny\nsweep: {HUGE_SWEEP}", "sweep", "20,000 combinations of values, found 90,224,199."),
        ("name: tiny", "name: tiny\nseeds: [4294967296]", "seeds.0", "a number below 4294967296, found"),
        ("name: tiny", "name: tiny\nmeasure: {threads: 1000000000}", "measure.threads", "4096 or less"),
        ("on: mnli", "on: mnil", "on", 'Did you mean "mnli"?'),
        ("on: mnli", "on: [mnli, udops]", "on.1", 'Did you mean "udpos"?'),
        ("on: mnli", "on: mnil@de", "on", 'Did you mean "mnli"?'),
        ("on: mnli", "on: [mnli@dee]", "on.0", 'unknown language "dee" of mnli'),
        ("on: mnli", "on: 'mml:parallel'", "on", 'Did you mean "mlm"?'),
        ("on: mnli", "on: []", "on", "expected a training set or a list"),
        ("on: mnli", "on: [mnli, mnli]", "on", "mnli stands twice"),
        ("on: mnli", "on: mnli, languages: [en, dee]", "languages.1", "unknown language"),
        ("on: mnli", "on: mnli, sampling: unifrom", "sampling", 'Did you mean "uniform"?'),
        ("on: mnli", "on: mnli, per_set: {udpos: {epochs: 1}}", "per_set", "goes with `on: each`"),
        ("    epochs: 1", "    per_set: {udops: {epochs: 1}}", "per_set.udops", 'Did you mean "udpos"?'),
        ("    epochs: 1", "    per_set: {udpos: {epohcs: 1}}", "per_set", 'Did you mean "epochs"?'),
        ("    epochs: 1", "    per_set: {udpos: {epochs: 0}}", "per_set", "udpos.epochs: expected a number above 0"),
        ("  - arms\n", "  - arms\n  - arms\n", "steps", "more than once"),
        ("  - arms\n", "  - amrs\n", "r.yaml:5: steps.0", "expected a step"),
        ("    label: onnx", "    label: int8", "steps.3", "two steps go by the name int8"),
    ],
)  # fmt: skip
def test_each_mistake_is_told_with_its_place_and_a_fix(
    checked: Read, good: str, old: str, new: str, where: str, words: str
) -> None:
    assert old in good
    found = problems(checked, good.replace(old, new, 1))
    assert where in found and words in found


def test_all_mistakes_are_told_at_once(checked: Read, good: str) -> None:
    text = good.replace("name: tiny", "nmae: tiny").replace("on: mnli", "on: mnil")
    text = text.replace("[udpos, xnli", "[udops, xnli")
    found = problems(checked, text).splitlines()
    assert len([line for line in found if line.startswith("r.yaml:")]) == len(found) >= 3


def test_a_recipe_that_is_not_a_mapping_is_refused(checked: Read) -> None:
    assert "expected a recipe" in problems(checked, "- 1\n- 2\n")


def test_set_changes_a_step_by_label_and_a_key_by_path(checked: Read, good: str) -> None:
    found = checked(good, "fp32.epochs=2.5", "measure.limit=7", "languages=[en, de]")
    assert found.chains["none"][0][0].step.model_dump()["epochs"] == 2.5
    assert {choice.limit for choice in found.recipe.choices()} == {7}
    assert "epochs: 2.5" in found.source and found.recipe.languages == ["en", "de"]


def test_set_reaches_into_a_field_and_takes_mixtures(checked: Read, good: str) -> None:
    found = checked(good, "fp32.per_set.udpos.epochs=10", "intermediate.on=[mnli, 'mlm:parallel']")
    target = found.chains["none"][0][0].step
    assert target.branches(["udpos", "mnli"])["udpos"].epochs == 10
    assert found.chains["mnli"][0][0].step.on == ["mnli", "mlm:parallel"]


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("fp32.per_set.udpos.epohcs=1", 'Did you mean "epochs"?'),
        ("fp32.epochs.udpos=1", "epochs holds no keys to set"),
        ("fp32.epochs", "expected step.field=value"),
        ("fp23.epochs=1", 'Did you mean "fp32"?'),
        ("fp32.epohcs=1", 'Did you mean "epochs"?'),
        ("measure.limit=many", "--set measure.limit=many: expected a whole number, found 'many'."),
    ],
)
def test_a_wrong_set_is_refused(checked: Read, good: str, override: str, words: str) -> None:
    assert words in problems(checked, good, override)


def test_a_sweep_gives_every_combination(checked: Read, good: str) -> None:
    swept = good + "sweep:\n  int8.embeddings: [true, false]\n  int8.per_channel: [true, false]\n"
    position = checked(swept).chains["none"][-1]
    settings = [dict(setting.chosen) for setting in position]
    assert len(settings) == 4 and len({tuple(item.items()) for item in settings}) == 4


def test_shipped_recipes_are_all_good(checked: Read) -> None:
    names = shipped_recipes()
    assert {"demo", "mini-real"} <= set(names)
    for path in names.values():
        assert load_recipe(path).recipe.name == path.stem
        assert load_recipe(path).recipe.description


def test_an_unknown_recipe_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(InputError, match='Did you mean "demo"'):
        find_recipe("dmeo")
    with pytest.raises(InputError, match="no such recipe file"):
        find_recipe(str(tmp_path / "x.yaml"))


def test_packed_batches_need_graphs_that_read_packed_rows(checked: Read, good: str) -> None:
    told = problems(checked, good, "measure.batching=packed")
    assert "r.yaml:" in told and "takes a row for one sequence. Set packed: true in it" in told
    assert checked(good, "measure.batching=packed", "onnx.packed=true").recipe.measure.batching == "packed"
    assert checked(good, "measure.batching=packed", "runtimes=[torch]")  # torch packs by itself
    assert checked(good, "measure.batching=padded")


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("fp32.precision=fp33", "expected 'auto', 'fp32' or 'bf16', found 'fp33'. Did you mean \"fp32\"?"),
        ("int8.embeddings=maybe", "expected true or false or 'int4', found 'maybe'."),
        ("measure.probes=accuracy", "expected a list, such as [a, b], found 'accuracy'."),
        ("measure=3", "expected keys with values, such as {key: value}, found 3."),
        ("arms=3", "expected keys with values, such as {key: value}, found 3."),
        ("arms.none=3", "expected a list, such as [a, b], found 3."),
        ("measure.shapes=[1x]", "measure.shapes.0: expected batch x length, such as 8x128, found '1x'."),
        ("sweep.int8.embeddings=[4]", "sweep.int8.embeddings.0: expected true or false or 'int4', found 4."),
        ("seeds=[0, 0]", "seeds.1: 0 is given twice. Keep one of them."),
        ("runtimes=[torch, torch]", "runtimes.1: torch is given twice. Keep one of them."),
        (
            "sweep.int8.embeddings=[true, true]",
            "sweep.int8.embeddings.1: True is given twice. Keep one of them.",
        ),
        ("fp32.max_length=3.5", "expected a whole number, found 3.5."),
    ],
)
def test_what_set_makes_wrong_is_told_once_with_the_flag(
    checked: Read, good: str, override: str, told: str
) -> None:
    assert problems(checked, good, override) == f"--set {override}: {told}"


def test_set_to_null_an_arm_or_a_key_of_the_sweep_is_left_out(checked: Read, good: str) -> None:
    swept = good + "sweep:\n  int8.embeddings: [true, false]\n  fp32.epochs: [1, 2]\n"
    arms = checked(swept).recipe.arms
    left_out = next(iter(arms))
    left = checked(swept, f"arms.{left_out}=null", "sweep.fp32.epochs=null").recipe
    assert left.arms == {name: steps for name, steps in arms.items() if name != left_out}
    assert list(left.sweep) == ["int8.embeddings"]
    told = problems(checked, good, "arms.nnoe=null")
    assert told == (
        f"--set arms.nnoe=null: the recipe's arms hold no nnoe to leave out; they are: {', '.join(arms)}. "
        'Did you mean "none"?'
    )


def test_lines_of_what_set_replaced_are_forgotten(checked: Read, good: str) -> None:
    override = "tasks=[udpos, xlni]"
    assert problems(checked, good, override).startswith(f'--set {override}: tasks.1: unknown task "xlni"')


@pytest.mark.parametrize(
    ("override", "told"),
    [
        ("languages=[ur, zz]", ["languages.1: unknown language"]),
        ("languages=[en, sw, jv]", ["tatoeba"]),
        (
            "tasks=[{task: udpos, languages: [en, sw]}]",
            ["tasks.0.languages.1: udpos has no sw. It has: af, ar,"],
        ),
        ("tasks=[xnli]", None),
    ],
)
def test_a_language_that_a_task_does_not_have_is_refused(
    checked: Read, good: str, override: str, told: list[str] | None
) -> None:
    if told is None:
        checked(good, override, "languages=[en, sw]")
    elif "jv" in override:
        wrong = problems(checked, good, "tasks=[xnli, udpos]", override)
        assert "languages.2: none of the tasks that it is for (xnli, udpos) has jv." in wrong
    else:
        assert all(words in problems(checked, good, override) for words in told)
        assert len(problems(checked, good, override).splitlines()) == 1


def test_arms_that_no_item_places_are_told(checked: Read, good: str) -> None:
    assert checked(good).notes == ()
    (note,) = checked(good.replace("  - arms\n", "")).notes
    assert note.startswith(
        "r.yaml:13: arms: `steps` has no item `- arms`, so each arm's own steps come before all of `steps`."
    )
    assert checked(good.replace("  - arms\n", ""), "arms={main: []}").notes == ()


def test_a_plan_names_the_flags_that_are_part_of_a_step(planned: Callable[..., object], good: str) -> None:
    with pytest.raises(InputError) as caught:
        planned(good, "intermediate.on=each")
    assert str(caught.value).startswith("r.yaml:6: train cannot follow train: train on each forks the chain")
    with pytest.raises(InputError) as caught:
        planned(good, "int8.candidate=false", "onnx.enabled=false", "int8.reduce_range=true")
    assert str(caught.value).startswith(
        "r.yaml:12 (with --set int8.candidate=false, --set int8.reduce_range=true): quantize_dynamic cannot follow "
        "train: it takes onnx, and export_onnx, which would give that, is left out (enabled: false) at r.yaml:10 "
        "(with --set onnx.enabled=false). Leave quantize_dynamic out, too, or neither."
    )
    with pytest.raises(InputError) as caught:
        planned(good, "steps=[{step: export_onnx}]")
    assert str(caught.value).startswith(
        "--set steps=[{step: export_onnx}]: export_onnx cannot follow the base"
    )


def test_a_recipe_without_a_model_for_each_training_set_is_told_of_on_each(
    planned: Callable[..., object], good: str
) -> None:
    with pytest.raises(
        InputError, match=r"one model for each of udpos, mnli, encoder, but no step has `on: each`"
    ):
        planned(good, "fp32.on=mnli")
    with pytest.raises(InputError, match=r"no step's format \(export_onnx, quantize_dynamic, train\) is one"):
        planned(good, "fp32.candidate=false", "onnx.candidate=false", "int8.candidate=false")


@pytest.mark.parametrize("name", shipped_recipes())
def test_no_shipped_recipe_warns_of_itself(name: str) -> None:
    assert load_recipe(shipped_recipes()[name]).notes == ()
