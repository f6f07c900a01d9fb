"""Writes an environment for a table: its contract, its names, and a copy of the table."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from filelock import FileLock, Timeout

from salary_kedro.bundle.places import DEFAULT_ENVS, data_folder
from salary_kedro.errors import UserError
from salary_kedro.project.exchange import (
    TABLE,
    beside,
    interrupted,
    raw_folder,
    remove,
    restore_interrupted,
    swap,
)
from salary_kedro.tables.drafting.from_file import Drafted
from salary_kedro.tables.drafting.text import contract_yaml, quote
from salary_kedro.tables.formats.database import DatabaseTable
from salary_kedro.tables.formats.parquet import parquet_files

#: The first comment of the files of an environment, by which it is known.
DRAFTED_BY = "Drafted by `kedro contract infer`"
#: A name of a model, a Bento or an experiment in a YAML file.
NAMED = re.compile(r"""^ +((?:model_|bento_|)name): *["']?([\w.-]+)""", re.MULTILINE)
CATALOG = """\
# The raw table is no plain CSV file.
raw_salaries:
  type: salary_kedro.datasets.CachedDownloadDataset
  refresh: ${runtime_params:refresh,false}
  dataset:
    type: salary_kedro.datasets.TableDataset
    filepath: ${data:01_raw/NAME}
    contract: ${contract:}
  metadata: {kedro-viz: {layer: raw}}
"""
IN_DATABASE = """\
# The raw table is one of a database, read anew each time. Its password is what
# SALARY_SQL_PASSWORD holds, or the file that SALARY_SQL_PASSWORD_FILE names.
raw_salaries:
  type: salary_kedro.datasets.DatabaseTableDataset
  url: %(URL)s
  table: %(TABLE)s
  contract: ${contract:}
  metadata: {kedro-viz: {layer: raw}}
"""


def check_name(env: str, root: Path, *, force: bool) -> None:
    """Check that an environment may be written.

    Raises:
        UserError: If its name is not allowed, or it already exists.
    """
    folder, conf = data_folder(env), root / "conf" / env
    if env in DEFAULT_ENVS:
        raise UserError(f"--env '{env}' is the project's own: choose a new name")
    there = next((aside for aside, place in interrupted(env, root).items() if place == conf), conf)
    if not os.path.lexists(there):
        return
    if not _is_drafted(there):
        raise UserError(
            f"{there} already exists and was not drafted by `kedro contract infer`, which "
            f"replaces nothing else, not even with --force: choose another name"
        )
    if not force:
        raise UserError(
            f"the environment '{env}' already exists: choose another name, or replace "
            f"{there} and the table in {folder}/01_raw with --force"
        )


def _is_drafted(conf: Path) -> bool:
    """Whether a folder is an environment that was drafted here, be it edited since."""
    files = [conf / name for name in ("contract.yml", "parameters.yml", "mlflow.yml")]
    if conf.is_symlink() or not all(map(Path.is_file, files)):
        return False
    return any(file.read_bytes().startswith(f"# {DRAFTED_BY}".encode()) for file in files)


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
    drafted: Drafted, table: Path | DatabaseTable, env: str, root: Path, *, force: bool
) -> dict[str, str]:
    """Write what makes `--env` run, all or nothing; an environment that is replaced stays whole.

    Returns:
        Where contract and table are: relative to the project, or in its database.

    Raises:
        UserError: If it already exists, unless it may be replaced; or is being written.
    """
    with writing_alone(env, root):
        check_name(env, root, force=force)
        texts = _texts(drafted, table, env)
        _check_names(texts, env, root)
        restore_interrupted(env, root)
        conf = root / "conf" / env
        contract = str((conf / "contract.yml").relative_to(root))
        if isinstance(table, DatabaseTable):
            _exchange(conf, texts, None, None)
            return {"contract": contract, "data": f"{table.url}, table {table.name}"}
        target = raw_folder(env, root) / f"{TABLE}{drafted.suffix}"
        same = target.exists() and target.samefile(table)
        if os.path.lexists(target) and not (same or (force and conf.exists())):
            remedy = "move it away, or replace it with --force"
            remedy = remedy if conf.exists() else "move it away"
            raise UserError(f"{target} already exists: {remedy}")
        _exchange(conf, texts, None if same else table, target)
        return {"contract": contract, "data": str(target.relative_to(root))}


def _exchange(
    conf: Path, texts: Mapping[str, str], table: Path | None, target: Path | None
) -> None:
    """Write the configuration, and the copy of a table, and put both into their places."""
    digits = uuid4().hex
    new = beside(conf, digits, "part")
    part = target and beside(target, digits, "part")
    try:
        _write_configuration(new, conf, texts)
        places = {conf: new}
        if table and target and part:
            target.parent.mkdir(parents=True, exist_ok=True)
            _copy(table, part)
            places[target] = part
        swap(places, digits)
    except OSError as error:
        raise UserError(f"the environment cannot be written: {error}") from error
    finally:
        if part:
            remove(part)
        shutil.rmtree(new, ignore_errors=True)


@contextmanager
def writing_alone(env: str, root: Path) -> Iterator[None]:
    """Keep another process from writing the same environment meanwhile.

    Raises:
        UserError: If another one is writing it.
    """
    name = hashlib.sha256(f"{root.resolve()} {env}".encode()).hexdigest()[:16]
    lock = FileLock(Path(tempfile.gettempdir(), f"salary-{os.getuid()}-{name}.lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        raise UserError(
            f"another `kedro contract infer` is writing the environment '{env}': wait until it has "
            f"ended"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _copy(table: Path, part: Path) -> None:
    """Copy a file, or the Parquet files of a folder."""
    if not table.is_dir():
        shutil.copyfile(table, part)
        return
    for file in parquet_files(table):
        place = part / file.relative_to(table)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, place)


def _write_configuration(new: Path, conf: Path, texts: Mapping[str, str]) -> None:
    if conf.exists():  # what else lies there stays
        shutil.copytree(conf, new, ignore=shutil.ignore_patterns("catalog.yml"))
    new.mkdir(exist_ok=True)
    for name, text in texts.items():
        (new / name).write_text(text, encoding="utf-8")


def _texts(drafted: Drafted, table: Path | DatabaseTable, env: str) -> Mapping[str, str]:
    """The files of the environment, by name."""
    rows = f"{drafted.rows:,} rows" if drafted.whole else f"the first {drafted.rows:,} rows"
    origin = [f"{DRAFTED_BY} from {rows} of {table.name}."]
    prediction = f"predicted_{drafted.draft.target.column.name}"
    bento = f"salary_{env.lower()}".rstrip("_-")
    texts = {
        "contract.yml": contract_yaml(drafted.draft, origin),
        "parameters.yml": f"# {DRAFTED_BY}.\n"
        f"registry:\n  model_name: {quote(f'{env}_regression-model')}\n"
        f"packaging:\n  bento_name: {quote(bento)}\n"
        f"batch_scoring:  # in scored files the truth keeps its name\n"
        f"  prediction_column: {quote(prediction)}\n"
        f"{_split(drafted.draft.split_field)}",
        "mlflow.yml": f"# {DRAFTED_BY}.\ntracking:\n  experiment:\n    name: {quote(env)}\n",
    }
    if isinstance(table, DatabaseTable):
        address = {"URL": quote(table.url), "TABLE": quote(table.name)}
        return {**texts, "catalog.yml": IN_DATABASE % address}
    if drafted.suffix == ".csv":
        return texts
    return {**texts, "catalog.yml": CATALOG.replace("NAME", f"{TABLE}{drafted.suffix}")}


def _split(field: str | None) -> str:
    """The parameter that keeps all rows of a group on one side, if the table needs it."""
    if field is None:
        return ""
    return (
        f"data_engineering:  # all rows of one {field} on one side\n"
        f"  split: {{group: {quote(field)}}}\n"
    )
