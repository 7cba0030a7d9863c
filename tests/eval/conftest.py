"""Tiny artifacts with random weights: XLM-R for torch, a two-operator graph for ONNX Runtime."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xpareto.compress.core.artifact import Artifact, Manifest, seal

LAYERS, WIDTH, POSITIONS, VOCABULARY = 3, 16, 66, 64
Build = Callable[..., Artifact]


def _tokenizer(folder: Path) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    words = ["<s>", "<pad>", "</s>", "<unk>", *"abcdefghijklmnopqrstuvwxyz"]
    words += [f"w{number}" for number in range(VOCABULARY - len(words))]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>",
        pair="<s> $A </s> </s> $B </s>",
        special_tokens=[("<s>", 0), ("</s>", 2)],
    )
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(json.dumps({"model_max_length": POSITIONS - 2}))


@pytest.fixture(scope="session")
def unigram(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Sequence[str]], Path]:
    """Return a function texts -> tokenizer.json that cuts as XLM-R's does, for these texts.

    Its pieces are all characters, all pairs of characters of a word, and some words, with the mark of a
    word's beginning alone or joined to what follows.
    """
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    def build(texts: Sequence[str]) -> Path:
        words = sorted({word for text in texts for word in text.split()})
        pieces = {"\u2581": -3.0}
        for word in words:
            pieces |= dict.fromkeys(word, -3.0)
            pieces |= {"\u2581" + word[0]: -4.0}
            pieces |= {word[at : at + 2]: -4.5 for at in range(len(word) - 1)}
        pieces |= {"\u2581" + word: -5.0 for word in words[::3] if len(word) < 8}
        vocabulary = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), *sorted(pieces.items())]
        tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(prepend_scheme="always")]
        )
        tokenizer.post_processor = processors.TemplateProcessing(
            single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
        )
        tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
        file = tmp_path_factory.mktemp("unigram") / "tokenizer.json"
        tokenizer.save(str(file))
        return file

    return build


@pytest.fixture(scope="session")
def torch_artifact(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Return a function (head, labels, layer, training_set) -> sealed torch artifact."""

    @functools.cache
    def build(
        head: str, labels: tuple[str, ...] = (), layer: int | None = None, training_set: str | None = None
    ) -> Artifact:
        import torch
        import transformers

        torch.manual_seed(5)
        config = transformers.XLMRobertaConfig(
            vocab_size=VOCABULARY,
            hidden_size=WIDTH,
            num_hidden_layers=LAYERS,
            num_attention_heads=2,
            intermediate_size=32,
            max_position_embeddings=POSITIONS,
            type_vocab_size=1,
            num_labels=2 if head == "qa" else max(1, len(labels)),  # start and end
            pad_token_id=1,
            bos_token_id=0,
            eos_token_id=2,
            initializer_range=0.5,
        )
        models: dict[str, Callable[[], Any]] = {
            "classification": lambda: transformers.XLMRobertaForSequenceClassification(config),
            "tagging": lambda: transformers.XLMRobertaForTokenClassification(config),
            "qa": lambda: transformers.XLMRobertaForQuestionAnswering(config),
            "encoder": lambda: transformers.XLMRobertaModel(config, add_pooling_layer=False),
            "mlm": lambda: transformers.XLMRobertaForMaskedLM(config),
        }
        folder = tmp_path_factory.mktemp(f"torch_{head}")
        models[head]().save_pretrained(folder)
        _tokenizer(folder)
        manifest = Manifest(
            {},
            "torch",
            head,
            labels=labels,
            layer=layer,
            training_set=training_set,  # type: ignore[arg-type]
        )
        return seal(folder, manifest)

    return build


@pytest.fixture(scope="session")
def onnx_artifact(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Return a function (head, labels, layer, ...) -> sealed ONNX artifact with a very small graph.

    hidden = table[input_ids]; an encoder gives hidden x (k + 1) as hidden state k; tagging gives
    hidden @ head; classification gives the sum of that over the tokens that are not masked.
    """

    @functools.cache
    def build(
        head: str,
        labels: tuple[str, ...] = (),
        layer: int | None = None,
        training_set: str | None = None,
        symbolic_width: bool = False,
        dtype: str = "float32",
    ) -> Artifact:
        import onnx
        from onnx import TensorProto, helper, numpy_helper

        element = {"float32": TensorProto.FLOAT, "float16": TensorProto.FLOAT16}[dtype]
        table, matrix = tiny_weights(len(labels))
        weights = [
            numpy_helper.from_array(table.astype(dtype), "embeddings.word_embeddings.weight"),
            numpy_helper.from_array(matrix.astype(dtype), "classifier.weight"),
            numpy_helper.from_array(np.array([2], np.int64), "last_axis"),
            numpy_helper.from_array(np.array([1], np.int64), "token_axis"),
        ]
        nodes = [
            helper.make_node("Gather", [weights[0].name, "input_ids"], ["hidden"], name="embeddings/Gather")
        ]
        axes: list[Any] = ["batch_size", "sequence_length"]
        nodes += [
            helper.make_node("Cast", ["attention_mask"], ["mask"], to=element),
            helper.make_node("Unsqueeze", ["mask", "last_axis"], ["mask3"]),
            helper.make_node("Mul", ["hidden", "mask3"], ["masked"]),
        ]
        width: Any = len(labels)
        if head == "encoder":
            outputs, width = {"last_hidden_state": LAYERS + 1}, WIDTH
            if layer is not None and layer != LAYERS:
                outputs[f"hidden_state_{layer}"] = layer + 1
            for name, factor in outputs.items():
                weights.append(numpy_helper.from_array(np.array(factor, dtype), f"factor_{name}"))
                nodes.append(helper.make_node("Mul", ["masked", f"factor_{name}"], [name]))
            names = list(outputs)
        else:
            inner = "logits" if head == "tagging" else "per_token"
            nodes.append(
                helper.make_node("MatMul", ["masked", "classifier.weight"], [inner], name="classifier/MatMul")
            )
            if head == "classification":
                nodes.append(helper.make_node("ReduceSum", [inner, "token_axis"], ["logits"], keepdims=0))
                axes = ["batch_size"]
            names = ["logits"]
        shape = [*axes, "width" if symbolic_width else width]
        graph = helper.make_graph(
            nodes,
            "tiny",
            [
                helper.make_tensor_value_info(name, TensorProto.INT64, ["batch_size", "sequence_length"])
                for name in ("input_ids", "attention_mask")
            ],
            [helper.make_tensor_value_info(name, element, shape) for name in names],
            weights,
        )
        folder = tmp_path_factory.mktemp(f"onnx_{head}")
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
        onnx.save(model, folder / "model.onnx")
        config = {
            "vocab_size": VOCABULARY,
            "hidden_size": WIDTH,
            "num_hidden_layers": LAYERS,
            "max_position_embeddings": POSITIONS,
            "pad_token_id": 1,
        }
        (folder / "config.json").write_text(json.dumps(config))
        _tokenizer(folder)
        manifest = Manifest(
            {},
            "onnx",
            head,
            labels=labels,
            layer=layer,
            training_set=training_set,  # type: ignore[arg-type]
        )
        return seal(folder, manifest)

    return build


def tiny_weights(labels: int) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(3)
    table = generator.normal(size=(VOCABULARY, WIDTH)).astype(np.float32)
    return table, generator.normal(size=(WIDTH, labels)).astype(np.float32)


@pytest.fixture(scope="session")
def onnx_oracle() -> Callable[..., np.ndarray]:
    """Return a function (head, labels, layer, ids, mask) -> what `onnx_artifact` must answer."""

    def answer(
        head: str, labels: tuple[str, ...], layer: int | None, ids: np.ndarray, mask: np.ndarray
    ) -> np.ndarray:
        table, matrix = tiny_weights(len(labels))
        hidden = table[ids] * mask[..., None]
        if head == "encoder":
            return hidden * ((LAYERS if layer is None else layer) + 1)
        logits = hidden @ matrix
        return logits.sum(axis=1) if head == "classification" else logits

    return answer
