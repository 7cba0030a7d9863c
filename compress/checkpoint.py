"""A checkpoint folder in Hugging Face's layout: checked, imported, loaded with a head, saved."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from compress.artifact import Head
from compress.bert_checkpoint import check_tokenizer, has_masked_lm, write_as_xlmr, xlmr_config, xlmr_name
from compress.errors import InputError
from compress.step import Made
from compress.uneven import Shape, expected_shapes, model_class, shape_in, write_shape

if TYPE_CHECKING:
    from transformers import PreTrainedModel

WEIGHTS = "model.safetensors"
INDEX = "model.safetensors.index.json"
TOKENIZER = "tokenizer.json"
TOKENIZER_CONFIG = "tokenizer_config.json"
SENTENCEPIECE = "sentencepiece.bpe.model"

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl", "*.pickle")
_CLASSES: dict[Head, str] = {
    "mlm": "XLMRobertaForMaskedLM",
    "encoder": "XLMRobertaModel",
    "classification": "XLMRobertaForSequenceClassification",
    "tagging": "XLMRobertaForTokenClassification",
    "qa": "XLMRobertaForQuestionAnswering",
    "choice": "XLMRobertaForSequenceClassification",  # with one label: the score of one option
}
_BODY = "roberta."
_EMBEDDING = "embeddings.word_embeddings.weight"
_DROPPED = ("pooler.", "embeddings.position_ids", "embeddings.token_type_ids")
_DEFAULT_TOKENIZER_CONFIG = {
    "add_prefix_space": True,
    "bos_token": "<s>",
    "cls_token": "<s>",
    "eos_token": "</s>",
    "mask_token": "<mask>",
    "model_max_length": 512,
    "pad_token": "<pad>",
    "sep_token": "</s>",
    "tokenizer_class": "XLMRobertaTokenizer",
    "unk_token": "<unk>",
}


@dataclass(frozen=True)
class Facts:
    """What a checkpoint folder says of itself, read without loading a weight."""

    folder: Path
    head: Head
    labels: tuple[str, ...]
    vocab_size: int
    hidden_size: int
    layers: int
    max_tokens: int  # longest input in subwords, special tokens included
    weights: tuple[str, ...]  # safetensors files, in reading order
    weight_bytes: int
    tokenizer: str  # tokenizer.json or sentencepiece.bpe.model
    shape: Shape  # heads and neurons per layer
    kind: str = "xlm-roberta"  # or "bert": multilingual MiniLM, which becomes an XLM-R when it is imported


def read_checkpoint(folder: Path) -> Facts:
    """Return the facts of a checkpoint folder; InputError saying what is wrong, where, and the fix.

    Reads config.json, the safetensors headers and the tokenizer's vocabulary, no weight.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: expected a folder with a checkpoint, found none. Check the path.")
    config = _read_json(folder / "config.json")
    kind = config.get("model_type")
    if kind not in ("xlm-roberta", "bert"):
        raise InputError(
            f'{folder / "config.json"}: model_type: expected "xlm-roberta", found {json.dumps(kind)}. '
            "Give a checkpoint with XLM-RoBERTa's architecture, such as FacebookAI/xlm-roberta-base."
        )
    sizes = {}
    for name in ("vocab_size", "hidden_size", "num_hidden_layers", "max_position_embeddings"):
        value = config.get(name)
        if not isinstance(value, int) or value < 1:
            raise InputError(
                f"{folder / 'config.json'}: {name}: expected a positive integer, found {value!r}."
            )
        sizes[name] = value
    weights = _weight_files(folder)
    shapes: dict[str, tuple[int, ...]] = {}
    for name in weights:
        shapes.update(_read_shapes(folder / name))
    tokenizer = _tokenizer_file(folder)
    if kind == "bert":
        if tokenizer == TOKENIZER:
            check_tokenizer(folder / TOKENIZER)
        masked_lm = has_masked_lm(shapes, config)
        renamed = {xlmr_name(key): shape for key, shape in shapes.items()}
        shapes = {key: shape for key, shape in renamed.items() if key is not None}
    shapes = {key.removeprefix(_BODY): shape for key, shape in shapes.items()}
    shape = shape_in(config, str(folder / "config.json"))
    _check_shapes(folder, sizes, shape, shapes)
    if tokenizer == TOKENIZER:
        found = tokenizer_size(folder / TOKENIZER)
        if kind == "bert" and found < sizes["vocab_size"]:
            sizes["vocab_size"] = found  # the table has spare rows
        _check_tokenizer_size(folder / TOKENIZER, found, sizes["vocab_size"])
    if kind == "bert":
        config = xlmr_config(config, sizes["vocab_size"], masked_lm, str(folder / "config.json"))
        sizes["max_position_embeddings"] = config["max_position_embeddings"]
    head = _head_of(config, shapes)
    return Facts(
        folder=folder,
        head=head,
        labels=_labels_of(config) if head in ("classification", "tagging") else (),
        vocab_size=sizes["vocab_size"],
        hidden_size=sizes["hidden_size"],
        layers=sizes["num_hidden_layers"],
        max_tokens=sizes["max_position_embeddings"] - 2,
        weights=weights,
        weight_bytes=sum((folder / name).stat().st_size for name in weights),
        tokenizer=tokenizer,
        shape=shape,
        kind=kind,
    )


def import_checkpoint(source: Path, target: Path) -> Made:
    """Write a checkpoint folder into `target` in the artifact layout; return what it is.

    Shards become one model.safetensors, half precision becomes float32, the unused pooler is left
    out, a sentencepiece model becomes a tokenizer.json, multilingual MiniLM's BERT becomes an XLM-R.
    """
    facts = read_checkpoint(source)
    target.mkdir(parents=True, exist_ok=True)
    _import_tokenizer(facts, target)
    if facts.kind == "bert":
        with TemporaryDirectory() as folder:
            weights = [source / name for name in facts.weights]
            size = tokenizer_size(target / TOKENIZER)
            write_as_xlmr(weights, _read_json(source / "config.json"), size, Path(folder))
            copy_tokenizer(target, Path(folder))
            return import_checkpoint(Path(folder), target)
    model = load_model(source, facts.head, facts.labels, keep_head=True)
    save_model(model, target, target)
    notes = {"parameters": sum(weight.numel() for weight in model.parameters())}
    return Made("torch", facts.head, facts.labels, notes=notes)


def load_model(
    folder: Path,
    head: Head,
    labels: Sequence[str] = (),
    *,
    keep_head: bool = False,
    seed: int = 0,
    dropout: float | None = None,
    attention: str = "sdpa",
) -> PreTrainedModel:
    """Return the checkpoint's float32 model with the head asked for, in evaluation mode.

    With `keep_head`, the head's weights come from the checkpoint, and InputError is raised when it
    has none; otherwise a fresh head is drawn with `seed` and only the body is taken over.
    `dropout` replaces the probabilities of the hidden and attention dropout.
    """
    import torch
    import transformers
    from safetensors.torch import load_file

    facts = read_checkpoint(folder)
    config = transformers.XLMRobertaConfig.from_pretrained(folder)
    names = ("score",) if head == "choice" else tuple(labels)
    if head in ("classification", "tagging", "choice"):
        config.id2label = dict(enumerate(names))
        config.label2id = {label: index for index, label in enumerate(names)}
    if head == "qa":
        config.num_labels = 2  # start and end; the checkpoint may tell the number of its own head's labels
    if dropout is not None:
        config.hidden_dropout_prob = config.attention_probs_dropout_prob = dropout
    config.architectures = [_CLASSES[head]]
    state: dict[str, torch.Tensor] = {}
    for name in facts.weights:
        for key, value in load_file(folder / name).items():
            inner = key.removeprefix(_BODY)
            if inner.startswith(_DROPPED):
                continue
            is_body = inner.startswith(("embeddings.", "encoder."))
            if is_body or (keep_head and head != "encoder"):
                state[_BODY + inner if is_body and head != "encoder" else inner] = value.float()
    options: dict[str, Any] = {"add_pooling_layer": False} if head == "encoder" else {}
    with _quiet(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # transformers draws the weights that the state lacks
        model, info = model_class(_CLASSES[head], config).from_pretrained(
            None,
            config=config,
            state_dict=state,
            dtype=torch.float32,
            attn_implementation=attention,
            output_loading_info=True,
            **options,
        )
    missing = [key for key in sorted(info["missing_keys"]) if keep_head or key.startswith(_BODY)]
    if missing:
        raise InputError(
            f"{folder}: the weights lack {missing[0]} (and {len(missing) - 1} more), which "
            f"{_CLASSES[head]} needs. Give a complete checkpoint."
        )
    model.eval()
    loaded: PreTrainedModel = model
    return loaded


def save_model(model: PreTrainedModel, source_tokenizer_folder: Path, target: Path) -> None:
    """Write config.json, one model.safetensors and the tokenizer's files into `target`.

    Equal weights and settings give equal bytes; transformers' `from_pretrained` reads the folder, or, where
    the layers differ in width, that of `compress.uneven`.
    """
    target.mkdir(parents=True, exist_ok=True)
    write_shape(model)
    with _quiet():
        # One file up to any size: an artifact is self-contained, and shards would only be merged again.
        model.save_pretrained(target, max_shard_size="1000GB")
    file = target / "config.json"
    config = json.loads(file.read_text(encoding="utf-8"))
    config["architectures"] = [type(model).__name__]
    for name in ("_name_or_path", "auto_map", "_attn_implementation"):
        config.pop(name, None)  # paths of this machine, and code to run, are no part of a model
    file.write_text(json.dumps(config, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
    copy_tokenizer(source_tokenizer_folder, target)


def copy_tokenizer(source: Path, target: Path) -> None:
    """Copy tokenizer.json and tokenizer_config.json, unless they are there already."""
    for name in (TOKENIZER, TOKENIZER_CONFIG):
        if source.resolve() != target.resolve():
            shutil.copyfile(source / name, target / name)


def write_tokenizer_config(target: Path, settings: Mapping[str, Any] | None = None) -> None:
    """Write tokenizer_config.json: XLM-R's settings, overridden by `settings`, without any code reference."""
    merged = {**_DEFAULT_TOKENIZER_CONFIG, **(settings or {})}
    merged = {name: value for name, value in merged.items() if name not in ("auto_map", "name_or_path")}
    # transformers 4 named the fast class apart; one name serves both there and here.
    merged["tokenizer_class"] = "XLMRobertaTokenizer"
    text = json.dumps(merged, indent=2, sort_keys=True, ensure_ascii=False)
    (target / TOKENIZER_CONFIG).write_text(text + "\n", encoding="utf-8")


def tokenizer_size(file: Path) -> int:
    """Return one more than the highest id in a tokenizer.json; InputError when it is not one."""
    data = _read_json(file)
    try:
        vocab = data["model"]["vocab"]
        ids = list(vocab.values()) if isinstance(vocab, dict) else [len(vocab) - 1]
        ids += [token["id"] for token in data.get("added_tokens") or []]
        return int(max(ids)) + 1
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{file}: expected a tokenizers file with model.vocab, found none ({error!r}). "
            "Save it anew with transformers: AutoTokenizer.from_pretrained(...).save_pretrained(...)"
        ) from error


def _read_json(file: Path) -> dict[str, Any]:
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InputError(
            f"{file}: expected this file, found none. Give a complete checkpoint folder."
        ) from error
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: not readable as JSON ({error}). Download it again.") from error
    if not isinstance(data, dict):
        raise InputError(f"{file}: expected a JSON object, found {type(data).__name__}.")
    return data


def _weight_files(folder: Path) -> tuple[str, ...]:
    if (folder / WEIGHTS).is_file():
        return (WEIGHTS,)
    if (folder / INDEX).is_file():
        listed = _read_json(folder / INDEX).get("weight_map")
        if not isinstance(listed, dict) or not listed:
            raise InputError(f"{folder / INDEX}: expected a weight_map, found none. Download it again.")
        names = sorted({str(name) for name in listed.values()})
        for name in names:
            if Path(name).name != name or not name.endswith(".safetensors"):
                raise InputError(f"{folder / INDEX}: expected safetensors files beside it, found {name!r}.")
            if not (folder / name).is_file():
                raise InputError(
                    f"{folder / name}: the index names this shard, but it is not there. Download it."
                )
        return tuple(names)
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise InputError(
            f"{folder / pickles[0]}: expected {WEIGHTS}, found a pickle, which can run code when read. "
            'Where you trust it, convert it: python -c "import torch; '
            "from safetensors.torch import save_file; "
            f"w = torch.load('{pickles[0]}', weights_only=True); "
            "save_file({k: v.clone().contiguous() for k, v in w.items()}, 'model.safetensors', "
            "{'format': 'pt'})\""
        )
    raise InputError(
        f"{folder}: expected {WEIGHTS} or {INDEX}, found neither. Give a complete checkpoint. A hub repository "
        "without safetensors has to be downloaded and converted first; xpareto never reads pickles."
    )


def _read_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shape of every tensor in a safetensors file, from its header; check its size."""
    size = file.stat().st_size
    with file.open("rb") as stream:
        start = stream.read(8)
        length = int.from_bytes(start, "little")
        if len(start) < 8 or length > size - 8:
            what = (
                "a pickle or zip file"
                if start[:2] in (b"PK", b"\x80\x02", b"\x80\x04")
                else "a truncated header"
            )
            raise InputError(
                f"{file}: expected a safetensors file, found {what} ({size} bytes). Download it again."
            )
        raw = stream.read(length)
    try:
        header = json.loads(raw)
        header.pop("__metadata__", None)
        end = max(entry["data_offsets"][1] for entry in header.values())
        shapes = {key: tuple(entry["shape"]) for key, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{file}: the safetensors header is damaged ({error}). Download it again."
        ) from error
    if 8 + length + end != size:
        raise InputError(
            f"{file}: the header says {8 + length + end} bytes, found {size}: the file is truncated or "
            "damaged. Download it again."
        )
    return shapes


def _check_shapes(
    folder: Path, sizes: Mapping[str, int], shape: Shape, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    if not any(name.startswith("embeddings.word_embeddings.") for name in shapes):
        raise InputError(f"{folder}: the weights hold no {_EMBEDDING}: not an XLM-RoBERTa checkpoint.")
    layers = {key.split(".")[2] for key in shapes if key.startswith("encoder.layer.")}
    if len(layers) != sizes["num_hidden_layers"]:
        raise InputError(
            f"{folder}: config.json says num_hidden_layers = {sizes['num_hidden_layers']}, but the weights "
            f"hold {len(layers)} layers. Give the config that belongs to the weights."
        )
    for name, wanted in expected_shapes(shape, sizes["hidden_size"], sizes["vocab_size"]).items():
        found = shapes.get(name, wanted)  # a weight that is missing is told when the model is loaded
        if found != wanted:
            what, whose = f"that {name} is", "own"
            if name == _EMBEDDING:
                what, whose = "vocab_size x hidden_size =", "word embeddings"
            raise InputError(
                f"{folder}: config.json says {what} {_times(wanted)}, but the weights' {whose} are {_times(found)}. "
                "Give the config that belongs to the weights."
            )


def _times(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "not there"


def _check_tokenizer_size(file: Path, found: int, vocab_size: int) -> None:
    if found != vocab_size:
        raise InputError(
            f"{file}: the tokenizer has {found} entries, but config.json and the word embeddings have "
            f"{vocab_size}. Give the tokenizer that belongs to the weights."
        )


def _tokenizer_file(folder: Path) -> str:
    for name in (TOKENIZER, SENTENCEPIECE):
        if (folder / name).is_file():
            return name
    raise InputError(
        f"{folder}: expected {TOKENIZER} or {SENTENCEPIECE}, found neither. Copy the tokenizer's files "
        "from where the checkpoint comes from."
    )


def _import_tokenizer(facts: Facts, target: Path) -> None:
    file = facts.folder / TOKENIZER_CONFIG
    settings = _read_json(file) if file.is_file() else {}
    if facts.tokenizer == TOKENIZER:
        shutil.copyfile(facts.folder / TOKENIZER, target / TOKENIZER)
    else:
        import transformers

        try:
            with _quiet():
                made = transformers.XLMRobertaTokenizer.from_pretrained(facts.folder)
        except (ImportError, ValueError, OSError, RuntimeError) as error:
            raise InputError(
                f"{facts.folder / SENTENCEPIECE}: could not be converted to {TOKENIZER} ({error}). "
                'Run: pip install "xpareto[sentencepiece]"'
            ) from error
        made.backend_tokenizer.save(str(target / TOKENIZER))
        found = tokenizer_size(target / TOKENIZER)
        spare = facts.kind == "bert" and found < facts.vocab_size
        _check_tokenizer_size(facts.folder / SENTENCEPIECE, found, found if spare else facts.vocab_size)
    write_tokenizer_config(target, settings)


def _head_of(config: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]]) -> Head:
    named = (config.get("architectures") or [""])[0]
    for head, name in _CLASSES.items():
        if name == named:
            return "choice" if head == "classification" and len(_labels_of(config)) == 1 else head
    # Any other class over the same body: its body is what we can use.
    return "mlm" if any(key.startswith("lm_head.") for key in shapes) else "encoder"


def _labels_of(config: Mapping[str, Any]) -> tuple[str, ...]:
    names = config.get("id2label") or {0: "LABEL_0", 1: "LABEL_1"}
    return tuple(str(names[key]) for key in sorted(names, key=int))


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence transformers' reports: a fresh head and an unused pooler are meant, and we check the rest."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
