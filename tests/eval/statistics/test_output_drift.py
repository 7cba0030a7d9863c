from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cosine, jensenshannon
from scipy.special import softmax
from scipy.stats import binomtest, ortho_group

from xpareto.eval.statistics.bootstrap import generator
from xpareto.eval.statistics.output_drift import (
    COSINE,
    COSINE_P95,
    DIVERGENCE,
    NEAREST,
    STATES,
    Vectors,
    divergence,
    vector_drift,
)

DRAWS = 400


def kept(states: np.ndarray, nearest: list[int] | None = None, precision: type = np.float64) -> Vectors:
    norms = np.linalg.norm(states, axis=1)
    places = None if nearest is None else np.array(nearest, np.int32)
    return Vectors((states / norms[:, None]).astype(precision), norms, places)


def both(seed: int, texts: int = 60, width: int = 12, noise: float = 0.1) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(texts, width)) * rng.uniform(1, 9, size=(texts, 1))
    return states, states + noise * rng.normal(size=states.shape)


def drift(*pairs: tuple[Vectors, Vectors]) -> dict[str, tuple[float, float, float]]:
    return dict(vector_drift(pairs, generator(0, "test"), DRAWS))


@given(st.integers(0, 10_000), st.floats(0.001, 3.0))
def test_the_figures_are_those_of_numpy_and_scipy(seed: int, noise: float) -> None:
    one, other = both(seed, noise=noise)
    found = drift((kept(one), kept(other)))
    distances = [cosine(before, after) for before, after in zip(one, other, strict=True)]
    assert found[COSINE][0] == pytest.approx(np.mean(distances), rel=1e-6, abs=1e-12)
    expected = np.percentile(distances, 95, method="inverted_cdf")
    assert found[COSINE_P95][0] == pytest.approx(expected, rel=1e-6, abs=1e-12)
    moved = np.linalg.norm(other - one, axis=1) / np.linalg.norm(one, axis=1)
    assert found[STATES][0] == pytest.approx(moved.mean())
    assert NEAREST not in found
    assert all(low <= value <= high for value, low, high in (found[COSINE], found[STATES]))


def test_a_model_does_not_drift_from_itself() -> None:
    states, _ = both(1)
    found = drift((kept(states, [0, 1, 2]), kept(states, [0, 1, 2])))
    assert [found[name] for name in (COSINE, COSINE_P95, STATES)] == [(0.0, 0.0, 0.0)] * 3
    assert found[NEAREST][0] == found[NEAREST][2] == 100.0


def test_a_common_rotation_changes_nothing_and_a_scale_only_states() -> None:
    one, other = both(2)
    turn = ortho_group.rvs(one.shape[1], random_state=0)
    plain, turned = drift((kept(one), kept(other))), drift((kept(one @ turn), kept(other @ turn)))
    assert all(turned[name] == pytest.approx(plain[name]) for name in plain)
    scaled = drift((kept(one), kept(3.0 * one)))
    assert scaled[COSINE] == pytest.approx((0.0, 0.0, 0.0), abs=1e-15)
    assert scaled[STATES] == pytest.approx((2.0, 2.0, 2.0))


def test_a_rotation_of_one_side_moves_the_vectors_and_no_neighbour() -> None:
    one, _ = both(3)
    turn = ortho_group.rvs(one.shape[1], random_state=1)
    similarity = one @ one.T - 1e9 * np.eye(len(one))
    turned = (one @ turn) @ (one @ turn).T - 1e9 * np.eye(len(one))
    found = drift((kept(one, similarity.argmax(1).tolist()), kept(one @ turn, turned.argmax(1).tolist())))
    assert found[COSINE][0] > 0.5 and found[NEAREST][0] == 100.0


def test_sixteen_bits_hide_less_than_they_say() -> None:
    one, _ = both(4, texts=200, width=384)
    found = drift((kept(one), kept(one, precision=np.float16)))
    assert 0 < found[COSINE][0] < 1e-6 and 0 < found[STATES][0] < 3e-4


def test_of_other_widths_only_neighbours_are_compared() -> None:
    wide, narrow = both(5)[0], both(5, width=6)[0]
    found = drift((kept(wide, [0, 1, 2, 3]), kept(narrow, [0, 1, 2, 0])))
    assert list(found) == [NEAREST]
    exact = binomtest(3, 4).proportion_ci(method="exact")
    assert found[NEAREST] == pytest.approx((75.0, 100 * exact.low, 100 * exact.high))


def test_a_text_without_a_direction_has_drifted_unless_both_have_none() -> None:
    unit = np.array([[1.0, 0.0], [0.0, 0.0]])
    one, none = (Vectors(array, np.ones(2), None) for array in (unit, np.zeros((2, 2))))
    assert drift((one, none))[COSINE][0] == pytest.approx(0.5)
    assert drift((none, none))[COSINE][0] == 0.0


def test_intervals_hold_what_they_say() -> None:
    """Of 300 samples of texts whose truth is known, about 95 % have it in their interval."""
    rng, inside = np.random.default_rng(0), 0
    for _ in range(300):
        angles = rng.exponential(0.1, size=120)
        one = np.tile([1.0, 0.0], (120, 1))
        other = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        _, low, high = vector_drift([(kept(one), kept(other))], rng, DRAWS)[COSINE]
        inside += low <= 1 - 1 / 1.01 <= high  # E cos of an exponential angle: 1 / (1 + 0.1²)
    assert 0.87 <= inside / 300 <= 0.99


def test_seeds_are_means_of_each_text() -> None:
    one, other = both(6)
    _, third = both(6, noise=0.4)
    found = drift((kept(one), kept(other)), (kept(one), kept(third)))
    alone = [drift((kept(one), kept(after)))[COSINE][0] for after in (other, third)]
    assert found[COSINE][0] == pytest.approx(np.mean(alone))


def test_the_divergence_is_scipys() -> None:
    rng = np.random.default_rng(7)
    one, other = rng.normal(size=(2, 50, 4))
    expected = [
        jensenshannon(softmax(before), softmax(after), base=2) ** 2
        for before, after in zip(one, other, strict=True)
    ]
    found = divergence([(one, other)], generator(0, "test"), DRAWS)[DIVERGENCE]
    assert found[0] == pytest.approx(np.mean(expected))
    assert found[1] < found[0] < found[2]
    assert divergence([(one, one)], generator(0, "test"), DRAWS)[DIVERGENCE] == (0.0, 0.0, 0.0)
    far = divergence([(np.array([[99.0, 0.0]]), np.array([[0.0, 99.0]]))], generator(0, "test"), DRAWS)
    assert far[DIVERGENCE][0] == pytest.approx(1.0)
    assert divergence([(one, other[:, :3])], generator(0, "test"), DRAWS) == {}


def test_outputs_of_other_texts_are_refused() -> None:
    one, other = both(8)
    with pytest.raises(ValueError, match="same texts, found 60 and 59"):
        drift((kept(one), kept(other[1:])))
    with pytest.raises(ValueError, match="same texts, found 2 and 1"):
        drift((kept(one, [0, 1]), kept(one, [0])))
