"""What is read as HTTP, and what is refused: no byte may be taken for a request that was none."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from salary_kedro.serving import limits
from salary_kedro.serving.request_metrics import request_metrics
from samples import default_contract
from services import real_service

BODY = b'{"experience_years": 5}'
LENGTH = b"Content-Length: 23\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"17\r\n" + BODY + b"\r\n0\r\n\r\n"
PROBE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"
ENDLESS = b"a" * 3_000_000


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, int]]:
    folder: Path = tmp_path_factory.mktemp("bundles")
    with real_service(default_contract(), folder) as url:
        parts = urlsplit(url)
        yield parts.hostname or "", parts.port or 0


def sent(
    fields: bytes = LENGTH,
    body: bytes = BODY,
    line: bytes = b"POST /predict HTTP/1.1",
    host: bytes = b"Host: x\r\n",
) -> bytes:
    """A request as it goes over the wire."""
    kind = b"Content-Type: application/json\r\n"
    return line + b"\r\n" + host + kind + fields + b"\r\n" + body


def answers(address: tuple[str, int], data: bytes, count: int) -> tuple[list[int], bool]:
    """The statuses of the answers, and whether the connection ends.

    Args:
        address: Of the service.
        data: What is sent.
        count: It is waited for so many answers, but not for the end that follows them.
    """
    got, statuses = b"", list[int]()
    with socket.create_connection(address) as client:
        client.settimeout(60)

        def send() -> None:
            with suppress(OSError):  # the service may have had enough
                client.sendall(data)

        thread = threading.Thread(target=send)
        thread.start()
        with suppress(ConnectionError):
            while len(statuses) < count and (part := client.recv(65_536)):
                got += part
                statuses = [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)]
        thread.join()
    return statuses, b"connection: close" in got.lower()


def read_all(client: socket.socket) -> bytes:
    """What comes until the connection ends."""
    got = b""
    while part := client.recv(65_536):
        got += part
    return got


READ = {
    "a length": sent(),
    "spaces about a length": sent(b"Content-Length:  23 \r\n"),
    "chunks": sent(CHUNKED, CHUNKS),
    "chunks in capitals": sent(b"TRANSFER-ENCODING: CHUNKED\r\n", CHUNKS),
    "a chunk with an extension": sent(CHUNKED, CHUNKS.replace(b"17", b"17;a=b", 1)),
    "a trailer": sent(CHUNKED, CHUNKS[:-2] + b"Content-Type: text/csv\r\n\r\n"),
    "letters beyond ASCII in a value": sent(b"X: \xff\r\n" + LENGTH),
    "an empty host": sent(host=b"Host:\r\n"),
    "a query": sent(line=b"POST /predict?x=1 HTTP/1.1"),
    "an encoded path": sent(line=b"POST /%70redict HTTP/1.1"),
    "empty lines before": b"\r\n\r\n" + sent(),
    "a header of 60 kB": sent(b"X: " + b"a" * 60_000 + b"\r\n" + LENGTH),
    "200 fields": sent(b"X: 1\r\n" * 200 + LENGTH),
    "another protocol offered": sent(UPGRADE + LENGTH),
    "another protocol offered before chunks": sent(UPGRADE + CHUNKED, CHUNKS),
    "100-continue, with the body": sent(b"Expect: 100-continue\r\n" + LENGTH),
    "TE": sent(b"TE: trailers\r\n" + LENGTH),
}


@pytest.mark.parametrize("name", READ)
def test_request_when_it_is_well_formed_then_is_answered_and_so_is_the_next(
    address: tuple[str, int], name: str
) -> None:
    assert answers(address, READ[name] + PROBE, 2) == ([200, 200], False)


ENDING = {
    "close": sent(b"Connection: close\r\n" + LENGTH),
    "close among others": sent(b"Connection: \xff, ,close\r\n" + LENGTH),
    "HTTP/1.0": sent(line=b"POST /predict HTTP/1.0", host=b""),
    "HTTP/1.0 that would stay": sent(
        b"Connection: keep-alive\r\n" + LENGTH, line=b"POST /predict HTTP/1.0"
    ),
}


@pytest.mark.parametrize("name", ENDING)
def test_request_when_it_ends_the_connection_then_what_follows_is_not_read(
    address: tuple[str, int], name: str
) -> None:
    assert answers(address, ENDING[name] + PROBE, 2) == ([200], True)


REFUSED = {
    "a negative length": sent(b"Content-Length: -1\r\n"),
    "a length with a sign": sent(b"Content-Length: +23\r\n"),
    "a list of lengths": sent(b"Content-Length: 23, 23\r\n"),
    "two lengths": sent(LENGTH + b"Content-Length: 24\r\n"),
    "a length twice": sent(LENGTH + LENGTH),
    "a length in hexadecimals": sent(b"Content-Length: 0x17\r\n"),
    "a length with a gap": sent(b"Content-Length: 2 3\r\n"),
    "no length": sent(b"Content-Length: \r\n"),
    "too long a length": sent(b"Content-Length: 99999999999999999999999999\r\n"),
    "a length in other digits": sent(b"Content-Length: \xc2\xb2\r\n"),
    "chunks and a length": sent(CHUNKED + b"Content-Length: 4\r\n", CHUNKS),
    "a length and chunks": sent(b"Content-Length: 4\r\n" + CHUNKED, CHUNKS),
    "gzip": sent(b"Transfer-Encoding: gzip\r\n" + LENGTH),
    "gzip in chunks": sent(b"Transfer-Encoding: gzip, chunked\r\n", CHUNKS),
    "chunks in gzip": sent(b"Transfer-Encoding: chunked, gzip\r\n", CHUNKS),
    "chunks in chunks": sent(b"Transfer-Encoding: chunked, chunked\r\n", CHUNKS),
    "chunks twice": sent(CHUNKED + CHUNKED, CHUNKS),
    "almost chunks": sent(b"Transfer-Encoding: xchunked\r\n", CHUNKS),
    "chunks after a vertical tab": sent(b"Transfer-Encoding: \x0bchunked\r\n", CHUNKS),
    "the coding identity": sent(b"Transfer-Encoding: identity\r\n" + LENGTH),
    "an empty coding": sent(b"Transfer-Encoding: \r\n" + LENGTH),
    "bare LF": sent().replace(b"\r\n", b"\n"),
    "bare LF at the end of the line": sent().replace(b"\r\n", b"\n", 1),
    "bare LF at the end of the header": sent(LENGTH[:-2] + b"\r\n\n", b""),
    "bare CR": sent(b"X: a\rb\r\n" + LENGTH),
    "a space before the colon": sent(b"Content-Length : 23\r\n"),
    "a space before the name": sent(b" X: 1\r\n" + LENGTH),
    "a folded line": sent(b"X: 1\r\n 2\r\n" + LENGTH),
    "a line folded by a tab": sent(b"X: 1\r\n\t2\r\n" + LENGTH),
    "NUL in a value": sent(b"X: a\0b\r\n" + LENGTH),
    "NUL in a name": sent(b"X\0: 1\r\n" + LENGTH),
    "a control character in a value": sent(b"X: a\x01b\r\n" + LENGTH),
    "DEL in a value": sent(b"X: a\x7fb\r\n" + LENGTH),
    "no name": sent(b": 1\r\n" + LENGTH),
    "no colon": sent(b"abc\r\n" + LENGTH),
    "brackets in a name": sent(b"X[]: 1\r\n" + LENGTH),
    "letters beyond ASCII in a name": sent(b"X\xff: 1\r\n" + LENGTH),
    "no host": sent(host=b""),
    "two hosts": sent(host=b"Host: x\r\nHost: y\r\n"),
    "a host twice": sent(host=b"Host: x\r\nHost: x\r\n"),
    "HTTP/1.2": sent(line=b"POST /predict HTTP/1.2"),
    "HTTP/2.0": sent(line=b"POST /predict HTTP/2.0"),
    "the beginning of HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "HTTP/0.9": b"GET /livez\r\n\r\n",
    "a method in small letters": sent(line=b"post /predict HTTP/1.1"),
    "an unknown method": sent(line=b"BREW /predict HTTP/1.1"),
    "CONNECT": b"CONNECT x:80 HTTP/1.1\r\nHost: x\r\n\r\n" + PROBE,
    "no slash": sent(line=b"POST predict HTTP/1.1"),
    "letters beyond ASCII in a target": sent(line="POST /prédict HTTP/1.1".encode()),
    "a control character in a target": sent(line=b"POST /pre\x01dict HTTP/1.1"),
    "DEL in a target": sent(line=b"POST /pre\x7fdict HTTP/1.1"),
    "a tab in the line": sent(line=b"POST\t/predict HTTP/1.1"),
    "a chunk with a sign": sent(CHUNKED, b"+" + CHUNKS),
    "a chunk with 0x": sent(CHUNKED, b"0x" + CHUNKS),
    "a chunk with a space": sent(CHUNKED, CHUNKS.replace(b"17", b"17 ", 1)),
    "a chunk ended by LF": sent(CHUNKED, CHUNKS.replace(b"\r\n", b"\n")),
    "a chunk without its end": sent(CHUNKED, CHUNKS.replace(b"}\r\n", b"}")),
    "a chunk with another end": sent(CHUNKED, CHUNKS.replace(b"}\r\n", b"}XX")),
    "too large a chunk": sent(CHUNKED, b"fffffffffffffffffffff\r\n" + BODY),
    "an endless extension": sent(CHUNKED, b"17;" + ENDLESS),
    "an endless trailer": sent(CHUNKED, CHUNKS[:-2] + b"X: " + ENDLESS),
    "an endless header": sent(b"X: " + ENDLESS),
    "an endless target": b"GET /" + ENDLESS,
    "a header of 70 kB": sent(b"X: " + b"a" * 70_000 + b"\r\n" + LENGTH),
    "a target of 70 kB": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    "300 fields": sent(b"X: 1\r\n" * 300 + LENGTH),
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
}


@pytest.mark.parametrize("name", REFUSED)
def test_request_when_it_could_be_read_in_two_ways_then_is_refused_and_ends_the_connection(
    address: tuple[str, int], name: str
) -> None:
    assert answers(address, REFUSED[name], 2) == ([400], True)


@pytest.mark.parametrize("target", [b"http://x/predict", b"*", b"/predict#x", b"//predict"])
def test_target_when_it_is_not_just_a_path_then_there_is_no_such_route(
    address: tuple[str, int], target: bytes
) -> None:
    line = b"OPTIONS %s HTTP/1.1" % target
    assert answers(address, sent(line=line) + PROBE, 2) == ([404, 200], False)


def test_request_when_another_is_in_its_body_then_that_is_not_answered(
    address: tuple[str, int],
) -> None:
    length = b"Content-Length: %d\r\n" % len(PROBE)
    assert answers(address, sent(length, PROBE) + PROBE, 2) == ([400, 200], False)


def test_requests_when_one_is_broken_then_those_before_it_are_answered(
    address: tuple[str, int],
) -> None:
    assert answers(address, sent() + b"garbage\r\n\r\n" + PROBE, 3) == ([200, 400], True)


def test_requests_when_too_many_are_sent_before_their_turn_then_the_rest_is_refused(
    address: tuple[str, int],
) -> None:
    most = limits.MAX_PIPELINED
    assert answers(address, PROBE * most, most) == ([200] * most, False)
    assert answers(address, PROBE * (most + 1), most + 1) == ([200] * most + [400], True)


def test_request_when_it_waits_to_be_told_then_is_told_to_go_on(
    address: tuple[str, int],
) -> None:
    with socket.create_connection(address) as client:
        client.settimeout(60)
        client.sendall(sent(b"Expect: 100-continue\r\n" + LENGTH, b""))
        assert client.recv(1_000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(BODY)
        assert client.recv(1_000).startswith(b"HTTP/1.1 200 OK\r\n")


def test_request_when_it_waits_to_be_told_in_http_1_0_then_is_answered_alone(
    address: tuple[str, int],
) -> None:
    with socket.create_connection(address) as client:
        client.settimeout(60)
        fields = b"Expect: 100-continue\r\n" + LENGTH
        client.sendall(sent(fields, b"", b"POST /predict HTTP/1.0"))
        time.sleep(0.1)  # in which it would be told
        client.sendall(BODY)
        assert read_all(client).startswith(b"HTTP/1.1 200 OK\r\n")


def test_request_when_it_waits_to_be_told_and_is_refused_then_the_connection_ends(
    address: tuple[str, int],
) -> None:
    with socket.create_connection(address) as client:
        client.settimeout(60)
        client.sendall(sent(b"Expect: 100-continue\r\nContent-Length: 250001\r\n", b""))
        got = read_all(client)
    assert got.startswith(b"HTTP/1.1 413 ")
    assert b"\r\nconnection: close\r\n" in got


@pytest.mark.parametrize(
    ("data", "statuses"),
    [
        (sent(b"Content-Length: 34\r\n", b'{"rows":[' + BODY + b"]}"), [200]),
        (sent(b"Content-Length: 34\r\n", b'{"rows":[' + BODY + b"]}") + PROBE, [200, 200]),
        (sent(LENGTH, BODY[:-1]), []),
    ],
    ids=["a request", "two", "a part of one"],
)
def test_client_when_it_sends_no_more_then_gets_the_answers_to_what_is_whole_and_the_end(
    address: tuple[str, int], data: bytes, statuses: list[int]
) -> None:
    with socket.create_connection(address) as client:
        client.settimeout(60)
        client.sendall(data.replace(b"/predict ", b"/predict_batch "))
        client.shutdown(socket.SHUT_WR)
        got = read_all(client)
    assert [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", got)] == statuses


def test_bytes_when_they_are_no_http_then_are_counted_as_an_error(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = list[str]()
    monkeypatch.setattr(request_metrics(), "refused", codes.append)
    assert answers(address, b"BREW / HTTP/1.1\r\nHost: x\r\n\r\n", 1) == ([400], True)
    assert codes == ["not_http"]


def test_header_when_it_is_asked_for_alone_then_no_body_follows_it(
    address: tuple[str, int],
) -> None:
    with socket.create_connection(address) as client:
        client.settimeout(60)
        client.sendall(b"HEAD /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        got = read_all(client)
    assert b"content-length: 1\r\n" in got
    assert got.endswith(b"\r\n\r\n")
