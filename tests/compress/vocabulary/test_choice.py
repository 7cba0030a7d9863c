"""Coverage, targets and scripts choose the pieces that a slow direct rule chooses."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xpareto.compress.vocabulary.choice import chosen, entry_shares, scripts_in_use
from xpareto.compress.vocabulary.fertility_audit import audit

SIZE = 12
counted = st.dictionaries(
    st.sampled_from(["en", "de", "zh"]),
    st.lists(st.integers(0, 9), min_size=SIZE, max_size=SIZE).map(np.array),
    min_size=1,
)


def covered_slowly(counts: dict[str, np.ndarray], coverage: float, min_count: int) -> set[int]:
    """Take each language's pieces from the most frequent on, until the share is reached."""
    kept: set[int] = set()
    for own in counts.values():
        taken = 0
        for piece in sorted(range(SIZE), key=lambda at: (-own[at], at)):
            if own[piece] == 0 or taken >= coverage * own.sum() - 1e-12:
                break
            taken += own[piece]
            kept.add(piece)
    return {piece for piece in kept if sum(own[piece] for own in counts.values()) >= min_count}


@given(counted, st.integers(1, 100), st.integers(1, 6))
@settings(max_examples=100, deadline=None)
def test_coverage_keeps_of_each_language_its_most_frequent_pieces(
    counts: dict[str, np.ndarray], percent: int, min_count: int
) -> None:
    coverage = percent / 100
    found = chosen(np.array([], int), entry_shares(counts, min_count), np.array([], int), coverage, None)
    assert set(found.tolist()) == covered_slowly(counts, coverage, min_count)


@given(counted, st.integers(1, SIZE))
@settings(max_examples=100, deadline=None)
def test_a_target_keeps_no_more_and_its_least_covered_language_is_covered_best(
    counts: dict[str, np.ndarray], pieces: int
) -> None:
    entries = entry_shares(counts)
    found = set(chosen(np.array([], int), entries, np.array([], int), 1.0, pieces).tolist())
    seen = set(np.flatnonzero(np.isfinite(entries)).tolist())
    assert len(found) == min(pieces, len(seen))
    # Every coverage whose pieces fit is reached: what it keeps is kept.
    for percent in range(1, 101):
        wanted = covered_slowly(counts, percent / 100, 1)
        if len(wanted) <= pieces:
            assert wanted <= found


def test_always_comes_first_and_the_rest_last_in_its_order() -> None:
    entries = np.array([0.0, 0.5, np.inf, np.inf, np.inf])
    assert chosen(np.array([3]), entries, np.array([4, 2]), 1.0, 4).tolist() == [0, 1, 3, 4]
    assert chosen(np.array([3]), entries, np.array([4, 2]), 0.5, None).tolist() == [0, 2, 3, 4]


def test_a_language_is_written_in_the_scripts_of_a_hundredth_of_its_tokens() -> None:
    scripts = [frozenset({"Latin"}), frozenset({"Han"}), frozenset({"Greek"}), frozenset()]
    counts = {"zh": np.array([10, 980, 9, 5000]), "en": np.array([990, 0, 10, 0]), "no": np.zeros(4, int)}
    found = scripts_in_use(counts, scripts)
    assert found == {"zh": {"Latin", "Han"}, "en": {"Latin", "Greek"}, "no": set()}


def test_the_audit_counts_what_a_reader_would() -> None:
    lines = ["ab c", "d"]
    before, after = [[5, 6, 7], [8, 3]], [[3, 4, 2], [5, 2]]
    kept = np.array([0, 1, 3, 5, 6, 8])
    found = audit(lines, before, after, kept, (3, 2))
    assert found == {
        "texts": 2, "unchanged": 0.5, "unit": "word",
        "unknown_before": 0.2, "unknown_after": 0.4,
        "fertility_before": pytest.approx(5 / 3, abs=1e-6), "fertility_after": pytest.approx(5 / 3, abs=1e-6),
    }  # fmt: skip
    assert audit([], [], [], kept, (3, 2))["unchanged"] == 0.0
