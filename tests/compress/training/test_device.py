from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import transformers

from xpareto.compress.data.batching import epochs
from xpareto.compress.heads.table import HEADS
from xpareto.compress.training.loop import Fitted, Schedule, fit


def trained(**changes: Any) -> tuple[Any, Fitted, int]:
    """Train a tiny classifier with dropout; return also how often its first layer was computed."""
    config = transformers.XLMRobertaConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16, type_vocab_size=1, pad_token_id=1, num_labels=2, hidden_dropout_prob=0.2,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.XLMRobertaForSequenceClassification(config)
    calls: list[None] = []
    model.roberta.encoder.layer[0].intermediate.register_forward_hook(lambda *told: calls.append(None))
    random = np.random.default_rng(0)
    ids = [[0, *random.integers(4, 30, 1 + number % 5).tolist(), 2] for number in range(20)]
    fitted = fit(
        model, epochs(ids, [row[1] % 2 for row in ids], 4, 0, 1), HEADS["classification"].loss,
        Schedule(**{"steps": 6, "learning_rate": 1e-3, **changes}), seed=0, threads=1,
        progress=lambda *told: None,
    )  # fmt: skip
    return model, fitted, len(calls)


def test_computing_activations_twice_changes_no_bit_and_ends_with_the_training() -> None:
    plain, expected, once = trained()
    model, fitted, twice = trained(gradient_checkpointing=True)
    assert (once, twice) == (6, 12)
    assert fitted == expected
    assert all(torch.equal(value, plain.state_dict()[name]) for name, value in model.state_dict().items())
    assert not model.is_activation_checkpointing


@pytest.mark.gpu
def test_a_gpu_is_used_where_there_is_one() -> None:
    model, fitted, _ = trained(accumulate=2, gradient_checkpointing=True)
    assert fitted.device == "cuda"
    assert fitted.precision == ("bf16" if torch.cuda.is_bf16_supported() else "fp32")
    assert model.device.type == "cpu"
