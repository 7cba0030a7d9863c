"""Tiny BERTs with random weights and a WordPiece vocabulary of several scripts, laid out as people have them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tests.tiny_world import TEXT

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
LINES = (
    *(line for lines in TEXT.values() for line in lines),
    "Die Katze GRÜßT Ärzte",
    "кошка спит",
    "ο σκύλος κοιμάται",
)
POSITIONS = 40


def vocabulary(
    lines: Iterable[str] = LINES, special: Sequence[str] = SPECIAL, lower: bool = False
) -> list[str]:
    """Return special tokens, every character of the lines as c and ##c, beginnings and ends of words, some words."""
    words = sorted({word for line in lines for word in (line.lower() if lower else line).split()})
    letters = sorted({letter for word in words for letter in word} | {*".,!-"})
    parts = (
        {word[:2] for word in words}
        | {f"##{word[at:]}" for word in words for at in (1, 2, 3)}
        | {*words[::2]}
    )
    pieces = [*special, *letters, *(f"##{letter}" for letter in letters), *sorted(parts - {"##"})]
    return list(dict.fromkeys(pieces))


def write_tokenizer(folder: Path, pieces: Sequence[str], lower: bool = False) -> None:
    """Write tokenizer.json and tokenizer_config.json as transformers saves BERT's."""
    import transformers

    made = transformers.BertTokenizer(
        vocab={piece: at for at, piece in enumerate(pieces)}, do_lower_case=lower, model_max_length=POSITIONS
    )
    made.save_pretrained(folder)


def write_vocabulary(folder: Path, pieces: Sequence[str], **settings: Any) -> None:
    """Write vocab.txt, and a tokenizer_config.json where there are settings."""
    (folder / "vocab.txt").write_text("".join(f"{piece}\n" for piece in pieces), encoding="utf-8")
    if settings:
        (folder / "tokenizer_config.json").write_text(json.dumps(settings))


def bert(size: int, model_class: str = "BertForMaskedLM", labels: Sequence[str] = (), **changes: Any) -> Any:
    """Return a random BERT of three layers of which no weight is 0 or 1, and all are whole in fp16."""
    import torch
    import transformers

    config = transformers.BertConfig(
        vocab_size=size, hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=POSITIONS, type_vocab_size=2, pad_token_id=0, initializer_range=0.2,
        **changes,
    )  # fmt: skip
    if labels:
        config.id2label = dict(enumerate(labels))
        config.label2id = {label: at for at, label in enumerate(labels)}
    torch.manual_seed(0)
    model = getattr(transformers, model_class)(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight) * 0.02)
            weight.copy_(weight.half().float())
    return model.eval()


def write_bert(
    folder: Path, model_class: str = "BertForMaskedLM", labels: Sequence[str] = (), lower: bool = False
) -> Path:
    """Write a whole checkpoint folder as transformers saves it."""
    pieces = vocabulary(lower=lower)
    folder.mkdir(parents=True, exist_ok=True)
    bert(len(pieces), model_class, labels).save_pretrained(folder)
    write_tokenizer(folder, pieces, lower)
    return folder
