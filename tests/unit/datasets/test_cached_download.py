"""CachedDownloadDataset against a real HTTP server on loopback."""

import hashlib
import logging
import multiprocessing
import os
import pickle
import re
import shutil
import socket
import tempfile
import threading
import traceback
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kedro.io import DataCatalog
from kedro.io.core import DatasetError

from salary_kedro.datasets import CachedDownloadDataset

BODY = b"Experience Years,Salary\n1.1,39343\n1.3,46205\n"
NEW_BODY = b"Experience Years,Salary\n2.0,43525\n"
TABLE = pd.DataFrame({"Experience Years": [1.1, 1.3], "Salary": [39343, 46205]})
NEW_TABLE = pd.DataFrame({"Experience Years": [2.0], "Salary": [43525]})
DEADLINE = 180.0  # seconds after which a test that waits for an event gives up


def sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


# --- A server that follows a script -----------------------------------------


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self) -> None:
        with self.server.lock:
            self.server.requests.append(self.path)
        self.server.answer(self)

    def log_message(self, *args: Any) -> None:
        """Keep quiet."""


Answer = Callable[[Handler], None]


class Server(ThreadingHTTPServer):
    """Answers every request with ``answer`` and notes it in ``requests``."""

    answer: Answer

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Lock()
        self.requests: list[str] = []
        self.half_sent = threading.Event()
        self.release = threading.Event()
        self.answer = whole(BODY)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}/salary_data.csv"


def send_head(handler: Handler, length: int) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(length))
    handler.end_headers()


def whole(body: bytes) -> Answer:
    def answer(handler: Handler) -> None:
        send_head(handler, len(body))
        handler.wfile.write(body)

    return answer


def cut_off_half_way(handler: Handler) -> None:
    send_head(handler, len(BODY))
    handler.wfile.write(BODY[: len(BODY) // 2])


def stop_half_way(handler: Handler) -> None:
    cut_off_half_way(handler)
    handler.wfile.flush()
    handler.server.half_sent.set()
    handler.server.release.wait(DEADLINE)


def say_nothing(handler: Handler) -> None:
    handler.server.release.wait(DEADLINE)


def refuse_with(status: int) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_error(status)

    return answer


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.release.set()
        server.shutdown()
        thread.join(DEADLINE)


@pytest.fixture
def filepath(tmp_path: Path) -> Path:
    """A file that is not there, in a folder that is not there."""
    return tmp_path / "data" / "01_raw" / "salary_data.csv"


Build = Callable[..., CachedDownloadDataset]


@pytest.fixture
def build(filepath: Path) -> Build:
    """Builds the dataset as the catalog does."""

    def build(load_args: dict[str, Any] | None = None, **options: Any) -> CachedDownloadDataset:
        defaults = {"encoding": "utf-8-sig", "index_col": False, "skip_blank_lines": False}
        wrapped = {
            "type": "pandas.CSVDataset",
            "filepath": filepath.as_posix(),
            "load_args": {**defaults, **(load_args or {})},
        }
        return CachedDownloadDataset(dataset=wrapped, **options)

    return build


def put(filepath: Path, body: bytes) -> None:
    filepath.parent.mkdir(parents=True, exist_ok=True)
    filepath.write_bytes(body)


def error_of(dataset: CachedDownloadDataset) -> DatasetError:
    with pytest.raises(DatasetError) as caught:
        dataset.load()
    return caught.value


def assert_nothing_is_left(filepath: Path) -> None:
    assert list(filepath.parent.iterdir()) == []


# --- Fetching once ------------------------------------------------------------


def test_load_when_no_file_is_there_then_fetches_reads_and_keeps_it(
    build: Build, server: Server, filepath: Path
) -> None:
    pd.testing.assert_frame_equal(build(url=server.url).load(), TABLE)
    assert filepath.read_bytes() == BODY
    assert list(filepath.parent.iterdir()) == [filepath]


def test_load_when_repeated_then_makes_no_second_request(build: Build, server: Server) -> None:
    dataset = build(url=server.url)
    dataset.load()
    dataset.load()
    build(url=server.url).load()
    assert server.requests == ["/salary_data.csv"]


def test_load_when_the_file_is_there_then_makes_no_request(
    build: Build, server: Server, filepath: Path
) -> None:
    put(filepath, NEW_BODY)
    pd.testing.assert_frame_equal(build(url=server.url).load(), NEW_TABLE)
    assert server.requests == []


def test_load_when_the_file_is_there_and_there_is_no_url_then_reads_it(
    build: Build, filepath: Path
) -> None:
    put(filepath, BODY)
    pd.testing.assert_frame_equal(build().load(), TABLE)


def test_load_when_the_sha256_is_right_then_accepts_it_in_upper_case(
    build: Build, server: Server
) -> None:
    dataset = build(url=server.url, sha256=sha256(BODY).upper())
    pd.testing.assert_frame_equal(dataset.load(), TABLE)
    pd.testing.assert_frame_equal(dataset.load(), TABLE)


def test_load_when_fetching_then_prints_nothing(
    build: Build, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    build(url=server.url).load()
    assert capsys.readouterr() == ("", "")


def test_load_when_the_url_has_secrets_then_they_are_sent_but_not_logged(
    build: Build, server: Server, caplog: pytest.LogCaptureFixture, filepath: Path
) -> None:
    url = f"http://ann:s3cret@{server.address}/a.csv?token=t0ken"
    with caplog.at_level(logging.INFO, logger="salary_kedro"):
        build(url=url).load()
    assert server.requests == ["/a.csv?token=t0ken"]
    assert caplog.messages == [f"Fetched {filepath} from http://{server.address}/a.csv"]


def test_load_when_used_from_a_catalog_then_kedro_builds_it(server: Server, filepath: Path) -> None:
    entry = {
        "type": "salary_kedro.datasets.CachedDownloadDataset",
        "url": server.url,
        "sha256": None,
        "refresh": False,
        "dataset": {"type": "pandas.CSVDataset", "filepath": filepath.as_posix()},
        "metadata": {"kedro-viz": {"layer": "raw"}},
    }
    catalog = DataCatalog.from_config({"raw_salaries": entry})
    pd.testing.assert_frame_equal(catalog.load("raw_salaries"), TABLE)
    assert vars(catalog["raw_salaries"])["metadata"] == {"kedro-viz": {"layer": "raw"}}


# --- Several processes, and one that is killed ----------------------------------


@pytest.fixture
def processes() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["salary_kedro.datasets", "kedro_datasets.pandas"])
    return context


@pytest.mark.process
def test_load_when_eight_processes_fetch_at_once_then_all_get_the_whole_file(
    build: Build, server: Server, filepath: Path, processes: Any
) -> None:
    all_have_asked = threading.Barrier(8, timeout=DEADLINE)

    def answer(handler: Handler) -> None:
        all_have_asked.wait()
        whole(BODY)(handler)

    server.answer = answer
    dataset = build(url=server.url, timeout=DEADLINE)
    with processes.Pool(8) as pool:
        loads = [pool.apply_async(dataset.load) for _ in range(8)]
        frames = [load.get(2 * DEADLINE) for load in loads]
    for frame in frames:
        pd.testing.assert_frame_equal(frame, TABLE)
    assert len(server.requests) == 8
    assert list(filepath.parent.iterdir()) == [filepath]


@pytest.mark.process
def test_load_when_killed_half_way_then_no_file_appears_and_the_next_load_fetches_it(
    build: Build, server: Server, filepath: Path, processes: Any
) -> None:
    server.answer = stop_half_way
    process = processes.Process(target=build(url=server.url).load)
    process.start()
    assert server.half_sent.wait(DEADLINE)
    process.kill()
    process.join(DEADLINE)
    assert not filepath.exists()

    server.answer = whole(BODY)
    pd.testing.assert_frame_equal(build(url=server.url).load(), TABLE)


# --- Refresh --------------------------------------------------------------------


def test_load_when_refresh_then_fetches_again_once(
    build: Build, server: Server, filepath: Path
) -> None:
    put(filepath, BODY)
    server.answer = whole(NEW_BODY)
    dataset = build(url=server.url, refresh=True)
    pd.testing.assert_frame_equal(dataset.load(), NEW_TABLE)
    dataset.load()
    assert filepath.read_bytes() == NEW_BODY
    assert server.requests == ["/salary_data.csv"]


def test_load_when_refresh_and_no_file_is_there_then_fetches_once(
    build: Build, server: Server
) -> None:
    dataset = build(url=server.url, refresh=True)
    dataset.load()
    dataset.load()
    assert server.requests == ["/salary_data.csv"]


def test_load_when_refresh_and_the_old_file_has_another_sha256_then_replaces_it(
    build: Build, server: Server, filepath: Path
) -> None:
    put(filepath, NEW_BODY)
    dataset = build(url=server.url, refresh=True, sha256=sha256(BODY))
    pd.testing.assert_frame_equal(dataset.load(), TABLE)


@pytest.mark.parametrize(
    "answer",
    [refuse_with(500), cut_off_half_way, say_nothing, stop_half_way, whole(b""), whole(NEW_BODY)],
    ids=["500", "cut off", "silent", "stalled", "empty", "wrong hash"],
)
def test_load_when_a_refresh_fails_then_the_old_file_is_untouched(
    build: Build, server: Server, filepath: Path, answer: Answer
) -> None:
    put(filepath, BODY)
    before = filepath.stat()
    server.answer = answer
    dataset = build(url=server.url, refresh=True, timeout=0.2, sha256=sha256(BODY))
    message = str(error_of(dataset))
    assert message.endswith(f" {filepath} is unchanged: leave out refresh to use it.")
    assert filepath.read_bytes() == BODY
    assert (filepath.stat().st_ino, filepath.stat().st_mtime_ns) == (
        before.st_ino,
        before.st_mtime_ns,
    )
    assert list(filepath.parent.iterdir()) == [filepath]


def test_load_when_refresh_but_no_url_then_says_so(build: Build, filepath: Path) -> None:
    put(filepath, BODY)
    assert str(error_of(build(refresh=True))) == (
        f"refresh is true, but there is no url to fetch {filepath} from. "
        "Set url in the catalog, or leave out refresh."
    )
    assert filepath.read_bytes() == BODY


# --- A local file that is not the expected one --------------------------------------


def test_load_when_the_local_file_has_another_sha256_then_keeps_it_and_says_what_to_do(
    build: Build, server: Server, filepath: Path
) -> None:
    put(filepath, NEW_BODY)
    assert str(error_of(build(url=server.url, sha256=sha256(BODY)))) == (
        f"{filepath} has sha256 {sha256(NEW_BODY)}, but the catalog expects {sha256(BODY)}. "
        "If the file is right, correct sha256 in the catalog; if not, "
        "fetch it again with `kedro run --params refresh=true`."
    )
    assert filepath.read_bytes() == NEW_BODY
    assert server.requests == []


def test_load_when_the_sha256_differs_and_there_is_no_url_then_does_not_advise_a_refresh(
    build: Build, filepath: Path
) -> None:
    put(filepath, NEW_BODY)
    assert str(error_of(build(sha256=sha256(BODY)))).endswith(
        "correct sha256 in the catalog; if not, put the right file there."
    )


def test_load_when_there_is_neither_file_nor_url_then_names_the_path(
    build: Build, filepath: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(filepath.parents[2])

    assert str(error_of(build())) == (
        "there is no file data/01_raw/salary_data.csv, and no url to fetch it from: put the file "
        "there, or set url in the catalog"
    )


# --- Downloads that fail ------------------------------------------------------------


def advice(filepath: Path) -> str:
    return f" Check url in the catalog, or put the file at {filepath} yourself."


def test_load_when_the_server_answers_404_then_says_so(
    build: Build, server: Server, filepath: Path
) -> None:
    server.answer = refuse_with(404)
    error = error_of(build(url=server.url))
    assert str(error) == f"{server.url} answered 404 Not Found." + advice(filepath)
    assert error.__cause__ is not None
    assert_nothing_is_left(filepath)


def test_load_when_the_connection_is_refused_then_says_so(build: Build, filepath: Path) -> None:
    with socket.socket() as bound_but_not_listening:
        bound_but_not_listening.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound_but_not_listening.getsockname()[1]}/salary_data.csv"
        error = error_of(build(url=url))
    assert str(error) == (
        f"Cannot connect to {url}: no server answers there, or there is no network."
        + advice(filepath)
    )
    assert_nothing_is_left(filepath)


@pytest.mark.parametrize("answer", [say_nothing, stop_half_way], ids=["at once", "half-way"])
def test_load_when_the_server_stops_sending_then_names_the_limit(
    build: Build, server: Server, filepath: Path, answer: Answer
) -> None:
    server.answer = answer
    assert str(error_of(build(url=server.url, timeout=0.2))) == (
        f"{server.url} sent nothing for 0.2 s, the limit for each read: "
        "raise timeout in the catalog if the server is slow." + advice(filepath)
    )
    assert_nothing_is_left(filepath)


def test_load_when_the_download_is_cut_off_then_says_so(
    build: Build, server: Server, filepath: Path
) -> None:
    server.answer = cut_off_half_way
    assert str(error_of(build(url=server.url))) == (
        f"{server.url} broke off before the whole file had arrived: try again." + advice(filepath)
    )
    assert_nothing_is_left(filepath)


def test_load_when_the_download_has_another_sha256_then_names_both(
    build: Build, server: Server, filepath: Path
) -> None:
    server.answer = whole(NEW_BODY)
    assert str(error_of(build(url=server.url, sha256=sha256(BODY)))) == (
        f"The file at {server.url} has sha256 {sha256(NEW_BODY)}, but the catalog expects "
        f"{sha256(BODY)}: correct sha256 in the catalog if this file is right." + advice(filepath)
    )
    assert_nothing_is_left(filepath)


def test_load_when_the_server_sends_an_empty_file_then_keeps_nothing(
    build: Build, server: Server, filepath: Path
) -> None:
    server.answer = whole(b"")
    assert str(error_of(build(url=server.url))) == f"{server.url} sent an empty file." + advice(
        filepath
    )
    assert_nothing_is_left(filepath)


def test_load_when_the_server_speaks_no_tls_then_names_the_certificate_setting(
    build: Build, server: Server, filepath: Path
) -> None:
    url = server.url.replace("http://", "https://")
    assert str(error_of(build(url=url))) == (
        f"No secure connection to {url}: if your network has a certificate of its own, "
        "name its file in REQUESTS_CA_BUNDLE." + advice(filepath)
    )


def test_load_when_redirected_for_ever_then_names_the_error(build: Build, server: Server) -> None:
    def redirect(handler: Handler) -> None:
        handler.send_response(302)
        handler.send_header("Location", handler.path)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    server.answer = redirect
    assert str(error_of(build(url=server.url))).startswith(
        f"Cannot fetch {server.url} (TooManyRedirects). Check url"
    )


@pytest.mark.parametrize("answer", [refuse_with(403), say_nothing, cut_off_half_way])
def test_load_when_a_url_with_secrets_fails_then_the_traceback_holds_none(
    build: Build, server: Server, answer: Answer
) -> None:
    server.answer = answer
    url = f"http://ann:s3cret@{server.address}/a.csv?token=t0ken#frag"
    error = error_of(build(url=url, timeout=0.2))
    shown = "".join(traceback.format_exception(error))
    assert f"http://{server.address}/a.csv " in shown
    assert [secret for secret in ("ann:", "s3cret", "t0ken", "frag") if secret in shown] == []


# --- Files that cannot be read --------------------------------------------------------


def test_load_when_the_file_is_empty_then_says_what_it_needs(build: Build, filepath: Path) -> None:
    put(filepath, b"")
    error = error_of(build())
    assert str(error) == (f"{filepath} is empty. It needs a header line and one line for each row.")
    assert isinstance(error.__cause__, pd.errors.EmptyDataError)


def test_load_when_the_encoding_is_wrong_then_names_the_key_to_set(
    build: Build, filepath: Path
) -> None:
    put(filepath, "Years,Währung\n1,2\n".encode("cp1252"))
    error = error_of(build())
    assert str(error) == (
        f"{filepath} is not text in the encoding utf-8-sig. Set `csv: {{encoding: …}}` under "
        "table in contract.yml to its own, such as cp1252 or utf-16, or save it as UTF-8."
    )
    assert isinstance(error.__cause__, UnicodeDecodeError)
    assert list(build(load_args={"encoding": "cp1252"}).load()) == ["Years", "Währung"]


def test_load_when_utf_16_is_set_for_another_file_then_names_the_encoding(
    build: Build, filepath: Path
) -> None:
    put(filepath, BODY)
    message = str(error_of(build(load_args={"encoding": "utf-16"})))
    assert message.startswith(f"{filepath} is not text in the encoding utf-16. Set `csv: {{encod")


def test_load_when_the_encoding_is_unknown_then_says_so(build: Build, filepath: Path) -> None:
    put(filepath, BODY)
    assert str(error_of(build(load_args={"encoding": "utf-9"}))) == (
        "load_args.encoding is 'utf-9', which Python does not know. Try utf-8."
    )


@pytest.mark.parametrize("engine", ["c", "python"])
def test_load_when_a_row_has_too_many_fields_then_names_the_line(
    build: Build, filepath: Path, engine: str
) -> None:
    put(filepath, b"Experience Years,Salary\n1.1,39343\n1.3,46,205\n")
    error = error_of(build(load_args={"engine": engine}))
    assert str(error) == (
        f"{filepath}, line 3 has 3 fields, but 2 are expected. Correct the line: "
        "put a field that holds ',' in double quotes; if ',' does not separate the fields, set "
        "`csv: {delimiter: …}` under table in contract.yml."
    )
    assert isinstance(error.__cause__, pd.errors.ParserError)


@pytest.mark.parametrize("engine", ["c", "python"])
def test_load_when_the_first_row_has_too_many_fields_then_drops_none_silently(
    build: Build, filepath: Path, engine: str
) -> None:
    put(filepath, b"Experience Years,Salary\n1.1,39,343\n1.3,46205\n")
    error = error_of(build(load_args={"engine": engine}))
    assert str(error) == (
        f"{filepath} has rows with more fields than its header has names. Name every column in "
        "the header, and put a field that holds ',' in double quotes; if ',' does not "
        "separate the fields, set `csv: {delimiter: …}` under table in contract.yml."
    )
    assert isinstance(error.__cause__, pd.errors.ParserWarning)


def test_load_when_a_quote_is_not_closed_then_names_the_row(build: Build, filepath: Path) -> None:
    put(filepath, b'Experience Years,Salary\n1.1,"39343\n1.3,46205\n')
    assert str(error_of(build())) == (
        f'{filepath}, row 1 is malformed. Look for a double quote (") that is not closed.'
    )


@pytest.mark.parametrize("engine", ["c", "python", "pyarrow"])
@pytest.mark.parametrize("row", [b"1.1,98765,3\n", b'1.1,"98765\n'], ids=["long", "open quote"])
def test_load_when_a_row_is_malformed_then_the_traceback_does_not_hold_it(
    build: Build, filepath: Path, row: bytes, engine: str
) -> None:
    put(filepath, b"Experience Years,Salary\n1.0,2\n" + row)
    load_args = {"engine": engine, "skip_blank_lines": True}
    shown = "".join(traceback.format_exception(error_of(build(load_args=load_args))))
    assert str(filepath) in shown
    assert "98765" not in shown


def test_load_when_the_reader_fails_otherwise_then_kedros_own_message_passes_through(
    build: Build, filepath: Path
) -> None:
    put(filepath, BODY)
    message = str(error_of(build(load_args={"usecols": ["Pay"]})))
    assert message.startswith("Failed while loading data from dataset kedro_datasets.pandas.")


def test_load_when_a_folder_is_in_place_of_the_file_then_says_so(
    build: Build, server: Server, filepath: Path
) -> None:
    filepath.mkdir(parents=True)
    error = error_of(build(url=server.url, refresh=True))
    assert str(error) == (
        f"{filepath} is a folder, but should be a file. Name the file of the table, or a folder "
        f"of Parquet files."
    )
    assert isinstance(error.__cause__, IsADirectoryError)
    assert server.requests == []


@pytest.mark.parametrize("depth", [0, 1])
def test_load_when_a_file_is_in_place_of_the_folder_then_names_it(
    build: Build, server: Server, filepath: Path, depth: int
) -> None:
    blocker = filepath.parents[depth]
    put(blocker, b"")
    error = error_of(build(url=server.url))
    assert str(error) == (
        f"{blocker} is a file, but {filepath} needs a folder there. Move the file away."
    )
    assert isinstance(error.__cause__, NotADirectoryError)


@pytest.fixture
def ordinary_user_folder() -> Iterator[Path]:
    """A folder that an ordinary user reaches; root becomes one, as no mode stops root."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o777)
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(65534)
    yield folder
    if was_root:
        os.seteuid(0)
    folder.chmod(0o777)
    shutil.rmtree(folder)


def in_folder(folder: Path, **options: Any) -> tuple[CachedDownloadDataset, Path]:
    path = folder / "salary_data.csv"
    wrapped = {"type": "pandas.CSVDataset", "filepath": path.as_posix()}
    return CachedDownloadDataset(dataset=wrapped, **options), path


def permission_message(path: Path) -> str:
    return (
        f"No permission for {path}. Give your user the right to read it and to write to its folder."
    )


def test_load_when_the_file_may_not_be_read_then_says_so(ordinary_user_folder: Path) -> None:
    dataset, path = in_folder(ordinary_user_folder)
    path.write_bytes(BODY)
    path.chmod(0o000)
    error = error_of(dataset)
    assert str(error) == permission_message(path)
    assert isinstance(error.__cause__, PermissionError)


def test_load_when_the_folder_may_not_be_written_then_says_so(
    ordinary_user_folder: Path, server: Server
) -> None:
    blocked = ordinary_user_folder / "01_raw"
    blocked.mkdir(mode=0o555)
    dataset, path = in_folder(blocked, url=server.url)
    assert str(error_of(dataset)) == permission_message(path)


def test_load_when_the_file_name_is_too_long_then_gives_the_systems_reason(
    tmp_path: Path,
) -> None:
    path = tmp_path / ("x" * 300)
    wrapped = {"type": "pandas.CSVDataset", "filepath": path.as_posix()}
    assert str(error_of(CachedDownloadDataset(dataset=wrapped))) == (
        f"Cannot read or write {path}: File name too long. Put that right, then run again."
    )


# --- The rest of what Kedro asks of a dataset ---------------------------------------------


def test_save_when_called_then_refuses(build: Build, filepath: Path) -> None:
    with pytest.raises(DatasetError) as caught:
        build().save(TABLE)
    assert str(caught.value) == (
        f"{filepath} is raw data and read-only: it cannot be saved to. "
        "Save to another dataset of the catalog."
    )
    assert not filepath.exists()


def test_exists_when_asked_then_tells_whether_the_file_is_there_without_fetching(
    build: Build, server: Server, filepath: Path
) -> None:
    dataset = build(url=server.url)
    assert not dataset.exists()
    put(filepath, BODY)
    assert dataset.exists()
    assert server.requests == []


def test_repr_when_the_url_has_secrets_then_shows_none(build: Build, filepath: Path) -> None:
    shown = str(build(url="https://ann:s3cret@example.org/a.csv?token=t0ken"))
    assert shown.startswith(
        "salary_kedro.datasets.cached_download.CachedDownloadDataset("
        f"filepath='{filepath}', url='https://example.org/a.csv', refresh=False, timeout=30, "
    )
    assert "s3cret" not in shown
    assert "t0ken" not in shown


def test_preview_when_the_file_is_there_then_shows_its_first_rows(
    build: Build, filepath: Path
) -> None:
    put(filepath, BODY)
    assert build().preview(nrows=1) == {
        "index": [0],
        "columns": ["Experience Years", "Salary"],
        "data": [[1.1, 39343]],
    }


def test_preview_when_the_file_is_not_there_then_does_not_fetch(
    build: Build, server: Server
) -> None:
    with pytest.raises(DatasetError):
        build(url=server.url).preview()
    assert server.requests == []


def test_dataset_when_pickled_then_loads_the_same(build: Build, filepath: Path) -> None:
    put(filepath, BODY)
    pd.testing.assert_frame_equal(pickle.loads(pickle.dumps(build())).load(), TABLE)  # noqa: S301 - its own pickle


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"url": "ftp://ann:s3cret@example.org/a.csv"},
            "url is 'ftp://example.org/a.csv': give an http:// or https:// address, or null",
        ),
        ({"url": ""}, "url is '': give an http:// or https:// address, or null"),
        ({"url": "http://"}, "url is 'http://': give an http:// or https:// address, or null"),
        ({"sha256": "abc"}, "sha256 is 'abc': give 64 hexadecimal digits in quotes, or null"),
        ({"refresh": "no"}, "refresh is 'no': give true or false"),
        ({"refresh": 1}, "refresh is '1': give true or false"),
        ({"timeout": 0}, "timeout is '0': give a number of seconds above 0"),
        ({"timeout": True}, "timeout is 'True': give a number of seconds above 0"),
        ({"timeout": "30"}, "timeout is '30': give a number of seconds above 0"),
        ({"timeout": float("nan")}, "timeout is 'nan': give a number of seconds above 0"),
        ({"timeout": float("inf")}, "timeout is 'inf': give a number of seconds above 0"),
    ],
)
def test_dataset_when_an_option_is_not_allowed_then_names_it_and_its_value(
    build: Build, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        build(**options)


@pytest.mark.parametrize(
    ("wrapped", "message"),
    [
        (
            {"type": "pandas.CSVDataset"},
            "dataset has no filepath: give the type and filepath of a local file",
        ),
        (
            {"type": "pandas.CSVDataset", "filepath": "s3://bucket/a.csv"},
            "dataset.filepath is 's3://bucket/a.csv': give a local path, and the address as url",
        ),
        (
            {"type": "pandas.CSVDataset", "filepath": "a.csv", "versioned": True},
            "dataset.versioned is true: leave it out, the fetched file is one file",
        ),
    ],
)
def test_dataset_when_the_wrapped_one_is_not_one_local_file_then_says_what_to_give(
    wrapped: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        CachedDownloadDataset(dataset=wrapped)
