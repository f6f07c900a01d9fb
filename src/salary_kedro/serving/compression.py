"""Answers of some length, compressed by gzip for clients that take it.

Starlette's middleware would do too, but costs each small answer more than this does.
"""

import gzip

from starlette.concurrency import run_in_threadpool
from starlette.types import Message, Send

#: Bytes from which on an answer is compressed, and from which on that is done in a thread.
LEAST, LEAST_FOR_THREAD = 1_000, 50_000
LEVEL = 5
VARY = (b"vary", b"Accept-Encoding")


def takes_gzip(accepted: bytes) -> bool:
    """Whether a client takes gzip, by its header `Accept-Encoding`."""
    if b"gzip" not in accepted.lower():
        return False
    for coding in accepted.lower().split(b","):
        name, _, weight = coding.partition(b";")
        if name.strip() == b"gzip":
            return not _is_zero(weight)
    return False


def _is_zero(weight: bytes) -> bool:
    name, _, value = weight.replace(b" ", b"").partition(b"=")
    return name == b"q" and not value.strip(b"0.")


class Compressing:
    """Sends an answer on, compressed if it is long; its body must come in its first part."""

    def __init__(self, send: Send, accepted: bytes) -> None:
        """Send to a client.

        Args:
            send: Sends on.
            accepted: The client's header `Accept-Encoding`.
        """
        self._send, self._accepted = send, accepted
        self._start: Message | None = None

    async def __call__(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            if _is_long(message):
                message = {**message, "headers": [*message["headers"], VARY]}
                if takes_gzip(self._accepted):
                    self._start = message
                    return
        elif self._start is not None:
            message = await self._compress(self._start, message)
            self._start = None
        await self._send(message)

    async def _compress(self, start: Message, part: Message) -> Message:
        """Send the header, and give the compressed body."""
        body: bytes = part["body"]
        if len(body) < LEAST_FOR_THREAD:
            body = gzip.compress(body, LEVEL)
        else:
            body = await run_in_threadpool(gzip.compress, body, LEVEL)
        kept = [header for header in start["headers"] if header[0] != b"content-length"]
        changed = [(b"content-encoding", b"gzip"), (b"content-length", str(len(body)).encode())]
        await self._send({**start, "headers": [*kept, *changed]})
        return {**part, "body": body}


def _is_long(start: Message) -> bool:
    """Whether an answer is worth compressing, and is not yet."""
    for name, value in start["headers"]:
        if name == b"content-length":
            return int(value) >= LEAST and b"content-encoding" not in dict(start["headers"])
    return False
