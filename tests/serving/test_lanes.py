"""A request gets the same bytes whether it is answered at once or by a task, however it is cut."""

import asyncio
import json
import re
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from kinds import GOOD, all_kinds
from salary_kedro.serving.app import create_app
from salary_kedro.serving.connections import Connections
from salary_kedro.serving.draining import Drain
from salary_kedro.serving.guard import Guard
from salary_kedro.serving.origins import Origins
from salary_kedro.serving.protocol import AtOnce, Http
from salary_kedro.serving.settings import Settings
from salary_kedro.serving.token import Token
from services import predictor_of
from support import DEADLINE_SECONDS

SECRET = "s3cret-token-of-a-test"  # noqa: S105 - a test's own
PAGE = "https://pages.example"


class Wire(asyncio.Transport):
    """A connection in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.sent, self.closed = b"", False

    def write(self, data: Any) -> None:
        assert not self.closed, "nothing may follow the end"
        self.sent += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        """The test goes on when it likes."""

    resume_reading = pause_reading

    def get_write_buffer_size(self) -> int:
        return 0


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Guard:
    """A service that asks for a token, and lets pages of one origin ask."""
    predictor = predictor_of(all_kinds(), tmp_path_factory.mktemp("bundles"))
    return create_app(predictor, Settings(Token(SECRET), origins=Origins(PAGE)))


async def exchange(app: Guard, at_once: AtOnce | None, parts: list[bytes]) -> tuple[bytes, bool]:
    """Send the parts of some requests, one after the other.

    Returns:
        All that is sent back, without what differs each time; and whether the connection ended.
    """
    config, wire = uvicorn.Config(app), Wire()
    config.load()
    register = Connections(10, asyncio.get_running_loop().time)
    http = Http(register, Drain(), at_once, config, ServerState(), {})
    http.connection_made(wire)
    for part in parts:
        http.data_received(part)
        await asyncio.sleep(0)
    async with asyncio.timeout(DEADLINE_SECONDS):
        while http._cycle is not None or (http._waiting and not wire.closed):
            await asyncio.sleep(0.001)
    http.connection_lost(None)
    return re.sub(rb"x-request-id: [0-9a-f]{32}", b"x-request-id: -", wire.sent), wire.closed


def request(
    body: object = GOOD, path: str = "/predict", method: str = "POST", **headers: str
) -> bytes:
    """A request as it goes over the wire, with the token."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {
        "Host": "x",
        "Authorization": f"Bearer {SECRET}",
        "Content-Type": "application/json",
        "Content-Length": str(len(content)),
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + content


FIRST = next(iter(GOOD))
REQUESTS = {
    "good": request(),
    "with a salary": request({**GOOD, "salary": 75_000}),
    "with an id": request(X_Request_ID="of-a-client", traceparent="00-x"),
    "with a bad id": request(X_Request_ID="of a client"),
    "of a page": request(Origin=PAGE),
    "of another page": request(Origin="https://evil.example"),
    "of a page that asks before": request(
        b"", method="OPTIONS", Origin=PAGE, Access_Control_Request_Method="POST"
    ),
    "without a token": request(Authorization="Bearer another"),
    "empty": request(b""),
    "no JSON": request(b"{"),
    "no object": request([1, 2]),
    "nothing given": request({}),
    "unknown fields": request({f"f{number}": 1 for number in range(200)}, Accept_Encoding="gzip"),
    "a field twice": request(b'{"%s": 1, "%s": 1}' % (FIRST.encode(), FIRST.encode())),
    "another type": request(Content_Type="text/csv"),
    "another charset": request(Content_Type="application/json; charset=latin-1"),
    "compressed": request(Content_Encoding="gzip"),
    "to nowhere": request(path="/nope?a=b"),
    "another method": request(method="DELETE"),
    "to close": request(Connection="close"),
    "a probe": request(b"", "/livez", "GET"),
    "a probe's header": request(b"", "/readyz", "HEAD"),
    "a probe of HTTP/1.0": b"GET /healthz HTTP/1.0\r\n\r\n",
    "broken": b"GET /livez\r\n\r\n",
}


@pytest.mark.parametrize("name", REQUESTS)
def test_answer_when_a_request_comes_in_two_parts_then_has_the_same_bytes(
    app: Guard, name: str
) -> None:
    data = REQUESTS[name]

    async def all_ways() -> None:
        whole = await exchange(app, app.at_once, [data])
        assert whole[0].startswith(b"HTTP/1.1 ")
        assert await exchange(app, None, [data]) == whole
        for place in range(1, len(data), 1 if name == "good" else 29):
            assert await exchange(app, app.at_once, [data[:place], data[place:]]) == whole, place

    asyncio.run(all_ways())


def test_answers_when_requests_follow_each_other_then_keep_their_order(app: Guard) -> None:
    data = b"".join(
        request({"rows": [GOOD] * 3}, "/predict_batch") if number % 5 == 2 else REQUESTS[name]
        for number, name in enumerate(name for name in REQUESTS if "clos" not in name)
        if "1.0" not in name and name != "broken"
    )

    async def all_ways() -> None:
        whole = await exchange(app, app.at_once, [data])
        assert await exchange(app, None, [data]) == whole
        bytewise = [data[place : place + 1] for place in range(len(data))]
        assert await exchange(app, app.at_once, bytewise) == whole
        assert whole[0].count(b"HTTP/1.1 200 OK") >= 8

    asyncio.run(all_ways())
