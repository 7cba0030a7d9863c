"""A tokenizer's own padding, truncation and post-processing enter no text that a model reads."""

from __future__ import annotations

import json
from collections import OrderedDict
from pathlib import Path
from typing import Any

import pytest
from tokenizers import Tokenizer

from tests.tiny_world import TEXT, TinyWorld
from xpareto.compress.core.special_tokens import SpecialTokens
from xpareto.compress.data import mlm
from xpareto.compress.data.calibration import Calibration, draw
from xpareto.compress.data.mlm import MaskedBatches, encode_lines
from xpareto.compress.data.tokenizer_files import import_tokenizer, open_tokenizer
from xpareto.compress.distillation.vocabulary_map import piece_map
from xpareto.compress.vocabulary.tokenizer_json import UnigramFile
from xpareto.eval.encoding.text import TextEncoder

LINES = {"en": [*TEXT["en"], "", "a " * 60], "de": ["", *TEXT["de"], "die katze"]}


class Texts:
    def text(self, name: str) -> dict[str, list[str]]:
        return LINES


@pytest.fixture(scope="module", params=["fixed", "longest", "short", "bare"])
def both(
    request: pytest.FixtureRequest, world: TinyWorld, tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Return a plain tokenizer.json, and one that says what is none of its business."""
    source = world.source("mlm")
    folders = [tmp_path_factory.mktemp(name) for name in ("plain", "other")]
    for folder in folders:
        for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
            (folder / name).write_bytes(source.file(name).read_bytes())
    file = folders[1] / "tokenizer.json"
    tokenizer = Tokenizer.from_file(str(file))
    if request.param == "fixed":
        tokenizer.enable_padding(length=128, pad_id=1, pad_token="<pad>")
    elif request.param == "longest":
        tokenizer.enable_padding(direction="left", pad_id=1, pad_token="<pad>", pad_to_multiple_of=8)
    elif request.param == "short":
        tokenizer.enable_truncation(3, stride=1)
    tokenizer.save(str(file))
    if request.param == "bare":
        file.write_text(json.dumps(json.loads(file.read_text()) | {"post_processor": None}))
    return [folder / "tokenizer.json" for folder in folders]


def test_texts_are_split_once_for_all_steps_of_a_process(
    world: TinyWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []

    def open_and_count(file: Path) -> Any:
        opened.append(file)
        return open_tokenizer(file)

    monkeypatch.setattr(mlm, "open_tokenizer", open_and_count)
    monkeypatch.setattr(mlm, "_kept", OrderedDict())
    file = world.source("mlm").file("tokenizer.json")
    first = encode_lines({"en": ["a b", "the cat"]}, file)
    assert encode_lines({"en": ["a b", "the cat"]}, file) == first
    assert len(opened) == 1
    other = encode_lines({"en": ["a bt", "he cat"], "de": ["die katze"]}, file)  # joined, the same letters
    assert len(opened) == 2
    assert other["en"] != first["en"]
    monkeypatch.setattr(mlm, "_KEPT_IDS", sum(map(len, other["en"])))
    encode_lines({"en": ["a bt", "he cat"]}, file)
    assert list(mlm._kept.values()) == [other["en"]]


def test_every_reader_gives_what_it_gives_without_them(both: list[Path]) -> None:
    plain, other = both
    lines = encode_lines(LINES, plain)
    assert encode_lines(LINES, other) == lines
    assert not len(lines["de"][0]) and len(lines["en"][-1]) == 60
    batches = [
        MaskedBatches(encode_lines(LINES, file), 4, 32, SpecialTokens.read(file), 0.15, 0.5, 0).batch(3)
        for file in both
    ]
    assert all((batches[0][name] == batches[1][name]).all() for name in batches[0])
    for weighting in ("equal", "worst"):
        calibration = Calibration(text="x", examples=6, max_length=32, weighting=weighting)  # type: ignore[arg-type]
        drawn = [draw(calibration, Texts(), file, 32, 0) for file in both]  # type: ignore[arg-type]
        assert drawn[0].rows.input_ids == drawn[1].rows.input_ids
    encoders = [TextEncoder(file) for file in both]
    texts = [*LINES["en"], *LINES["de"]]
    assert encoders[0].texts(texts, 32) == encoders[1].texts(texts, 32)
    assert encoders[0].pairs([(texts[0], texts[1])], 32) == encoders[1].pairs([(texts[0], texts[1])], 32)
    assert encoders[0].words(texts[0].split()) == encoders[1].words(texts[0].split())
    spans = [encoder.spans(texts) for encoder in encoders]
    assert all((spans[0][text][1] == spans[1][text][1]).all() for text in texts)
    assert piece_map(plain, other) in (None, list(range(SpecialTokens.read(plain).size)))


def test_neither_an_import_nor_a_smaller_vocabulary_hands_them_on(both: list[Path], tmp_path: Path) -> None:
    _, other = both
    other.write_bytes(b"\xef\xbb\xbf" + other.read_bytes().removeprefix(b"\xef\xbb\xbf"))
    import_tokenizer(other.parent, tmp_path, SpecialTokens.read(other).size)
    file = UnigramFile.read(other)
    for data in (json.loads((tmp_path / "tokenizer.json").read_text("utf-8")), file.keeping(file.needed())):
        assert data["padding"] is None and data["truncation"] is None
