"""Hostile requests of all kinds, made by chance."""

import json
import os
import pickle
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

ROUTES = ("/predict", "/predict_batch")
GOOD = b'{"experience_years": 5}'
JSON = "application/json"
WEBSOCKET = (
    b"GET /predict HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
BAD_CHUNKS = (
    b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\nZZ\r\n{}\r\n0\r\n\r\n"
)
TWO_LENGTHS = b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef"
TWO_FRAMES = b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"


@dataclass(frozen=True)
class Attack:
    """One hostile request.

    Attributes:
        name: Its kind.
        sent: All that is sent.
        statuses: What may be answered.
        parsed: Whether it is HTTP, so that the answer must be the service's own.
    """

    name: str
    sent: bytes
    statuses: frozenset[int]
    parsed: bool = True


def request(
    body: bytes,
    path: str = "/predict",
    kind: str = JSON,
    extra: str = "",
    length: int | None = None,
) -> bytes:
    """A POST as it goes over the wire."""
    size = len(body) if length is None else length
    head = f"POST {path} HTTP/1.1\r\nHost: hostile\r\nContent-Type: {kind}\r\n{extra}"
    return head.encode("latin-1") + f"Content-Length: {size}\r\n\r\n".encode() + body


def _body(
    name: str, body: bytes, chance: random.Random, *statuses: int, kind: str = JSON
) -> Attack:
    sent = request(body, chance.choice(ROUTES), kind)
    return Attack(name, sent, frozenset(statuses or (400, 422)))


def _truncated(chance: random.Random) -> Attack:
    whole = json.dumps({"rows": [{"experience_years": chance.random()}] * 9}).encode()
    return _body("truncated", whole[: chance.randrange(len(whole))], chance)


def _nested(chance: random.Random) -> Attack:
    depth, (opened, closed) = (
        chance.choice([10, 300, 50_000]),
        chance.choice([("[", "]"), ('{"a":', "}")]),
    )
    body = opened * depth + "1" + closed * chance.choice([0, depth])
    return _body("nested", body.encode(), chance, 400, 413, 422)


def _number(chance: random.Random) -> Attack:
    number = chance.choice(
        [
            "1e400",
            "-1e400",
            "9" * 5000,
            "1e-5000",
            "-0.0",
            "0x10",
            "1_000",
            "+5",
            "05",
            ".5",
            "5.",
            "1e",
            "9" * 400,
            "0." + "1" * 9000,
            "5e0",
            "1E+2",
        ]
    )
    return _body("number", _row(number), chance, 200, 400, 422)


def _nan(chance: random.Random) -> Attack:
    spellings = [
        "NaN",
        "nan",
        "Infinity",
        "-Infinity",
        "inf",
        "-inf",
        "NAN",
        "+NaN",
        '"NaN"',
        "null",
    ]
    return _body("NaN", _row(chance.choice(spellings)), chance)


def _row(value: str) -> bytes:
    return f'{{"experience_years": {value}}}'.encode()


def _twice(chance: random.Random) -> Attack:
    row = f'{{"experience_years": 5, "experience_years": {chance.choice("567")}}}'
    if chance.random() < 0.5:
        return Attack("twice", request(row.encode()), frozenset({422}))
    body = f'{{"rows": [{row}]}}'.encode()
    return Attack("twice", request(body, "/predict_batch"), frozenset({422}))


def _charset(chance: random.Random) -> Attack:
    name = chance.choice(["latin-1", "utf-16", "utf-7", "\xff", "cp037", '"utf-8', "x" * 500])
    kind = f"{JSON}; charset={name}"
    allowed = (415, 400, 200, 422) if "utf-8" in name else (415,)
    return _body("charset", GOOD, chance, *allowed, kind=kind)


def _encoded(chance: random.Random) -> Attack:
    text, codec = (
        '{"experience_years": 5}',
        chance.choice(["utf-16", "utf-32", "utf-8-sig", "cp037"]),
    )
    return _body("encoded", text.encode(codec), chance)


def _surrogate(chance: random.Random) -> Attack:
    text = chance.choice(
        ['{"\\ud800": 5}', '{"experience_years": "\\udfff"}', '{"\\ud800\\ud800": 1}']
    )
    return _body("surrogate", text.encode(), chance)


class _Bomb:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Callable[[int], None], tuple[int]]:
        return os._exit, (66,)


def _pickled(chance: random.Random) -> Attack:
    kind = chance.choice(
        [
            "application/octet-stream",
            "application/vnd.bentoml+pickle",
            "application/x-pickle",
            "application/python-pickle",
            "multipart/form-data; boundary=x",
            "text/plain",
        ]
    )
    return _body("pickle", pickle.dumps(_Bomb()), chance, 415, kind=kind)


def _pickled_elsewhere(chance: random.Random) -> Attack:
    """A pickle to other routes, those that BentoML has among them."""
    paths = [
        "/livez",
        "/readyz",
        "/healthz",
        "/metrics",
        "/schema.json",
        "/docs.json",
        "/",
        "/model",
        "/model/card",
        "/model/history",
    ]
    path, kind = (
        chance.choice([*paths, "/call", "/predict/submit"]),
        "application/vnd.bentoml+pickle",
    )
    return Attack(
        "pickle elsewhere", request(pickle.dumps(_Bomb()), path, kind), frozenset({404, 405})
    )


def _declared(chance: random.Random) -> Attack:
    length = chance.choice([1_000_000_000, 2_000_001, 10**15])
    sent = request(b"{", chance.choice(ROUTES), length=length)
    return Attack("1 GB declared", sent, frozenset({413}))


def _large(chance: random.Random) -> Attack:
    return _body("large", b" " * chance.choice([250_001, 2_000_001]), chance, 400, 413)


def _bytes(chance: random.Random) -> Attack:
    return _body("random bytes", chance.randbytes(chance.randrange(1, 3000)), chance)


def _shape(chance: random.Random) -> Attack:
    values = [
        None,
        True,
        "x",
        "x" * 9000,
        [],
        {},
        [[]],
        {"rows": {}},
        {"rows": []},
        {"rows": [[]]},
        {"rows": [None]},
        {"rows": [{}] * 200},
        {"rows": [{}] * 10_001},
        5,
        -1,
        {"": ""},
        {"experience_years": []},
        {"experience_years": {"rows": [1]}},
        {"__class__": "x"},
        {f"f{number}": number for number in range(2000)},
    ]
    return _body("wrong shape", json.dumps(chance.choice(values)).encode(), chance)


def _header(chance: random.Random) -> Attack:
    """A request that is HTTP, with odd headers; a good body may well be answered."""
    extra = chance.choice(
        [
            "X-Request-ID: a\x01b\r\n",
            f"X-Request-ID: {'a' * 5000}\r\n",
            "Cookie: \xff\xfe\r\n",
            "Content-Encoding: gzip\r\n",
            "Content-Encoding: br\r\n",
            "Authorization: Bearer \xff\r\n",
            f"X-Long: {'a' * 40_000}\r\n",
            "X-HTTP-Method-Override: DELETE\r\n",
            "Range: bytes=0-1\r\n",
            "X-Forwarded-Host: evil\r\n",
            "Accept: \x7f\r\n",
            "".join(f"X-{n}: 1\r\n" for n in range(900)),
        ]
    )
    return Attack(
        "header", request(GOOD, extra=extra), frozenset({200, 400, 415, 431}), parsed=False
    )


def _forwarded(chance: random.Random) -> Attack:
    """A good request, with a header that proxies, browsers or tracers send, and odd values."""
    names = ("Origin", "Forwarded", "traceparent", "tracestate", "Accept-Encoding")
    forwarded = ("X-Forwarded-Host", "X-Forwarded-Prefix", "X-Forwarded-Proto", "X-Forwarded-For")
    value = chance.choice(
        [
            "//evil.example/..",
            'evil.example/"><script>',
            "https://evil.example",
            "00-" + "0" * 32 + "-" + "f" * 16 + "-01",
            "gzip;q=" + "9" * 400,
            "gzip;q=x, " * 900,
            "/" * 9_000,
            "[::1]:99999",
            "127.0.0.1," * 900,
            "javascript",
            "null",
            "\xff",
        ]
    )
    extra = f"{chance.choice(names + forwarded)}: {value}\r\n"
    if chance.random() < 0.5:
        return Attack("forwarded", request(GOOD, extra=extra), frozenset({200}))
    path, method = (
        chance.choice(["/openapi.json", "/docs.json", "/schema.json"]),
        chance.choice(["GET", "HEAD", "OPTIONS"]),
    )
    asked = "Access-Control-Request-Method: POST\r\n"
    sent = f"{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{asked}{extra}\r\n"
    # An answer to HEAD has no body, whatever its length is said to be.
    return Attack("forwarded", sent.encode("latin-1"), frozenset({0, 200, 204, 405}), parsed=False)


def _broken_http(chance: random.Random) -> Attack:
    sent = chance.choice(
        [
            b"GET /nope HTTP/9.9\r\n\r\n",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"GET /nope\r\n\r\n",
            b"POST /predict HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
            b"POST /predict HTTP/1.1\r\n" + TWO_LENGTHS,
            BAD_CHUNKS,
            WEBSOCKET,
            b"POST /predict HTTP/1.1\r\n" + TWO_FRAMES,
            b"GET /%00%ff/../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
            b"BREW /predict HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET " + b"/a" * 8000 + b" HTTP/1.1\r\n\r\n",
            chance.randbytes(300) + b"\r\n\r\n",
        ]
    )
    return Attack("broken HTTP", sent, frozenset({0, *range(400, 500)}), parsed=False)


def _path(chance: random.Random) -> Attack:
    path = "/" + "".join(chance.choices("abc%2F;=?&.~", k=chance.randrange(1, 200)))
    return Attack("path", request(GOOD, path), frozenset({400, 404, 405}), parsed=False)


def slow(chance: random.Random) -> Attack:
    sent = request(GOOD[: chance.randrange(len(GOOD))], chance.choice(ROUTES), length=len(GOOD))
    return Attack("slow", sent, frozenset({408}))


KINDS: Sequence[Callable[[random.Random], Attack]] = (
    _truncated,
    _nested,
    _number,
    _nan,
    _twice,
    _charset,
    _encoded,
    _surrogate,
    _pickled,
    _pickled_elsewhere,
    _declared,
    _large,
    _bytes,
    _shape,
    _header,
    _forwarded,
    _broken_http,
    _path,
)
