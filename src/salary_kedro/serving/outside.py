"""The address at which clients reach the service, through a proxy if there is one."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from starlette.datastructures import Headers
from starlette.types import Scope

from salary_kedro.errors import UserError

ROOT_PATH = "SALARY_ROOT_PATH"
#: Which proxies are believed, by the name that uvicorn and gunicorn have for it.
TRUSTED = "FORWARDED_ALLOW_IPS"
THIS_MACHINE = "127.0.0.1,::1"
#: Longer ones are not believed.
MAX_PREFIX, MAX_HOST = 200, 260

_PREFIX = re.compile(r"(?:/(?!\.\.?(?:/|$))[A-Za-z0-9._~-]+)+")
_HOST = re.compile(r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]*)|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

Network = IPv4Network | IPv6Network


@dataclass(frozen=True)
class Outside:
    """How the service is reached.

    Attributes:
        root_path: Path under which a proxy shows the service, such as `/salaries`.
        trusted: The proxies whose word is taken for scheme, host and path; None for anybody's.
    """

    root_path: str = ""
    trusted: tuple[Network, ...] | None = ()

    def inside(self, path: str) -> str:
        """The path of a route, whether the proxy has taken the root path off or left it."""
        under = self.root_path and path.startswith(f"{self.root_path}/")
        return path[len(self.root_path) :] if under else path

    def url(self, scope: Scope) -> str:
        """The service's address as this client knows it, without a slash at its end.

        Without a sane host it is relative to the host that was asked.
        """
        headers, believed = Headers(scope=scope), self._believes(scope)
        forwarded = _last_of(headers) if believed else {}
        prefix = _sane(_PREFIX, forwarded.get("prefix", "").rstrip("/"), MAX_PREFIX)
        host = _sane(_HOST, forwarded.get("host") or headers.get("host", ""), MAX_HOST)
        scheme = forwarded.get("proto", "")
        if scheme not in ("http", "https"):
            scheme = scope["scheme"]
        path = prefix or self.root_path
        return f"{scheme}://{host}{path}" if host else path or "/"

    def _believes(self, scope: Scope) -> bool:
        """Whether a request comes straight from a trusted proxy."""
        if self.trusted is None:
            return True
        try:
            address = ip_address(scope["client"][0])
        except (TypeError, ValueError):  # a socket of another kind
            return False
        if isinstance(address, IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        return any(address in network for network in self.trusted)


def _last_of(headers: Headers) -> dict[str, str]:
    """What the nearest proxy says: those before it stand to the left."""
    names = ("prefix", "host", "proto")
    said = {name: headers.getlist(f"x-forwarded-{name}") for name in names}
    return {name: ",".join(each).rpartition(",")[2].strip() for name, each in said.items()}


def _sane(pattern: re.Pattern[str], text: str, longest: int) -> str:
    return text if len(text) <= longest and pattern.fullmatch(text) else ""


def read_outside(environment: Mapping[str, str] = os.environ) -> Outside:
    """How `SALARY_ROOT_PATH` and `FORWARDED_ALLOW_IPS` say that the service is reached.

    Raises:
        UserError: if one of them is not well formed.
    """
    root_path = environment.get(ROOT_PATH, "").rstrip("/")
    if root_path and not _sane(_PREFIX, root_path, MAX_PREFIX):
        raise UserError(
            f"{ROOT_PATH} is '{root_path}'; it must be a path such as /salaries: segments of "
            "letters, digits and -._~, each after a slash"
        )
    return Outside(root_path, _networks(environment.get(TRUSTED) or THIS_MACHINE))


def _networks(listed: str) -> tuple[Network, ...] | None:
    if listed.strip() == "*":
        return None
    parts = [part.strip() for part in listed.split(",") if part.strip()]
    try:
        return tuple(ip_network(part, strict=False) for part in parts)
    except ValueError as error:
        raise UserError(
            f"{TRUSTED} is '{listed}'; it must list IP addresses or networks, such as "
            "10.0.0.5,10.1.0.0/16, or be * to trust everybody"
        ) from error
