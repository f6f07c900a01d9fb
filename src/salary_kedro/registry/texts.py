"""Texts that others wrote, before they become part of the record."""

import unicodedata

#: Characters that change the reading direction of their neighbours (Unicode, annex 9).
_TURNING = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
#: Letters of Unicode's tag block, which no screen shows.
_TAGS = range(0xE0000, 0xE0080)
#: Control characters, ANSI's escape among them; halves of a character; separators of lines.
_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def hidden_character(text: str, allowed: str = "") -> str | None:
    """Name the first character of a text that would act on a screen instead of being read.

    Args:
        text: The text.
        allowed: Characters that do no harm here, such as line breaks.

    Returns:
        For example `U+001B`; None if all of the text is visible.
    """
    for char in text:
        if char not in allowed and (
            unicodedata.category(char) in _UNSEEN or char in _TURNING or ord(char) in _TAGS
        ):
            return f"U+{ord(char):04X}"
    return None
