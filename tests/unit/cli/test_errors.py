"""Every error is one line that says what to do."""

from itertools import pairwise

import click
import pytest
from kedro.io.core import DatasetError

from salary_kedro.cli.errors import explain, readable_errors
from salary_kedro.contract import ContractError
from salary_kedro.errors import UserError


def chained(*errors: Exception) -> Exception:
    """The first error, caused by the second, caused by the third ..."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    return errors[0]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (UserError("fix it"), "fix it"),
        (ContractError("mend the contract"), "mend the contract"),
        (DatasetError("no such file"), "no such file"),
        (chained(ValueError("outer"), UserError("fix it")), "fix it"),
        (chained(ValueError("a"), KeyError("b"), UserError("fix it")), "fix it"),
        (chained(UserError("fix it"), ValueError("inner")), "fix it"),
        (chained(DatasetError("cannot load"), UserError("fix it")), "fix it"),
        (UserError("two\n  lines"), "two lines"),
    ],
)
def test_explain_when_a_cause_is_meant_for_people_then_is_that(error: Exception, text: str) -> None:
    assert explain(error) == text


@pytest.mark.parametrize("error", [UserError("a\x1b[2Jb"), ValueError("a\x1b[2Jb")])
def test_explain_when_a_text_would_act_on_the_screen_then_is_shown_in_plain_signs(
    error: Exception,
) -> None:
    assert explain(error, hint="") == "a [2Jb"


def test_explain_when_an_error_is_its_own_cause_then_ends() -> None:
    error = ValueError("odd")
    error.__cause__ = error

    assert explain(error, hint="") == "odd"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("two\n  lines"), "two lines"),
        (RuntimeError(), "RuntimeError"),
        (chained(ValueError("outer"), KeyError("inner")), "outer"),
    ],
)
def test_explain_when_no_cause_is_meant_for_people_then_is_one_line_and_names_the_log(
    error: Exception, text: str
) -> None:
    assert explain(error) == f"{text} (see data/logs/kedro.log for details)"


def test_readable_errors_when_something_fails_then_is_a_click_error() -> None:
    failure = UserError("fix it")

    with pytest.raises(click.ClickException) as caught, readable_errors():
        raise failure

    assert (caught.value.message, caught.value.exit_code) == ("fix it", 1)
    assert caught.value.__cause__ is failure


def test_readable_errors_when_an_environment_was_asked_for_then_commands_name_it() -> None:
    failure = UserError("its store was moved: run `kedro models doctor --fix`")

    with pytest.raises(click.ClickException) as caught, readable_errors(env="wages"):
        raise failure

    assert caught.value.message == (
        "its store was moved: run `kedro models doctor --fix --env wages`"
    )


def test_readable_errors_when_the_environment_is_no_word_then_is_quoted() -> None:
    with pytest.raises(click.ClickException) as caught, readable_errors(hint="", env=r"a\1 b"):
        raise UserError("try `kedro run`")

    assert caught.value.message == r"try `kedro run --env 'a\1 b'`"


@pytest.mark.parametrize(
    "error", [click.UsageError("bad option"), click.Abort(), BrokenPipeError()]
)
def test_readable_errors_when_click_speaks_itself_then_lets_it(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, readable_errors():
        raise error

    assert caught.value is error


def test_readable_errors_when_interrupted_then_lets_it_pass() -> None:
    with pytest.raises(KeyboardInterrupt), readable_errors():
        raise KeyboardInterrupt


def test_explain_when_a_library_quotes_an_address_with_a_password_then_leaves_that_out() -> None:
    error = RuntimeError("API request to http://user:se@cret@host:5000/api failed")

    assert explain(error, hint="") == "API request to http://host:5000/api failed"
