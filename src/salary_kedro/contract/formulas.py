"""Texts that a spreadsheet would run as a formula, made harmless and read back.

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@`, or with a tab or a carriage
return before them, for a formula. Such a text gets a single quote before it, and so does one
that begins with quotes and then such a character, so that taking one quote away gives every text
back. Plain numbers, such as `-5`, stay as they are. See OWASP, "CSV Injection".
"""

import re

QUOTE = "'"
SIGNS = r"[=+\-@\t\r＝＋－＠]"
#: What would be a formula, or reads as if it had been made harmless; what had been; a number.
#: Python's `re` and Arrow's RE2 read these alike.
SUSPICIOUS, QUOTED = f"^{QUOTE}*{SIGNS}", f"^{QUOTE}+{SIGNS}"
NUMBER = r"[+-]?[0-9.,]*[0-9][0-9.,]*([eE][+-]?[0-9]+)?%?"


def safe_text(text: str) -> str:
    """A text, made harmless."""
    unsafe = re.match(SUSPICIOUS, text) and not re.fullmatch(NUMBER, text)
    return f"{QUOTE}{text}" if unsafe else text


def plain_text(text: str) -> str:
    """The text that `safe_text` was given."""
    return text[1:] if re.match(QUOTED, text) else text
