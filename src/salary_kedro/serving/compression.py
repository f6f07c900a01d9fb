"""Answers of some length, compressed by gzip for clients that take it."""

import gzip

from salary_kedro.serving.answers import Answer

#: Bytes from which on an answer is compressed, and from which on that is done in a thread.
LEAST, LEAST_FOR_THREAD = 1_000, 50_000
LEVEL = 5
VARY = (b"vary", b"Accept-Encoding")
#: What the header of an answer says that is compressed.
PACKED = ((b"content-encoding", b"gzip"), VARY)


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


def compressed(answer: Answer, accepted: bytes) -> Answer:
    """An answer as a client gets it: packed if that is worth it, and the client takes it.

    Args:
        answer: Any answer.
        accepted: The client's header `Accept-Encoding`.
    """
    if len(answer.body) < LEAST or any(name == b"content-encoding" for name, _ in answer.headers):
        return answer
    if not takes_gzip(accepted):
        return answer.saying(VARY)
    packed = gzip.compress(answer.body, LEVEL, mtime=0)
    headers = (*answer.headers, *PACKED)
    return Answer(answer.status, packed, headers, answer.tell)
