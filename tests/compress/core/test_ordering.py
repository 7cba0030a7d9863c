"""What steps ask of the order of a chain is data over names that exist, and is checked as it reads."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xpareto.compress.core.ordering import Relation, Rule, broken_at_end, broken_here
from xpareto.compress.core.registry import STEPS

NAMES = ("a", "b", "c")
RELATIONS: tuple[Relation, ...] = ("after", "never_after", "needs_later", "never_before", "next")
ALL_RULES = st.lists(
    st.builds(
        Rule,
        st.sampled_from(RELATIONS),
        st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True).map(tuple),
        st.just("x"),
        st.just("y"),
    ),
    max_size=2,
)


def allowed(chain: list[str], rules: dict[str, list[Rule]]) -> bool:
    """Say of a whole chain, from its definition, whether every rule of every step holds."""
    for place, name in enumerate(chain):
        for rule in rules[name]:
            before = any(chain[i] in rule.steps for i in range(place))
            later = any(chain[i] in rule.steps for i in range(place + 1, len(chain)))
            behind = chain[place + 1 : place + 2]
            holds = {
                "after": before, "never_after": not before, "needs_later": later, "never_before": not later,
                "next": all(name in rule.steps for name in behind),
            }  # fmt: skip
            if not holds[rule.relation]:
                return False
    return True


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)  # a loaded machine draws slowly
@given(
    st.lists(st.sampled_from(NAMES), max_size=4),
    st.fixed_dictionaries(dict.fromkeys(NAMES, ALL_RULES)),
)
def test_a_chain_checked_step_by_step_is_allowed_exactly_where_every_rule_holds(
    chain: list[str], rules: dict[str, list[Rule]]
) -> None:
    done = [(name, rules[name]) for name in chain]
    found = all(broken_here(name, rules[name], done[:place]) is None for place, name in enumerate(chain))
    assert (found and broken_at_end(done) is None) == allowed(chain, rules)


@pytest.mark.parametrize("name", STEPS.names)
def test_the_rules_of_a_step_name_steps_and_say_why_and_the_fix(name: str) -> None:
    for rule in STEPS.load(name).rules:
        assert set(rule.steps) <= set(STEPS.names), f"{name}: {rule}"
        assert rule.why and not rule.why.endswith(".") and rule.fix.endswith("."), f"{name}: {rule}"
