"""What a base answers by itself: which tasks, by labels of which names, and what is said where it cannot."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import huggingface_hub
import pytest

from xpareto.compress.core.artifact import Head
from xpareto.compress.core.errors import InputError
from xpareto.eval.tasks import task, training_set
from xpareto.pipelines.planning.base_checkpoint import Base, base_of_options
from xpareto.pipelines.planning.graph import Plan
from xpareto.pipelines.planning.plan import make_plan
from xpareto.pipelines.planning.preparation import notes_of_base
from xpareto.pipelines.recipe.schema import Checked

RECIPE = """\
xpareto: 1
name: tiny
tasks: [xnli]
steps:
  - {step: train, label: fp32, on: each, enabled: false}
  - {step: export_onnx, label: onnx}
  - {step: quantize_dynamic, label: int8}
"""
INFERENCE = ("Neutral", "ENTAILMENT", "contradiction")
Planned = Callable[..., Plan]


def one(head: Head, labels: tuple[str, ...] = (), name: str = "mine") -> Base:
    told = f"The base {name} has a {head} head"
    return Base(name, name, Path(name), None, None, head, "--base", labels=labels, dropped=told)


def several(**parts: Base) -> Base:
    return Base("all", "all", None, None, None, "encoder", "--base", parts=parts)


@pytest.fixture
def planned(checked: Callable[..., Checked]) -> Planned:
    def plan(base: Base, *overrides: str) -> Plan:
        data = SimpleNamespace(labels=lambda name: training_set(name).labels)
        start: Any = SimpleNamespace(base=base, data=data, fingerprint=lambda need: need.name)
        return make_plan(checked(RECIPE, *overrides), start)

    return plan


def taken(plan: Plan) -> dict[str, Mapping[str, Any]]:
    """Return the fields of what the plan takes as its start, by training set."""
    nodes = [node.fields for node in plan.nodes.values() if node.step == "base"]
    return {fields.get("training_set", ""): fields for fields in nodes}


def test_a_base_with_a_head_is_the_first_candidate_with_the_data_s_names_in_its_order(
    planned: Planned,
) -> None:
    plan = planned(one("classification", INFERENCE))
    assert [candidate.name for candidate in plan.candidates] == [
        "main/base/torch", "main/onnx/onnxruntime", "main/int8/onnxruntime",
    ]  # fmt: skip
    assert plan.baseline == "main/base/torch" and {*plan.candidates[0].artifacts} == {"mnli"}
    assert plan.candidates[0].steps == () and len(plan.nodes) == 3
    assert taken(plan)["mnli"]["labels"] == ["neutral", "entailment", "contradiction"]
    other = planned(one("classification", INFERENCE[::-1]))
    assert {*other.nodes}.isdisjoint(plan.nodes)  # another order is another model


@pytest.mark.parametrize(
    ("head", "labels", "tasks", "sets"),
    [
        ("tagging", training_set("udpos").labels[::-1], "udpos", {"udpos"}),
        ("qa", (), "xquad, mlqa, tydiqa", {"squad_v1", "tydiqa"}),
        ("encoder", (), "tatoeba, bucc2018", {"encoder"}),
        ("mlm", (), "tatoeba", {"encoder"}),
        ("classification", ("1", "0"), "{task: pawsx, trained_on: qqp}", {"qqp"}),
    ],
)
def test_every_kind_of_head_answers_the_recipe_s_tasks_of_its_kind(
    planned: Planned, head: Head, labels: tuple[str, ...], tasks: str, sets: set[str]
) -> None:
    plan = planned(one(head, labels), f"tasks=[{tasks}]")
    assert {*plan.candidates[0].artifacts} == {*taken(plan)} == sets
    assert {fields["head"] for fields in taken(plan).values()} == {"encoder" if head == "mlm" else head}


@pytest.mark.parametrize("labels", [("LABEL_0", "LABEL_1", "LABEL_2"), ("entailment", "not_entailment")])
def test_other_labels_are_refused_with_both_lists(planned: Planned, labels: tuple[str, ...]) -> None:
    with pytest.raises(InputError) as caught:
        planned(one("classification", labels))
    said = str(caught.value)
    assert "expected the labels of xnli, in any order: contradiction, entailment and neutral; found " in said
    assert " and ".join((", ".join(labels[:-1]), labels[-1])) in said
    assert '"id2label": {"0": "contradiction", "1": "entailment", "2": "neutral"}' in said


@pytest.mark.parametrize(
    ("base", "tasks", "told"),
    [
        (one("classification", INFERENCE), "xnli, udpos", "so it answers xnli, not udpos."),
        (one("classification", ("0", "1")), "xnli, pawsx", "so it answers pawsx, not xnli."),
        (one("classification", INFERENCE), "tatoeba", "so it answers xnli, not tatoeba."),
        (one("qa"), "xquad, panx", "a qa head, so it answers mlqa or tydiqa or xquad, not panx."),
        (
            one("multi_label_classification", INFERENCE),
            "xnli",
            "not xnli. Where its labels are answered one at a time, its config.json has to say so: no multi_label_",
        ),
        (one("choice"), "xnli", "a choice head, so it answers none of the known tasks, not xnli."),
    ],
)
def test_a_task_that_the_base_does_not_answer_is_refused_with_those_that_it_does(
    planned: Planned, base: Base, tasks: str, told: str
) -> None:
    with pytest.raises(InputError) as caught:
        planned(base, f"tasks=[{tasks}]")
    assert told in str(caught.value)


def test_a_body_alone_still_needs_a_training(planned: Planned) -> None:
    with pytest.raises(InputError, match=r"a masked language model, .* Put a train step before it"):
        planned(one("mlm"))
    with pytest.raises(InputError, match="Say `on: each` in the step that trains"):
        planned(one("encoder"), "tasks=[xnli, tatoeba]")


def test_where_a_step_trains_the_body_alone_is_taken_and_the_head_told(
    planned: Planned, checked: Callable[..., Checked]
) -> None:
    base = one("classification", INFERENCE)
    trained, kept = planned(base, "fp32.enabled=true"), planned(base)
    assert [{*taken(plan)} for plan in (trained, kept)] == [{""}, {"mnli"}]
    assert taken(trained)[""] == {"source": "mine"}  # its key is that of any base whose head is not used
    assert trained.candidates[0].name == "main/fp32/torch"
    recipe = checked(RECIPE).recipe
    assert [*notes_of_base(base, trained, recipe)] == [base.dropped]
    [told] = notes_of_base(base, kept, recipe)
    assert told.startswith("xnli: answered by the base mine as it is") and "not known here" in told


def test_several_checkpoints_answer_a_task_each(planned: Planned) -> None:
    bundle = several(
        udpos=one("tagging", training_set("udpos").labels, "a"),
        xnli=one("classification", INFERENCE, "b"),
        encoder=one("mlm", name="c"),
    )
    plan = planned(bundle, "tasks=[xnli, tatoeba, udpos]")
    assert {name: fields["source"] for name, fields in taken(plan).items()} == {
        "mnli": "b", "encoder": "c", "udpos": "a",
    }  # fmt: skip
    assert bundle.source("b") == bundle.parts["xnli"]
    [told] = notes_of_base(bundle, plan, plan_recipe("xnli", "tatoeba", "udpos"))
    assert told.startswith("xnli and udpos: answered by the base all")
    with pytest.raises(InputError, match=r"found none for panx .*Add one, as `panx: DIR`"):
        planned(bundle, "tasks=[panx]")
    with pytest.raises(InputError, match=r"fp32 at r.yaml:5 .*trains heads of one"):
        planned(bundle, "fp32.enabled=true")
    both = several(xquad=one("qa", name="a"), mlqa=one("qa", name="b"))
    with pytest.raises(InputError, match="xquad and mlqa are answered by one model, that of squad_v1"):
        planned(both, "tasks=[xquad, mlqa]")
    same = several(xquad=one("qa", name="a"), mlqa=one("qa", name="a"))
    assert {*taken(planned(same, "tasks=[xquad, mlqa]"))} == {"squad_v1"}


def plan_recipe(*tasks: str) -> Any:
    return SimpleNamespace(
        choices=lambda: [SimpleNamespace(task=name, training_set=task(name).trained_on) for name in tasks]
    )


def test_of_the_hub_the_config_alone_tells_what_a_base_answers(
    planned: Planned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {
        "architectures": ["XLMRobertaForSequenceClassification"], "id2label": dict(enumerate(INFERENCE)),
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))

    def download(repo: str, file: str, *, revision: str) -> str:
        assert (repo, revision) == ("some/base", "0" * 40)
        if not (tmp_path / file).is_file():
            raise OSError("no network")
        return str(tmp_path / file)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", download)
    base = replace(one("mlm"), repo="some/base", revision="0" * 40, folder=None)
    assert taken(planned(base))["mnli"]["labels"] == ["neutral", "entailment", "contradiction"]
    (tmp_path / "config.json").unlink()
    with pytest.raises(InputError, match=r"cannot be downloaded \(no network\)"):
        planned(base)


def test_a_bert_answers_single_texts_and_is_refused_where_it_read_segments(
    checked: Callable[..., Checked], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(base: Base, columns: Mapping[str, str]) -> Plan:
        read = SimpleNamespace(columns=columns, hub=None)
        data = SimpleNamespace(labels=lambda name: training_set(name).labels, training_set=lambda name: read)
        start: Any = SimpleNamespace(base=base, data=data, fingerprint=lambda need: need.name)
        return make_plan(checked(RECIPE), start)

    config = {
        "model_type": "bert", "architectures": ["BertForSequenceClassification"], "type_vocab_size": 2,
        "id2label": dict(enumerate(INFERENCE)),
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    monkeypatch.setattr(
        huggingface_hub, "hf_hub_download", lambda repo, file, *, revision: str(tmp_path / file)
    )
    here = replace(one("classification", INFERENCE), segments=True)
    there = replace(one("mlm"), repo="some/base", revision="0" * 40, folder=None)
    for base in (here, there):
        assert {*taken(planned(base, {"text": "review", "label": "stars"}))} == {"mnli"}
        for pairs in ({"first": "a", "second": "b", "label": "c"}, {}):
            with pytest.raises(
                InputError, match=r"--base: mine is a BERT .* answers to xnli would be others"
            ):
                planned(base, pairs)
    assert planned(replace(here, segments=False), {})
    (tmp_path / "config.json").write_text(json.dumps({**config, "type_vocab_size": 1}))
    assert planned(there, {})


def test_the_command_line_gives_one_checkpoint_or_one_for_each_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert base_of_options([]) is None
    assert base_of_options(["xnli=a", "encoder=b=c"]) == {"xnli": "a", "encoder": "b=c"}
    Path("odd=name").mkdir()
    assert base_of_options(["odd=name"]) == "odd=name"
    for words in (["a", "b"], ["xnli=a", "b"], ["xnli=a", "xnli=b"], ["xnli="]):
        with pytest.raises(InputError, match="expected one checkpoint, or TASK=CHECKPOINT"):
            base_of_options(words)


def test_a_recipe_names_the_tasks_of_several_checkpoints(checked: Callable[..., Checked]) -> None:
    parts = {"xnli": "a", "encoder": "b"}
    assert checked(RECIPE, f"base={json.dumps(parts)}").recipe.base == parts
    with pytest.raises(InputError, match=r'unknown task "xnil". Did you mean "xnli"'):
        checked(RECIPE, "base={xnil: a}")
    for wrong in ("{}", "[a]"):
        with pytest.raises(InputError, match=r"base=.*: expected text"):
            checked(RECIPE, f"base={wrong}")
