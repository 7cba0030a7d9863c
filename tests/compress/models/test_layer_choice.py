"""Which layers stay, against slow direct twins."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpareto.compress.models.layer_choice import (
    at_places,
    block_influence,
    layer_read,
    leave_one_out,
    most_important,
)

QUIET = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a loaded machine draws slowly


@QUIET
@given(st.integers(1, 48), st.data())
def test_every_place_keeps_as_many_as_asked_in_rising_order(layers: int, data: st.DataObject) -> None:
    keep = data.draw(st.integers(1, layers))
    for place in ("bottom", "top", "spread", "ends"):
        found = at_places(place, layers, keep)  # type: ignore[arg-type]
        assert len(found) == keep and list(found) == sorted(set(found))
        assert found[0] >= 0 and found[-1] < layers
    spread = at_places("spread", layers, keep)
    assert spread[-1] == layers - 1
    gaps = {after - before for before, after in itertools.pairwise((-1, *spread))}
    assert max(gaps) - min(gaps) <= 1
    assert at_places("ends", layers, keep) == tuple(
        at for at in range(layers) if at < keep - keep // 2 or at >= layers - keep // 2
    )


def test_influence_is_the_mean_over_tokens_of_one_minus_the_cosine() -> None:
    random = np.random.default_rng(0)
    batches = [[random.normal(size=(tokens, 5)) for _ in range(4)] for tokens in (3, 7)]
    sums = np.zeros(3)
    for states in batches:
        for layer in range(3):
            for before, after in zip(states[layer], states[layer + 1], strict=True):
                dot = sum(a * b for a, b in zip(before, after, strict=True))
                sums[layer] += 1 - dot / (sum(a * a for a in before) * sum(b * b for b in after)) ** 0.5
    assert block_influence(batches) == pytest.approx((sums / 10).tolist())


@QUIET
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8), st.data())
def test_the_most_important_layers_weigh_as_much_as_any_other_choice(
    importance: list[float], data: st.DataObject
) -> None:
    keep = data.draw(st.integers(1, len(importance)))
    found = most_important(importance, keep)
    best = max(
        sum(importance[at] for at in some) for some in itertools.combinations(range(len(importance)), keep)
    )
    assert sum(importance[at] for at in found) == pytest.approx(best)


@QUIET
@given(st.integers(1, 6), st.data())
def test_leave_one_out_takes_the_least_loss_of_each_round(layers: int, data: st.DataObject) -> None:
    keep = data.draw(st.integers(1, layers))
    table = {
        some: data.draw(st.integers(0, 5))
        for size in range(layers + 1)
        for some in itertools.combinations(range(layers), size)
    }
    kept, dropped = leave_one_out(layers, keep, lambda there: float(table[there]))
    there = tuple(range(layers))
    for at, loss in dropped:
        others = {other: table[tuple(k for k in there if k != other)] for other in there}
        assert loss == others[at] == min(others.values())
        assert all(value > loss for other, value in others.items() if other > at)
        there = tuple(k for k in there if k != at)
    assert there == kept and len(kept) == keep


@QUIET
@given(st.integers(0, 6), st.sets(st.integers(0, 5), min_size=1))
def test_the_state_that_is_read_lies_behind_the_same_layers(layer: int, some: set[int]) -> None:
    kept = sorted(some)
    found = layer_read(layer, kept)
    read = kept if found is None else kept[:found]
    assert read == [at for at in kept if at < layer]
