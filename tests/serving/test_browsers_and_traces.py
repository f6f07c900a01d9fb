"""What the header of a request asks for: pages of other origins, gzip, the trace in the log."""

import gzip
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from kinds import GOOD, all_kinds
from salary_kedro.errors import UserError
from salary_kedro.serving.compression import takes_gzip
from salary_kedro.serving.logs import JsonFormatter
from salary_kedro.serving.origins import Origins, read_origins
from salary_kedro.serving.settings import Settings
from salary_kedro.serving.token import Token
from salary_kedro.serving.traces import trace_of
from services import real_service
from support import wait_until

SECRET = "s3cret-token-of-a-test"  # noqa: S105 - a test's own
PAGE, OTHER = "https://pages.example:8443", "https://evil.example"
BEARER = {"Authorization": f"Bearer {SECRET}"}
PREFLIGHT = {
    "Origin": PAGE,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type",
}
TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that asks for a token, and lets pages of one origin ask."""
    settings = Settings(Token(SECRET), origins=Origins(PAGE))
    with real_service(all_kinds(), tmp_path_factory.mktemp("bundles"), settings) as url:
        yield url


@pytest.fixture(scope="module")
def closed_to_pages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service as it is by default."""
    with real_service(all_kinds(), tmp_path_factory.mktemp("bundles")) as url:
        yield url


def varies(answer: httpx.Response) -> set[str]:
    return {name.strip() for name in answer.headers.get("Vary", "").split(",") if name}


# --- Pages of other origins ------------------------------------------------------------


def test_preflight_when_the_origin_may_ask_then_needs_no_token_and_tells_what_may_be_sent(
    address: str,
) -> None:
    answer = httpx.options(f"{address}/predict", headers=PREFLIGHT, timeout=30)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    allowed = answer.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert "Origin" in varies(answer)


@pytest.mark.parametrize("origin", [OTHER, "null", f"{PAGE}.evil.example", PAGE.upper(), "*"])
def test_preflight_when_the_origin_may_not_ask_then_is_refused_in_the_one_shape(
    address: str, origin: str
) -> None:
    answer = httpx.options(
        f"{address}/predict", headers={**PREFLIGHT, "Origin": origin}, timeout=30
    )
    assert answer.status_code == 401
    assert set(answer.json()["error"]) == {"code", "message", "details"}
    assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("route", "body", "headers", "status"),
    [
        ("/predict", GOOD, BEARER, 200),
        ("/predict", {}, BEARER, 422),
        ("/predict", GOOD, {}, 401),
        ("/nope", {}, BEARER, 404),
    ],
)
def test_answer_when_the_origin_may_ask_then_its_page_may_read_it(
    address: str, route: str, body: object, headers: dict[str, str], status: int
) -> None:
    answer = httpx.post(
        f"{address}{route}", json=body, headers={"Origin": PAGE, **headers}, timeout=30
    )
    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == PAGE
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


@pytest.mark.parametrize("headers", [{}, {"Origin": OTHER}])
def test_answer_when_the_origin_is_another_then_allows_none_and_varies_by_it(
    address: str, headers: dict[str, str]
) -> None:
    answer = httpx.post(f"{address}/predict", json=GOOD, headers={**BEARER, **headers}, timeout=30)
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert "Origin" in varies(answer)


def test_answer_when_no_origin_may_ask_then_says_nothing_of_it(closed_to_pages: str) -> None:
    answer = httpx.post(
        f"{closed_to_pages}/predict", json=GOOD, headers={"Origin": PAGE}, timeout=30
    )
    assert answer.status_code == 200
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert varies(answer) == set()
    answer = httpx.options(f"{closed_to_pages}/predict", headers=PREFLIGHT, timeout=30)
    assert answer.status_code == 405


def test_read_origins_when_some_are_listed_then_allows_exactly_those() -> None:
    origins = read_origins({"SALARY_CORS_ORIGINS": f"{PAGE}, http://127.0.0.1:8080"})
    assert origins.allows(PAGE.encode())
    assert origins.allows(b"http://127.0.0.1:8080")
    assert not origins.allows(b"http://127.0.0.1")
    assert not origins.allows(None)


@pytest.mark.parametrize(
    "listed",
    [
        "*",
        "null",
        "pages.example",
        "https://*.example",
        f"{PAGE}/",
        "https://Pages.example",
        "ws://a",
        "https://a.example:443",
        "http://a.example:80",
    ],
)
def test_read_origins_when_one_is_not_exact_then_names_it(listed: str) -> None:
    with pytest.raises(UserError, match="SALARY_CORS_ORIGINS") as raised:
        read_origins({"SALARY_CORS_ORIGINS": f"{PAGE},{listed}"})
    assert f"'{listed}'" in str(raised.value)


# --- gzip ------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [20, 2_000])
def test_answer_when_it_is_long_and_the_client_takes_gzip_then_is_compressed(
    closed_to_pages: str, rows: int
) -> None:
    body = {"rows": [GOOD] * rows}
    short, plain = (
        httpx.post(
            f"{closed_to_pages}/predict_batch",
            json=body,
            headers={"Accept-Encoding": way},
            timeout=30,
        )
        for way in ("gzip", "identity")
    )
    assert short.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert varies(short) == varies(plain) == {"Accept-Encoding"}
    assert int(short.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 2
    assert short.json() == plain.json()


def test_answer_when_it_is_short_then_is_not_compressed(closed_to_pages: str) -> None:
    headers = {"Accept-Encoding": "gzip"}
    answer = httpx.post(f"{closed_to_pages}/predict", json=GOOD, headers=headers, timeout=30)
    assert "Content-Encoding" not in answer.headers
    assert varies(answer) == set()


def test_refusal_when_it_is_long_then_is_compressed_too(closed_to_pages: str) -> None:
    headers = {"Accept-Encoding": "gzip"}
    answer = httpx.post(
        f"{closed_to_pages}/predict_batch", json={"rows": [{}] * 100}, headers=headers, timeout=30
    )
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.json()["error"]["details"]) == 100


@pytest.mark.parametrize("path", ["/", "/model", "/openapi.json", "/metrics", "/assets/page.js"])
def test_answer_when_it_is_only_asked_for_its_header_then_has_that_of_a_get(
    closed_to_pages: str, path: str
) -> None:
    headers = {"Accept-Encoding": "gzip"}
    asked = [
        httpx.request(way, f"{closed_to_pages}{path}", headers=headers, timeout=30)
        for way in ("GET", "HEAD")
    ]
    assert [answer.status_code for answer in asked] == [200, 200]
    encodings = {answer.headers.get("Content-Encoding") for answer in asked}
    assert len(encodings) == 1
    assert asked[1].content == b""


@pytest.mark.parametrize("name", ["page.js", "page.css"])
def test_asset_when_the_client_takes_gzip_then_is_the_same_unpacked(
    closed_to_pages: str, name: str
) -> None:
    url = f"{closed_to_pages}/assets/{name}"
    plain = httpx.get(url, headers={"Accept-Encoding": "identity"}, timeout=30)
    with httpx.stream("GET", url, headers={"Accept-Encoding": "gzip"}, timeout=30) as answer:
        packed = b"".join(answer.iter_raw())
    assert gzip.decompress(packed) == plain.content
    assert "Accept-Encoding" in varies(plain)


@pytest.mark.parametrize(
    ("accepted", "taken"),
    [
        (b"gzip", True),
        (b"GZIP", True),
        (b"br, gzip;q=0.5", True),
        (b"gzip; q=0", False),
        (b"gzip;q=0.000, br", False),
        (b"br", False),
        (b"identity, x-gzip-like", False),
        (b"", False),
        (b"gzip;\xff", True),
    ],
)
def test_takes_gzip_when_a_header_is_sent_then_reads_its_weights(
    accepted: bytes, taken: bool
) -> None:
    assert takes_gzip(accepted) is taken


# --- The trace -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "traceparent",
    [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", f"cc-{TRACE}-{SPAN}-01-of-the-future"],
)
def test_trace_of_when_the_header_is_well_formed_then_gives_its_ids(traceparent: str) -> None:
    assert trace_of(traceparent.encode()) == {"trace_id": TRACE, "span_id": SPAN}


@pytest.mark.parametrize(
    "traceparent",
    [
        "",
        "x" * 9_000,
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01\n",
        f"00-{TRACE[1:]}-{SPAN}-01",
    ],
)
def test_trace_of_when_the_header_is_not_well_formed_then_ignores_it(traceparent: str) -> None:
    assert trace_of(traceparent.encode()) == {}


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines of the requests' log so far."""
    with caplog.at_level(logging.INFO, "salary_kedro.serving.requests"):
        yield lambda: [
            json.loads(JsonFormatter().format(record))
            for record in caplog.records
            if record.name == "salary_kedro.serving.requests"
        ]


def test_log_when_a_request_is_part_of_a_trace_then_names_it(
    closed_to_pages: str, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    headers = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    httpx.post(f"{closed_to_pages}/predict", json={}, headers=headers, timeout=30)
    httpx.post(
        f"{closed_to_pages}/predict", json={}, headers={"traceparent": "00-secret"}, timeout=30
    )
    wait_until(lambda: len(lines()) == 2, "the second line, which follows the answer")
    first, second = lines()
    assert (first["trace_id"], first["span_id"]) == (TRACE, SPAN)
    assert "trace_id" not in second
    assert "secret" not in json.dumps(second)
