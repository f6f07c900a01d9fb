"""The bearer token that a service may ask for."""

import hmac
import os
import re
from collections.abc import Mapping
from pathlib import Path

from salary_kedro.errors import UserError
from salary_kedro.serving.refusals import RequestError

TOKEN, TOKEN_FILE = "SALARY_TOKEN", "SALARY_TOKEN_FILE"
#: What may stand in a header (RFC 6750, b64token).
_ALLOWED = re.compile(r"[A-Za-z0-9._~+/-]+=*")


class Token:
    """A secret that is compared, and shown nowhere."""

    def __init__(self, secret: str) -> None:
        """Take the secret of a service.

        Raises:
            UserError: if it is empty, or cannot stand in a header.
        """
        if not _ALLOWED.fullmatch(secret):
            raise UserError(
                f"the token is empty or holds what a header cannot; {TOKEN}, or the one line of "
                f"the file that {TOKEN_FILE} names, must be letters, digits and -._~+/ alone, "
                "with = at the end if at all"
            )
        self._expected = f"bearer {secret}".encode()

    def __repr__(self) -> str:
        return "Token(...)"

    def check(self, authorization: bytes | None) -> None:
        """Let a request pass whose `Authorization` header holds the token.

        Raises:
            RequestError: 401, telling how to send it.
        """
        scheme, _, secret = (authorization or b"").partition(b" ")
        given = scheme.lower() + b" " + secret.strip()
        if not hmac.compare_digest(given, self._expected):
            what = "is not the one of this service" if scheme.lower() == b"bearer" else "is missing"
            raise RequestError(
                401,
                "unauthorized",
                f"the bearer token {what}; send the header 'Authorization: Bearer TOKEN'",
                headers={"WWW-Authenticate": "Bearer"},
            )


def read_token(environment: Mapping[str, str] = os.environ) -> Token | None:
    """The token that `SALARY_TOKEN` holds, or the file that `SALARY_TOKEN_FILE` names.

    Raises:
        UserError: if both are set, or the token cannot be read or is none.
    """
    secret, file = environment.get(TOKEN), environment.get(TOKEN_FILE)
    if secret is not None and file is not None:
        raise UserError(f"both {TOKEN} and {TOKEN_FILE} are set; unset one of them")
    if file is not None:
        return Token(_read(Path(file)))
    return None if secret is None else Token(secret)


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except OSError as error:
        what = f"cannot be read ({error.strerror})"
        raise UserError(f"{TOKEN_FILE} names '{path}', which {what}; mend or unset it") from error
    except UnicodeDecodeError:
        message = f"the file '{path}' holds more than a token; write the token alone into it"
        raise UserError(message) from None  # the cause would show the secret
