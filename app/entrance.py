"""Who may use the page: people at this machine, and others by a password or past a proxy.

The page sends the service's token with whatever a visitor asks. So where others reach it, it is
closed until its keeper has said who may come in. Other sites reach it too, in a browser of this
machine, once their name stands for 127.0.0.1 (DNS rebinding): the name asked for gives them away.
"""

import hmac
import logging
import os
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from urllib.parse import urlsplit

from service_client import ADDRESS_VARIABLE, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE, is_loopback

PASSWORD_VARIABLE, PASSWORD_FILE_VARIABLE = "SALARY_PAGE_PASSWORD", "SALARY_PAGE_PASSWORD_FILE"
PROXY_VARIABLE = "SALARY_PAGE_BEHIND_PROXY"
#: So long that `MOST_WRONG` tries in `WINDOW_SECONDS` never find it.
SHORTEST = 12
#: Wrong passwords of all visitors together, and the seconds until they are forgotten.
MOST_WRONG, WINDOW_SECONDS = 10, 60.0

log = logging.getLogger("salary_page")


class ClosedError(Exception):
    """Nobody may use the page; its text, for the log, says why and what to do."""


@dataclass(frozen=True)
class Password:
    """What visitors must know; shown nowhere.

    Attributes:
        text: The password, of at least `SHORTEST` characters.
    """

    text: str = field(repr=False)

    def is_equal(self, given: str) -> bool:
        """Compare in a time that tells nothing about the password."""
        both = (text.encode(errors="surrogateescape") for text in (given, self.text))
        return hmac.compare_digest(*both)


class WrongTries:
    """Bounds how many wrong passwords are looked at, from all visitors together.

    Visitors cannot be told apart for certain, and a new visit costs nothing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with none, by a clock that counts seconds."""
        self._when: deque[float] = deque(maxlen=MOST_WRONG)
        self._lock, self._clock = Lock(), clock

    def check(self, given: str, password: Password) -> str | None:
        """Look at a password.

        Returns:
            None if it is right; else a sentence that tells the visitor what to do.
        """
        with self._lock:
            now = self._clock()
            if len(self._when) == MOST_WRONG and now - self._when[0] < WINDOW_SECONDS:
                return "Too many wrong passwords. Wait a minute, then try again."
            if password.is_equal(given):
                return None
            self._when.append(now)
            return "That is not the password. Try again."


#: Of this process; no visitor can clear it, as they can Streamlit's caches.
try_password = WrongTries().check


def password_to_ask(
    address: str | None, asked_for: str | None = None, environment: Mapping[str, str] = os.environ
) -> Password | None:
    """The password that visitors must enter; None if none is needed.

    Args:
        address: Where the page listens, as Streamlit's option `server.address` has it.
        asked_for: The host that the visitor has asked for, as the header `Host` has it; None if
            there is no such header, which every browser sends.
        environment: Says which password, proxy and token there are.

    Raises:
        ClosedError: If nobody may enter, for the page would send the service's token, or the
            password in the service's address, for anyone.
    """
    password, is_behind_proxy = _password(environment), _is_behind_proxy(environment)
    if password or is_behind_proxy or not _sends_secret(environment):
        return password
    if not _is_local(address):
        raise _closed(f"it listens at {address or 'all addresses'}", "let it listen at 127.0.0.1")
    if asked_for is not None and not is_loopback(_name_of(asked_for)):
        raise _closed(
            "it was asked for by another name than this machine's own, by a proxy or another site",
            "open it at http://localhost",
        )
    return None


def _closed(why: str, remedy: str) -> ClosedError:
    return ClosedError(
        f"the page is closed: {why}, and would ask the service with its token for anyone: "
        f"{remedy}, set {PASSWORD_VARIABLE} or {PASSWORD_FILE_VARIABLE} to a password that "
        f"visitors must enter, or set {PROXY_VARIABLE}=true if a proxy before it lets only the "
        "right people through"
    )


def _name_of(host: str) -> str:
    """The name or address in a `Host` header; nothing if it holds none."""
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


@cache
def log_once(message: str) -> None:
    """Write an error to the page's log, at its first visitor only."""
    log.error("%s", message)


def _password(environment: Mapping[str, str]) -> Password | None:
    text, file = environment.get(PASSWORD_VARIABLE), environment.get(PASSWORD_FILE_VARIABLE)
    if text is not None and file is not None:
        raise ClosedError(
            f"the page is closed: both {PASSWORD_VARIABLE} and {PASSWORD_FILE_VARIABLE} are set; "
            "unset one of them"
        )
    if file is not None:
        text = _read(file)
    if text is not None and len(text) < SHORTEST:
        raise ClosedError(
            f"the page is closed: its password has {len(text)} characters; give {PASSWORD_VARIABLE}"
            f", or the file that {PASSWORD_FILE_VARIABLE} names, at least {SHORTEST}"
        )
    return None if text is None else Password(text)


def _read(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        raise ClosedError(
            f"the page is closed: {PASSWORD_FILE_VARIABLE} names '{file}', which cannot be read as "
            "text; correct or unset it"
        ) from None  # the cause may show the password


def _is_behind_proxy(environment: Mapping[str, str]) -> bool:
    value = environment.get(PROXY_VARIABLE, "false")
    if value not in ("true", "false"):
        raise ClosedError(
            f"the page is closed: {PROXY_VARIABLE} is '{value}'; set it to true or false"
        )
    return value == "true"


def _is_local(address: str | None) -> bool:
    return address is not None and (address.startswith("unix://") or is_loopback(address))


def _sends_secret(environment: Mapping[str, str]) -> bool:
    has_token = environment.get(TOKEN_VARIABLE) or environment.get(TOKEN_FILE_VARIABLE)
    return bool(has_token) or "@" in environment.get(ADDRESS_VARIABLE, "")
