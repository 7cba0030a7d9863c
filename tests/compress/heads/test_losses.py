from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given
from hypothesis import strategies as st

from xpareto.compress.data.batching import collate_choices
from xpareto.compress.heads.losses import cross_entropy
from xpareto.compress.heads.table import HEADS


def slow_cross_entropy(logits: np.ndarray, labels: np.ndarray) -> float:
    """The definition, in plain floats, one row at a time."""
    losses = []
    for row, label in zip(
        logits.reshape(-1, logits.shape[-1]).tolist(), labels.ravel().tolist(), strict=True
    ):
        if label != -100:
            losses.append(math.log(sum(math.exp(value) for value in row)) - row[label])
    return sum(losses) / len(losses) if losses else 0.0


@given(st.integers(0, 10_000), st.integers(1, 4), st.integers(1, 5), st.integers(2, 6))
def test_cross_entropy_equals_the_definition(seed: int, batch: int, length: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(batch, length, classes)).astype(np.float32)
    labels = random.integers(0, classes, (batch, length))
    labels[random.random((batch, length)) < 0.4] = -100
    found = cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
    assert found == pytest.approx(slow_cross_entropy(logits, labels), abs=1e-5)


def test_a_batch_without_labels_has_loss_zero_and_gradient_zero() -> None:
    logits = torch.randn(2, 3, requires_grad=True)
    loss = cross_entropy(logits, torch.tensor([-100, -100]))
    loss.backward()
    assert loss.item() == 0.0
    assert logits.grad is not None and not logits.grad.any()


def test_masked_lm_loss_equals_the_loss_of_all_logits() -> None:
    torch.manual_seed(0)
    table, head = torch.nn.Embedding(11, 6), torch.nn.Linear(6, 11)

    def body(input_ids: torch.Tensor, attention_mask: torch.Tensor) -> SimpleNamespace:
        return SimpleNamespace(last_hidden_state=table(input_ids) * attention_mask[..., None])

    ids = torch.randint(0, 11, (3, 5))
    labels = torch.where(torch.rand(3, 5) < 0.4, ids, -100)
    batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
    found = HEADS["mlm"].loss(SimpleNamespace(base_model=body, lm_head=head), batch).item()
    everything = head(table(ids)).detach().numpy()
    assert found == pytest.approx(slow_cross_entropy(everything, labels.numpy()), abs=1e-5)


def body_and_head(labels: int) -> tuple[transformers.XLMRobertaConfig, torch.Tensor, torch.Tensor]:
    torch.manual_seed(0)
    config = transformers.XLMRobertaConfig(
        vocab_size=20, hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=20, type_vocab_size=1, pad_token_id=1, num_labels=labels,
    )  # fmt: skip
    ids = torch.tensor([[0, 5, 6, 7, 2, 1, 1], [0, 8, 9, 5, 6, 7, 2], [0, 5, 2, 1, 1, 1, 1]])
    return config, ids, (ids != 1).long()


def slow_choice(scores: list[float], gold: int) -> float:
    return math.log(sum(math.exp(score) for score in scores)) - scores[gold]


def test_the_span_loss_is_the_mean_of_both_ends_over_the_tokens_that_are_no_padding() -> None:
    config, ids, mask = body_and_head(2)
    model = transformers.XLMRobertaForQuestionAnswering(config).eval()
    labels = torch.tensor([[1, 3], [2, 2], [0, 0]])  # the last has no answer
    found = HEADS["qa"].loss(model, {"input_ids": ids, "attention_mask": mask, "labels": labels}).item()
    answer = model(input_ids=ids, attention_mask=mask)
    slow = []
    for logits, gold in ((answer.start_logits, labels[:, 0]), (answer.end_logits, labels[:, 1])):
        for row, length, label in zip(logits.tolist(), mask.sum(1).tolist(), gold.tolist(), strict=True):
            slow.append(slow_choice(row[:length], label))
    assert found == pytest.approx(sum(slow) / 6, abs=1e-5)


def test_the_span_loss_is_that_of_transformers_where_nothing_is_padded_and_ignores_padding() -> None:
    config, ids, mask = body_and_head(2)
    model = transformers.XLMRobertaForQuestionAnswering(config).eval()
    one, labels = ids[1:2], torch.tensor([[2, 4]])
    batch = {"input_ids": one, "attention_mask": mask[1:2], "labels": labels}
    theirs = model(input_ids=one, start_positions=labels[:, 0], end_positions=labels[:, 1]).loss
    assert HEADS["qa"].loss(model, batch).item() == pytest.approx(theirs.item(), abs=1e-6)
    padded = {
        "input_ids": torch.cat([one, torch.ones(1, 4, dtype=torch.long)], 1),
        "attention_mask": torch.cat([mask[1:2], torch.zeros(1, 4, dtype=torch.long)], 1),
        "labels": labels,
    }
    assert HEADS["qa"].loss(model, padded).item() == pytest.approx(theirs.item(), abs=1e-5)


def test_the_choice_loss_is_a_softmax_over_the_options_a_question_has() -> None:
    config, _, _ = body_and_head(1)
    model = transformers.XLMRobertaForSequenceClassification(config).eval()
    rows = [[0, 5, 2], [0, 6, 7, 2], [0, 8, 2], [0, 9, 10, 11, 2], [0, 12, 2]]
    batch = {
        name: torch.from_numpy(array)
        for name, array in collate_choices(rows, [2, 0], [3, 2], [0, 1], 1).items()
    }
    scores = [model(input_ids=torch.tensor([row])).logits.item() for row in rows]
    slow = (slow_choice(scores[:3], 2) + slow_choice(scores[3:], 0)) / 2
    loss = HEADS["choice"].loss(model, batch)
    assert loss.item() == pytest.approx(slow, abs=1e-5)
    loss.backward()
    assert all(weight.grad.isfinite().all() for weight in model.parameters() if weight.grad is not None)
