"""Several labels for each text: what transformers computes, what a student learns, which checkpoints have the head."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from tests.tiny_world import TinyWorld
from xpareto.compress.core.json_file import read_json
from xpareto.compress.data.batching import IGNORED, Rows, collate
from xpareto.compress.distillation.batches import unlabelled_batch
from xpareto.compress.distillation.terms import soft_cross_divergence
from xpareto.compress.heads.multi_label_classification import SPEC
from xpareto.compress.heads.table import HEADS, head_of_class
from xpareto.compress.models.checkpoint import load_model, read_checkpoint, save_model
from xpareto.compress.training.validation import dev_score

LABELS = ("a", "b", "c")
ROWS = Rows([[0, 5, 6, 7, 2], [0, 8, 2]], [[1, 0, 1], [0, 0, 0]])


def model_of(labels: tuple[str, ...] = LABELS) -> Any:
    torch.manual_seed(0)
    config = transformers.XLMRobertaConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=20, type_vocab_size=1, pad_token_id=1, initializer_range=0.3,
    )  # fmt: skip
    SPEC.configure(config, labels)
    return transformers.XLMRobertaForSequenceClassification(config).eval()


def batch() -> dict[str, torch.Tensor]:
    return {
        name: torch.from_numpy(rows) for name, rows in collate(ROWS.input_ids, ROWS.labels, [0, 1], 1).items()
    }


def test_the_loss_is_that_of_transformers() -> None:
    model, given = model_of(), batch()
    assert model.config.problem_type == "multi_label_classification"
    theirs = model(**{**given, "labels": given["labels"].float()}).loss
    assert SPEC.loss(model, given).item() == pytest.approx(theirs.item(), abs=1e-6)
    each = SPEC.example_losses(model, None, given, torch.Generator())
    assert each.mean().item() == pytest.approx(theirs.item(), abs=1e-6) and each.shape == (2,)
    chances = model(input_ids=given["input_ids"], attention_mask=given["attention_mask"]).logits.sigmoid()
    assert SPEC.right(model, given).tolist() == ((chances > 0.5) == given["labels"]).flatten().tolist()


def test_a_student_learns_yes_and_no_of_each_label() -> None:
    ours, theirs = torch.randn(4, 3, generator=torch.Generator().manual_seed(1)).split(2)

    class Answers:
        def __init__(self, logits: torch.Tensor) -> None:
            self.logits = logits

    given = batch()
    pairs = [SPEC.logits(lambda at=at, **_: Answers(at), given).logits for at in (theirs, ours)]
    found = soft_cross_divergence(*pairs, 2.0)
    p, q = ((side / 2).sigmoid() for side in (theirs, ours))
    expected = 4 * (p * (p / q).log() + (1 - p) * ((1 - p) / (1 - q)).log())
    torch.testing.assert_close(found.reshape(2, 3), expected, atol=1e-5, rtol=1e-4)


def test_a_text_without_labels_has_as_many_unknown_ones(world: TinyWorld) -> None:
    from tests.tiny_world import special_tokens

    text = {"input_ids": np.array([[0, 5, 2]]), "attention_mask": np.ones((1, 3), np.int64)}
    found = unlabelled_batch(text, SPEC.name, special_tokens(20), len(LABELS))
    assert found["gold"].tolist() == [[IGNORED] * 3] and found["labels"].tolist() == [0]


def test_the_dev_score_sees_every_label_of_a_short_text() -> None:
    """More labels than a text has tokens: none is cut off."""
    labels = tuple("abcdefgh")
    model = model_of(labels)
    seen: list[tuple[int, ...]] = []

    def metric(outputs: Any) -> float:
        seen.extend(row.shape for row in outputs)
        return 50.0

    rows = Rows([[0, 5, 2], [0, 5, 6, 2]], [[0] * 8, [1] * 8], metric=metric)
    assert dev_score(model, SPEC.name, rows) == 50.0 and seen == [(8,), (8,)]
    assert 0 <= dev_score(model, SPEC.name, Rows(rows.input_ids, rows.labels)) <= 100


@pytest.mark.parametrize(
    ("labels", "problem", "head"),
    [
        (("a", "b"), None, "classification"),
        (("a", "b"), "single_label_classification", "classification"),
        (("a", "b"), "multi_label_classification", SPEC.name),
        (("a",), "multi_label_classification", SPEC.name),
        (("a",), "regression", "choice"),
    ],
)
def test_the_problem_type_tells_a_checkpoint(labels: tuple[str, ...], problem: str | None, head: str) -> None:
    assert head_of_class("ForSequenceClassification", lambda: labels, problem) == head


@pytest.mark.parametrize("head", [name for name in HEADS if name != SPEC.name])
def test_another_head_on_its_body_is_not_taken_for_it(world: TinyWorld, tmp_path: Path, head: Any) -> None:
    source = world.source(SPEC.name)
    assert read_checkpoint(source.path).head == SPEC.name
    labels = ("even", "odd") if HEADS[head].has_label_names else ()
    save_model(load_model(source.path, head, labels), source.path, tmp_path)
    assert read_checkpoint(tmp_path).head == head
    assert read_json(tmp_path / "config.json").get("problem_type") is None
