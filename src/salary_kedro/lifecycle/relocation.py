"""Where a store keeps the artifacts of its models."""

from urllib.parse import unquote, urlsplit


def plain_path(place: str) -> str:
    """A path as people write it."""
    return unquote(urlsplit(place).path) if place.startswith("file:") else place
