"""The card of what is served, for programs and for people."""

import re
from collections.abc import Callable
from typing import NamedTuple

from salary_kedro.bundle.card import ModelCard, card_json, card_of
from salary_kedro.bundle.card_page import card_html
from salary_kedro.bundle.history import Decision, ServedHistory
from salary_kedro.serving.answers import JSON, Answer, Raw
from salary_kedro.serving.predictor import Served

_VARY: Raw = (b"vary", b"Accept")
_HTML: tuple[Raw, ...] = (
    (b"content-type", b"text/html; charset=utf-8"),
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
            b"frame-ancestors 'none'"
        ),
    ),
)


_Form = Callable[[ModelCard], bytes]


class _Key(NamedTuple):
    """What a card depends on."""

    bundle: str
    promotion: Decision | None
    run_id: str | None


class Cards:
    """The card of the bundle that is served, each form of it made once."""

    def __init__(self) -> None:
        self._made: dict[_Form, tuple[_Key, bytes]] = {}

    def answer(self, served: Served, history: ServedHistory, accepted: bytes) -> Answer:
        """The card, as a page where a client asks for that rather than for JSON.

        Args:
            served: What is served.
            history: What is told of its promotion.
            accepted: The client's header `Accept`.
        """
        if prefers_html(accepted):
            return Answer(200, self._make(card_html, served, history), (*_HTML, _VARY))
        return Answer(200, self._make(card_json, served, history), (*JSON, _VARY))

    def _make(self, form: _Form, served: Served, history: ServedHistory) -> bytes:
        """A form of the card, as it was made before if nothing in it has changed since."""
        bundle, made = served.bundle, self._made.get(form)
        facts = history.facts_of(bundle.version)
        run_id = None if facts is None else facts.run_id
        key = _Key(bundle.name, history.promotion_of(bundle.version), run_id)
        if made is None or made[0] != key:
            made = self._made[form] = (key, form(card_of(bundle, history)))
        return made[1]


def prefers_html(accepted: bytes) -> bool:
    """Whether a client asks for a page rather than for JSON, as browsers do."""
    weights = {b"text/html": 0.0, b"application/json": 0.0}
    for each in accepted.lower().split(b","):
        kind, _, rest = each.strip().partition(b";")
        weight = _weight(rest)
        for name in weights:
            if kind.strip() == name:
                weights[name] = weight
    return weights[b"text/html"] > weights[b"application/json"]


def _weight(parameters: bytes) -> float:
    """The weight among the parameters of a media range; 1 if there is none."""
    found = re.search(rb"(?:^|;)\s*q=([01](?:\.[0-9]{0,3})?)\s*(?:;|$)", parameters)
    return float(found[1]) if found else 1.0
