"""Where clients reach the service: what proxies say, and what cannot be made to stand there."""

from collections.abc import Mapping

import pytest

from salary_kedro.errors import UserError
from salary_kedro.serving.outside import Outside, read_outside

PROXY, STRANGER = "10.0.0.5", "203.0.113.9"
BEHIND = read_outside({"FORWARDED_ALLOW_IPS": "10.0.0.0/24, ::1"})
UNDER = read_outside({"SALARY_ROOT_PATH": "/salaries/"})


def url(
    headers: Mapping[str, str],
    peer: str | None = PROXY,
    outside: Outside = BEHIND,
    scheme: str = "http",
) -> str:
    """The address that the description tells to a client."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    client = None if peer is None else (peer, 1)
    return outside.url({"type": "http", "scheme": scheme, "client": client, "headers": raw})


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1:3000", "salaries.example", "my_service:80", "[::1]:3000", "a" * 63 + ".example"],
)
def test_url_when_no_proxy_speaks_then_is_the_host_that_was_asked(host: str) -> None:
    assert url({"Host": host}) == f"http://{host}"


def test_url_when_a_trusted_proxy_speaks_then_is_what_it_says() -> None:
    said = {
        "Host": "inside:3000",
        "X-Forwarded-Host": "example.org:8443",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/pay/salaries/",
    }
    assert url(said) == "https://example.org:8443/pay/salaries"
    assert url(said, peer="::ffff:10.0.0.5") == "https://example.org:8443/pay/salaries"


@pytest.mark.parametrize("peer", [STRANGER, "10.0.1.5", None, "testclient"])
def test_url_when_a_stranger_says_that_it_is_a_proxy_then_is_not_believed(
    peer: str | None,
) -> None:
    said = {
        "Host": "inside:3000",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Prefix": "/evil",
        "X-Forwarded-For": PROXY,
    }
    assert url(said, peer) == "http://inside:3000"


def test_url_when_proxies_pass_on_what_a_client_said_then_the_nearest_counts() -> None:
    said = {"Host": "x", "X-Forwarded-Host": "evil.example, example.org"}
    assert url(said) == "http://example.org"


@pytest.mark.parametrize(
    "host",
    [
        "",
        "evil.example/path",
        "user@evil.example",
        "evil.example#",
        "evil.example?x",
        "a b",
        'a"b',
        "a\\b",
        "<script>",
        "a:b",
        "a:123456",
        "a\r\nb",
        "[::1",
        "ä.example",
        "a" * 300,
    ],
)
def test_url_when_the_host_is_not_sane_then_is_relative_to_it(host: str) -> None:
    assert url({"Host": host}) == "/"
    assert url({"Host": host}, outside=UNDER) == "/salaries"


@pytest.mark.parametrize(
    "prefix",
    [
        *("evil", "//evil.example", "/a//b", "/../x", "/a/..", "/a/./b", "/a?b", "/a b", '/a"'),
        *("/" * 9, "/" + "a" * 300, "/ä", "/%2e%2e", "https://evil.example"),
    ],
)
def test_url_when_the_prefix_is_not_sane_then_has_none(prefix: str) -> None:
    assert url({"Host": "x", "X-Forwarded-Prefix": prefix}) == "http://x"


@pytest.mark.parametrize("proto", ["javascript", "HTTPS", "ftp", "https,http,"])
def test_url_when_the_scheme_is_not_sane_then_is_that_of_the_connection(proto: str) -> None:
    assert url({"Host": "x", "X-Forwarded-Proto": proto}, scheme="https") == "https://x"


def test_url_when_a_root_path_is_set_then_ends_with_it() -> None:
    assert url({"Host": "example.org"}, STRANGER, UNDER) == "http://example.org/salaries"


def test_url_when_anybody_is_believed_then_is_what_they_say() -> None:
    anybody = read_outside({"FORWARDED_ALLOW_IPS": "*"})
    assert url({"Host": "x", "X-Forwarded-Prefix": "/a"}, STRANGER, anybody) == "http://x/a"


def test_read_outside_when_settings_are_empty_then_are_as_if_unset() -> None:
    found = read_outside({"FORWARDED_ALLOW_IPS": "", "SALARY_ROOT_PATH": ""})
    assert found == read_outside({})
    assert url({"Host": "x", "X-Forwarded-Prefix": "/a"}, "127.0.0.1", found) == "http://x/a"


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/salaries/predict", "/predict"),
        ("/salaries/", "/"),
        ("/predict", "/predict"),
        ("/salariespredict", "/salariespredict"),
        ("/salaries/salaries/predict", "/salaries/predict"),
    ],
)
def test_inside_when_a_proxy_leaves_the_root_path_or_not_then_is_the_route(
    path: str, inside: str
) -> None:
    assert UNDER.inside(path) == inside


def test_inside_when_there_is_no_root_path_then_is_the_path() -> None:
    assert Outside().inside("/salaries/predict") == "/salaries/predict"


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("SALARY_ROOT_PATH", "salaries"),
        ("SALARY_ROOT_PATH", "https://example.org/salaries"),
        ("SALARY_ROOT_PATH", "/a/../b"),
        ("FORWARDED_ALLOW_IPS", "proxy"),
        ("FORWARDED_ALLOW_IPS", "10.0.0.5/99"),
    ],
)
def test_read_outside_when_a_setting_is_not_well_formed_then_names_it(
    setting: str, value: str
) -> None:
    with pytest.raises(UserError, match=setting) as raised:
        read_outside({setting: value})
    assert value in str(raised.value)
