"""The interactive page at `/`: Swagger UI over `/openapi.json`; nothing comes from elsewhere."""

import gzip
from functools import cache
from importlib.resources import files

from salary_kedro.serving.answers import Answer, Raw

#: BentoML brings Swagger UI along, so that nothing is fetched from elsewhere.
_SWAGGER = files("bentoml") / "_internal" / "server" / "static_content"
_OURS = files(__name__)
#: The files that the page loads: where they are, and of which kind.
FILES = {
    "swagger-ui.css": (_SWAGGER, b"text/css; charset=utf-8"),
    "swagger-ui-bundle.js": (_SWAGGER, b"text/javascript; charset=utf-8"),
    "page.js": (_OURS, b"text/javascript; charset=utf-8"),
}
_HEADERS: tuple[Raw, ...] = (
    (b"x-content-type-options", b"nosniff"),
    (
        b"content-security-policy",
        (
            b"default-src 'none'; script-src 'self'; connect-src 'self'; "
            b"style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
            b"form-action 'none'; frame-ancestors 'none'"
        ),
    ),
)
_KEPT = (b"cache-control", b"max-age=3600")
_PACKED: tuple[Raw, ...] = ((b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding"))


def page() -> Answer:
    """The page itself."""
    html = (b"content-type", b"text/html; charset=utf-8")
    return Answer(200, (_OURS / "index.html").read_bytes(), (*_HEADERS, html))


def asset(name: str, compressed: bool) -> Answer:
    """One of the files that the page loads, compressed by gzip or not."""
    headers = (*_HEADERS, _KEPT, (b"content-type", FILES[name][1]))
    if not compressed:
        return Answer(200, _content(name), headers)
    return Answer(200, _compressed(name), (*headers, *_PACKED))


def _content(name: str) -> bytes:
    return (FILES[name][0] / name).read_bytes()


@cache
def _compressed(name: str) -> bytes:
    """Compressed once: it takes long, and anybody may ask for it."""
    return gzip.compress(_content(name))
