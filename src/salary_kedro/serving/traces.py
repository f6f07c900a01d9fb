"""The trace that a request is part of: the header `traceparent` of W3C's Trace Context."""

import re

_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(-.*)?"
)


def trace_of(traceparent: bytes) -> dict[str, str]:
    """The ids of trace and caller's span, for a log line; nothing if they are not well formed."""
    found = _TRACEPARENT.fullmatch(traceparent)
    if found is None or (found[3] and found[0].startswith(b"00")):
        return {}
    return {"trace_id": found[1].decode(), "span_id": found[2].decode()}
