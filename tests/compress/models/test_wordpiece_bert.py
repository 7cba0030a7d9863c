"""A BERT with WordPiece becomes the XLM-R that answers as it does, in each layout in which people have it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from tests.tiny_bert import (
    POSITIONS,
    SPECIAL,
    bert,
    vocabulary,
    write_bert,
    write_tokenizer,
    write_vocabulary,
)
from xpareto.compress.core.artifact import Manifest, seal
from xpareto.compress.core.errors import InputError
from xpareto.compress.core.special_tokens import SpecialTokens
from xpareto.compress.models.checkpoint import import_checkpoint, load_model, read_checkpoint
from xpareto.compress.onnx.deployment import deploy

SENTENCES = [
    "die Katze grüßt Ärzte",
    "My CAT sees 猫在房子. xyz",
    "кошка спит",
    "ο σκύλος",
    "a cat sees the dogs of my house",
]
PAIRS = [(SENTENCES[0], SENTENCES[1]), (SENTENCES[4], SENTENCES[2])]


def cased(folder: Path) -> None:
    write_bert(folder)


def uncased(folder: Path) -> None:
    write_bert(folder, lower=True)


def told_otherwise(folder: Path) -> None:
    """tokenizer_config.json says lower case, tokenizer.json does not: transformers obeys the former."""
    write_bert(folder, lower=True)
    edit(folder / "tokenizer.json", lambda data: data["normalizer"].update(lowercase=False))


def kept_apart(folder: Path) -> None:
    write_bert(folder)
    edit(
        folder / "tokenizer_config.json",
        lambda data: data.update(tokenize_chinese_chars=False, strip_accents=True),
    )


def vocabulary_alone(folder: Path) -> None:
    pieces = vocabulary(lower=True)
    bert(len(pieces)).save_pretrained(folder)
    write_vocabulary(folder, pieces)


def vocabulary_cased(folder: Path) -> None:
    pieces = vocabulary()
    bert(len(pieces)).save_pretrained(folder)
    write_vocabulary(folder, pieces, do_lower_case=False, tokenizer_class="BertTokenizerFast")
    file = folder / "vocab.txt"
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))


def vocabulary_with_more(folder: Path) -> None:
    pieces = vocabulary()
    bert(len(pieces) + 1).save_pretrained(folder)
    write_vocabulary(folder, pieces, do_lower_case=False)
    (folder / "added_tokens.json").write_text(json.dumps({"xyz": len(pieces)}))


def added_tokens(folder: Path) -> None:
    write_bert(folder)
    tokenizer = transformers.BertTokenizer.from_pretrained(folder)
    tokenizer.add_tokens(["xyz"])
    tokenizer.save_pretrained(folder)
    bert(len(tokenizer)).save_pretrained(folder)


def without_type(folder: Path) -> None:
    """As the first versions of tokenizers wrote it, with BERT's own post-processor and no tokenizer_config.json."""
    write_bert(folder)
    (folder / "tokenizer_config.json").write_text(json.dumps({"do_lower_case": False}))

    def older(data: Any) -> None:
        data["model"].pop("type")
        data["post_processor"] = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}

    edit(folder / "tokenizer.json", older)


def padding_second(folder: Path) -> None:
    """As BETO has it."""
    pieces = vocabulary(special=("[MASK]", "[PAD]", "[SEP]", "[UNK]", "[CLS]"))
    bert(len(pieces)).save_pretrained(folder)
    write_tokenizer(folder, pieces)
    edit(folder / "config.json", lambda data: data.update(pad_token_id=1))


def half(folder: Path) -> None:
    write_bert(folder)
    file = folder / "model.safetensors"
    save_file({name: value.half() for name, value in load_file(file).items()}, file, {"format": "pt"})


def sharded(folder: Path) -> None:
    write_bert(folder)
    (folder / "model.safetensors").unlink()
    bert(len(vocabulary())).save_pretrained(folder, max_shard_size="20KB")
    assert len([*folder.glob("*.safetensors")]) > 2


def spare_rows(folder: Path) -> None:
    write_bert(folder)
    bert(-(-len(vocabulary()) // 64) * 64).save_pretrained(folder)


def bare_with_pooler(folder: Path) -> None:
    write_bert(folder, "BertModel")
    assert "pooler.dense.weight" in load_file(folder / "model.safetensors")


def first_names(folder: Path) -> None:
    """As the hub has bert-base-multilingual-cased: gamma and beta, both heads of its training, the table twice."""
    write_bert(folder, "BertForPreTraining")
    file = folder / "model.safetensors"
    weights = {
        name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta"): value
        for name, value in load_file(file).items()
    }
    weights["cls.predictions.decoder.weight"] = weights["bert.embeddings.word_embeddings.weight"].clone()
    save_file(weights, file, {"format": "pt"})
    edit(folder / "config.json", lambda data: data.update(architectures=["BertForMaskedLM"]))


def edit(file: Path, change: Callable[[Any], Any]) -> None:
    data = json.loads(file.read_text("utf-8"))
    change(data)
    file.write_text(json.dumps(data, ensure_ascii=False), "utf-8")


LAYOUTS = (
    cased, uncased, told_otherwise, kept_apart, vocabulary_alone, vocabulary_cased, vocabulary_with_more,
    added_tokens, without_type, padding_second, half, sharded, spare_rows, bare_with_pooler, first_names,
)  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS, ids=lambda layout: layout.__name__)
def test_it_reads_and_answers_as_in_plain_transformers(layout: Any, tmp_path: Path) -> None:
    folder, target = tmp_path / "bert", tmp_path / "made"
    folder.mkdir()
    layout(folder)
    facts, made = read_checkpoint(folder), import_checkpoint(folder, target)
    assert (facts.kind, facts.max_tokens, made.head) == ("bert", POSITIONS, facts.head)
    assert facts.head == ("encoder" if layout is bare_with_pooler else "mlm")
    assert read_checkpoint(target).max_tokens == POSITIONS

    theirs = transformers.BertTokenizerFast.from_pretrained(folder)
    ours = transformers.AutoTokenizer.from_pretrained(target)
    assert ours(SENTENCES)["input_ids"] == theirs(SENTENCES)["input_ids"]
    first, second = map(list, zip(*PAIRS, strict=True))
    found = ours(first, second, padding=True, return_tensors="pt")
    expected = theirs(first, second, padding=True, return_tensors="pt")
    assert [*found] == ["input_ids", "attention_mask"] and torch.equal(
        found["input_ids"], expected["input_ids"]
    )
    special = SpecialTokens.read(target / "tokenizer.json")
    assert special == SpecialTokens(
        theirs.cls_token_id, theirs.pad_token_id, theirs.sep_token_id, theirs.unk_token_id, theirs.mask_token_id,
        len(theirs), special.special, separators=1,
    )  # fmt: skip

    expected["token_type_ids"].zero_()  # the one segment that XLM-R has
    with torch.inference_mode():
        wanted = transformers.BertModel.from_pretrained(folder, dtype=torch.float32).eval()(**expected)
        answer = transformers.AutoModel.from_pretrained(target).eval()(**found)
    real = found["attention_mask"].bool()
    torch.testing.assert_close(
        answer.last_hidden_state[real], wanted.last_hidden_state[real], rtol=0, atol=1e-5
    )
    if made.head == "mlm":
        with torch.inference_mode():
            whole = transformers.BertForMaskedLM.from_pretrained(folder, dtype=torch.float32).eval()(
                **expected
            )
            logits = load_model(target, "mlm", keep_head=True)(**found).logits
        torch.testing.assert_close(logits[real], whole.logits[real][:, : len(theirs)], rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("model_class", "labels", "head"),
    [
        ("BertForSequenceClassification", ("no", "yes", "so"), "classification"),
        ("BertForSequenceClassification", ("score",), "choice"),
        ("BertForTokenClassification", ("X", "Y", "Z"), "tagging"),
        ("BertForQuestionAnswering", (), "qa"),
    ],
)
def test_a_head_on_one_segment_answers_as_the_bert_s(
    model_class: str, labels: tuple[str, ...], head: str, tmp_path: Path
) -> None:
    folder = write_bert(tmp_path / "bert", model_class, labels)
    facts, made = read_checkpoint(folder), import_checkpoint(folder, tmp_path / "made")
    assert facts.segments and facts.head == made.head == head
    assert made.labels == (labels if head in ("classification", "tagging") else ())
    encoded = transformers.AutoTokenizer.from_pretrained(tmp_path / "made")(
        SENTENCES, padding=True, return_tensors="pt"
    )
    with torch.inference_mode():
        expected = getattr(transformers, model_class).from_pretrained(folder).eval()(**encoded)
        found = load_model(tmp_path / "made", facts.head, made.labels, keep_head=True)(**encoded)
    real = encoded["attention_mask"].bool() if head in ("tagging", "qa") else slice(None)
    for one, other in zip(found.to_tuple(), expected.to_tuple(), strict=True):
        torch.testing.assert_close(one[real], other[real], rtol=0, atol=1e-5)


def test_a_head_that_is_none_of_ours_is_left_out(tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "bert", "BertForNextSentencePrediction")
    assert read_checkpoint(folder).head == "encoder"
    folder = write_bert(tmp_path / "choices", "BertForMultipleChoice")
    facts = read_checkpoint(folder)
    assert (facts.head, facts.left_out) == ("encoder", ("classifier",))
    assert import_checkpoint(folder, tmp_path / "made").head == "encoder"


def test_an_export_is_read_by_transformers_and_again_by_us(tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "bert", "BertModel", lower=True)
    target, again, out = tmp_path / "made", tmp_path / "again", tmp_path / "out"
    made = import_checkpoint(folder, target)
    artifact = seal(target, Manifest({}, "torch", made.head, step="base"))
    out.mkdir()
    deploy(artifact, out)
    assert import_checkpoint(out, again).head == "encoder"
    encoded = transformers.AutoTokenizer.from_pretrained(out)(SENTENCES, padding=True, return_tensors="pt")
    with torch.inference_mode():
        expected = transformers.BertModel.from_pretrained(folder).eval()(**encoded).last_hidden_state
        found = [transformers.AutoModel.from_pretrained(one).eval()(**encoded)[0] for one in (out, again)]
    for one in found:
        real = encoded["attention_mask"].bool()
        torch.testing.assert_close(one[real], expected[real], rtol=0, atol=1e-5)
    assert json.loads((out / "sentence_bert_config.json").read_text())["max_seq_length"] == POSITIONS


def no_end(folder: Path) -> None:
    def change(data: Any) -> None:
        data["model"]["vocab"]["sep"] = data["model"]["vocab"].pop("[SEP]")
        data["added_tokens"] = [token for token in data["added_tokens"] if token["content"] != "[SEP]"]

    edit(folder / "tokenizer.json", change)


def words(folder: Path) -> None:
    edit(folder / "tokenizer.json", lambda data: data["model"].update(type="WordLevel"))


def by_morphemes(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    write_vocabulary(folder, vocabulary(), tokenizer_class="BertJapaneseTokenizer")


def no_vocabulary(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    write_vocabulary(folder, vocabulary()[len(SPECIAL) :])


def a_pointer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n")


def no_text(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_bytes(b"[UNK]\n\xff\xfe\n")


def another_size(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    write_vocabulary(folder, [*vocabulary(), "more"])


def no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()


def relative(folder: Path) -> None:
    edit(folder / "config.json", lambda data: data.update(position_embedding_type="relative_key_query"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_end, r"tokenizer.json: expected the token \[SEP\], found none"),
        (words, "tokenizer is WordPiece, or XLM-R's .*found WordLevel"),
        (
            by_morphemes,
            r"tokenizer_config.json: tokenizer_class: expected BertTokenizer.*found BertJapaneseTokenizer",
        ),
        (no_vocabulary, r"vocab.txt: expected a vocabulary of BERT.*\[UNK\] among them, found none"),
        (a_pointer, "vocab.txt: expected a vocabulary, one piece a line, found .*git-lfs"),
        (no_text, "vocab.txt: expected a vocabulary in UTF-8"),
        (
            another_size,
            "vocab.txt: the tokenizer has .* entries, but config.json and the word embeddings have",
        ),
        (no_tokenizer, r"expected tokenizer.json, sentencepiece.bpe.model or vocab.txt, found none"),
        (relative, "absolute positions, found relative_key_query"),
    ],
)
def test_what_is_no_wordpiece_bert_is_refused(change: Any, message: str, tmp_path: Path) -> None:
    folder = write_bert(tmp_path / "bert")
    change(folder)
    with pytest.raises(InputError, match=message):
        import_checkpoint(folder, tmp_path / "made")
