"""A card says what the report says, in a form that the hub reads, and its snippets run as they stand."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results
from tokenizers import Tokenizer

from tests.pipelines.made_up_run import write_run
from tests.tiny_world import SETS, TRAINED, TinyWorld
from xpareto.compress.core.artifact import Artifact, Head, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.heads.sentence_vectors import POOLINGS, SentenceVectors
from xpareto.compress.onnx.deployment import Layout, deploy
from xpareto.eval.analyses.documents.summary import NO_ANALYSIS, NoSummary, Summary
from xpareto.eval.results.run import read_runs
from xpareto.eval.results.summary import RunSummary, summarize
from xpareto.eval.runtimes._runtime import RUNTIMES
from xpareto.eval.tasks import KindName
from xpareto.reports.findings.statistical_caveats import informed_caveats
from xpareto.reports.formats.card import model_card
from xpareto.reports.formats.card_metadata import Released
from xpareto.reports.formats.markdown import summary
from xpareto.reports.formats.snippets import Opened, snippets
from xpareto.reports.text import markdown

Make = Callable[..., Path]
Shown = tuple[RunSummary, Summary]


def rows_of(text: str, first: str) -> dict[str, list[str]]:
    """Return the rows of the tables of a text whose first cell begins with a word, split as GitHub does."""
    cells = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    return {row[0]: row[1:] for row in cells if row[0].startswith(first)}


def test_a_card_says_what_the_report_says(alone: Shown) -> None:
    """The kind of fault: a card that reads less of a run than its report, and denies what the run has."""
    found, analysis = alone
    name = "english/int8/onnxruntime"
    text, report = model_card(found, analysis, name, "mnli"), summary(found, analysis)
    own, theirs = (
        part.split("## Caveats")[1].split("## How to reproduce")[0].strip() for part in (text, report)
    )
    assert own == theirs and "paired by example" in own
    for denied in ("not measured against itself", "do not hold", "no intervals", "not evaluated here"):
        assert denied not in text
    (candidate,) = rows_of(report.split("## Candidates")[1].split("## ")[0], f"`{name}`").values()
    shown = rows_of(text.split("## Cost and score")[1].split("## ")[0], "")
    for objective in found.shown:
        value, change, other = shown[markdown(found.objectives[objective].title)]
        assert value.removesuffix(" %") in candidate
        assert change.removesuffix(" points") in candidate
        assert other in ("`none/fp32/torch`", "`none/onnx/onnxruntime`")
    # a cost is compared in the runtime that the candidate runs in, a score with the baseline
    assert shown["Score"][2] == "`none/fp32/torch`"
    assert (
        next(row[2] for title, row in shown.items() if title.startswith("Latency"))
        == "`none/onnx/onnxruntime`"
    )
    (by_task,) = rows_of(
        report.split("## Change from the baseline by task")[1].split("## ")[0], f"`{name}`"
    ).values()
    assert {row[-1] for row in rows_of(text.split("## Scores by task")[1], "xnli").values()} <= set(by_task)


def test_without_statistics_a_card_says_why_there_are_none(make_run: Make) -> None:
    found = summarize(read_runs([make_run(hostile=False)]))
    why = NoSummary(unavailable="Outcomes were not kept.")
    text = model_card(found, why, "none/int8/onnxruntime", "udpos")
    assert "no intervals of differences here: Outcomes were not kept" in text.replace("\\", "")
    assert [one.key for one in informed_caveats(found, why)] == [
        one.key for one in informed_caveats(found, NO_ANALYSIS)
    ]


@pytest.mark.parametrize("synthetic", [True, False])
def test_the_hub_reads_a_card_and_its_model_index(make_run: Make, synthetic: bool) -> None:
    found = summarize(read_runs([make_run(synthetic=synthetic)]))
    for candidate in found.run.candidates:
        card = ModelCard(model_card(found, NO_ANALYSIS, candidate.name))
        values = {
            (result.task_name, result.dataset_args["language"], result.metric_type): result.metric_value
            for result in card.data.eval_results
        }
        rows = {
            (row.task, row.language, row.statistic): row.value
            for row in found.run.rows[candidate.name]
            if (cell := found.cells[candidate.name].get((row.task, row.language))) is not None
            and row.probe == "accuracy"
            and cell.score is not None
        }
        assert values == pytest.approx(rows, abs=1e-3) and len(values) > 40
        name, again = model_index_to_eval_results(card.data.to_dict()["model-index"])
        assert name == card.data.model_name and again == card.data.eval_results
        sources = {result.dataset_type for result in card.data.eval_results}
        assert sources == ({"synthetic"} if synthetic else {"facebook/xnli", "google/xtreme"})
        assert card.data.datasets == (None if synthetic else ["facebook/xnli", "google/xtreme"])
    configs = {result.dataset_config for result in card.data.eval_results if result.task_name == "tatoeba"}
    assert ("tatoeba.deu" in configs) is not synthetic


def test_a_card_of_one_training_set_speaks_of_its_tasks_only(make_run: Make) -> None:
    found = summarize(read_runs([make_run(hostile=False, synthetic=False)]))
    text = model_card(found, NO_ANALYSIS, "none/int8/onnxruntime", "udpos")
    data = ModelCard(text).data
    assert {result.task_name for result in data.eval_results} == {"udpos"}
    assert data.pipeline_tag == "token-classification" and data.datasets == ["google/xtreme"]
    assert text.count("sha256") == 1


def test_a_wrong_candidate_gets_a_near_miss(make_run: Make) -> None:
    found = summarize(read_runs([make_run(hostile=False)]))
    with pytest.raises(InputError, match='Did you mean "none/int8/onnxruntime"'):
        model_card(found, NO_ANALYSIS, "none/int8/onnxruntim")
    with pytest.raises(InputError, match='Did you mean "udpos"'):
        model_card(found, NO_ANALYSIS, "none/int8/onnxruntime", "udpo")


def released(tmp_path: Path, artifact: Artifact, runtime: str, layout: Layout = "flat") -> tuple[Path, str]:
    """Deploy a model as that of a made-up run's candidate, with its card; return both."""
    training = artifact.manifest.training_set or "encoder"
    task_of = {"mnli": "xnli", "squad_v1": "xquad", "encoder": "tatoeba"}.get(training, "udpos")
    languages = {"xquad": ("en", "de"), "tatoeba": ("de", "sw")}.get(task_of, ("en", "de"))
    run = write_run(tmp_path / "run", arms=("none",), seeds=(0,), examples=20, tasks={task_of: languages})
    file = run.path / "candidates.json"
    listing = json.loads(file.read_text())
    for candidate in listing["candidates"]:
        candidate |= {"artifacts": {training: "a"}, "runtime": runtime}
    file.write_text(json.dumps(listing))
    folder = tmp_path / "out"
    made = deploy(artifact, folder, layout)
    found = summarize(read_runs([run.path]))
    card = model_card(found, NO_ANALYSIS, "none/fp32/torch", training, Released(made, "some/base", "mit"))
    (folder / "README.md").write_text(card)
    return folder, card


def ran(snippet: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[dict[str, Any], str]:
    """Run a snippet as a new interpreter would, in a folder; return its names and what it printed."""
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {"__name__": "__main__"}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(snippet, "README.md", "exec"), names)
    return names, printed.getvalue()


def snippets_of(card: str) -> list[str]:
    return re.findall(r"```python\n(.*?)\n```", card, re.S)


ONNX = [
    pytest.param(head, "onnxruntime", marks=[] if head in ("tagging", "encoder") else [pytest.mark.slow])
    for head in TRAINED
]


@pytest.mark.parametrize(
    ("head", "runtime"), [*((head, "torch") for head in TRAINED), *ONNX, ("tagging", "openvino")]
)
def test_a_snippet_that_is_copied_from_the_card_runs_and_answers_as_was_scored(
    world: TinyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: Head, runtime: str
) -> None:
    artifact = world.source(head) if runtime == "torch" else world.exported(world.source(head))
    folder, card = released(tmp_path, artifact, runtime)
    *_, snippet = snippets_of(card)
    names, printed = ran(snippet, folder, monkeypatch)
    inputs = [np.asarray(names["inputs"][name]) for name in ("input_ids", "attention_mask")]
    assert inputs[0].shape[1] <= 32, "cut to what the model takes"
    scored = RUNTIMES.load(runtime).open(artifact, 1).run(*inputs)
    given = [names[name] for name in ("logits", "states") if name in names] or [
        np.stack([np.asarray(names[name]) for name in ("start", "end")], axis=-1)
    ]
    np.testing.assert_allclose(np.asarray(given[0]), scored, atol=1e-4)
    assert printed.strip()
    labels = {
        "classification": ("even", "odd"),
        "multi_label_classification": ("even", "odd"),
        "tagging": ("even", "odd"),
        "choice": tuple(names.get("options", ())),
    }
    assert not labels.get(head) or any(label in printed for label in labels[head])
    if head == "encoder":
        mask = inputs[1][..., None]
        vectors = (scored * mask).sum(1) / mask.sum(1)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        np.testing.assert_allclose(np.asarray(names["vectors"]), vectors, atol=1e-5)
        assert "mean of the last hidden state" in card and "hidden state that was scored" in card
    data = ModelCard(card).data
    assert ("`pip install sentence-transformers`" in card) == (head == "encoder" and runtime == "torch")
    library = {"torch": "sentence-transformers" if head == "encoder" else "transformers"}.get(runtime, "onnx")
    assert (data.library_name, data.base_model, data.license) == (library, "some/base", "mit")


@pytest.mark.parametrize("head", ["tagging", "encoder"])
def test_a_card_of_openvinos_format_opens_it_by_openvino_and_by_optimum_intel(
    world: TinyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: Head
) -> None:
    pytest.importorskip("openvino")
    artifact = world.exported(world.source(head))
    folder, card = released(tmp_path, artifact, "openvino", "openvino")
    by_openvino, by_optimum = snippets_of(card)
    names, printed = ran(by_openvino, folder, monkeypatch)
    inputs = [np.asarray(names["inputs"][name]) for name in ("input_ids", "attention_mask")]
    scored = RUNTIMES.load("openvino").open(artifact, 1).run(*inputs)
    found = names["logits" if head == "tagging" else "states"]
    np.testing.assert_allclose(np.asarray(found), scored, atol=1e-5)
    assert printed.strip() and ModelCard(card).data.library_name == "openvino"
    opened = "OVModelForTokenClassification" if head == "tagging" else 'backend="openvino"'
    assert opened in by_optimum and "INFERENCE_PRECISION_HINT" in by_optimum


@pytest.mark.parametrize("runtime", ["torch", "onnxruntime"])
def test_a_snippet_pools_as_the_model_does_and_begins_with_its_prompt(
    world: TinyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: str
) -> None:
    source = world.source("encoder") if runtime == "torch" else world.exported(world.source("encoder"))
    asked = Path(shutil.copytree(source.path, tmp_path / "asked"))
    config = json.loads((asked / "config.json").read_text())
    sentences = SentenceVectors(POOLINGS, longest=9, prompts={"q": "$ask: '"}, default_prompt="q")
    sentences.write(config)
    (asked / "config.json").chmod(0o644)
    (asked / "config.json").write_text(json.dumps(config))
    artifact = seal(asked, source.manifest)
    folder, card = released(tmp_path, artifact, runtime)
    names, _ = ran(snippets_of(card)[-1], folder, monkeypatch)
    ids, mask = (np.asarray(names["inputs"][name]) for name in ("input_ids", "attention_mask"))
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(9)
    assert ids[0, :9].tolist() == tokenizer.encode("$ask: '" + names["texts"][0]).ids
    vectors = sentences.pooled(RUNTIMES.load(runtime).open(artifact, 1).run(ids, mask), mask)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(np.asarray(names["vectors"]), vectors, atol=1e-5)
    assert "which begins with `$ask: '`" in card and "the last hidden state of its last token" in card


def test_what_transformers_cannot_hold_is_loaded_as_its_card_says(
    world: TinyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from xpareto.compress.steps.factorize_embeddings import STEP

    factorised = world.make("factorize_embeddings", STEP(rank=4), world.source("tagging"))
    folder, card = released(tmp_path, factorised, "torch")
    (snippet,) = snippets_of(card)
    assert "refuse it" in card and "from xpareto.compress.models import from_pretrained" in snippet
    names, _ = ran(snippet, folder, monkeypatch)
    inputs = [np.asarray(names["inputs"][name]) for name in ("input_ids", "attention_mask")]
    np.testing.assert_allclose(
        np.asarray(names["logits"]), RUNTIMES.load("torch").open(factorised, 1).run(*inputs), atol=1e-5
    )
    assert ModelCard(card).data.library_name == "xpareto"


@pytest.mark.skipif(importlib.util.find_spec("sentence_transformers") is None, reason="it is not installed")
def test_sentence_transformers_reads_what_was_scored(
    world: TinyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, card = released(tmp_path, world.source("encoder"), "torch")
    by_sentence_transformers, by_hand = snippets_of(card)
    one, _ = ran(by_sentence_transformers, folder, monkeypatch)
    other, _ = ran(by_hand, folder, monkeypatch)
    np.testing.assert_allclose(np.asarray(one["vectors"]), np.asarray(other["vectors"]), atol=1e-5)


def test_every_head_that_is_deployed_has_a_snippet() -> None:
    assert set(TRAINED) == {"encoder", *SETS}


def test_a_card_of_the_hub_names_the_graph_where_it_lies(
    world: TinyWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That transformers.js runs its own part is seen by tests/bench/transformers_js_loads.py, which needs Node."""
    artifact = world.exported(world.source("encoder"))
    folder, card = released(tmp_path, artifact, "onnxruntime", "hub")
    assert ModelCard(card).data.library_name == "transformers.js"
    plain, with_optimum = snippets_of(card)
    names, _ = ran(plain, folder, monkeypatch)
    assert np.asarray(names["vectors"]).shape[0] == 3
    assert 'backend="onnx", model_kwargs={"file_name": "onnx/model.onnx"}' in with_optimum
    (script,) = re.findall(r"```js\n(.*?)\n```", card, re.S)
    assert 'pipeline("feature-extraction", ".")' in script and 'pooling: "mean"' in script


@pytest.mark.parametrize(
    ("kind", "pairs", "pooling", "prompt", "told"),
    [
        ("classify", False, ("mean",), "", 'pipeline("text-classification", ".")'),
        ("classify", True, ("mean",), "", "text_pair: second"),
        ("multilabel", False, ("mean",), "", "classify(texts, { top_k: null })"),
        ("multilabel", True, ("mean",), "", "logits.sigmoid()"),
        ("tag", True, ("mean",), "", 'pipeline("token-classification", ".")'),
        ("span", True, ("mean",), "", 'pipeline("question-answering", ".")'),
        ("retrieve", True, ("lasttoken",), 'say "x": ', '.map((text) => "say \\"x\\": " + text)'),
        ("retrieve", True, ("cls",), "", 'pooling: "cls"'),
        ("choose", True, ("mean",), "", ""),
        ("retrieve", True, ("max",), "", ""),  # which transformers.js cannot
        ("retrieve", True, ("cls", "mean"), "", ""),
    ],
)
def test_javascript_is_shown_where_transformers_js_can_answer(
    kind: KindName, pairs: bool, pooling: tuple[str, ...], prompt: str, told: str
) -> None:
    opened = Opened(
        kind, "onnx", "onnxruntime", 64, pairs, pooling=pooling, prompt=prompt, file="onnx/model.onnx"
    )
    scripts = [snippet.code for snippet in snippets(opened) if snippet.language == "js"]
    assert [told in script for script in scripts] == ([True] if told else [])


def test_a_graph_is_opened_with_what_the_recipe_set() -> None:
    def shown(runtime: str, file: str, **settings: Any) -> str:
        opened = Opened("classify", "onnx", runtime, 64, file=file, settings=settings)
        return next(snippets(opened)).code

    tuned = shown("onnxruntime", "model.onnx", spinning=False, graph="basic")
    assert tuned.count("options.") == 2 and "ORT_ENABLE_BASIC" in tuned
    assert 'InferenceSession(folder / "model.onnx", options, providers' in tuned
    assert "options" not in shown("onnxruntime", "model.onnx", spinning=True, graph="all")
    assert '"INFERENCE_PRECISION_HINT": "bf16", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "64"' in shown(
        "openvino", "model.onnx", precision="bf16", group_size=64
    )
    assert "GROUP_SIZE" not in shown("openvino", "openvino_model.xml", group_size=64)
