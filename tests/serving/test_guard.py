"""What stands before the routes: the token, the limits, metrics and logs, in this process."""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bundle import pack
from salary_kedro.errors import UserError
from salary_kedro.serving import limits
from salary_kedro.serving.answers import Answer
from salary_kedro.serving.app import create_app
from salary_kedro.serving.guard import Guard
from salary_kedro.serving.load import Load
from salary_kedro.serving.logs import JsonFormatter, read_logs_all
from salary_kedro.serving.predictor import Predictor
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.request_metrics import exposition, request_metrics
from salary_kedro.serving.settings import Settings
from salary_kedro.serving.token import Token, read_token
from samples import bundle_files, column, contract_of, straight_line
from support import DEADLINE_SECONDS

GOOD = {"experience_years": 5}
BEYOND = {"experience_years": 59}
SECRET = "s3cret-token-of-a-test"  # noqa: S105 - a test's own
JSON = [(b"content-type", b"application/json")]
AT_ONCE = 300


@pytest.fixture
def served(bundles: Path) -> Predictor:
    """What is served: version 1."""
    predictor = Predictor(BundleStore(bundles))
    predictor.refresh()
    return predictor


@pytest.fixture
def app(served: Predictor) -> Guard:
    return create_app(served)


@pytest.fixture
def logging_app(served: Predictor) -> Guard:
    """The same, which logs each request."""
    return create_app(served, Settings(logs_all=True))


@pytest.fixture
def closed(served: Predictor) -> Guard:
    """The same, which asks for a token."""
    return create_app(served, Settings(Token(SECRET), logs_all=True))


def ask(app: Guard, path: str, body: object = None, **headers: str) -> httpx.Response:
    """One request: GET, or POST if there is a body."""

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://in.process") as client:
            if body is None:
                return await client.get(path, headers=headers)
            return await client.post(path, json=body, headers=headers)

    return asyncio.run(send())


async def silent() -> dict[str, Any]:
    """A client that sends nothing more."""
    await asyncio.Event().wait()
    return {}


async def exchange(
    app: Guard,
    receive: Callable[[], Awaitable[dict[str, Any]]] = silent,
    headers: list[tuple[bytes, bytes]] = JSON,
    path: str = "/predict",
) -> tuple[int, dict[str, Any]]:
    """One POST as ASGI has it; gives status and body of the answer."""
    status, body = 0, b""

    async def send(message: Mapping[str, Any]) -> None:
        nonlocal status, body
        status = message.get("status", status)
        body += message.get("body", b"")

    scope = {"type": "http", "method": "POST", "path": path, "headers": headers}
    await app(scope, receive, send)
    return status, json.loads(body).get("error", {}) if body else {}


def test_token_when_it_is_sent_then_the_service_answers(closed: Guard) -> None:
    answer = ask(closed, "/predict", GOOD, Authorization=f"Bearer {SECRET}")
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "sent", ["Bearer another", f"Basic {SECRET}", SECRET, "Bearer", "Bearer ÿ"]
)
@pytest.mark.parametrize(
    "path", ["/predict", "/explain", "/model", "/openapi.json", "/metrics", "/nope"]
)
def test_token_when_another_is_sent_then_is_refused(closed: Guard, path: str, sent: str) -> None:
    headers = [(b"authorization", sent.encode())]
    status, error = asyncio.run(exchange(closed, headers=headers, path=path))
    assert (status, error["code"]) == (401, "unauthorized")
    assert SECRET not in str(error)


def test_token_when_none_is_sent_then_says_how_to_send_it(closed: Guard) -> None:
    answer = ask(closed, "/model")
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert "Authorization: Bearer TOKEN" in answer.json()["error"]["message"]


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/", "/assets/page.js"])
def test_token_when_probes_or_the_page_are_asked_then_is_not_needed(
    closed: Guard, path: str
) -> None:
    assert ask(closed, path).status_code == 200


def test_openapi_when_a_token_is_needed_then_says_so(closed: Guard) -> None:
    described = ask(closed, "/openapi.json", Authorization=f"Bearer {SECRET}").json()
    assert described["security"] == [{"bearer": []}]
    assert described["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    assert "401" in described["paths"]["/predict"]["post"]["responses"]


def test_read_token_when_a_file_is_named_then_takes_its_line(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    token = read_token({"SALARY_TOKEN_FILE": str(tmp_path / "token")})
    assert token is not None
    token.check(f"bearer {SECRET}".encode())


def test_read_token_when_nothing_is_set_then_there_is_none() -> None:
    assert read_token({}) is None


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"SALARY_TOKEN": ""}, "empty"),
        ({"SALARY_TOKEN": "two words"}, "header cannot"),
        ({"SALARY_TOKEN": "fifteen-letters"}, "fewer than 16"),
        ({"SALARY_TOKEN": SECRET, "SALARY_TOKEN_FILE": "x"}, "unset one"),
        ({"SALARY_TOKEN_FILE": "/nowhere/token"}, "/nowhere/token"),
    ],
)
def test_read_token_when_it_is_no_token_then_says_what_to_do(
    environment: dict[str, str], named: str
) -> None:
    with pytest.raises(UserError, match=named) as raised:
        read_token(environment)
    assert SECRET not in str(raised.value)
    assert "two words" not in str(raised.value)


def test_token_when_it_is_shown_then_hides_itself() -> None:
    assert SECRET not in repr(Token(SECRET))


def test_request_when_it_declares_1_gb_then_is_refused_before_it_is_read(
    app: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "DRAIN_SECONDS", 0.01)
    headers = [*JSON, (b"content-length", b"1000000000")]
    status, error = asyncio.run(exchange(app, headers=headers))
    assert (status, error["code"]) == (413, "too_large")


class Opaque(bytes):
    """A header's value that must not be looked into."""

    def decode(self, *_: Any) -> str:
        """Fail."""
        raise AssertionError(self)


def test_requests_when_they_bring_no_ids_then_theirs_have_no_part_in_common(app: Guard) -> None:
    first, second = (ask(app, "/livez").headers["X-Request-ID"] for _ in range(2))
    assert re.fullmatch("[0-9a-f]{32}", first)
    assert first[:16] != second[:16]
    assert first[16:28] != second[16:28]


def test_request_when_it_has_headers_that_do_not_matter_then_they_are_not_read(
    app: Guard,
) -> None:
    sent = iter([{"type": "http.request", "body": json.dumps(GOOD).encode()}])

    async def receive() -> dict[str, Any]:
        return next(sent)

    headers = [*JSON, (b"cookie", Opaque(b"a" * 60_000))]
    assert asyncio.run(exchange(app, receive, headers)) == (200, {})


def test_request_when_a_header_is_sent_twice_then_the_last_one_counts(app: Guard) -> None:
    headers = [*JSON, (b"content-type", b"text/csv")]
    status, error = asyncio.run(exchange(app, headers=headers))
    assert (status, error["message"]) == (
        415,
        "content type 'text/csv' is not supported; send application/json",
    )


def test_request_when_its_body_does_not_come_then_is_given_up(
    app: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.01)
    status, error = asyncio.run(exchange(app))
    assert (status, error["code"]) == (408, "too_slow")
    assert "0.01 s" in error["message"]


def test_request_when_there_is_no_answer_in_time_then_is_given_up(
    app: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ANSWER_SECONDS", 0.01)
    status, error = asyncio.run(exchange(app))
    assert (status, error["code"]) == (503, "timeout")


def test_requests_when_too_many_are_in_flight_then_the_rest_is_refused_at_once(
    app: Guard, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering = asyncio.Event()

    async def wait(*_: object) -> Answer:
        await answering.wait()
        return Answer(200)

    async def all_at_once() -> list[int]:
        asked = [asyncio.ensure_future(exchange(app)) for _ in range(AT_ONCE)]
        async with asyncio.timeout(DEADLINE_SECONDS):
            while sum(task.done() for task in asked) < AT_ONCE - limits.MAX_IN_FLIGHT:
                await asyncio.sleep(0)
        refused = [task.result()[0] for task in asked if task.done()]
        answering.set()
        await asyncio.gather(*asked)
        return refused

    monkeypatch.setattr(app._routes, "answer", wait)
    assert asyncio.run(all_at_once()) == [503] * (AT_ONCE - limits.MAX_IN_FLIGHT)


def test_requests_when_bodies_stall_then_are_answered_all_the_same(app: Guard) -> None:
    async def good() -> dict[str, Any]:
        return {"type": "http.request", "body": json.dumps(GOOD).encode()}

    async def ask_beside() -> int:
        stalled = [asyncio.ensure_future(exchange(app)) for _ in range(AT_ONCE)]
        await asyncio.sleep(0)
        status, _ = await exchange(app, good)
        for task in stalled:
            task.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)
        return status

    assert asyncio.run(ask_beside()) == 200


def test_bodies_when_more_than_256_stall_then_the_first_are_given_up(app: Guard) -> None:
    async def all_at_once() -> list[tuple[int, dict[str, Any]]]:
        stalled = [asyncio.ensure_future(exchange(app)) for _ in range(AT_ONCE)]
        first = await asyncio.gather(*stalled[: AT_ONCE - limits.MAX_READING])
        assert not any(task.done() for task in stalled[AT_ONCE - limits.MAX_READING :])
        for task in stalled:
            task.cancel()
        await asyncio.gather(*stalled, return_exceptions=True)
        return first

    assert {(status, error["code"]) for status, error in asyncio.run(all_at_once())} == {
        (408, "too_slow")
    }


def test_bodies_when_they_are_too_large_together_then_the_slowest_are_given_up(
    app: Guard,
) -> None:
    def half_a_body() -> Callable[[], Awaitable[dict[str, Any]]]:
        parts = iter([{"type": "http.request", "body": b" " * 1_500_000, "more_body": True}])

        async def receive() -> dict[str, Any]:
            return next(parts, None) or await silent()

        return receive

    async def all_at_once() -> list[int]:
        asked = [
            asyncio.ensure_future(exchange(app, half_a_body(), path="/predict_batch"))
            for _ in range(15)
        ]
        await asyncio.gather(*asked[:5])
        given_up = [number for number, task in enumerate(asked) if task.done()]
        assert app.load.held == 10 * 1_500_000
        for task in asked:
            task.cancel()
        await asyncio.gather(*asked, return_exceptions=True)
        return given_up

    # 10 of 1.5 MB are 15 MB, an 11th would pass 16 MB.
    assert asyncio.run(all_at_once()) == [0, 1, 2, 3, 4]
    assert (app.load.held, app.load.in_flight) == (0, 0)


def test_bodies_when_all_room_is_taken_by_what_is_answered_then_are_refused() -> None:
    load = Load()
    load.hold(limits.MAX_HELD_BYTES, bytearray())
    with pytest.raises(RequestError, match="too large together"):
        load.hold(1, bytearray())


def test_requests_when_others_took_all_room_while_a_body_came_then_it_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "MAX_IN_FLIGHT", 1)
    load = Load()

    async def ask_slowly() -> None:
        async with asyncio.timeout(None) as deadline:
            with ExitStack() as others, load.request(), load.reading(bytearray(), deadline):
                others.enter_context(load.request())

    with pytest.raises(RequestError, match="1 requests are in progress"):
        asyncio.run(ask_slowly())
    assert load.in_flight == 0


def test_bodies_when_they_are_answered_then_are_held_no_more(served: Predictor) -> None:
    app = create_app(served)
    for _ in range(3):
        ask(app, "/predict", GOOD)
        ask(app, "/predict", {"experience_years": "x"})
    assert (app.load.held, app.load.in_flight, app.load.batches) == (0, 0, 0)


def test_batches_when_more_than_16_come_then_the_17th_is_refused() -> None:
    load, ended = Load(), threading.Event()

    async def go() -> str:
        first = [asyncio.ensure_future(load.compute(ended.wait)) for _ in range(16)]
        await asyncio.sleep(0)  # lets them begin
        try:
            await load.compute(ended.wait)
        except RequestError as error:
            return f"{error.status} {error.code} {error.headers['Retry-After']}"
        finally:
            ended.set()
            await asyncio.gather(*first)
        return "no refusal"

    assert asyncio.run(go()) == "503 busy 1"


@pytest.mark.parametrize("sent", ["a" * 129, "two words", "ü"])
def test_request_id_when_it_is_not_sane_then_another_is_made(app: Guard, sent: str) -> None:
    headers = [(b"x-request-id", sent.encode())]
    answer: dict[str, Any] = {}

    async def send(message: Mapping[str, Any]) -> None:
        answer.update(message)

    scope = {"type": "http", "method": "GET", "path": "/livez", "headers": headers}
    asyncio.run(app(scope, silent, send))
    assert re.fullmatch(rb"[0-9a-f]{32}", dict(answer["headers"])[b"x-request-id"])


def test_request_id_when_it_is_sane_then_is_sent_back(app: Guard) -> None:
    answer = ask(app, "/nope", **{"X-Request-ID": "from-a-client"})
    assert answer.headers["X-Request-ID"] == "from-a-client"


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """The lines of the log so far."""
    with caplog.at_level(logging.INFO, "salary_kedro"):
        yield lambda: [
            json.loads(JsonFormatter().format(record))
            for record in caplog.records
            if record.name.startswith("salary_kedro")  # not the client's own
        ]


def test_log_when_a_request_is_answered_then_tells_its_route_and_status(
    logging_app: Guard, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    ask(logging_app, "/predict", GOOD, **{"X-Request-ID": "r1"})
    line = lines()[-1]
    assert line.pop("ms") > 0
    del line["time"]
    assert line == {
        "level": "info",
        "logger": "salary_kedro.serving.requests",
        "message": "request",
        "method": "POST",
        "route": "/predict",
        "status": 200,
        "request_id": "r1",
    }


def test_log_when_a_request_is_answered_well_then_is_silent_by_default(
    app: Guard, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    ask(app, "/predict", GOOD)
    ask(app, "/nope")
    assert [(line["route"], line["status"]) for line in lines()] == [("other", 404)]


def test_read_logs_all_when_it_is_set_then_must_be_one_of_two_words() -> None:
    found = [read_logs_all({"SALARY_LOG_REQUESTS": text}) for text in ("", "failed", "all")]
    assert found == [False, False, True]
    with pytest.raises(UserError, match="SALARY_LOG_REQUESTS is 'ALL'; it must be 'failed'"):
        read_logs_all({"SALARY_LOG_REQUESTS": "ALL"})


def test_log_when_requests_hold_secrets_then_has_none_of_them(
    logging_app: Guard, closed: Guard, lines: Callable[[], list[dict[str, Any]]]
) -> None:
    ask(logging_app, "/predict?name=hidden1", {"experience_years": 4.2424242})
    ask(logging_app, "/hidden2")
    ask(logging_app, "/predict", {"hidden3": "hidden4"}, Cookie="hidden5")
    ask(closed, "/model", Authorization=f"Bearer {SECRET}")
    written = json.dumps(lines())
    assert len(lines()) == 4
    for secret in ("hidden", "4.2424242", SECRET):
        assert secret not in written


def test_log_when_the_model_fails_then_names_the_exception_but_no_value(
    app: Guard,
    served: Predictor,
    lines: Callable[[], list[dict[str, Any]]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(_: object) -> None:
        raise ZeroDivisionError("the value 4.2424242 is odd")

    assert served.served is not None
    monkeypatch.setattr(type(served.served.bundle), "predict_row", lambda *_: fail(None))
    answer = ask(app, "/predict", {"experience_years": 4.2424242}, **{"X-Request-ID": "r2"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    failure = next(line for line in lines() if line["level"] == "error")
    assert (failure["exception"], failure["request_id"]) == ("ZeroDivisionError", "r2")
    assert failure["places"][-1].endswith(" fail")
    assert "4.2424242" not in json.dumps(lines())


def count(sample: str) -> float:
    """A number of the metrics."""
    request_metrics().flush()
    found = re.search(rf"^{re.escape(sample)} (\S+)$", exposition()[0].decode(), re.MULTILINE)
    return float(found[1]) if found else 0


@pytest.mark.parametrize(
    ("path", "body", "sample", "more"),
    [
        ("/predict", GOOD, 'salary_predictions_total{route="/predict"}', 1),
        (
            "/predict_batch",
            {"rows": [GOOD] * 3},
            'salary_predictions_total{route="/predict_batch"}',
            3,
        ),
        ("/predict", {}, 'salary_errors_total{code="invalid_input"}', 1),
        ("/nope/1", {}, 'salary_requests_total{route="other",status="404"}', 1),
        ("/predict", GOOD, 'salary_request_seconds_bucket{le="+Inf",route="/predict"}', 1),
        (
            "/predict_batch",
            {"rows": [BEYOND, GOOD, BEYOND]},
            'salary_out_of_range_total{field="experience_years",outcome="warned"}',
            2,
        ),
        (
            "/predict",
            {"experience_years": 61},
            'salary_out_of_range_total{field="experience_years",outcome="refused"}',
            1,
        ),
    ],
)  # fmt: skip
def test_metrics_when_a_request_was_answered_then_count_what_came_of_it(
    app: Guard, path: str, body: object, sample: str, more: int
) -> None:
    before = count(sample)
    ask(app, path, body)
    assert count(sample) == before + more


def test_prediction_when_it_may_not_be_the_target_then_is_warned_of_and_counted(
    tmp_path: Path,
) -> None:
    contract = contract_of(column("age"))
    name, files = pack("salaries", 1, bundle_files(contract, straight_line(contract, -1.0)))
    store = BundleStore(tmp_path)
    store.write(name, files)
    store.point_to(name)
    predictor = Predictor(store)
    predictor.refresh()
    sample = 'salary_out_of_range_total{field="salary",outcome="predicted"}'
    before = count(sample)

    answer = ask(create_app(predictor), "/predict", {"age": 5}).json()

    assert answer["salary"] == pytest.approx(-5)
    (warning,) = answer["warnings"]
    assert warning.startswith("Salary is predicted as -5, but must be a number above 0 (a year): ")
    assert count(sample) == before + 1


def test_refusal_when_a_batch_has_countless_unknown_fields_then_tells_of_the_first(
    app: Guard,
) -> None:
    row = {f"f{number}": 1 for number in range(100_000)}
    error = ask(app, "/predict_batch", {"rows": [{**row, **GOOD}]}).json()["error"]
    assert error["details"][0]["field"] == "rows.0.f0"
    assert len(error["details"]) == 100


def test_refusal_when_there_are_many_problems_then_its_message_tells_how_many_more(
    app: Guard,
) -> None:
    error = ask(app, "/predict_batch", {"rows": [{"experience_years": -1}] * 300}).json()["error"]
    assert error["message"].endswith("; and 295 more")


def test_refusal_when_the_body_is_empty_then_says_so(app: Guard) -> None:
    async def nothing() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    status, error = asyncio.run(exchange(app, nothing))
    assert status == 400
    assert error["message"] == "the body is not valid JSON: it is empty; send an object, in UTF-8"


def test_refusal_when_the_method_is_another_then_names_the_right_one(app: Guard) -> None:
    message = ask(app, "/predict").json()["error"]["message"]
    assert message == "GET /predict: method not allowed; use POST; see GET /openapi.json"


def test_refusal_when_a_field_given_twice_hides_among_countless_names_then_finds_it(
    app: Guard,
) -> None:
    names = ",".join(f'"{number:x}":1' for number in range(20_000))
    content = f'{{"experience_years":{{{names},"0":1}},"experience_years":5}}'.encode()

    async def whole() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    _, error = asyncio.run(exchange(app, whole))
    assert error["message"] == "0: given twice; send each field once"


def test_page_when_it_is_asked_then_loads_nothing_from_elsewhere(app: Guard) -> None:
    answer = ask(app, "/")
    assert "text/html" in answer.headers["Content-Type"]
    assert "://" not in answer.text
    for name in re.findall(r'(?:src|href)="(assets/[^"]+)"', answer.text):
        assert ask(app, f"/{name}").status_code == 200
