"""How the pages write numbers and other people's texts."""

import re
from html import escape

from service_client import Scalar

# Streamlit puts icons, emoji and arrows in the place of these, escaped or not.
REPLACED = re.compile(r":(?=[\w+-]\S*:)|(?<!\S)(?:<->|->|<-|--|>=|<=|~=)(?!\S)")
MINUS = "\u2212"
WORD_JOINER = "\u2060"  # takes no room and keeps Streamlit from seeing them


def plain(text: str) -> str:
    """The text on one line with Markdown switched off: $, * and : mean themselves.

    Contracts and the service write for people, not in Markdown, where "$5 or $6" is a formula.
    """
    line = REPLACED.sub(lambda found: f"{found[0][0]}{WORD_JOINER}{found[0][1:]}", one_line(text))
    escaped = re.sub(r"([\\`*_\[\]$~<>#|&!]|:(?=\S)|^[-+=])", r"\\\1", line)
    return re.sub(r"^(\d+)(?=[.)])", r"\1\\", escaped)  # not the first item of a list


def as_html(text: str) -> str:
    """The text on one line as HTML that shows it as it is."""
    return escape(one_line(text))


def one_line(text: str) -> str:
    """The text with every run of spaces and line breaks made one space."""
    return " ".join(text.split())


def as_sentence(text: str) -> str:
    """The text with a capital at its begin and one full stop at its end."""
    return f"{text[:1].upper()}{text[1:]}".rstrip(".") + "."


def prose(text: str) -> str:
    """As `plain`, but with code in backticks shown as such."""
    return plain(text).replace("\\`", "`")


def amount(value: float) -> str:
    """A number as people write it: whole and with commas from 1,000 on, else four digits."""
    text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:,.4g}"
    return text.replace("-", MINUS)


def signed(value: float) -> str:
    """A difference, with its sign."""
    return f"+{amount(value)}" if value > 0 else amount(value)


def percent(share: float) -> str:
    """A share of 1 as percentage."""
    return f"{100 * share:.3g}\u00a0%"


def written(value: Scalar) -> str:
    """A value as it was entered: 5 rather than 5.0."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return value if isinstance(value, str) else f"{value:.15g}"


def bound(value: Scalar) -> str:
    """A bound for people: a date as it is written, a number as an amount."""
    return value if isinstance(value, str) else amount(value)


def with_unit(value: float, unit: str) -> str:
    """The number and its unit, such as "72,861 a year, gross"; the unit may be empty."""
    return f"{amount(value)} {unit}".strip()
