"""Packed files, unpacked while they are read."""

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path

import pytest

from salary_kedro.errors import UserError
from salary_kedro.tables.formats import guards
from salary_kedro.tables.formats.packed import open_packed
from salary_kedro.tables.formats.recognise import recognise


def read(path: Path) -> bytes:
    with open_packed(path) as file:
        return file.read()


def test_packed_when_it_is_not_packed_then_is_read_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(b"a,b\n1,2\n")

    assert read(tmp_path / "a.gz") == b"a,b\n1,2\n"


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_when_the_file_is_cut_off_then_says_so(pack: object, tmp_path: Path) -> None:
    content = pack(bytes(range(256)) * 400)  # type: ignore[operator]
    (tmp_path / "a.csv").write_bytes(content[: len(content) - 20])

    with pytest.raises(UserError, match=r"a.csv is damaged or was not copied whole"):
        read(tmp_path / "a.csv")


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_when_it_unpacks_to_more_than_it_may_then_stops(
    pack: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(guards, "FREE", 1 << 20)
    monkeypatch.setattr(guards, "RATIO", 1)
    (tmp_path / "a.csv").write_bytes(pack(bytes(8 << 20)))  # type: ignore[operator]

    with pytest.raises(UserError, match=r"a.csv unpacks to more than 1 MB"):
        read(tmp_path / "a.csv")


def test_zip_when_it_holds_several_files_then_asks_for_one(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("a.csv", "a\n1\n")
        file.writestr("b.csv", "a\n1\n")

    with pytest.raises(UserError, match=r"a.zip is a zip file of 2 files: unpack it and name"):
        recognise(tmp_path / "a.zip")


def test_packed_when_it_is_packed_twice_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(gzip.compress(b"a\n1\n")))

    with pytest.raises(UserError, match=r"a.gz is packed twice: unpack it once"):
        recognise(tmp_path / "a.gz")
