"""The file of tokens: two at a time, read again while the service runs."""

import logging
import os
from pathlib import Path

import httpx
import pytest

from salary_kedro.errors import UserError
from salary_kedro.serving import token as token_module
from salary_kedro.serving.refusals import RequestError
from salary_kedro.serving.request_metrics import exposition
from salary_kedro.serving.token import Token, read_token
from support import copy_project, wait_until

OLD, NEW = "former-token-of-a-test", "coming-token-of-a-test"
GOOD_FILES = {
    "one line": f"{OLD}\n",
    "no line end": OLD,
    "two lines": f"{NEW}\n{OLD}\n",
    "empty lines": f"\n{OLD}\n\n",
    "Windows": f"{OLD}\r\n{NEW}\r\n",
}
BAD_FILES = {
    "empty": (b"", "no token in the file"),
    "short": (b"fifteen-letters\n", "fewer than 16"),
    "one good, one short": (f"{OLD}\nshort\n".encode(), "fewer than 16"),
    "three": (f"{OLD}\n{NEW}\n{NEW}3\n".encode(), "at most two"),
    "two words": (f"{OLD} {NEW}\n".encode(), "header cannot"),
    "not ASCII": ("Bärentatze-mit-Honig\n".encode(), "more than tokens"),
    "a key": (b"a" * 20_000, "more than the allowed"),
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with the former token, which is read again at each request."""
    monkeypatch.setattr(token_module, "KEPT_SECONDS", 0)
    path = tmp_path / "tokens"
    path.write_text(f"{OLD}\n")
    return path


@pytest.fixture
def token(file: Path) -> Token:
    found = read_token({"SALARY_TOKEN_FILE": str(file)})
    assert found is not None
    return found


def passes(token: Token, secret: str) -> bool:
    try:
        token.check(f"Bearer {secret}".encode())
    except RequestError:
        return False
    return True


def kept() -> bool:
    """What the metrics say of tokens that are kept."""
    return b"salary_token_kept 1.0" in exposition()[0]


@pytest.mark.parametrize("content", GOOD_FILES.values(), ids=GOOD_FILES)
def test_token_file_when_it_holds_one_or_two_then_each_lets_pass(file: Path, content: str) -> None:
    file.write_bytes(content.encode())
    token = read_token({"SALARY_TOKEN_FILE": str(file)})
    assert token is not None
    for secret in (OLD, NEW):
        assert passes(token, secret) is (secret in content)


@pytest.mark.parametrize(("content", "named"), BAD_FILES.values(), ids=BAD_FILES)
def test_token_file_when_it_is_not_good_at_the_start_then_says_why_without_it(
    file: Path, content: bytes, named: str
) -> None:
    file.write_bytes(content)
    with pytest.raises(UserError, match=named) as raised:
        read_token({"SALARY_TOKEN_FILE": str(file)})
    assert OLD not in str(raised.value)


def test_token_file_when_it_is_a_pipe_then_is_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="is not a regular file"):
        read_token({"SALARY_TOKEN_FILE": str(tmp_path / "pipe")})


@pytest.mark.parametrize("file", ["token", "", "./token"])
def test_token_file_when_the_path_is_relative_then_is_refused_in_one_line(
    file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text(OLD)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError) as raised:
        read_token({"SALARY_TOKEN_FILE": file})
    assert str(raised.value) == f"SALARY_TOKEN_FILE is '{file}': it must be an absolute path"


def test_token_file_when_it_is_a_link_as_secrets_are_mounted_then_what_it_leads_to_counts(
    file: Path, tmp_path: Path
) -> None:
    """Kubernetes moves the link between to another folder, and removes the former one."""
    for name, secret in (("first", OLD), ("second", NEW)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "token").write_text(secret)
    (tmp_path / "data").symlink_to("first")
    file.unlink()
    file.symlink_to("data/token")
    token = read_token({"SALARY_TOKEN_FILE": str(file)})
    assert token is not None
    assert passes(token, OLD)
    (tmp_path / "next").symlink_to("second")
    (tmp_path / "next").replace(tmp_path / "data")
    assert [passes(token, secret) for secret in (OLD, NEW)] == [False, True]


def test_token_file_when_it_changes_then_its_tokens_count_and_no_others(
    file: Path, token: Token
) -> None:
    file.write_text(f"{NEW}\n{OLD}\n")
    assert passes(token, NEW)
    assert passes(token, OLD)
    file.write_text(f"{NEW}\n")
    assert passes(token, NEW)
    assert not passes(token, OLD)


def test_token_file_when_it_is_replaced_by_another_then_that_counts(
    file: Path, token: Token, tmp_path: Path
) -> None:
    (tmp_path / "new").write_text(NEW)
    (tmp_path / "new").replace(file)
    assert passes(token, NEW)


@pytest.mark.parametrize("content", [None, *(content for content, _ in BAD_FILES.values())])
def test_token_file_when_it_is_no_longer_good_then_the_former_token_stays_and_that_is_told(
    file: Path, token: Token, content: bytes | None, caplog: pytest.LogCaptureFixture
) -> None:
    file.unlink() if content is None else file.write_bytes(content)
    with caplog.at_level(logging.INFO):
        assert [passes(token, secret) for secret in (OLD, NEW, OLD)] == [True, False, True]
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert told[0].startswith("the previous tokens are kept: ")
    assert OLD not in told[0]
    assert kept()


def test_token_file_when_it_is_good_again_then_counts_and_that_is_told(
    file: Path, token: Token, caplog: pytest.LogCaptureFixture
) -> None:
    file.unlink()
    assert passes(token, OLD)
    file.write_text(NEW)
    with caplog.at_level(logging.INFO):
        assert [passes(token, secret) for secret in (OLD, NEW)] == [False, True]
    assert caplog.records[-1].getMessage() == "the token file is valid again"
    assert not kept()


def test_token_file_when_requests_come_often_then_is_read_once_a_second(
    file: Path, token: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(token_module, "KEPT_SECONDS", 1.0)
    clock = [0.0]
    monkeypatch.setattr(token_module.time, "monotonic", lambda: token._read_at + clock[0])
    file.write_text(NEW)
    assert not passes(token, NEW)
    clock[0] = 1.0
    assert passes(token, NEW)


@pytest.mark.server
def test_service_when_its_token_is_rotated_then_takes_the_new_one_without_a_restart(
    bundles: Path, tmp_path: Path
) -> None:
    project, file = copy_project(tmp_path / "project"), tmp_path / "tokens"
    file.write_text(OLD)
    with project.serve(SALARY_BUNDLES=str(bundles), SALARY_TOKEN_FILE=str(file)) as address:
        assert status(address, OLD) == 200
        file.write_text(f"{NEW}\n{OLD}\n")
        wait_until(lambda: status(address, NEW) == 200, "the new token")
        assert status(address, OLD) == 200
        file.write_text(NEW)
        wait_until(lambda: status(address, OLD) == 401, "the end of the old token")
        assert status(address, NEW) == 200


def status(address: str, secret: str) -> int:
    """How `/model` is answered; 0 if it is not."""
    headers = {"Authorization": f"Bearer {secret}"}
    try:
        return httpx.get(f"{address}/model", headers=headers, timeout=30).status_code
    except httpx.HTTPError:
        return 0
