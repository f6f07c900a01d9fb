"""What `/model/history` and `/model/card` tell of what was decided."""

from collections.abc import Callable
from datetime import UTC, datetime

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from bundles import add_bundle
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.history import Decision, ServedHistory, VersionFacts
from salary_kedro.bundle.signing import Signer, Verifier
from salary_kedro.contract import Contract
from salary_kedro.serving.cards import prefers_html
from salary_kedro.serving.predictor import Predictor

Ask = Callable[..., httpx.Response]
NOON = datetime(2026, 11, 30, 12, tzinfo=UTC)
PROMOTED = Decision(
    when=NOON,
    who="ada",
    action="promotion",
    version=1,
    before=None,
    after=1,
    why="version 1 is promoted: nothing was in production",
    state="done",
)
HISTORY = ServedHistory(
    model_name="salaries",
    records=(PROMOTED,),
    versions=(VersionFacts(version=1, stage="production", rmse=1.0, run_id="r1"),),
    as_of=NOON,
)


def serve(store: BundleStore, contract: Contract, predictor: Predictor) -> None:
    store.point_to(add_bundle(store.folder, contract, 1))
    predictor.refresh()


def test_history_when_it_lies_beside_the_bundles_then_is_told_as_it_is(
    store: BundleStore, predictor: Predictor, ask: Ask
) -> None:
    store.write_history(HISTORY, None)
    predictor.refresh()
    told = ask("GET", "/model/history").json()
    assert told["records"] == [
        {
            "when": "2026-11-30T12:00:00Z",
            "who": "ada",
            "action": "promotion",
            "version": 1,
            "from": None,
            "to": 1,
            "why": "version 1 is promoted: nothing was in production",
            "state": "done",
        }
    ]
    assert told["versions"][0]["run_id"] == "r1"
    assert (told["as_of"], told["reason"]) == ("2026-11-30T12:00:00Z", None)


def test_history_when_there_is_none_then_is_empty_and_says_what_writes_it(
    predictor: Predictor, ask: Ask
) -> None:
    predictor.refresh()
    told = ask("GET", "/model/history").json()
    assert (told["records"], told["versions"]) == ([], [])
    assert "kedro models doctor --fix" in told["reason"]


def test_history_when_it_is_damaged_then_says_so_at_the_second_look_and_the_model_serves(
    store: BundleStore, contract: Contract, predictor: Predictor, ask: Ask
) -> None:
    store.write_history(HISTORY, None)
    serve(store, contract, predictor)
    (store.folder / "history.json").write_text('{"records": 5}')
    predictor.refresh()
    assert len(ask("GET", "/model/history").json()["records"]) == 1
    predictor.refresh()
    told = ask("GET", "/model/history").json()
    assert told["records"] == []
    assert "history.json" in told["reason"]
    assert ask("POST", "/predict", {"experience_years": 5}).status_code == 200


def test_history_when_keys_are_given_and_another_signed_it_then_is_not_told(
    store: BundleStore, ask: Ask
) -> None:
    ours, theirs = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
    signed = BundleStore(store.folder, verifier=Verifier([ours.public_key()]))
    assert signed.history() is None
    store.write_history(HISTORY, Signer(ours))
    assert signed.history() == HISTORY
    for signer in (Signer(theirs), None):
        store.write_history(HISTORY, signer)
        with pytest.raises(Exception, match="signed"):
            signed.history()


def test_card_when_the_history_tells_of_its_promotion_then_tells_it_too(
    store: BundleStore, contract: Contract, predictor: Predictor, ask: Ask
) -> None:
    serve(store, contract, predictor)
    assert ask("GET", "/model/card").json()["promoted"] is None
    store.write_history(HISTORY, None)
    predictor.refresh()
    card = ask("GET", "/model/card").json()
    assert card["promoted"] == {
        "when": "2026-11-30T12:00:00Z",
        "why": "version 1 is promoted: nothing was in production",
        "action": "promotion",
        "from": None,
    }
    assert (card["run_id"], card["model_version"]) == ("r1", 1)


def test_card_when_there_is_no_model_then_says_so(predictor: Predictor, ask: Ask) -> None:
    predictor.refresh()
    answer = ask("GET", "/model/card")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "no_model")


@pytest.mark.parametrize(
    ("accepted", "page"),
    [
        (b"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", True),
        (b"", False),
        (b"*/*", False),
        (b"application/json", False),
        (b"text/html;q=0.5, application/json", False),
        (b"application/json;q=0.5, TEXT/HTML", True),
        (b"text/html;q=0", False),
        (b"text/html;charset=utf-8;q=0.9", True),
        (b"text/html;\xff;q=x", True),
    ],
)
def test_prefers_html_when_a_header_is_sent_then_weighs_page_against_json(
    accepted: bytes, page: bool
) -> None:
    assert prefers_html(accepted) is page
