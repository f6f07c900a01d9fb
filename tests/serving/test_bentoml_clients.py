"""BentoML's own clients, which learn from `/schema.json` what they may call."""

import asyncio
import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bentoml
import pytest
from bentoml.exceptions import BentoMLException

from kinds import GOOD, all_kinds, professors
from salary_kedro.contract import Contract
from salary_kedro.contract.request import example_request
from salary_kedro.serving.bentoml_schema import SERVICE
from salary_kedro.serving.settings import Settings
from salary_kedro.serving.token import Token
from samples import column, contract_of, default_contract
from services import real_service
from support import get, post

#: The client leaves its folder, and if refused its connection, to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")
SECRET = "s3cret-token-of-a-test"  # noqa: S105 - a test's own
#: Names that the client has for itself, or Python does.
NAMES = ("self", "name", "url", "args", "kwargs", "type", "class", "media_type")
CONTRACTS = {
    "default": default_contract(),
    "professors": default_contract("professors"),
    "academics": professors(),
    "all kinds": all_kinds(),
    "odd names": contract_of(*(column(name) for name in NAMES)),
}


@pytest.fixture(autouse=True)
def _cleaned() -> Iterator[None]:
    """Lets the garbage collector speak before the next test."""
    yield
    gc.collect()


@pytest.fixture(params=CONTRACTS.values(), ids=CONTRACTS)
def contract(request: pytest.FixtureRequest) -> Contract:
    """A contract of each kind."""
    found: Contract = request.param
    return found


def plain(address: str, route: str, body: object) -> Any:
    """What plain HTTP answers."""
    return post(f"{address}/{route}", body).body


def test_client_when_it_asks_for_a_row_then_gets_what_plain_http_gets(
    contract: Contract, tmp_path: Path
) -> None:
    row = example_request(contract)
    with real_service(contract, tmp_path) as address, bentoml.SyncHTTPClient(address) as client:
        answers = [client.predict(**row), client.predict(*row.values())]
        assert answers == [plain(address, "predict", row)] * 2


def test_client_when_it_asks_for_rows_then_gets_what_plain_http_gets(
    contract: Contract, tmp_path: Path
) -> None:
    rows = [example_request(contract)] * 3
    with real_service(contract, tmp_path) as address, bentoml.SyncHTTPClient(address) as client:
        assert client.predict_batch(rows=rows) == plain(address, "predict_batch", {"rows": rows})
        assert client.explain(**rows[0]) == plain(address, "explain", rows[0])


def test_client_when_it_has_the_token_then_is_answered(tmp_path: Path) -> None:
    closed = Settings(Token(SECRET))
    with (
        real_service(all_kinds(), tmp_path, closed) as address,
        bentoml.SyncHTTPClient(address, token=SECRET) as client,
    ):
        assert client.predict(**GOOD)["model_version"] == 1


def test_client_when_it_has_another_token_then_is_refused(tmp_path: Path) -> None:
    closed = Settings(Token(SECRET))
    with (
        real_service(all_kinds(), tmp_path, closed) as address,
        pytest.raises(BentoMLException, match="schema"),
    ):
        bentoml.SyncHTTPClient(address, token="another")  # noqa: S106 - a test's own


def test_client_when_optional_fields_are_left_out_then_is_answered(tmp_path: Path) -> None:
    row = {name: value for name, value in GOOD.items() if name not in ("bonus", "site", "remote")}
    with real_service(all_kinds(), tmp_path) as address, bentoml.SyncHTTPClient(address) as client:
        assert client.predict(**row) == plain(address, "predict", row)


def test_client_when_a_value_is_not_allowed_then_is_told_what_is(tmp_path: Path) -> None:
    with (
        real_service(all_kinds(), tmp_path) as address,
        bentoml.SyncHTTPClient(address) as client,
        pytest.raises(BentoMLException, match=re.escape("81 is not allowed")) as raised,
    ):
        client.predict(**{**GOOD, "hours": 81})
    assert raised.value.error_code == 422


def test_async_client_when_it_asks_for_a_row_then_is_answered(service_url: str) -> None:
    async def ask() -> Any:
        async with bentoml.AsyncHTTPClient(service_url) as client:
            return await client.predict(experience_years=5)

    assert asyncio.run(ask()) == plain(service_url, "predict", {"experience_years": 5})


def test_client_when_bentoml_serves_then_is_answered(service_url: str) -> None:
    with bentoml.SyncHTTPClient(service_url) as client:
        assert round(client.predict(experience_years=5)["salary"], 2) == 72861.25


def test_schema_when_asked_then_names_the_service_and_its_methods(service_url: str) -> None:
    described = get(f"{service_url}/schema.json").body
    assert (described["name"], described["type"]) == (SERVICE, "service")
    routes = [(route["name"], route["route"]) for route in described["routes"]]
    assert routes == [
        ("predict", "/predict"),
        ("predict_batch", "/predict_batch"),
        ("explain", "/explain"),
    ]


def test_docs_when_asked_then_are_the_openapi_description(service_url: str) -> None:
    assert get(f"{service_url}/docs.json").body == get(f"{service_url}/openapi.json").body
