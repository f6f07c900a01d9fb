"""Who may use the page, by where it listens and what its keeper has declared."""

from pathlib import Path

import pytest

from entrance import MOST_WRONG, WINDOW_SECONDS, ClosedError, Password, WrongTries, password_to_ask

TOKEN = {"SALARY_TOKEN": "s3cret-token"}
PASSWORD = "correct horse battery"  # noqa: S105 - a test's own
WIDE = [None, "", "0.0.0.0", "::", "192.168.1.5", "my-machine", "::ffff:192.168.1.5"]  # noqa: S104


@pytest.mark.parametrize("address", WIDE)
@pytest.mark.parametrize(
    "secret",
    [
        TOKEN,
        {"SALARY_TOKEN_FILE": "/run/secrets/token"},
        {"SALARY_SERVICE_URL": "http://me:s3cret@service:3000"},
    ],
)
def test_page_when_others_reach_it_and_it_sends_a_secret_then_is_closed(
    address: str | None, secret: dict[str, str]
) -> None:
    with pytest.raises(ClosedError, match="SALARY_PAGE_PASSWORD") as error:
        password_to_ask(address, environment=secret)
    assert "s3cret" not in str(error.value)


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.2", "::1", "localhost", "unix:///a/b"])
def test_page_when_this_machine_alone_reaches_it_then_asks_for_nothing(address: str) -> None:
    assert password_to_ask(address, environment=TOKEN) is None


@pytest.mark.parametrize("address", WIDE)
def test_page_when_it_sends_no_secret_then_asks_for_nothing(address: str | None) -> None:
    service = {"SALARY_SERVICE_URL": "http://service:3000", "SALARY_TOKEN": ""}
    assert password_to_ask(address, environment=service) is None


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])  # noqa: S104 - one of the cases
def test_page_when_a_password_is_declared_then_asks_for_it_wherever_it_listens(
    address: str, tmp_path: Path
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    for declared in ({"SALARY_PAGE_PASSWORD": PASSWORD}, {"SALARY_PAGE_PASSWORD_FILE": str(file)}):
        assert password_to_ask(address, environment={**TOKEN, **declared}) == Password(PASSWORD)


@pytest.mark.parametrize("address", ["0.0.0.0", "127.0.0.1"])  # noqa: S104 - one of the cases
def test_page_when_a_proxy_is_declared_then_asks_for_nothing(address: str) -> None:
    declared = {**TOKEN, "SALARY_PAGE_BEHIND_PROXY": "true"}
    assert password_to_ask(address, "salaries.example", declared) is None


@pytest.mark.parametrize("address", ["127.0.0.1", "::1", "localhost", "unix:///a/b"])
@pytest.mark.parametrize(
    "host",
    [
        "stranger.example:8501",
        "127.0.0.1.stranger.example",
        "192.168.1.5",
        "",
        "[",
    ],
)
def test_page_when_asked_for_by_anothers_name_and_it_sends_a_secret_then_is_closed(
    address: str, host: str
) -> None:
    with pytest.raises(ClosedError, match="another name than this machine's own"):
        password_to_ask(address, host, TOKEN)
    assert password_to_ask(address, host, {}) is None


@pytest.mark.parametrize("host", ["localhost:8501", "127.0.0.1:8501", "[::1]:8501", "LOCALHOST"])
def test_page_when_asked_for_by_this_machines_names_then_asks_for_nothing(host: str) -> None:
    assert password_to_ask("127.0.0.1", host, TOKEN) is None


@pytest.mark.parametrize(
    ("declared", "named"),
    [
        ({"SALARY_PAGE_PASSWORD": ""}, "has 0 characters"),
        ({"SALARY_PAGE_PASSWORD": "elevenchars"}, "has 11 characters; .* at least 12"),
        ({"SALARY_PAGE_PASSWORD_FILE": "/nowhere"}, "'/nowhere', which cannot be read"),
        (
            {"SALARY_PAGE_PASSWORD": PASSWORD, "SALARY_PAGE_PASSWORD_FILE": "/nowhere"},
            "both SALARY_PAGE_PASSWORD and SALARY_PAGE_PASSWORD_FILE are set",
        ),
        ({"SALARY_PAGE_BEHIND_PROXY": "1"}, "BEHIND_PROXY is '1'; set it to true or false"),
        ({"SALARY_PAGE_BEHIND_PROXY": "false"}, "it listens at all addresses"),
    ],
)
def test_page_when_what_is_declared_does_not_do_then_is_closed(
    declared: dict[str, str], named: str
) -> None:
    with pytest.raises(ClosedError, match=named):
        password_to_ask(None, environment={**TOKEN, **declared})


def test_password_when_printed_then_is_not_shown() -> None:
    assert PASSWORD not in f"{Password(PASSWORD)} {Password(PASSWORD)!r}"


@pytest.mark.parametrize("given", ["", PASSWORD[:-1], f"{PASSWORD} ", "näive \udcff 🙂"])
def test_password_when_another_is_given_then_is_refused(given: str) -> None:
    assert WrongTries().check(given, Password(PASSWORD)) == "That is not the password. Try again."


def test_password_when_too_many_were_wrong_then_the_right_one_waits_too() -> None:
    now, password = 1000.0, Password(PASSWORD)
    tries = WrongTries(lambda: now)
    for _ in range(MOST_WRONG):
        assert tries.check("wrong password", password) == "That is not the password. Try again."
        now += 1
    assert "Wait a minute" in str(tries.check(PASSWORD, password))
    now = 1000.0 + WINDOW_SECONDS
    assert tries.check(PASSWORD, password) is None
