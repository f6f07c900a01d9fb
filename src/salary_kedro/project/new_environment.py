"""Drafts an environment from a table: its contract, its names, and a copy of the table."""

import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pandas.errors import EmptyDataError, ParserError, ParserWarning

from salary_kedro.bundle.places import DEFAULT_ENVS, data_folder
from salary_kedro.contract import CsvDialect
from salary_kedro.errors import UserError
from salary_kedro.tables.checked import check
from salary_kedro.tables.csv_arguments import csv_arguments
from salary_kedro.tables.drafting.draft import Draft
from salary_kedro.tables.drafting.features import soften
from salary_kedro.tables.drafting.infer import draft_contract
from salary_kedro.tables.drafting.sniff import (
    find_delimiter,
    find_encoding,
    read_header,
    read_texts,
)
from salary_kedro.tables.drafting.text import contract_yaml, quote
from salary_kedro.tables.unreadable import explain_reader

#: Rows from which a contract is drafted.
DRAFT_ROWS = 100_000
#: More of a column's cells than this share may not break what was drafted from them.
TOLERATED_SHARE = 0.002
#: Name of the copy of the table, without its suffix.
TABLE = "salary_data"
#: Of the hidden names that an environment's files have before or after their time.
DIGITS = "[0-9a-f]" * 32
PARQUET, PACKED = b"PAR1", {b"PK\x03\x04": "an Excel or zip file", b"\x1f\x8b": "a gzip file"}
#: The first comment of the files of an environment, by which it is known.
DRAFTED_BY = "Drafted by `kedro contract infer`"
#: A name of a model, a Bento or an experiment in a YAML file.
NAMED = re.compile(r"""^ +((?:model_|bento_|)name): *["']?([\w.-]+)""", re.MULTILINE)
CATALOG = """\
# The raw table is a Parquet file.
raw_salaries:
  type: salary_kedro.datasets.CachedDownloadDataset
  refresh: ${runtime_params:refresh,false}
  dataset:
    type: pandas.ParquetDataset
    filepath: ${data:01_raw/salary_data.parquet}
  metadata: {kedro-viz: {layer: raw}}
"""


@dataclass(frozen=True)
class Drafted:
    """A draft, and what of the table it was made from.

    Attributes:
        draft: The draft.
        rows: Rows that it was made from.
        whole: Whether these are all rows of the table.
        suffix: Suffix of the copy of the table.
    """

    draft: Draft
    rows: int
    whole: bool
    suffix: str


def draft_table(path: Path, target: str | None, limit: int = DRAFT_ROWS) -> Drafted:
    """Draft a contract from the first rows of a file, and try it on them.

    Raises:
        UserError: If the file cannot be read, or nothing can be learned from it.
    """
    with _explained(path):
        table = _open(path)
        texts, dialect = table.texts(limit + 1)
        whole = len(texts) <= limit
        texts = texts if whole else texts.head(limit)
        draft = draft_contract(texts, dialect, target)
        return Drafted(_tried(draft, table, len(texts)), len(texts), whole, table.suffix)


def _tried(draft: Draft, table: "_Csv | _Parquet", rows: int) -> Draft:
    """Change what the rows break that the draft was made from."""
    for _ in range(2):
        problems = check(table.read(draft, rows), draft.contract).by_column
        broken = {name for name, found in problems.items() if len(found) > TOLERATED_SHARE * rows}
        for feature in draft.features:
            if feature.column.name in broken:
                draft = soften(draft, feature.column.name)
    return draft


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Say in one line why a file cannot be read, without its contents."""
    try:
        yield
    except (OSError, ValueError, ParserWarning) as error:
        if isinstance(error, pa.ArrowException):
            raise UserError(
                f"{path} is not a Parquet file that can be read: write it anew"
            ) from error
        known = isinstance(error, OSError | UnicodeError | EmptyDataError | ParserError)
        text = explain_reader(error, path, "that was tried", ",")
        if text is None or not (known or isinstance(error, ParserWarning)):
            raise
        raise UserError(text) from error


def _open(path: Path) -> "_Csv | _Parquet":
    with path.open("rb") as file:
        head = file.read(4)
    for magic, what in PACKED.items():
        if head.startswith(magic):
            raise UserError(f"{path} is {what}: save it as CSV or Parquet first")
    return _Parquet(path) if head == PARQUET else _open_csv(path)


def _open_csv(path: Path) -> "_Csv":
    """Find out how a CSV file is written, but for numbers.

    Raises:
        UserError: If two columns have one name, or a line does not fit the header.
    """
    encoding = find_encoding(path)
    dialect = CsvDialect(delimiter=find_delimiter(path, encoding), encoding=encoding)
    header = [name for name in read_header(path, dialect.delimiter, encoding) if name]
    if twice := [name for name in header if header.count(name) > 1]:
        raise UserError(
            f"the table has more than one column '{twice[0]}': give each a name of its own"
        )
    return _Csv(path, dialect)


@dataclass(frozen=True)
class _Csv:
    """A CSV file.

    Attributes:
        path: Where it is.
        dialect: How it is written.
    """

    path: Path
    dialect: CsvDialect
    suffix = ".csv"

    def texts(self, rows: int) -> tuple[pd.DataFrame, CsvDialect]:
        found = read_texts(self.path, self.dialect.delimiter, self.dialect.encoding, rows)
        return found, self.dialect

    def read(self, draft: Draft, rows: int) -> pd.DataFrame:
        found: pd.DataFrame = pd.read_csv(self.path, nrows=rows, **csv_arguments(draft.contract))
        return found


@dataclass(frozen=True)
class _Parquet:
    """A Parquet file.

    Attributes:
        path: Where it is.
    """

    path: Path
    suffix = ".parquet"

    def texts(self, rows: int) -> tuple[pd.DataFrame, CsvDialect]:
        raw = self._head(rows)
        texts = {str(name): _as_texts(raw[name]) for name in raw.columns}
        return pd.DataFrame(texts, index=raw.index), CsvDialect()

    def read(self, draft: Draft, rows: int) -> pd.DataFrame:
        names = [column.column for column in draft.contract.columns]
        return self._head(rows)[names]

    def _head(self, rows: int) -> pd.DataFrame:
        with pq.ParquetFile(self.path) as file:
            names = [item.name for item in file.schema_arrow if not pa.types.is_nested(item.type)]
            batches = []
            for batch in file.iter_batches(batch_size=min(rows, 1 << 16), columns=names):
                batches.append(batch)
                if sum(map(len, batches)) >= rows:
                    break
            table = pa.Table.from_batches(batches) if batches else file.read(names)
        found: pd.DataFrame = table.slice(0, rows).to_pandas()
        return found.reset_index(drop=True)


def _as_texts(values: pd.Series) -> pd.Series:
    """A column of Parquet as a CSV file would hold it."""
    if pd.api.types.is_datetime64_any_dtype(values):
        texts = values.dt.strftime("%Y-%m-%d")
    elif pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        fits = values.abs().max() < 2**62
        texts = (values.astype("Int64") if fits else values).astype("str")
    else:
        texts = values.map(str)
    found: pd.Series = texts.where(values.notna(), "").astype("str")
    return found


# --- The environment ---------------------------------------------------------------------


def check_name(env: str, root: Path, *, force: bool) -> None:
    """Check that an environment may be written.

    Raises:
        UserError: If its name is not allowed, or it is there already.
    """
    folder, conf = data_folder(env), root / "conf" / env
    if env in DEFAULT_ENVS:
        raise UserError(f"--env '{env}' is the project's own: choose a new name")
    there = next((aside for aside, place in interrupted(env, root).items() if place == conf), conf)
    if not os.path.lexists(there):
        return
    if not _is_drafted(there):
        raise UserError(
            f"{there} is there already and was not drafted by `kedro contract infer`, which "
            f"replaces nothing else, not even with --force: choose another name"
        )
    if not force:
        raise UserError(
            f"the environment '{env}' is there already: choose another name, or replace "
            f"{there} and the table in {folder}/01_raw with --force"
        )


def _is_drafted(conf: Path) -> bool:
    """Whether a folder is an environment that was drafted here, be it edited since."""
    files = [conf / name for name in ("contract.yml", "parameters.yml", "mlflow.yml")]
    if conf.is_symlink() or not all(map(Path.is_file, files)):
        return False
    return any(file.read_bytes().startswith(f"# {DRAFTED_BY}".encode()) for file in files)


def interrupted(env: str, root: Path) -> dict[Path, Path]:
    """What a killed `infer --force` has moved away, and where it belongs; empty if none was."""
    conf = root / "conf" / env
    asides = [] if os.path.lexists(conf) else sorted(conf.parent.glob(f".{env}.{DIGITS}.old"))
    for aside in asides[:1]:
        end = aside.name.removeprefix(f".{env}")
        tables = _raw_folder(env, root).glob(f".{TABLE}.*{end}")
        moves = {table: table.with_name(table.name[1:].removesuffix(end)) for table in tables}
        return {**moves, aside: conf}
    return {}


def _restore_interrupted(env: str, root: Path) -> None:
    """Move back what a killed `infer --force` has moved away, and remove what else it left."""
    conf, raw = root / "conf" / env, _raw_folder(env, root)
    try:
        for aside, place in interrupted(env, root).items():
            aside.replace(place)
        for kind in ("old", "part"):
            for folder in conf.parent.glob(f".{env}.{DIGITS}.{kind}"):
                shutil.rmtree(folder)
            for table in raw.glob(f".{TABLE}.*.{DIGITS}.{kind}"):
                table.unlink()
    except OSError as error:
        raise UserError(
            f"{conf} was being replaced when a command was killed, and cannot be brought into "
            f"order ({error.strerror or error}): see to {error.filename or conf.parent}"
        ) from error


def _raw_folder(env: str, root: Path) -> Path:
    return root / data_folder(env) / "01_raw"


def _check_names(texts: Mapping[str, str], env: str, root: Path) -> None:
    """Check that no other environment uses the names of this one.

    Raises:
        UserError: Says which does.
    """
    own = set(NAMED.findall("".join(texts[name] for name in ("parameters.yml", "mlflow.yml"))))
    for file in (root / "conf").glob("[!.]*/[pm]*.yml"):
        taken = own & set(NAMED.findall(file.read_text(encoding="utf-8")))
        if taken and file.parent.name != env:
            raise UserError(
                f"--env '{env}' would take the name '{min(taken)[1]}', which the environment "
                f"'{file.parent.name}' uses: choose another name"
            )


def write_environment(
    drafted: Drafted, table: Path, env: str, root: Path, *, force: bool
) -> dict[str, str]:
    """Write what makes `--env` run, all or nothing; an environment that is replaced stays whole.

    Returns:
        Where contract and table are, relative to the project.

    Raises:
        UserError: If it is there already, unless it may be replaced.
    """
    check_name(env, root, force=force)
    texts = _texts(drafted, table.name, env)
    _check_names(texts, env, root)
    _restore_interrupted(env, root)
    target = _raw_folder(env, root) / f"{TABLE}{drafted.suffix}"
    conf, digits = root / "conf" / env, uuid4().hex
    same = target.exists() and target.samefile(table)
    if os.path.lexists(target) and not (same or (force and conf.exists())):
        remedy = "move it away, or replace it with --force" if conf.exists() else "move it away"
        raise UserError(f"{target} is there already: {remedy}")
    part, new = (_beside(path, digits, "part") for path in (target, conf))
    try:
        _write_configuration(new, conf, texts)
        if not same:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(table, part)
        _swap({conf: new} if same else {conf: new, target: part}, digits)
    except OSError as error:
        raise UserError(f"the environment cannot be written: {error}") from error
    finally:
        part.unlink(missing_ok=True)
        shutil.rmtree(new, ignore_errors=True)
    places = {"contract": conf / "contract.yml", "data": target}
    return {key: str(path.relative_to(root)) for key, path in places.items()}


def _write_configuration(new: Path, conf: Path, texts: Mapping[str, str]) -> None:
    if conf.exists():  # what else lies there stays
        shutil.copytree(conf, new, ignore=shutil.ignore_patterns("catalog.yml"))
    new.mkdir(exist_ok=True)
    for name, text in texts.items():
        (new / name).write_text(text, encoding="utf-8")


def _beside(path: Path, digits: str, kind: str) -> Path:
    return path.with_name(f".{path.name}.{digits}.{kind}")


def _swap(new: Mapping[Path, Path], digits: str) -> None:
    """Put files or folders into the places of others; what fails is undone.

    The first is gone while it goes on: if the process is killed, that tells what to undo.

    Args:
        new: What belongs into each place.
        digits: Of the names that others have meanwhile.
    """
    asides = {place: _beside(place, digits, "old") for place in new}
    with ExitStack() as undo:
        for place, aside in asides.items():
            if os.path.lexists(place):
                place.rename(aside)
                undo.callback(aside.rename, place)
        for place, made in reversed([*new.items()]):
            made.rename(place)
            undo.callback(place.rename, made)
        undo.pop_all()
    for aside in asides.values():
        shutil.rmtree(aside) if aside.is_dir() else aside.unlink(missing_ok=True)


def _texts(drafted: Drafted, name: str, env: str) -> Mapping[str, str]:
    """The files of the environment, by name."""
    rows = f"{drafted.rows:,} rows" if drafted.whole else f"the first {drafted.rows:,} rows"
    origin = [f"{DRAFTED_BY} from {rows} of {name}."]
    bento = f"salary_{env.lower()}".rstrip("_-")
    texts = {
        "contract.yml": contract_yaml(drafted.draft, origin),
        "parameters.yml": f"# {DRAFTED_BY}.\n"
        f"registry:\n  model_name: {quote(f'{env}_regression-model')}\n"
        f"packaging:\n  bento_name: {quote(bento)}\n",
        "mlflow.yml": f"# {DRAFTED_BY}.\ntracking:\n  experiment:\n    name: {quote(env)}\n",
    }
    return texts if drafted.suffix == ".csv" else {**texts, "catalog.yml": CATALOG}
