"""What the commands print: for people, and for programs."""

import io
import math
from typing import Any

import click
import pytest

from salary_kedro.cli.console import (
    Column,
    as_json,
    as_table,
    cell_width,
    error_text,
    labelled,
    seconds,
    table,
    wrapped,
)

HASH = "7a55e27f5e8c" + "0" * 52
EVIL = "safe\x1b[2J\x1b]0;owned\x07 \u202eterces\r\nnext"


@pytest.mark.parametrize(
    ("column", "value", "text"),
    [
        ("stage", None, "-"),
        ("version", 7, "7"),
        ("production", True, "True"),
        ("rmse", 6311.262456, "6,311.3"),
        ("rmse", -1.0, "−1.0"),
        ("rmse", 0.0123456, "0.0123"),
        ("rmse", 0.0, "0.0"),
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
    as_table([{column: value}], [Column(column, "a")])

    assert capsys.readouterr().out.splitlines()[1] == text


@pytest.mark.parametrize("text", ["x" * 64, HASH, "2024-05-06T07:08:09+00:00 the data came late"])
@pytest.mark.parametrize("column", ["why", "who", "model", "column", "values"])
def test_table_when_a_text_looks_like_a_hash_or_a_time_then_is_shown_whole(
    column: str, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    as_table([{column: text}], [Column(column)])

    assert capsys.readouterr().out.splitlines()[1] == text


def test_table_when_a_text_would_act_on_the_screen_then_is_shown_in_one_plain_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_table([{"why": EVIL}], [Column("why")])

    assert capsys.readouterr().out == "why\nsafe [2J ]0;owned   terces  next\n"


def test_table_when_there_are_rows_then_its_columns_are_aligned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    rows = [{"version": 10, "stage": None, "rmse": 5.5}, {"version": 9, "stage": "production"}]

    as_table(rows, [Column("version", right=True), Column("stage")])

    assert capsys.readouterr().out == "version  stage\n     10  -\n      9  production\n"


def test_table_when_there_are_no_rows_then_says_what_makes_one(
    capsys: pytest.CaptureFixture[str],
) -> None:
    as_table([], [Column("version")])

    assert capsys.readouterr().out == "none yet: `make run` trains a model\n"


def test_json_when_a_number_is_not_finite_then_refuses_it() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        as_json({"rmse": math.nan})


# --- At the width of a terminal --------------------------------------------------------

WIDE = [
    Column("version", right=True),
    Column("model"),
    Column("when", least=16),
    Column("data_sha256", "data", least=6),
    Column("code_sha256", "code", least=6, optional=True),
]
ROW = {
    "version": 12,
    "model": "hist_gradient_boosting",
    "when": "2024-05-06T07:08:09+00:00",
    "data_sha256": HASH,
    "code_sha256": HASH,
    "why": "one two three four five six",
}


@pytest.mark.parametrize(
    ("columns", "line"),
    [
        (80, "     12  hist_gradient_boosting  2024-05-06 07:08:09  7a55e27f5e8c  7a55e27f5e8c"),
        (70, "     12  hist_gradient_boosting  2024-05-06 07:08  7a55e2  7a55e2"),
        (57, "     12  hist_gradient_boosting  2024-05-06 07:08  7a55e2"),
    ],
)
def test_table_when_the_terminal_is_narrow_then_cuts_hashes_and_times_and_leaves_out_the_last(
    columns: int, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))

    assert click.unstyle(table([ROW], WIDE)[1]) == line


def test_table_when_a_text_is_wider_than_the_terminal_then_is_wrapped_and_nothing_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    rows = [{"column": "Jahresgehalt vor Steuern 税込年収税込年収", "kind": "number"}]

    lines = table(rows, [Column("column"), Column("kind")])

    assert max(map(cell_width, map(click.unstyle, lines))) <= 30
    assert "".join(lines[1:]).replace("number", "").replace(" ", "") == (
        "JahresgehaltvorSteuern税込年収税込年収"
    )


@pytest.mark.parametrize(
    ("columns", "lines"),
    [("", ["    one two three four five six"]), ("24", ["    one two three four", "    five six"])],
)
def test_table_when_a_row_has_a_sentence_then_it_stands_below_and_wraps_only_on_a_terminal(
    columns: str, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)

    found = table([ROW], [Column("version")], note="why")

    assert [click.unstyle(line) for line in found[2:]] == lines


def test_labelled_when_a_percentage_meets_the_edge_then_keeps_its_sign(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "26")

    lines = [click.unstyle(line) for line in labelled([("Hold", "three quarters, 100 % of all")])]

    assert lines == ["Hold  three quarters,", "      100 % of all"]


@pytest.mark.parametrize(
    ("taken", "text"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (119.4, "119 s"), (200.2, "3 min 20 s")],
)
def test_seconds_when_told_then_are_as_exact_as_helps(taken: float, text: str) -> None:
    assert seconds(taken) == text


class _Stream(io.StringIO):
    """What stderr writes to: a terminal, or a file."""

    def __init__(self, is_terminal: bool) -> None:
        super().__init__()
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal


REFUSED = "no well-known model: `kedro run --env prod` trains one in /srv/a-long-path/of-it"


def test_error_when_stderr_is_a_terminal_then_wraps_and_keeps_commands_and_paths_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stderr", _Stream(is_terminal=True))
    assert error_text(REFUSED).splitlines() == [
        "Error: no well-known model:",
        "`kedro run --env prod` trains",
        "one in /srv/a-long-path/of-it",
    ]


def test_wrapped_when_a_command_would_break_then_keeps_it_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    assert wrapped(REFUSED, indent=2) == [
        "  no well-known model:",
        "  `kedro run --env prod`",
        "  trains one in",
        "  /srv/a-long-path/of-it",
    ]


def test_error_when_stderr_is_a_file_then_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "30")
    monkeypatch.setattr("sys.stderr", _Stream(is_terminal=False))
    assert error_text(REFUSED) == f"Error: {REFUSED}"
