"""The browser, for the page of the story."""

from pages import browser, open_page

__all__ = ["browser", "open_page"]
