"""Why a table cannot be drafted from."""

from pathlib import Path

import pytest

from salary_kedro.errors import UserError
from salary_kedro.tables.drafting.from_file import draft_table


def test_draft_table_when_there_is_no_file_then_names_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"none\.csv"):
        draft_table(tmp_path / "none.csv", None)


def test_draft_table_when_a_line_is_too_long_then_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Age,Level,Salary\n1,2,3\n1,2,3,4,5\n")

    with pytest.raises(UserError, match="line 3 has 5 fields, but 3 are expected"):
        draft_table(path, None)
