"""The interactive page at `/`: a form for each route of `/openapi.json`; it loads nothing else."""

import gzip
from functools import cache
from importlib.resources import files

from salary_kedro.serving.answers import Answer, Raw
from salary_kedro.serving.compression import PACKED

_OURS = files(__name__)
#: The files that the page loads, and of which kind.
FILES = {
    "page.css": b"text/css; charset=utf-8",
    "page.js": b"text/javascript; charset=utf-8",
}
#: Styles within are for the card: shown by the page that has fetched it with a token, it is bound
#: by the page's policy.
_HEADERS: tuple[Raw, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; connect-src 'self'; "
            b"style-src 'self' 'unsafe-inline'; img-src data:; base-uri 'none'; "
            b"form-action 'none'; frame-ancestors 'none'"
        ),
    ),
)
_KEPT = (b"cache-control", b"max-age=3600")


def page() -> Answer:
    """The page itself."""
    html = (b"content-type", b"text/html; charset=utf-8")
    return Answer(200, (_OURS / "index.html").read_bytes(), (*_HEADERS, html))


def asset(name: str, compressed: bool) -> Answer:
    """One of the files that the page loads, compressed by gzip or not."""
    headers = (*_HEADERS, _KEPT, (b"content-type", FILES[name]))
    if not compressed:
        return Answer(200, _content(name), headers)
    return Answer(200, _compressed(name), (*headers, *PACKED))


def _content(name: str) -> bytes:
    return (_OURS / name).read_bytes()


@cache
def _compressed(name: str) -> bytes:
    """Compressed once: it takes long, and anybody may ask for it."""
    return gzip.compress(_content(name))
