"""The interactive page at `/`: Swagger UI over `/openapi.json`; nothing comes from elsewhere."""

import gzip
from functools import cache
from importlib.resources import files

from starlette.responses import Response

#: BentoML brings Swagger UI along, so that nothing is fetched from elsewhere.
_SWAGGER = files("bentoml") / "_internal" / "server" / "static_content"
_OURS = files(__name__)
#: The files that the page loads: where they are, and of which kind.
FILES = {
    "swagger-ui.css": (_SWAGGER, "text/css"),
    "swagger-ui-bundle.js": (_SWAGGER, "text/javascript"),
    "page.js": (_OURS, "text/javascript"),
}
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; connect-src 'self'; "
    "style-src 'self' 'unsafe-inline'; img-src 'self' data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
}


def page() -> Response:
    """The page itself."""
    return Response((_OURS / "index.html").read_bytes(), 200, _HEADERS, "text/html")


def asset(name: str, compressed: bool) -> Response:
    """One of the files that the page loads, compressed by gzip or not."""
    kind = FILES[name][1]
    headers = {**_HEADERS, "Cache-Control": "max-age=3600"}
    if not compressed:
        return Response(_content(name), 200, headers, kind)
    headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
    return Response(_compressed(name), 200, headers, kind)


def _content(name: str) -> bytes:
    return (FILES[name][0] / name).read_bytes()


@cache
def _compressed(name: str) -> bytes:
    """Compressed once: it takes long, and anybody may ask for it."""
    return gzip.compress(_content(name))
