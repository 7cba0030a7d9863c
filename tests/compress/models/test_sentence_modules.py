"""What sentence-transformers' files say of a base is what its variants are scored and exported with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer

from tests.tiny_world import TinyWorld
from xpareto.compress.core.artifact import Artifact, Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.heads.encoder import SPEC
from xpareto.compress.heads.sentence_vectors import POOLINGS, SENTENCES, SentenceVectors
from xpareto.compress.models.checkpoint import import_checkpoint, load_model, read_checkpoint
from xpareto.compress.models.sentence_modules import FLAGS, read_sentences
from xpareto.compress.onnx.deployment import deploy
from xpareto.compress.steps.prune_depth import PruneDepth
from xpareto.compress.steps.quantize_dynamic import QuantizeDynamic
from xpareto.eval.data.source import DataSpec
from xpareto.eval.kinds.retrieve import KIND as RETRIEVE
from xpareto.eval.probing.context import MeasurementContext
from xpareto.eval.probing.predict import reducer
from xpareto.eval.probing.request import Ask, Job
from xpareto.eval.runtimes.onnxruntime import RUNTIME

CLS, MEAN = {"pooling_mode_cls_token": True}, {"pooling_mode_mean_tokens": True}
TWO, THREE = ("Transformer", "Pooling"), ("Transformer", "Pooling", "Normalize")


def write_modules(folder: Path, pooling: dict[str, Any], kinds: tuple[str, ...]) -> Path:
    paths = ["", "1_Pooling", "2_Normalize", "3_Dense"]
    modules = [
        {"idx": at, "name": str(at), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, (kind, path) in enumerate(zip(kinds, paths, strict=False))
    ]
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (folder / "modules.json").write_text(json.dumps(modules))
    off = dict.fromkeys(
        ("pooling_mode_cls_token", "pooling_mode_mean_tokens", "pooling_mode_max_tokens"), False
    )
    told = {"word_embedding_dimension": 16, **(pooling if "pooling_mode" in pooling else off | pooling)}
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(told))
    return folder


@pytest.mark.parametrize(
    ("pooling", "kinds", "expected"),
    [
        (MEAN, TWO, SentenceVectors()),
        (MEAN, THREE, SentenceVectors(normalize=True)),
        (CLS, THREE, SentenceVectors(("cls",), normalize=True)),
        ({"pooling_mode": "cls"}, THREE, SentenceVectors(("cls",), normalize=True)),
        (CLS | MEAN, TWO, SentenceVectors(("cls", "mean"))),
        ({"pooling_mode": ["max", "lasttoken"]}, TWO, SentenceVectors(("max", "lasttoken"))),
        *(({flag: True}, TWO, SentenceVectors((name,))) for name, flag in FLAGS.items()),
    ],
)
def test_what_is_pooled_is_read(
    pooling: dict[str, Any], kinds: tuple[str, ...], expected: SentenceVectors, tmp_path: Path
) -> None:
    found, files = read_sentences(write_modules(tmp_path, pooling, kinds), 32)
    assert found == expected
    assert files == (tmp_path / "modules.json", tmp_path / "1_Pooling" / "config.json")
    told: dict[str, Any] = {}
    found.write(told)
    assert SentenceVectors.of(json.loads(json.dumps(told))) == expected


PROMPTED = {
    "prompts": {"query": "query: ", "none": ""},
    "default_prompt_name": "query",
    "similarity_fn_name": "dot",
}


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"sentence_bert_config.json": {"max_seq_length": 16}}, SentenceVectors(longest=16)),
        ({"sentence_bert_config.json": {"max_seq_length": 32}}, SentenceVectors()),  # no more fit anyway
        ({"sentence_roberta_config.json": {"max_seq_length": 16}}, SentenceVectors(longest=16)),
        ({"tokenizer_config.json": {"model_max_length": 16}}, SentenceVectors(longest=16)),  # version 6
        ({"tokenizer_config.json": {"model_max_length": int(1e30)}}, SentenceVectors()),
        (
            {"config_sentence_transformers.json": PROMPTED},
            SentenceVectors(prompts={"query": "query: "}, default_prompt="query", similarity="dot"),
        ),
        (
            {"config_sentence_transformers.json": PROMPTED | {"default_prompt_name": None}},
            SentenceVectors(prompts={"query": "query: "}, similarity="dot"),
        ),
        (
            {"config_sentence_transformers.json": {"prompts": {"query": "", "document": ""}}},
            SentenceVectors(),
        ),
    ],
)
def test_prompts_and_the_longest_sentence_are_read(
    files: dict[str, Any], expected: SentenceVectors, tmp_path: Path
) -> None:
    write_modules(tmp_path, MEAN, TWO)
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    found, read = read_sentences(tmp_path, 32)
    assert found == expected
    assert {file.name for file in read} >= {*files} - {"tokenizer_config.json"}
    told: dict[str, Any] = {}
    found.write(told)
    assert SentenceVectors.of(json.loads(json.dumps(told))) == expected


LOWER = {"sentence_bert_config.json": {"do_lower_case": True}}
LEFT_OUT = {"config_sentence_transformers.json": PROMPTED}


@pytest.mark.parametrize(
    ("pooling", "kinds", "more", "message"),
    [
        ({}, TWO, {}, "found the pooling none"),
        ({"pooling_mode": "attention"}, TWO, {}, "found the pooling attention"),
        ({"pooling_mode": ["mean", "cls"]}, TWO, {}, r"found the pooling mean\+cls"),
        (MEAN, (*THREE, "Dense"), {}, "found a module Dense"),
        (MEAN, ("Transformer", "Normalize"), {}, "found the modules Transformer, Normalize"),
        (MEAN, TWO, LOWER, "found text in lower case"),
        (MEAN | {"include_prompt": False}, TWO, LEFT_OUT, "a pooling that leaves out the prompt 'query: '"),
    ],
)
def test_another_vector_is_refused_where_it_would_be_scored(
    pooling: dict[str, Any], kinds: tuple[str, ...], more: dict[str, Any], message: str, tmp_path: Path
) -> None:
    write_modules(tmp_path, pooling, kinds)
    for name, content in more.items():
        (tmp_path / name).write_text(json.dumps(content))
    found, _ = read_sentences(tmp_path, 32)
    with pytest.raises(InputError, match=message):
        found.readable("--base")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config_sentence_transformers.json", '{"prompts": ["query: "]}', "prompts: "),
        (
            "config_sentence_transformers.json",
            '{"default_prompt_name": "q"}',
            "one of the prompts .*'q'",
        ),
        ("config_sentence_transformers.json", "[", "not readable as JSON"),
        (
            "sentence_bert_config.json",
            '{"max_seq_length": "long"}',
            "expected at least 3 tokens, found 'long'",
        ),
        ("sentence_bert_config.json", '{"max_seq_length": 2}', "expected at least 3 tokens, found 2"),
        ("modules.json", "[1]", "expected a list of modules"),
        ("modules.json", "[{}]", "expected a list of modules"),
        ("modules.json", "not json", "expected a list of modules"),
        ("modules.json", "[" * 100_000, "expected a list of modules"),
    ],
)
def test_damaged_files_are_told(name: str, content: str, message: str, tmp_path: Path) -> None:
    write_modules(tmp_path, MEAN, TWO)
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}: .*{message}"):
        read_sentences(tmp_path, 32)


def test_a_pooling_elsewhere_is_not_read(tmp_path: Path) -> None:
    parts = [{"type": "models.Transformer", "path": ""}, {"type": "models.Pooling", "path": "../other"}]
    (tmp_path / "modules.json").write_text(json.dumps(parts))
    with pytest.raises(InputError, match=r"path of the Pooling: expected a plain name, found '\.\./other'"):
        read_sentences(tmp_path, 32)


@pytest.mark.parametrize("name", POOLINGS)
def test_each_pooling_is_what_its_name_says(name: str) -> None:
    states = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    mask = np.array([[1, 1, 1, 1], [1, 1, 0, 0]])
    expected = []
    for row, length in zip(states.astype(np.float64), (4, 2), strict=True):
        kept = row[:length]
        expected.append(
            {
                "cls": kept[0],
                "max": kept.max(0),
                "mean": kept.mean(0),
                "mean_sqrt_len_tokens": kept.sum(0) / np.sqrt(length),
                "weightedmean": np.average(kept, axis=0, weights=np.arange(1, length + 1)),
                "lasttoken": kept[-1],
            }[name]
        )
    found = SentenceVectors((name,)).pooled(states, mask)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    in_torch = SentenceVectors((name, "cls")).pooled(torch.tensor(states), torch.tensor(mask))
    np.testing.assert_allclose(in_torch, np.concatenate([expected, states[:, 0]], 1), atol=1e-6)


@pytest.fixture(scope="module")
def by_first_token(world: TinyWorld, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    """The import of a base as people have it: its first token's state, normalized, a prompt, a longest sentence."""
    folder, target = (tmp_path_factory.mktemp(name) for name in ("base", "imported"))
    source = world.source("encoder")
    for name in source.manifest.files:
        shutil.copyfile(source.file(name), folder / name)
    write_modules(folder, CLS, THREE)
    prompts = {"prompts": {"query": "query: "}, "default_prompt_name": "query"}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    (folder / "sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 12}))
    made = import_checkpoint(folder, target)
    assert made.head == "encoder"
    return seal(target, Manifest({}, "torch", "encoder", training_set="encoder", step="train"))


def test_every_variant_pools_as_its_base(by_first_token: Artifact, world: TinyWorld, tmp_path: Path) -> None:
    told = SentenceVectors(
        ("cls",), normalize=True, longest=12, prompts={"query": "query: "}, default_prompt="query"
    )
    assert read_checkpoint(by_first_token.path).sentences == told
    cut = world.make("prune_depth", PruneDepth.model_validate({"layers": 1}), by_first_token)
    int8 = world.make("quantize_dynamic", QuantizeDynamic(), world.exported(cut))
    ids = np.array([[0, 5, 6, 7, 2], [0, 8, 9, 2, 1]])
    for at, artifact in enumerate((by_first_token, cut, int8)):
        out = deploy(artifact, tmp_path / str(at))
        pooling = json.loads((out.path / "1_Pooling" / "config.json").read_text())
        assert [name for name, flag in FLAGS.items() if pooling[flag]] == ["cls"]
        assert read_sentences(out.path, 1000)[0] == told
    states = RUNTIME.open(int8, 1).run(ids, (ids != 1).astype(np.int64))
    found = reducer(RETRIEVE, int8)(states, np.array([5, 4]))
    np.testing.assert_array_equal(np.stack(found), states[:, 0])
    model = load_model(cut.path, "encoder")
    batch = {"input_ids": torch.tensor(ids), "attention_mask": torch.tensor(ids != 1).long()}
    with torch.inference_mode():
        assert torch.equal(SPEC.compared(model, None, batch), model(**batch).last_hidden_state[:, 0])


def test_sentences_are_encoded_with_the_prompt_and_cut_where_the_base_cuts_them(
    by_first_token: Artifact, tmp_path: Path
) -> None:
    folder = tmp_path / "data" / "tatoeba"
    folder.mkdir(parents=True)
    text = {"de": "ein Hund\nein Hund und noch ein Hund und noch ein Hund\n", "en": "a dog\na cat\n"}
    for language, lines in text.items():
        (folder / f"de-en.{language}").write_text(lines)
    asks = (Ask("tatoeba", ("de",), "test"),)
    job = Job(
        "run",
        "c",
        "torch",
        1,
        {"encoder": str(by_first_token.path)},
        DataSpec(str(tmp_path / "data")),
        asks,
        (),
    )
    context = MeasurementContext(job, tmp_path)
    [subset] = context.subsets(asks[0], "encoder")
    tokenizer = Tokenizer.from_file(str(by_first_token.file("tokenizer.json")))
    tokenizer.enable_truncation(12)
    texts = [f"query: {line}" for lines in text.values() for line in lines.splitlines()]
    assert subset.encoded.input_ids == [tokenizer.encode(line).ids for line in texts]
    assert len(subset.encoded.input_ids[1]) == 12
    context.close()


def test_files_say_nothing_of_a_vector_that_they_could_not_say(world: TinyWorld, tmp_path: Path) -> None:
    folder, source = tmp_path / "base", world.source("encoder")
    shutil.copytree(source.path, folder)
    config = json.loads((folder / "config.json").read_text())
    SentenceVectors(unread="a module Dense").write(config)
    (folder / "config.json").write_text(json.dumps(config))
    told = seal(folder, Manifest({}, "torch", "encoder", training_set="encoder", step="train"))
    assert not (deploy(told, tmp_path / "out").path / "modules.json").exists()
    with pytest.raises(InputError, match="found a module Dense"):
        reducer(RETRIEVE, told)


def test_a_base_that_says_nothing_is_pooled_by_its_mean(world: TinyWorld) -> None:
    source = world.source("encoder")
    assert reducer(RETRIEVE, source) == RETRIEVE.reduce
    assert SENTENCES not in json.loads(source.file("config.json").read_text())
