"""A dev score asks nothing of its caller: whoever has a model that learns may ask for one."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from transformers import XLMRobertaConfig, XLMRobertaForTokenClassification

from xpareto.compress.training.validation import dev_score


@pytest.mark.parametrize("own_metric", [False, True])
def test_a_model_that_is_still_to_learn_is_scored_without_gradients(own_metric: bool) -> None:
    config = XLMRobertaConfig(
        vocab_size=12,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
        num_labels=3,
    )
    model = XLMRobertaForTokenClassification(config).eval()
    seen: list[list[np.ndarray]] = []

    def metric(outputs: list[np.ndarray]) -> float:
        seen.append(outputs)
        return 61.5

    examples = SimpleNamespace(
        input_ids=((0, 5, 2), (0, 6, 7, 2)),
        labels=((-100, 1, -100), (-100, 0, 2, -100)),
        options=None,
        metric=metric if own_metric else None,
    )
    score = dev_score(model, "tagging", examples)
    if own_metric:
        assert score == 61.5 and [row.shape for row in seen[0]] == [(3, 3), (4, 3)]
    else:
        assert score in (0.0, pytest.approx(100 / 3), pytest.approx(200 / 3), 100.0)
