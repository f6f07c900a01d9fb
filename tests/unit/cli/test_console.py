"""What the commands print: for people, and for programs."""

import math
from typing import Any

import pytest

from salary_kedro.cli.console import as_json, as_table

HASH = "7a55e27f5e8c" + "0" * 52
EVIL = "safe\x1b[2J\x1b]0;owned\x07 \u202eterces\r\nnext"


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("stage", None, "-"),
        ("version", 7, "7"),
        ("production", True, "True"),
        ("rmse", 6311.262456, "6,311.3"),
        ("rmse", -1.0, "-1.0"),
        ("rmse", 0.0123456, "0.0123"),
        ("rmse", 0.0, "0"),
        ("model", "ridge", "ridge"),
        ("data_sha256", HASH, "7a55e27f5e8c"),
        ("code_sha256", HASH, "7a55e27f5e8c"),
        ("when", "2024-05-06T07:08:09+00:00", "2024-05-06 07:08:09"),
        ("when", "2024-05-06T07:08:09.123456Z", "2024-05-06 07:08:09"),
    ],
)
def test_table_when_a_value_is_shown_then_is_short(
    column: str, value: Any, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    as_table([{column: value}], {column: "a"})

    assert capsys.readouterr().out.splitlines()[1] == text


@pytest.mark.parametrize("text", ["x" * 64, HASH, "2024-05-06T07:08:09+00:00 the data came late"])
@pytest.mark.parametrize("column", ["why", "who", "model", "column", "values"])
def test_table_when_a_text_looks_like_a_hash_or_a_time_then_is_shown_whole(
    column: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    as_table([{column: text}], {column: column})

    assert capsys.readouterr().out.splitlines()[1] == text


def test_table_when_a_text_would_act_on_the_screen_then_is_shown_in_one_plain_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_table([{"why": EVIL}], {"why": "why"})

    assert capsys.readouterr().out == "why\nsafe [2J ]0;owned   terces  next\n"


def test_table_when_there_are_rows_then_its_columns_are_aligned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"version": 10, "stage": None, "rmse": 5.5}, {"version": 9, "stage": "production"}]

    as_table([{"rmse": None, **row} for row in rows], {"version": "version", "stage": "stage"})

    assert capsys.readouterr().out == "version  stage\n10       -\n9        production\n"


def test_table_when_there_are_no_rows_then_says_what_makes_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_table([], {"version": "version", "stage": "stage"})

    assert capsys.readouterr().out == "none yet: `make run` trains a model\n"


def test_json_when_a_number_is_not_finite_then_refuses_it() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"rmse": math.nan})
