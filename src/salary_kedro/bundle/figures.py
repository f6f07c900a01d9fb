"""Numbers as people read them, one rule for each place."""

MINUS = "\N{MINUS SIGN}"


def amount(value: float | None) -> str:
    """In pages, titles and descriptions: no decimals from 100 on, and three digits below."""
    if value is None:
        return "unknown"
    return _minus(value, _in_short(abs(value)).rstrip("."))


def figure(value: float) -> str:
    """In sentences, where two are compared: one decimal, or three digits where that is nothing."""
    size = abs(value)
    text = format(size, ",.1f" if size >= 1 or size == 0 else ".3g")
    return f"{MINUS}{text}" if value < 0 else text


def signed(value: float) -> str:
    """An end of an interval: no decimals from 100 on, else three digits, with its sign."""
    return f"{MINUS if value < 0 else '+'}{_in_short(abs(value))}"


def tick(value: float) -> str:
    """Beside an axis: no decimals from 1,000 on, and below as few as will do."""
    size = abs(value)
    text = f"{size:,.0f}" if size >= 1_000 else f"{size:,.4g}"
    return _minus(value, text)


def percent(share: float, digits: int = 1) -> str:
    """A share: `12.5 %`, `8,184.7 %`."""
    return f"{100 * share:,.{digits}f} %"


def level(share: float) -> str:
    """A share that somebody has chosen, or one that is told beside it: `90 %`, `97.5 %`."""
    return f"{100 * share:.3g} %"


def _in_short(size: float) -> str:
    return f"{size:,.0f}" if size >= 99.95 or size == 0 else f"{size:#.3g}"


def _minus(value: float, text: str) -> str:
    return f"{MINUS}{text}" if value < 0 and text.strip("0.,") else text
