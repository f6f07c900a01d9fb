"""What the environment says of who may ask the service, and from where."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from salary_kedro.serving.logs import read_logs_all
from salary_kedro.serving.origins import Origins, read_origins
from salary_kedro.serving.outside import Outside, read_outside
from salary_kedro.serving.request_log import RequestLog, read_request_log
from salary_kedro.serving.token import Token, read_token


@dataclass(frozen=True)
class Settings:
    """How the service is reached.

    Attributes:
        token: What clients must send as a bearer token; None if anyone may ask.
        outside: Its address beyond a proxy.
        origins: Whose web pages may ask.
        logs_all: Whether each request is a line of the log, or only those that failed.
        request_log: Takes note of what was answered; None if nobody does.
    """

    token: Token | None = None
    outside: Outside = field(default_factory=Outside)
    origins: Origins = field(default_factory=Origins)
    logs_all: bool = False
    request_log: RequestLog | None = None


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of an environment.

    Raises:
        UserError: if one is not well formed.
    """
    return Settings(
        read_token(environment),
        read_outside(environment),
        read_origins(environment),
        read_logs_all(environment),
        read_request_log(environment),
    )
