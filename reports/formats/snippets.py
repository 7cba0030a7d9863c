"""Code that loads an exported model and asks it something: what a card shows, and what runs as it stands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from string import Template
from typing import Any, NamedTuple

from xpareto.compress.core import Format
from xpareto.eval.tasks import KindName
from xpareto.reports.formats.runtime_options import onnxruntime_options, openvino_config


@dataclass(frozen=True)
class Opened:
    """What a model is opened as. `tokens`: the longest input that it was scored on, special tokens included."""

    kind: KindName  # of answers; of those to one head, any
    format: Format
    runtime: str
    tokens: int
    pairs: bool = True  # where texts are classified: two that are judged together, or one
    plain: bool = True  # of torch: transformers' own classes hold the model
    pooling: tuple[str, ...] = (
        "mean",
    )  # how states become a text's vector, as sentence-transformers calls it
    prompt: str = ""  # what each text begins with
    file: str = "model.onnx"  # where a graph lies in the folder
    settings: Mapping[str, Any] = field(
        default_factory=dict
    )  # of the recipe's, that the runtime was measured with

    @property
    def asked(self) -> _Question:
        """Return what is asked, and how."""
        asked = _QUESTIONS[self.kind]
        if self.kind in _CLASSIFIED and not self.pairs:
            return replace(asked, example=_TEXTS, given="texts")
        if not asked.vectors:
            return asked
        parts = [_POOLED[name] for name in self.pooling]
        pooled = parts[0] if len(parts) == 1 else f"$join([{', '.join(parts)}], 1)"
        mask = "" if self.pooling == ("cls",) else "mask = $mask[..., None]\n"
        prompt = repr(self.prompt).replace("$", "$$")
        given = f"[{prompt} + text for text in texts]" if self.prompt else asked.given
        told = f"  # pooling: {' and '.join(self.pooling)}"
        return replace(asked, given=given, answer=f"{mask}vectors = {pooled}{told}\n{_COSINES}")


class Snippet(NamedTuple):
    """Code that runs in the folder of a model's files, and what it takes to run it."""

    takes: str
    code: str
    language: str = "python"


@dataclass(frozen=True)
class _Question:
    """An example, how the tokenizer is given it, and how the outputs answer it."""

    example: str
    given: str
    answer: str
    one: bool = False  # one example, whose tokens lead back to its words
    outputs: str = "(logits,)"
    named: bool = False  # the answer is one of config.json's labels
    auto: str = "AutoModelForSequenceClassification"  # transformers' class
    vectors: bool = False  # the answer is a vector of each text
    of_batch: str = "()"  # how an encoding of transformers is asked for what is of its one example


_COSINES = """\
vectors = vectors / (vectors**2).sum(1, keepdim$s=True) ** 0.5
print(vectors @ vectors.T)  # cosines"""
_WEIGHED = "(states * mask * mask.cumsum(1)).sum(1) / (mask * mask.cumsum(1)).sum(1)"
_POOLED: Mapping[str, str] = {
    "cls": "states[:, 0]",
    "max": "(states - (1 - mask) * 1e9).$max(1)",
    "mean": "(states * mask).sum(1) / mask.sum(1)",
    "mean_sqrt_len_tokens": "(states * mask).sum(1) / mask.sum(1) ** 0.5",
    "weightedmean": _WEIGHED,
    "lasttoken": "(states * mask * (mask.cumsum(1) == mask.sum(1)[:, None])).sum(1)",
}
IN_WORDS: Mapping[str, str] = {
    "cls": "the last hidden state of its first token",
    "max": "the greatest of each number of the last hidden state over all tokens",
    "mean": "the mean of the last hidden state over all tokens, special ones included",
    "mean_sqrt_len_tokens": "the sum of the last hidden state over all tokens, divided by the root of their number",
    "weightedmean": "the mean of the last hidden state over all tokens, each weighted by its place",
    "lasttoken": "the last hidden state of its last token",
}
"""What each pooling of sentence-transformers makes of a sentence's tokens."""
_BEST = "print([labels[str(int(row.argmax()))] for row in logits])"
_ABOVE_HALF = """\
chances = $sigmoid  # of each label by itself
print([{labels[str(at)]: round(float(p), 3) for at, p in enumerate(row) if p > 0.5} for row in chances])"""
_PAIRS = 'pairs = [("A man plays a guitar.", "Someone makes music."), ("Ein Mann schläft.", "Er rennt.")]'
_TEXTS = 'texts = ["The train is late again.", "Das Essen war gut."]'
_CLASSIFIED: tuple[KindName, ...] = ("classify", "multilabel")
_QUESTIONS: Mapping[KindName, _Question] = {
    "classify": _Question(_PAIRS, "pairs", _BEST, named=True),
    "multilabel": _Question(_PAIRS, "pairs", _ABOVE_HALF, named=True),
    "tag": _Question(
        'words = ["Anna", "wohnt", "in", "Berlin", "."]',
        "words, $split=True",
        """\
tags = {}
for place, word in enumerate(encoded.word_ids$call):
    if word is not None and word not in tags:  # the first piece of a word bears its tag
        tags[word] = labels[str(int(logits[0, place].argmax()))]
print([(words[word], tag) for word, tag in tags.items()])""",
        one=True, named=True, auto="AutoModelForTokenClassification",
    ),
    "span": _Question(
        'question, context = "Where does Anna live?", "Anna moved to Berlin, where she lives by the river."',
        "question, context",
        """\
inside = [place for place, part in enumerate(encoded.sequence_ids$call) if part == 1]
spans = [(i, j) for i in inside for j in inside if i <= j < i + 30]
first, last = max(spans, key=lambda span: float(start[0, span[0]] + end[0, span[1]]))
print(context[encoded$encoding.offsets[first][0] : encoded$encoding.offsets[last][1]].strip())""",
        one=True, outputs="start, end", auto="AutoModelForQuestionAnswering", of_batch="(0)",
    ),
    "choose": _Question(
        'question, options = "She poured the water into", ["the cup.", "the sky.", "a melody."]',
        "[(question, option) for option in options]",
        "print(options[int(logits[:, 0].argmax())])  # one logit for each option",
    ),
    "retrieve": _Question(
        'texts = ["The cat is asleep.", "Die Katze schläft.", "It rains."]',
        "texts",
        "",  # as the model pools: see Opened.asked
        outputs="(states,)", auto="AutoModel", vectors=True,
    ),
}  # fmt: skip
_ONNX = """\
import json
from pathlib import Path

import numpy as np
import $runtime
from tokenizers import Tokenizer

folder = Path(".")  # where config.json and tokenizer.json lie
${options}model = $load
config = json.loads((folder / "config.json").read_text("utf-8"))
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
tokenizer.enable_truncation($tokens)
$prepare

$example
$encode
inputs = {
    "input_ids": np.array([row.ids for row in rows], np.int64),
    "attention_mask": np.array([row.attention_mask for row in rows], np.int64),
}
$outputs = $run
$answer"""
_RUNTIMES: Mapping[str, tuple[str, str]] = {  # -> (how a model is opened, how its outputs come in order)
    "onnxruntime": (
        'onnxruntime.InferenceSession(folder / "$file"$given, providers=["CPUExecutionProvider"])',
        "model.run(None, inputs)",
    ),
    "openvino": (
        'openvino.compile_model(folder / "$file", "CPU", $config)',
        "model(inputs).values()",
    ),
}

_TORCH = """\
import torch
$imports

folder = "."  # where $files and tokenizer.json lie
model = $load
tokenizer = AutoTokenizer.from_pretrained(folder)
$prepare

$example
encoded = tokenizer($given, padding=True, truncation=True, max_length=$tokens, return_tensors="pt")
inputs = {name: encoded[name] for name in ("input_ids", "attention_mask")}
with torch.inference_mode():
    $outputs = model(**inputs, return_dict=False)[:$count]
$answer"""

_SENTENCE_TRANSFORMERS = """\
from sentence_transformers import SentenceTransformer

model = SentenceTransformer("."$more)  # the folder of this card
$example
vectors = model.encode(texts, normalize_embeddings=True)
print(vectors @ vectors.T)  # cosines"""


_JAVASCRIPT: Mapping[KindName, str] = {
    "classify": """\
const classify = await pipeline("text-classification", ".");
console.log(await classify(["The train is late again.", "Das Essen war gut."]));""",
    "multilabel": """\
const classify = await pipeline("text-classification", ".");
const texts = ["The train is late again.", "Das Essen war gut."];
console.log(await classify(texts, { top_k: null })); // the chance of every label; those above 0.5 are the answer""",
    "tag": """\
const tag = await pipeline("token-classification", ".");
console.log(await tag("Anna wohnt in Berlin .")); // of pieces; the first of a word bears its tag""",
    "span": """\
const answer = await pipeline("question-answering", ".");
console.log(await answer("Where does Anna live?", "Anna moved to Berlin, where she lives by the river."));""",
    "retrieve": """\
const encode = await pipeline("feature-extraction", ".");
const texts = ["The cat is asleep.", "Die Katze schläft.", "It rains."]$prompt;
console.log(await encode(texts, { pooling: "$pooling", normalize: true }));""",
}
_PAIRS_IN_JAVASCRIPT = """\
const tokenizer = await AutoTokenizer.from_pretrained(".");
const model = await AutoModelForSequenceClassification.from_pretrained(".");
const first = ["A man plays a guitar.", "Ein Mann schläft."], second = ["Someone makes music.", "Er rennt."];
const inputs = tokenizer(first, { text_pair: second, padding: true, truncation: true });
const { logits } = await model(inputs);
console.log($logits.tolist(), model.config.id2label);"""
_JAVASCRIPT_POOLINGS = {"mean": "mean", "cls": "cls", "lasttoken": "last_token"}


def snippets(opened: Opened) -> Iterator[Snippet]:
    """Yield code for each way to use a model; each runs in the folder of its files."""
    if opened.format == "onnx":
        runtime = opened.runtime if opened.runtime in _RUNTIMES else "onnxruntime"
        runtime = "openvino" if opened.file.endswith(".xml") else runtime
        yield Snippet(f"numpy, {runtime} and tokenizers", _onnx(opened, runtime))
        if opened.file.endswith(".xml"):
            yield _of_optimum_intel(opened)
        elif opened.file != Opened.file:
            yield from _of_the_hub(opened)
        return
    if opened.asked.vectors and opened.plain:
        yield Snippet(
            "sentence-transformers (`pip install sentence-transformers`)",
            _filled(_SENTENCE_TRANSFORMERS, example=opened.asked.example, more=""),
        )
    name, bare = opened.asked.auto, ", add_pooling_layer=False" if opened.asked.vectors else ""
    imports = f"from transformers import {name}, AutoTokenizer"
    load = f"{name}.from_pretrained(folder{bare}).eval()"
    if not opened.plain:
        imports = (
            "from transformers import AutoTokenizer\nfrom xpareto.compress.models import from_pretrained"
        )
        load = "from_pretrained(folder)  # transformers' own classes cannot hold this model"
    yield Snippet(
        "torch and transformers" if opened.plain else "xpareto",
        _torch(opened, imports, load, "config.json, model.safetensors"),
    )


def _of_optimum_intel(opened: Opened) -> Snippet:
    """Return what opens a graph in OpenVINO's format where transformers' own calls are wanted."""
    if opened.asked.vectors:
        more = f', backend="openvino", model_kwargs={{"ov_config": {openvino_config(opened.settings, opened.file)}}}'
        return Snippet(
            "sentence-transformers and optimum-intel (`pip install 'sentence-transformers[openvino]'`)",
            _filled(_SENTENCE_TRANSFORMERS, example=opened.asked.example, more=more),
        )
    name = opened.asked.auto.replace("AutoModel", "OVModel")
    return Snippet(
        "optimum-intel and transformers (`pip install 'optimum-intel[openvino]'`)",
        _torch(
            opened,
            f"from optimum.intel import {name}\nfrom transformers import AutoTokenizer",
            f"{name}.from_pretrained(folder, ov_config={openvino_config(opened.settings, opened.file)})",
            "config.json, openvino_model.xml",
        ),
    )


def _of_the_hub(opened: Opened) -> Iterator[Snippet]:
    """Yield what opens a graph that lies where the hub's tools look for it."""
    if opened.asked.vectors:
        more = f', backend="onnx", model_kwargs={{"file_name": "{opened.file}"}}'
        yield Snippet(
            "sentence-transformers below 6 and optimum-onnx (`pip install 'sentence-transformers[onnx]<6'`)",
            _filled(_SENTENCE_TRANSFORMERS, example=opened.asked.example, more=more),
        )
    kind: KindName = "retrieve" if opened.asked.vectors else opened.kind
    poolings = [_JAVASCRIPT_POOLINGS.get(name, "") for name in opened.pooling]
    if kind not in _JAVASCRIPT or (kind == "retrieve" and (len(poolings) > 1 or not poolings[0])):
        return
    begin = json.dumps(opened.prompt, ensure_ascii=False)
    prompt = f".map((text) => {begin} + text)" if opened.prompt else ""
    pairs = kind in _CLASSIFIED and opened.pairs
    logits = "logits.sigmoid()" if kind == "multilabel" else "logits"
    code = _PAIRS_IN_JAVASCRIPT if pairs else _JAVASCRIPT[kind]
    names = ["AutoModelForSequenceClassification", "AutoTokenizer", "env"] if pairs else ["env", "pipeline"]
    yield Snippet(
        "transformers.js (`npm install @huggingface/transformers`; on the hub, leave the second line out and give "
        "the repository's name for the dot)",
        f'import {{ {", ".join(names)} }} from "@huggingface/transformers";\nenv.localModelPath = "./";\n\n'
        + _filled(code, pooling=poolings[0], prompt=prompt, logits=logits),
        "js",
    )


def _onnx(opened: Opened, runtime: str) -> str:
    asked = opened.asked
    load, run = _RUNTIMES[runtime]
    options = onnxruntime_options(opened.settings) if runtime == "onnxruntime" else []
    padded = 'tokenizer.enable_padding(pad_id=config["pad_token_id"])'
    prepare = [*([] if asked.one else [padded]), *(['labels = config["id2label"]'] if asked.named else [])]
    given = _filled(asked.given, split="is_pretokenized")
    return _filled(
        _ONNX, runtime=runtime, options="".join(f"{line}\n" for line in options),
        load=_filled(
            load, file=opened.file, given=", options" if options else "",
            config=openvino_config(opened.settings, opened.file),
        ),
        tokens=opened.tokens, prepare="\n".join(prepare),
        example=asked.example, outputs=asked.outputs, run=run,
        encode=f"encoded = tokenizer.encode({given})\nrows = [encoded]"
        if asked.one
        else f"rows = tokenizer.encode_batch({given})",
        answer=_filled(
            asked.answer, call="", encoding="", mask='inputs["attention_mask"]', s="s", max="max",
            join="np.concatenate", sigmoid="1 / (1 + np.exp(-logits))"
        ),
    )  # fmt: skip


def _torch(opened: Opened, imports: str, load: str, files: str) -> str:
    asked = opened.asked
    labels = "labels = {str(index): name for index, name in model.config.id2label.items()}"
    return _filled(
        _TORCH, imports=imports, load=load, files=files, tokens=opened.tokens, prepare=labels if asked.named else "",
        example=asked.example, given=_filled(asked.given, split="is_split_into_words"), outputs=asked.outputs,
        count=1 + asked.outputs.count(", "),
        answer=_filled(
            asked.answer, call=asked.of_batch, encoding="[0]",
            mask='inputs["attention_mask"]', s="", max="amax", join="torch.cat", sigmoid="torch.sigmoid(logits)",
        ),
    )  # fmt: skip


def _filled(template: str, **values: object) -> str:
    return Template(template).substitute(values).replace("\n\n\n", "\n\n")
