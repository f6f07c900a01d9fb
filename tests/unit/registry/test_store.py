"""First contact with the tracking store: made once, and refused quickly and in plain words."""

import os
import shutil
import socket
import sqlite3
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from sqlalchemy import Engine, event

from disks import locked, mount, resize, small_disk
from processes import run_eight
from salary_kedro.errors import UserError
from salary_kedro.registry.store import (
    copy_store,
    holding_of,
    is_half_made,
    other_schema,
    prepare_store,
    store_lock,
)
from stores import StoreTemplate, copy_database
from support import pauses_noted

ARTIFACTS = "file:///somewhere/artifacts"
LOOPBACK = IPv4Address("127.0.0.1")


@pytest.fixture
def uri(tmp_path: Path, store_template: StoreTemplate) -> str:
    """A store that exists, without the experiment."""
    copy_database(store_template.beginning, tmp_path / "mlflow.db")
    return f"sqlite:///{tmp_path}/mlflow.db"


def refusal(uri: str) -> str:
    """What is said of a store that cannot be used, with no more than six seconds of pauses."""
    with pauses_noted() as pauses, pytest.raises(UserError) as caught:
        prepare_store(uri, "salaries", None)
    assert sum(pauses) < 6
    return str(caught.value)


# --- Making it -------------------------------------------------------------------


def test_prepare_store_when_the_experiment_is_missing_then_creates_it_with_its_artifacts(
    uri: str,
) -> None:
    prepare_store(uri, "salaries", ARTIFACTS)

    experiment = MlflowClient(uri).get_experiment_by_name("salaries")
    assert experiment is not None
    assert experiment.artifact_location == ARTIFACTS


def test_prepare_store_when_a_restore_has_set_the_store_aside_then_begins_no_new_one(
    uri: str,
) -> None:
    database = Path(uri.removeprefix("sqlite:///"))
    database.rename(f"{database}.before-20260101T000000.000001")

    with pytest.raises(UserError, match=r"a restore has set one aside as .*before-2026"):
        prepare_store(uri, "salaries", None)

    assert not database.exists()


def test_prepare_store_when_the_experiment_is_there_then_leaves_it_as_it_is(uri: str) -> None:
    prepare_store(uri, "salaries", ARTIFACTS)
    before = MlflowClient(uri).search_experiments()

    prepare_store(uri, "salaries", ARTIFACTS)

    after = MlflowClient(uri).search_experiments()
    assert [dict(experiment) for experiment in after] == [dict(item) for item in before]


def test_prepare_store_when_done_then_readers_and_a_writer_do_not_block_each_other(
    uri: str,
) -> None:
    prepare_store(uri, "salaries", ARTIFACTS)

    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchall() == [("wal",)]


@pytest.mark.parametrize("folder", ["a b", "ä#ö", "new/and/deeper"])
def test_prepare_store_when_the_path_has_odd_marks_then_the_database_is_there(
    folder: str, tmp_path: Path, store_template: StoreTemplate
) -> None:
    database = tmp_path / folder / "mlflow.db"
    database.parent.mkdir(parents=True)
    copy_database(store_template.beginning, database)

    prepare_store(f"sqlite:///{database}", "salaries", ARTIFACTS)

    with closing(sqlite3.connect(database)) as connection:
        names = connection.execute("SELECT name FROM experiments").fetchall()
    assert ("salaries",) in names


@pytest.mark.process
def test_prepare_store_when_eight_processes_begin_on_an_empty_folder_then_all_succeed(
    tmp_path: Path,
) -> None:
    uri = f"sqlite:///{tmp_path}/new/mlflow.db"

    run_eight(
        "import mlflow.store.tracking.sqlalchemy_store\n"  # slow, and the same for all
        "from salary_kedro.registry.store import prepare_store",
        "prepare_store(*sys.argv[1:])",
        *(uri, "salaries", ARTIFACTS),
    )

    names = [experiment.name for experiment in MlflowClient(uri).search_experiments()]
    assert sorted(names) == ["Default", "salaries"]


# --- Making it on a full disk ------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("kilobytes", [4, 100, 500, 900, 960])
def test_prepare_store_when_the_disk_fills_then_leaves_nothing_and_later_makes_it(
    kilobytes: int, tmp_path: Path
) -> None:
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        uri = f"sqlite:///{disk}/mlflow.db"

        message = refusal(uri)
        left = {path.name for path in disk.iterdir()}
        resize(disk, 10_000)
        prepare_store(uri, "salaries", ARTIFACTS)
        names = [experiment.name for experiment in MlflowClient(uri).search_experiments()]

    assert "the disk is full: make room and run it again" in message
    assert "\n" not in message
    assert left <= {"mlflow.db.lock"}
    assert sorted(names) == ["Default", "salaries"]


HALF_MADE = {
    "nothing": "",
    "an empty database": "VACUUM",
    "tables": "CREATE TABLE secrets (a); CREATE TABLE experiments (a); CREATE TABLE runs (a)",
    "a migration": "CREATE TABLE runs (a); CREATE TABLE alembic_version (version_num); "
    "INSERT INTO alembic_version VALUES ('451aebb31d03')",
}


@pytest.mark.slow
@pytest.mark.parametrize("script", HALF_MADE.values(), ids=HALF_MADE)
def test_prepare_store_when_its_creation_was_broken_off_then_makes_it_anew(
    script: str, tmp_path: Path
) -> None:
    database = tmp_path / "mlflow.db"
    database.touch()
    (tmp_path / ".mlflow.db.0123.part").write_text("of a killed one")
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript(script)

    prepare_store(f"sqlite:///{database}", "salaries", ARTIFACTS)

    found = MlflowClient(f"sqlite:///{database}").get_experiment_by_name("salaries")
    assert found is not None
    assert found.artifact_location == ARTIFACTS
    assert not list(tmp_path.glob(".*.part"))


@pytest.mark.parametrize(
    "script",
    [
        "CREATE TABLE runs (a); INSERT INTO runs VALUES (1)",
        "CREATE TABLE experiments (a); INSERT INTO experiments VALUES (0), (1)",
        "CREATE TABLE payroll (a)",
    ],
)
def test_prepare_store_when_there_is_anything_in_it_then_never_makes_it_anew(
    script: str, tmp_path: Path
) -> None:
    database = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(script)
        before = list(connection.iterdump())

    assert not is_half_made(database)
    with closing(sqlite3.connect(database)) as connection:
        assert list(connection.iterdump()) == before


# --- Locked by others --------------------------------------------------------------


@pytest.mark.process
def test_prepare_store_when_another_program_locks_it_then_waits_as_long_as_for_its_own_lock(
    uri: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salary_kedro.registry.store.LOCK_SECONDS", 1)

    with locked(tmp_path / "mlflow.db"):
        message = refusal(uri)

    assert "is locked by another program, and was not free within 1 s: end that program" in message


@pytest.mark.process
def test_store_when_mlflow_uses_it_then_waits_for_locks_as_long_as_for_its_own(
    uri: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow would wait for 20 s; its statement that says so is the one we replace."""
    prepare_store(uri, "salaries", ARTIFACTS)
    client = MlflowClient(uri)
    seen: list[str] = []
    event.listen(Engine, "after_cursor_execute", lambda *found: seen.append(found[2]))
    monkeypatch.setattr("salary_kedro.registry.mlflow_adapter.LOCK_SECONDS", 0)

    with locked(tmp_path / "mlflow.db"), pytest.raises(MlflowException, match="is locked"):
        client.create_experiment("another")

    assert "PRAGMA busy_timeout = 0" in seen
    assert capfd.readouterr().err == ""


# --- Local stores that cannot be used ----------------------------------------------


@pytest.mark.parametrize("mark", ["%", "?"])
def test_prepare_store_when_the_path_has_a_mark_that_mlflow_mistakes_then_names_it(
    mark: str, tmp_path: Path
) -> None:
    path = tmp_path / f"50{mark}" / "mlflow.db"

    assert refusal(f"sqlite:///{path}") == (
        f"the store's path {path} contains '{mark}', which MLflow cannot open: move the project "
        f"to a folder without it, or set MLFLOW_TRACKING_URI to another store"
    )
    assert not path.parent.exists()


@pytest.mark.parametrize("below", ["mlflow.db", "deeper/mlflow.db"])
def test_prepare_store_when_a_file_is_where_the_folder_goes_then_names_it(
    below: str, tmp_path: Path
) -> None:
    (tmp_path / "mlflow").write_text("in the way")

    assert refusal(f"sqlite:///{tmp_path}/mlflow/{below}") == (
        f"{tmp_path}/mlflow is a file, but a folder is needed there: move the file away"
    )


def test_prepare_store_when_the_file_is_no_database_then_leaves_it_and_says_so(
    tmp_path: Path,
) -> None:
    database = tmp_path / "mlflow.db"
    database.write_bytes(b"not a database" * 100)

    assert refusal(f"sqlite:///{database}") == (
        f"the store {database} cannot be opened (file is not a database): restore it from a copy, "
        f"or move it away to begin a new one"
    )
    assert database.read_bytes() == b"not a database" * 100


def test_prepare_store_when_a_folder_is_where_the_database_goes_then_says_so(
    tmp_path: Path,
) -> None:
    (tmp_path / "mlflow.db").mkdir()

    assert refusal(f"sqlite:///{tmp_path}/mlflow.db") == (
        f"the store {tmp_path}/mlflow.db cannot be opened (unable to open database file): "
        f"restore it from a copy, or move it away to begin a new one"
    )


@pytest.mark.parametrize("content", [None, b"not a database" * 100])
def test_other_schema_when_there_is_no_store_that_can_be_read_then_says_nothing(
    content: bytes | None, tmp_path: Path
) -> None:
    database = tmp_path / "mlflow.db"
    if content is not None:
        database.write_bytes(content)

    assert other_schema(f"sqlite:///{database}") is None


def test_prepare_store_when_the_schema_is_of_another_mlflow_then_is_a_user_error(
    uri: str, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = 'ffffffffffff'")
        connection.commit()

    database = tmp_path / "mlflow.db"
    assert refusal(uri).startswith(
        f"the tracking store {uri} cannot be used: the store {database} has the schema ffffffffffff"
    )


# --- Servers that cannot be used -------------------------------------------------------


@pytest.fixture
def closed_port() -> Iterator[int]:
    """A port that is taken, but nobody listens on it."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


@pytest.fixture
def silent_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that another gets no answer at all."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        waiting = [socket.socket() for _ in range(3)]
        for connection in waiting:
            connection.setblocking(False)
            connection.connect_ex(server.getsockname())
        yield server.getsockname()[1]
        for connection in waiting:
            connection.close()


@pytest.fixture
def open_port() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "https", "postgresql", "postgresql+psycopg2", "mysql"])
def test_prepare_store_when_nobody_listens_then_says_so_at_once(
    scheme: str, closed_port: int
) -> None:
    address = f"{scheme}://127.0.0.1:{closed_port}/mlflow"

    assert refusal(address) == (
        f"the tracking store {address} cannot be reached ([Errno 111] Connection refused): "
        f"start it, or correct MLFLOW_TRACKING_URI"
    )


def test_prepare_store_when_nobody_answers_then_gives_up_soon(silent_port: int) -> None:
    address = f"postgresql://127.0.0.1:{silent_port}/mlflow"

    assert refusal(address) == (
        f"the tracking store {address} cannot be reached (timed out): start it, or correct "
        f"MLFLOW_TRACKING_URI"
    )


@pytest.mark.parametrize(
    "address",
    [
        "http://user:secret@127.0.0.1:{port}",
        "postgresql://user:secret@127.0.0.1:{port}/mlflow",
        "postgresql://user:se@cret@127.0.0.1:{port}/mlflow",
        "postgresql://127.0.0.1:{port}/mlflow?user=me&password=secret",
    ],
)
def test_prepare_store_when_the_address_has_a_password_then_never_shows_it(
    address: str, closed_port: int
) -> None:
    message = refusal(address.format(port=closed_port))

    assert f"127.0.0.1:{closed_port}" in message
    assert "cret" not in message


class Ill(BaseHTTPRequestHandler):
    """Answers that it is not well."""

    def do_GET(self) -> None:
        self.send_error(500)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """Address of a server that is not well, and the certificate that it has given itself."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(LOOPBACK)]), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file = tmp_path / "server.pem"
    file.write_bytes(private + certificate.public_bytes(Encoding.PEM))
    with ThreadingHTTPServer((str(LOOPBACK), 0), Ill) as server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever).start()
        yield f"https://{LOOPBACK}:{server.server_port}", str(file)
        server.shutdown()


def test_prepare_store_when_the_certificate_is_unknown_then_says_so(
    certified: tuple[str, str],
) -> None:
    assert "CERTIFICATE_VERIFY_FAILED" in refusal(certified[0])


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize(
    ("setting", "value"),
    [("MLFLOW_TRACKING_INSECURE_TLS", "true"), ("MLFLOW_TRACKING_SERVER_CERT_PATH", "{file}")],
)
def test_prepare_store_when_mlflow_is_told_to_trust_a_certificate_then_asks_its_server(
    setting: str, value: str, certified: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    address, file = certified
    monkeypatch.setenv(setting, value.format(file=file))

    assert f"{address} answers 500 " in refusal(address)


def test_prepare_store_when_a_server_never_answers_then_shows_no_password(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("salary_kedro.registry.store.CONNECT_SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as server:  # which accepts nothing
        message = refusal(f"http://user:se@cret@127.0.0.1:{server.getsockname()[1]}")

    assert "does not answer (HTTPConnectionPool(host='127.0.0.1', port=" in message
    assert "cret" not in message


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("./mlruns", "./mlruns"),
        ("file:///tmp/mlruns", "file:///tmp/mlruns"),
        ("databricks", "databricks"),
        ("ftp://user:secret@host/mlflow", "ftp://host/mlflow"),
    ],
)
def test_prepare_store_when_the_kind_of_store_is_not_supported_then_names_those_that_are(
    address: str, shown: str
) -> None:
    assert refusal(address) == (
        f"the tracking URI {shown} is not supported: give sqlite:///..., http://..., https://..., "
        f"or a database whose driver is installed, postgresql://..."
    )


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:port", "http://127.0.0.1:99999", "http://[::1"]
)
def test_prepare_store_when_the_address_is_malformed_then_is_a_user_error(address: str) -> None:
    assert address in refusal(address)


def test_prepare_store_when_a_malformed_address_has_a_password_then_never_shows_it() -> None:
    message = refusal("postgresql://user:first/second@127.0.0.1:5432/mlflow")

    assert "first" not in message
    assert "second" not in message


def test_prepare_store_when_the_databases_driver_is_not_installed_then_is_a_user_error(
    open_port: int,
) -> None:
    message = refusal(f"mysql+nosuchdriver://user:secret@127.0.0.1:{open_port}/mlflow")

    assert f"127.0.0.1:{open_port}" in message
    assert "secret" not in message


# --- The lock ----------------------------------------------------------------------------


def test_store_lock_when_another_holds_it_then_waits_for_it(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    order: list[str] = []
    waiting = threading.Event()

    def wait() -> None:
        waiting.set()
        with store_lock(uri):
            order.append("second")

    second = threading.Thread(target=wait)
    with store_lock(uri):
        second.start()
        assert waiting.wait(30)
        assert (tmp_path / "mlflow.db.lock").is_file()
        order.append("first")
    second.join()

    assert order == ["first", "second"]


def test_store_lock_when_another_never_lets_go_then_says_who_to_wait_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("salary_kedro.registry.store.LOCK_SECONDS", 0)
    uri = f"sqlite:///{tmp_path}/mlflow.db"

    with store_lock(uri), pytest.raises(UserError) as caught, store_lock(uri):
        pass

    assert str(caught.value) == (
        f"another run has held the lock {tmp_path}/mlflow.db.lock for 0 s; wait for it, or end it"
    )


def test_holding_when_a_lock_is_held_then_is_that_threads_and_that_time_only(
    tmp_path: Path,
) -> None:
    uri, elsewhere = f"sqlite:///{tmp_path}/mlflow.db", list[object]()
    look = threading.Thread(target=lambda: elsewhere.append(holding_of(uri)))

    with store_lock(uri):
        first, again, other = holding_of(uri), holding_of(uri), holding_of("sqlite:////b.db")
        look.start()
        look.join()
    between = holding_of(uri)
    with store_lock(uri):
        second = holding_of(uri)

    assert first is not None
    assert first is again
    assert (other, elsewhere, between) == (None, [None], None)
    assert second is not None
    assert second is not first


def test_store_lock_when_the_store_is_a_server_then_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with store_lock("http://127.0.0.1:1"):
        pass

    assert list(tmp_path.iterdir()) == []


# --- Copies of a store that cannot be written to -------------------------------------------


@pytest.fixture
def view(tmp_path: Path) -> Iterator[Path]:
    """A folder that cannot be written to, though others can write to it as `theirs` beside it."""
    (tmp_path / "theirs").mkdir()
    (tmp_path / "view").mkdir()
    (tmp_path / "copy").mkdir()
    mount("--bind", tmp_path / "theirs", tmp_path / "view")
    try:
        mount("-o", "remount,bind,ro", tmp_path / "view")
        yield tmp_path / "view"
    finally:
        subprocess.run(["umount", "-l", tmp_path / "view"], check=True)


def in_wal_mode(database: Path) -> sqlite3.Connection:
    """A database whose one table, with one row, is in the log beside it alone."""
    writer = sqlite3.connect(database)
    writer.execute("PRAGMA journal_mode=WAL")
    with writer:
        writer.execute("CREATE TABLE runs (id)")
        writer.execute("INSERT INTO runs VALUES (1)")
    return writer


def rows_of(view: Path) -> list[tuple[int]]:
    """What a copy of the store holds."""
    uri = copy_store(f"sqlite:///{view}/mlflow.db", view.with_name("copy"))
    with closing(sqlite3.connect(uri.removeprefix("sqlite:///"))) as copy:
        return copy.execute("SELECT id FROM runs").fetchall()


def interrupt_copying(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Do something after the first file was copied."""
    real, works = shutil.copyfile, [work]

    def copyfile(source: Path, target: str) -> None:
        real(source, target)
        if works:
            works.pop()()

    monkeypatch.setattr(shutil, "copyfile", copyfile)


def test_copy_store_when_a_writer_moves_its_log_meanwhile_then_nothing_is_lost(
    view: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(in_wal_mode(view.with_name("theirs") / "mlflow.db")) as writer:
        interrupt_copying(
            monkeypatch, lambda: writer.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        )

        assert rows_of(view) == [(1,)]


def test_copy_store_when_a_writer_comes_and_goes_meanwhile_then_nothing_is_lost(
    view: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(in_wal_mode(tmp_path / "mlflow.db")):
        for name in ("mlflow.db", "mlflow.db-wal"):
            shutil.copy(tmp_path / name, tmp_path / "theirs")

    def come_and_go() -> None:
        with closing(sqlite3.connect(tmp_path / "theirs" / "mlflow.db")) as writer, writer:
            writer.execute("INSERT INTO runs VALUES (2)")

    interrupt_copying(monkeypatch, come_and_go)

    assert rows_of(view) == [(1,), (2,)]


def test_copy_store_when_it_is_never_at_rest_then_says_so(
    view: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = view.with_name("theirs") / "mlflow.db"
    in_wal_mode(database).close()
    real, times = shutil.copyfile, iter(range(1, 1000))

    def copyfile(source: Path, target: str) -> None:
        real(source, target)
        os.utime(database, (0, next(times)))

    monkeypatch.setattr(shutil, "copyfile", copyfile)

    with pytest.raises(UserError, match="changed whenever it was copied: try again"):
        rows_of(view)


def test_prepare_when_somebody_else_has_just_created_the_experiment_then_uses_theirs(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find, create = MlflowClient.get_experiment_by_name, MlflowClient.create_experiment
    asked: list[str] = []

    def find_too_late(self: MlflowClient, name: str) -> object:
        asked.append(name)
        found = find(self, name)
        if len(asked) == 1:
            create(self, name)  # after the question, before the answer is acted on
        return found

    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", find_too_late)

    prepare_store(store, "new", None)

    assert find(MlflowClient(store), "new") is not None
