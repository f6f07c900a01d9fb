"""Reads requests from the bytes of a connection, as HTTP/1.1 has them.

httptools does the reading, strictly. What it leaves open is bounded here: a header's bytes and
fields, and what a body in chunks has beside its bytes.
"""

from urllib.parse import unquote

import httptools

from salary_kedro.serving import limits
from salary_kedro.serving.answers import Raw


class NotHttpError(Exception):
    """What a client sends is no request that is read here."""


class Incoming:
    """A request, as far as it has come.

    Attributes:
        method: Its method.
        target: What it asks for, as it was sent.
        fields: Its header, by names in small letters.
        version: That of HTTP, such as `1.1`.
        body: What has come of its body, and was not taken yet.
        is_whole: Whether all of it has come.
        is_over: Whether it was answered, so that what still comes of its body is thrown away.
        keeps_alive: Whether the connection may go on after it.
    """

    def __init__(self) -> None:
        self.method, self.target, self.version = "", b"", ""
        self.fields: list[Raw] = []
        self.body = bytearray()
        self.is_whole = self.is_over = self.keeps_alive = False

    @property
    def path(self) -> str:
        """What it asks for, decoded, without what follows a question mark."""
        path = self.target.partition(b"?")[0].decode("ascii")
        return unquote(path) if "%" in path else path

    def check(self) -> None:
        """See that its header is one that is read here.

        Raises:
            NotHttpError: if not.
        """
        hosts = sum(name == b"host" for name, _ in self.fields)
        coded = [value.lower() for name, value in self.fields if name == b"transfer-encoding"]
        if coded not in ([], [b"chunked"]):
            raise NotHttpError("its body must come as it is, or in chunks")
        if hosts > 1 or (hosts == 0 and self.version == "1.1"):
            raise NotHttpError("one Host must be named")
        if self.version not in ("1.0", "1.1") or self.method == "CONNECT":
            raise NotHttpError("it is another protocol")
        if not self.target.isascii() or not self.target.decode("ascii").isprintable():
            raise NotHttpError("the target must be printable ASCII")


class Reader:
    """Reads the requests of a connection; httptools calls what begins with `on_`.

    Attributes:
        requests: Those whose header has come, for the connection to take away.
        in_header: Whether the header of one has begun, and is not whole.
    """

    def __init__(self) -> None:
        self._parser = httptools.HttpRequestParser(self)
        self.requests: list[Incoming] = []
        self.in_header = False
        self._request, self._header_bytes = Incoming(), 0
        self._request.is_whole, self._is_told = True, False
        #: Bytes of the request that were not of its body, but for those of the first part.
        self._beside = 0

    @property
    def is_between(self) -> bool:
        """Whether what has come ends with a request."""
        return self._request.is_whole

    def feed(self, data: bytes) -> None:
        """Read what has come; requests before what is wrong are read all the same.

        Raises:
            NotHttpError: if it is no request, or one beyond the limits.
        """
        if not self._request.is_whole:
            self._beside += len(data)
        rest = self._parse(memoryview(data))
        while rest:
            rest = self._parse(rest)
        if self._beside > limits.MAX_HEADER_BYTES:
            raise NotHttpError("it has too much beside a body")

    def _parse(self, data: memoryview) -> memoryview | None:
        """Parse up to a header that offers another protocol; gives what follows it.

        That is declined, as HTTP lets a server do: some clients offer one with each request.
        httptools would skip the body, so that another parser, told where it is, takes over.
        """
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise NotHttpError(str(error)) from error
        except httptools.HttpParserUpgrade as error:
            framing = (b"content-length", b"transfer-encoding")
            fields = [b"%s: %s\r\n" % each for each in self._request.fields if each[0] in framing]
            self._parser, self._is_told = httptools.HttpRequestParser(self), True
            self._request.is_whole = False
            self._parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % b"".join(fields))
            self._is_told = False
            return data[error.args[0] :]
        return None

    def on_message_begin(self) -> None:
        """Begin with a request."""
        if self._is_told:
            return
        if len(self.requests) >= limits.MAX_PIPELINED:
            raise NotHttpError("too many requests are sent before the first was answered")
        self._request, self.in_header = Incoming(), True
        self._header_bytes = self._beside = 0

    def on_url(self, part: bytes) -> None:
        """Take a part of the target."""
        if self.in_header:
            self._request.target += part
            self._count(len(part))

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a field of the header; what follows a body in chunks is thrown away."""
        if self.in_header:
            self._request.fields.append((name.lower(), value))
            self._count(len(name) + len(value) + 4)

    def _count(self, size: int) -> None:
        self._header_bytes += size
        if self._header_bytes > limits.MAX_HEADER_BYTES:
            raise NotHttpError("its header is too large")
        if len(self._request.fields) > limits.MAX_HEADER_FIELDS:
            raise NotHttpError("its header has too many fields")

    def on_headers_complete(self) -> None:
        """Take the request, whose body may still come."""
        if self._is_told:
            return
        request, parser = self._request, self._parser
        request.method = parser.get_method().decode("ascii")
        request.version = parser.get_http_version()
        request.check()
        request.keeps_alive = request.version == "1.1" and parser.should_keep_alive()
        self.in_header, self._beside = False, 0
        self.requests.append(request)

    def on_body(self, part: bytes) -> None:
        """Take a part of the body."""
        self._beside = max(0, self._beside - len(part))
        if not self._request.is_over:
            self._request.body += part

    def on_chunk_header(self) -> None:
        """Allow a chunk what it must have beside its bytes."""
        self._beside = max(0, self._beside - limits.MAX_CHUNK_HEADER_BYTES)

    def on_message_complete(self) -> None:
        """End with a request."""
        self._request.is_whole, self._beside = True, 0
