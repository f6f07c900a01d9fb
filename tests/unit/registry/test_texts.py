"""Signs in texts of others that act on a screen."""

import pytest

from salary_kedro.registry.texts import hidden_character


@pytest.mark.parametrize(
    "sign",
    ["\x00", "\t", "\n", "\x1b", "\x7f", "\x9b", "\u2028", "\u202e", "\u2066", "\u200f", "\ud800",
     "\U000e0041"],
)  # fmt: skip
def test_hidden_character_when_one_acts_on_a_screen_then_is_named(sign: str) -> None:
    assert hidden_character(f"a{sign}b") == f"U+{ord(sign):04X}"


@pytest.mark.parametrize("text", ["", "Gehalt\xa0(€) − 5 %", "工资", "مرتب", "👩‍🔬", "a b"])
def test_hidden_character_when_people_see_all_of_it_then_is_none(text: str) -> None:
    assert hidden_character(text) is None


def test_hidden_character_when_it_does_no_harm_here_then_is_allowed() -> None:
    assert hidden_character("a\tb\nc", allowed="\t\n") is None
    assert hidden_character("a\tb\x1b", allowed="\t\n") == "U+001B"
