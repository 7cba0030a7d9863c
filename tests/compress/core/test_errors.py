from __future__ import annotations

from xpareto.compress.core.errors import bounded, hint


def test_a_message_has_twenty_lines_whatever_it_repeats() -> None:
    told = bounded("\n".join(f"r.yaml:{line}: {'x' * 100_000}. Leave it out." for line in range(1, 500)))
    lines = told.split("\n")
    assert len(lines) == 20 and lines[-1] == "... and 480 lines more."
    assert all(line.endswith("Leave it out.") and len(line) < 1000 for line in lines[:-1])


def test_control_and_direction_characters_are_shown_and_not_obeyed() -> None:
    assert bounded("a\x1b[31m\u202e\ud800\r\té") == r"a\x1b[31m\u202e\ud800\r" + "\té"


def test_a_long_name_has_no_near_miss() -> None:
    assert hint("x" * 100_000, ["xnli"]) == ""
