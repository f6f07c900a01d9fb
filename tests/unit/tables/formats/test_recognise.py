"""What a file is, told by what it holds."""

from pathlib import Path

import pyarrow as pa
import pytest
from pyarrow import orc

from salary_kedro.errors import UserError
from salary_kedro.tables.formats.recognise import recognise


@pytest.mark.parametrize(
    "header",
    [
        "ORCID,pay",
        "MATLAB skill,pay",
        "RDA,pay",
        "RDX,pay",
        "[id],pay",
        "[2020],[2021]",
        "{id},pay",
    ],
)
def test_recognise_when_a_header_begins_as_another_format_does_then_is_csv(
    header: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_text(f"{header}\n1,2\n")

    assert recognise(tmp_path / "a") == "csv"


def test_recognise_when_the_file_is_orc_then_says_so(tmp_path: Path) -> None:
    orc.write_table(pa.table({"a": ["x"] * 50}), str(tmp_path / "a"))

    assert recognise(tmp_path / "a") == "orc"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"RDX3\nX\n", "R's own format"),
        (b"RDA2\nA\n", "R's own format"),
        (b"MATLAB 5.0 MAT-file, Platform", "a MATLAB file"),
        (b'[{"a": 1}]', "one JSON document"),
        (b"[\n  [1, 2]]", "one JSON document"),
        (b'{\n "a": 1}', "one JSON document"),
        (b"[" * 60_000, "one JSON document"),
        (b'{"a":' * 60_000, "one JSON document"),
    ],
)
def test_recognise_when_the_file_is_no_table_then_says_what_it_is(
    content: bytes, what: str, tmp_path: Path
) -> None:
    (tmp_path / "a").write_bytes(content)

    with pytest.raises(UserError, match=rf"a is {what}, which is not read"):
        recognise(tmp_path / "a")
