"""Parquet, one file or a folder of many, as pandas, Spark, Impala and others write it."""

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

from salary_kedro.errors import UserError
from salary_kedro.tables.described import Described
from salary_kedro.tables.formats.plain import describe_dictionaries, is_column, same_kind
from salary_kedro.tables.formats.wanted import Wanted

MAGIC = b"PAR1"
#: How pandas calls an index without a name.
INDEX = "__index_level_"


@dataclass(frozen=True)
class ParquetTable:
    """A Parquet file, or the Parquet files of a folder.

    Attributes:
        path: The file or folder.
    """

    path: Path
    first_row = 1

    @cached_property
    def _parts(self) -> tuple[list[Any], pa.Schema]:
        """What is read one after the other, and the columns that all are read as."""
        if self.path.is_dir():
            return _open_folder(self.path)
        schema = pq.read_schema(self.path)
        _check_names(schema.names, self.path)
        return list(ds.dataset(self.path, format="parquet").get_fragments()), schema

    @cached_property
    def _names(self) -> dict[int, str]:
        """By place, the columns that are one column of values each, by names that are texts."""
        schema = self._parts[1]
        return column_names(schema, self.path)

    @property
    def remarks(self) -> tuple[str, ...]:
        """Which columns are left out."""
        nested = [field.name for field in self._parts[1] if not is_column(field.type)]
        names = ", ".join(f"'{name}'" for name in nested)
        return (f"Lists and structs are no column of values, so left out: {names}.",) * bool(nested)

    def by(self, _: Wanted) -> Self:
        """The same table: there is but one."""
        return self

    def header(self) -> list[str]:
        """Names of the columns."""
        return list(self._names.values())

    def chunks(self, rows: int) -> Iterator[pa.Table]:
        """All rows, at most so many at a time."""
        parts, schema = self._parts
        kept, names = list(self._names), list(self._names.values())
        yield pa.Table.from_batches([], schema).select(kept).rename_columns(names)
        for part in parts:
            for batch in part.to_batches(schema=schema, batch_size=rows):
                if len(batch):
                    yield pa.Table.from_batches([batch]).select(kept).rename_columns(names)

    def described(self) -> Mapping[str, Described]:
        """The categories of ordered dictionaries."""
        fields = {name: self._parts[1].field(place).type for place, name in self._names.items()}
        if not any(pa.types.is_dictionary(kind) for kind in fields.values()):
            return {}
        for chunk in self.chunks(1 << 16):
            if len(chunk):
                return describe_dictionaries(chunk)
        return {}


def column_names(schema: pa.Schema, path: Path | str) -> dict[int, str]:
    """By place, the columns that are one column of values each, by names that are texts.

    Raises:
        UserError: If two have one name.
    """
    levels = len(_pandas(schema).get("column_indexes", [None]))
    found = {
        place: _plain_name(field.name, place, levels)
        for place, field in enumerate(schema)
        if is_column(field.type) and not field.name.startswith(INDEX)
    }
    _check_names(list(found.values()), path)
    return found


def _check_names(names: list[str], path: Path | str) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise UserError(f"{path} has more than one column '{twice[0]}': give each its own name")


def _pandas(schema: pa.Schema) -> dict[str, Any]:
    found = (schema.metadata or {}).get(b"pandas")
    return dict(json.loads(found)) if found else {}


def _plain_name(name: str, place: int, levels: int) -> str:
    """A column's name, of several levels joined by a space."""
    if levels > 1:
        name = " ".join(str(part) for part in ast.literal_eval(name) if part != "")
    return name or f"Unnamed: {place}"


def _open_folder(folder: Path) -> tuple[list[Any], pa.Schema]:
    """The Parquet files of a folder in the order of their names; folders give texts.

    Raises:
        UserError: If two files hold different kinds in one column.
    """
    return open_files([path.as_posix() for path in parquet_files(folder)], folder.as_posix())


def open_files(
    files: list[str], folder: str, filesystem: Any = None
) -> tuple[list[Any], pa.Schema]:
    """Files as the fragments of one table, and its columns; their folders give texts.

    Args:
        files: Their paths, in order.
        folder: The folder that they are in.
        filesystem: Where that is, as pyarrow or fsspec know it; None for this machine.

    Raises:
        UserError: If two files hold different kinds in one column.
    """
    below = [path.removeprefix(folder).strip("/").split("/")[:-1] for path in files]
    keys = dict.fromkeys(part.split("=")[0] for parts in below for part in parts if "=" in part)
    texts = pa.schema([(key, pa.string()) for key in keys])
    dataset = ds.dataset(
        files,
        format="parquet",
        filesystem=filesystem,
        partitioning=ds.partitioning(texts, flavor="hive"),
        partition_base_dir=folder,
    )
    parts = list(dataset.get_fragments())
    schemas = [part.physical_schema for part in parts]
    _check_kinds(schemas, files)
    plain = [schema.remove_metadata() for schema in schemas]
    unified = pa.unify_schemas([*plain, texts], promote_options="permissive")
    return parts, unified.with_metadata(schemas[0].metadata)


def parquet_files(folder: Path) -> list[Path]:
    """The Parquet files below a folder, but for hidden ones, sorted."""
    found = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden and _is_parquet(path):
            found.append(path)
    return found


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _check_kinds(schemas: list[pa.Schema], files: list[str]) -> None:
    first: dict[str, tuple[Any, str]] = {}
    for schema, path in zip(schemas, files, strict=True):
        for field in schema:
            kind, before = first.setdefault(field.name, (field.type, path))
            if not same_kind(kind, field.type):
                raise UserError(
                    f"column '{field.name}' is {kind} in {before} and {field.type} in {path}: "
                    f"write all parts with one type, so that no value is rounded or lost"
                )
