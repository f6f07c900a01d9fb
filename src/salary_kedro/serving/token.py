"""The bearer token that a service may ask for."""

import hmac
import logging
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from salary_kedro.bundle.secret_files import find_secret, read_secret
from salary_kedro.errors import UserError
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.request_metrics import request_metrics

log = logging.getLogger("salary_kedro.serving")

TOKEN, TOKEN_FILE = "SALARY_TOKEN", "SALARY_TOKEN_FILE"
#: Characters of a token at least; tokens of a file at most: a new one and the one before it.
SHORTEST, MOST = 16, 2
MAX_FILE_BYTES = 10_000
#: A file of tokens is read again when it was last read so long ago.
KEPT_SECONDS = 1.0
#: What may stand in a header (RFC 6750, b64token).
_ALLOWED = re.compile(r"[A-Za-z0-9._~+/-]+=*")
_MAKE_ONE = "`openssl rand -base64 32` makes a good one"


class Token:
    """One secret or two, either of which lets a request pass; they are shown nowhere."""

    def __init__(self, *secrets: str) -> None:
        """Take the secrets of a service.

        Raises:
            UserError: if there is none, or one is too short or cannot stand in a header.
        """
        if not secrets:
            raise UserError(f"there is no token in the file that {TOKEN_FILE} names; {_MAKE_ONE}")
        self._expected = _headers_of(secrets)

    def __repr__(self) -> str:
        return "Token(...)"

    def check(self, authorization: bytes | None) -> None:
        """Let a request pass whose `Authorization` header holds a token.

        Raises:
            RequestError: 401, telling how to send it.
        """
        scheme, _, secret = (authorization or b"").partition(b" ")
        given = scheme.lower() + b" " + secret.strip()
        # All are compared, so that the time tells nothing of which it was.
        matches = [hmac.compare_digest(given, expected) for expected in self._expected]
        if not any(matches):
            what = "is not the one of this service" if scheme.lower() == b"bearer" else "is missing"
            raise RequestError(
                401,
                "unauthorized",
                f"the bearer token {what}; send the header 'Authorization: Bearer TOKEN'",
                headers={"WWW-Authenticate": "Bearer"},
            )


class TokenFile(Token):
    """The tokens in a file, which is read again while the service runs."""

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            UserError: if it cannot be read, or does not hold one token or two.
        """
        super().__init__(*_read(path))
        self._path, self._read_at, self._problem = path, time.monotonic(), ""

    def check(self, authorization: bytes | None) -> None:
        """Let a request pass whose header holds a token that the file held a second ago."""
        if time.monotonic() - self._read_at >= KEPT_SECONDS:
            self._read_again()
        super().check(authorization)

    def _read_again(self) -> None:
        """Take what the file holds now; the former tokens stay while it is not good."""
        self._read_at, former = time.monotonic(), self._problem
        try:
            super().__init__(*_read(self._path))
            self._problem = ""
        except UserError as error:
            self._problem = str(error)
        if self._problem not in ("", former):
            log.error("the previous tokens are kept: %s", self._problem)
        elif former and not self._problem:
            log.info("the token file is valid again")
        request_metrics().token_kept(bool(self._problem))


def _headers_of(secrets: Sequence[str]) -> list[bytes]:
    for secret in secrets:
        if not _ALLOWED.fullmatch(secret):
            raise UserError(
                f"the token is empty or contains characters that a header cannot; {TOKEN}, or each "
                f"line of the file that {TOKEN_FILE} names, may contain only letters, digits and "
                "-._~+/, with = only at the end"
            )
        if len(secret) < SHORTEST:
            raise UserError(
                f"the token has fewer than {SHORTEST} characters, so that it could be guessed; "
                f"lengthen {TOKEN}, or each line of the file that {TOKEN_FILE} names: {_MAKE_ONE}"
            )
    return [f"bearer {secret}".encode() for secret in secrets]


def read_token(environment: Mapping[str, str] = os.environ) -> Token | None:
    """The token that `SALARY_TOKEN` holds, or those in the file that `SALARY_TOKEN_FILE` names.

    Raises:
        UserError: if both are set, or a token cannot be read or is none, or the path is relative.
    """
    found = find_secret(TOKEN, environment)
    if isinstance(found, Path):
        return TokenFile(found)
    return None if found is None else Token(found)


def _read(path: Path) -> list[str]:
    """The lines of a file of tokens that are not empty."""
    content = read_secret(TOKEN, path, MAX_FILE_BYTES)
    lines = [line.strip() for line in content.splitlines() if line.strip()]
    if len(lines) > MOST or not content.isascii():
        raise UserError(
            f"the file '{path}' contains more than tokens; write one token per line, at most two"
        )
    return [line.decode() for line in lines]
