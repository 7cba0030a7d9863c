"""Blocks hold everybody once and the baseline twice; pairs of them run there and back."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from xpareto.eval.results.blocks import Turn, turns

NAMES = st.lists(st.text("abcdef/", min_size=1), min_size=1, max_size=8, unique=True)


@given(names=NAMES, blocks=st.integers(1, 7), seed=st.text(max_size=3))
def test_every_block_holds_each_candidate_once_and_the_baseline_s_twin(
    names: list[str], blocks: int, seed: str
) -> None:
    found = turns(names, names[0], blocks, seed)
    for block in range(blocks):
        expected = Counter((name, False) for name in names) + Counter([(names[0], True)] * (block < 2))
        assert Counter((turn.candidate, turn.control) for turn in found if turn.block == block) == expected
    assert [turn.block for turn in found] == sorted(turn.block for turn in found)
    assert found == turns(names, names[0], blocks, seed)


@given(names=NAMES, blocks=st.integers(1, 6), seed=st.text(max_size=3))
def test_a_drift_of_the_machine_costs_all_alike_over_a_pair_of_blocks(
    names: list[str], blocks: int, seed: str
) -> None:
    found = [turn for turn in turns(names, names[0], 2 * blocks, seed) if blocks == 1 or not turn.control]
    places: dict[tuple[str, bool], int] = {}
    for place, turn in enumerate(found):
        places[turn.candidate, turn.control] = places.get((turn.candidate, turn.control), 0) + place
    assert len(set(places.values())) == 1


def test_orders_differ_between_pairs_and_seeds_and_do_not_hang_on_the_others() -> None:
    names = [f"c{number}" for number in range(12)]
    first, second = (
        [turn.candidate for turn in turns(names, "c0", 4, "s") if turn.block == block and not turn.control]
        for block in (0, 2)
    )
    assert first != second
    assert [t.candidate for t in turns(names, "c0", 1, "t") if not t.control] != first
    fewer = [t.candidate for t in turns(names[:-1], "c0", 1, "s") if not t.control]
    assert fewer == [name for name in first if name != "c11"]


def test_the_group_of_a_turn_tells_the_twin_apart() -> None:
    assert (Turn("a", 0).group, Turn("a", 0, control=True).group) == ("cost", "aa")
