"""The interactive page at `/`: Swagger UI over `/openapi.json`; nothing comes from elsewhere."""

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


def asset(name: str) -> Response:
    """One of the files that the page loads."""
    folder, kind = FILES[name]
    headers = {**_HEADERS, "Cache-Control": "max-age=3600"}
    return Response((folder / name).read_bytes(), 200, headers, kind)
