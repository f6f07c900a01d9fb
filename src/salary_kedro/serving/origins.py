"""Web pages of other origins that may ask the service from a browser (CORS)."""

import os
import re
from collections.abc import Mapping, Sequence

from salary_kedro.errors import UserError
from salary_kedro.serving.answers import Raw

ORIGINS = "SALARY_CORS_ORIGINS"
_ORIGIN = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
)
#: What browsers leave out.
_DEFAULT_PORT = re.compile(r"http:.*:80|https:.*:443")

_VARY = (b"vary", b"Origin")
_EXPOSED = (b"access-control-expose-headers", b"X-Request-ID, Retry-After")
_ALLOWED = b"Authorization, Content-Type, Salary-Purpose, X-Request-ID, traceparent"
_PREFLIGHT: Sequence[Raw] = (
    (b"access-control-allow-methods", b"GET, HEAD, POST"),
    (b"access-control-allow-headers", _ALLOWED),
    (b"access-control-max-age", b"600"),
)


class Origins:
    """The origins that may ask; a bearer token is asked of them as of anybody."""

    def __init__(self, *allowed: str) -> None:
        """Allow origins.

        Args:
            allowed: Origins as browsers write them, such as `https://example.org:8443`.

        Raises:
            UserError: if one is not written so.
        """
        for origin in allowed:
            if not _ORIGIN.fullmatch(origin) or _DEFAULT_PORT.fullmatch(origin):
                raise UserError(
                    f"{ORIGINS} holds '{origin}'; each origin must be written as browsers send it, "
                    "such as https://example.org or http://127.0.0.1:8080: in lower case, without "
                    "path, * or default port, separated by commas"
                )
        self._allowed = frozenset(origin.encode() for origin in allowed)

    def __bool__(self) -> bool:
        return bool(self._allowed)

    def allows(self, origin: bytes | None) -> bool:
        """Whether pages of an origin may ask."""
        return origin in self._allowed

    def headers(self, origin: bytes | None) -> Sequence[Raw]:
        """What the header of any answer says to the browser of a page."""
        if not self._allowed:
            return ()
        if origin not in self._allowed:
            return (_VARY,)
        return (_VARY, (b"access-control-allow-origin", origin), _EXPOSED)

    def preflight(self, method: str, headers: Mapping[bytes, bytes]) -> Sequence[Raw] | None:
        """What to answer to a browser that asks whether it may ask; None to any other request."""
        asks = method == "OPTIONS" and b"access-control-request-method" in headers
        return _PREFLIGHT if asks and headers.get(b"origin") in self._allowed else None


def read_origins(environment: Mapping[str, str] = os.environ) -> Origins:
    """The origins that `SALARY_CORS_ORIGINS` lists; none by default.

    Raises:
        UserError: if one is not well formed.
    """
    listed = (part.strip() for part in environment.get(ORIGINS, "").split(","))
    return Origins(*filter(None, listed))
