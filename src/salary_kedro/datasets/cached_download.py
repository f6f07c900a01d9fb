"""A local file that is fetched once, checked, and read by another Kedro dataset."""

import logging
import re
import threading
import warnings
from pathlib import Path
from typing import Any, BinaryIO

import pooch
from kedro.io.core import AbstractDataset, DatasetError, get_protocol_and_path
from kedro_datasets._typing import TablePreview
from pandas.errors import ParserWarning
from requests import exceptions as http
from urllib3.exceptions import ReadTimeoutError

from salary_kedro.datasets.table import TableDataset
from salary_kedro.files import whole_file
from salary_kedro.tables.unreadable import explain_path, explain_reader, quotes_a_row

logger = logging.getLogger(__name__)

# Warning filters belong to the whole process: without a lock, one thread's exit
# would take away another's filter while it reads.
_warning_filters = threading.Lock()


class CachedDownloadDataset(AbstractDataset[Any, Any]):
    """Reads a local file, which it fetches from a URL when it is not there.

    The file appears at its path whole or not at all: it is downloaded beside it under
    another name, checked, then renamed. A file that already exists is read as it is
    and never replaced, unless ``refresh`` asks for it.

    Example for ``catalog.yml``::

        raw_salaries:
          type: salary_kedro.datasets.CachedDownloadDataset
          url: https://example.org/salary_data.csv
          refresh: ${runtime_params:refresh,false}
          dataset:
            type: salary_kedro.datasets.TableDataset
            filepath: ${data:01_raw/salary_data.csv}
            contract: ${contract:}
    """

    def __init__(
        self,
        *,
        dataset: dict[str, Any],
        url: str | None = None,
        sha256: str | None = None,
        refresh: bool = False,
        timeout: float = 30,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Check the options; nothing is fetched before the first load.

        Args:
            dataset: Configuration of the dataset that reads the file, with a local
                ``filepath``.
            url: Where to fetch the file, http or https; None if it is always local.
            sha256: The file's sha256, 64 hexadecimal digits; None to skip the check.
            refresh: Fetch again although the file is there, once per instance.
            timeout: Seconds to wait for the connection and for each read from it.
            metadata: Ignored by Kedro, for plug-ins such as Kedro-Viz.

        Raises:
            ValueError: An option has a value that is not allowed.
        """
        _check_options(url, sha256, refresh, timeout)
        self._filepath = _local_path(dataset)
        self._dataset = AbstractDataset.from_config("dataset", dataset)
        load_args = dataset.get("load_args") or {}
        self._encoding = load_args.get("encoding") or "utf-8"
        self._delimiter = load_args.get("sep") or ","
        self._url = url
        self._sha256 = sha256
        self._refresh = refresh
        self._timeout = timeout
        self._fetched = False
        self.metadata = metadata

    def load(self) -> Any:
        """Read the file, fetched first if need be.

        Returns:
            The table that the wrapped dataset loads.

        Raises:
            DatasetError: The file cannot be fetched, is not the expected one, or cannot
                be read.
        """
        try:
            self._provide_file()
        except OSError as exc:
            raise DatasetError(explain_path(exc, self._filepath)) from exc
        return self._read()

    def file_sha256(self) -> str | None:
        """Give the file's sha256; None if there is no such file."""
        return str(pooch.file_hash(str(self._filepath))) if self._filepath.is_file() else None

    def save(self, data: Any) -> None:
        """Refuse: raw data is never written by a pipeline.

        Raises:
            DatasetError: Always.
        """
        raise DatasetError(
            f"{self._filepath} is raw data and read-only: it cannot be saved to. "
            "Save to another dataset of the catalog."
        )

    def preview(self, nrows: int = 5) -> TablePreview:
        """Show the first rows of a table in Kedro-Viz; never fetches."""
        return self._dataset.preview(nrows)  # type: ignore[attr-defined]

    def _exists(self) -> bool:
        return self._filepath.exists()

    def _describe(self) -> dict[str, Any]:
        return {
            "filepath": str(self._filepath),
            "url": self._url and _without_secrets(self._url),
            "sha256": self._sha256,
            "refresh": self._refresh,
            "timeout": self._timeout,
            "dataset": repr(self._dataset),
        }

    def _provide_file(self) -> None:
        if not _is_there(self._filepath) or (self._refresh and not self._fetched):
            self._fetch()
        elif self._sha256:
            self._check_local_file(self._sha256)

    def _fetch(self) -> None:
        if self._url is None:
            raise DatasetError(self._no_url())
        if self._filepath.is_dir():  # what is fetched is a file
            raise IsADirectoryError
        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(self._filepath) as part:
            self._download(self._url, part)
            part.flush()
            self._check_download(self._url, Path(part.name))
        self._fetched = True
        logger.info("Fetched %s from %s", self._filepath, _without_secrets(self._url))

    def _download(self, url: str, part: BinaryIO) -> None:
        try:
            pooch.HTTPDownloader(progressbar=False, timeout=self._timeout)(url, part, None)
        except http.RequestException as exc:
            if exc.response is not None:
                exc.response.close()  # pooch leaves the connection of an error page open
            reason = _explain_download(exc, _without_secrets(url), self._timeout)
            # The library's own message quotes the address in full.
            has_secrets = "?" in str(exc) or "@" in str(exc)
            raise self._fetch_error(reason) from (None if has_secrets else exc)

    def _check_download(self, url: str, part: Path) -> None:
        if part.stat().st_size == 0:
            raise self._fetch_error(f"{_without_secrets(url)} sent an empty file.")
        found = pooch.file_hash(str(part))
        if self._sha256 and found != self._sha256.lower():
            raise self._fetch_error(
                f"The file at {_without_secrets(url)} has sha256 {found}, but the catalog "
                f"expects {self._sha256}: correct sha256 in the catalog if this file is right."
            )

    def _check_local_file(self, expected: str) -> None:
        found = pooch.file_hash(str(self._filepath))
        if found == expected.lower():
            return
        otherwise = (
            "fetch it again with `kedro run --params refresh=true`"
            if self._url
            else "put the right file there"
        )
        raise DatasetError(
            f"{self._filepath} has sha256 {found}, but the catalog expects {expected}. "
            f"If the file is right, correct sha256 in the catalog; if not, {otherwise}."
        )

    def _read(self) -> Any:
        try:
            with _warning_filters, warnings.catch_warnings():
                # pandas only warns when it drops the fields that the header has no name for.
                warnings.filterwarnings("error", "Length of header", ParserWarning)
                return self._dataset.load()
        except DatasetError as exc:
            if isinstance(self._dataset, TableDataset):  # it has said why itself
                raise
            cause = exc.__cause__
            message = explain_reader(cause, self._filepath, self._encoding, self._delimiter)
            if message is None:
                raise
            raise DatasetError(message) from (None if quotes_a_row(cause) else cause)

    def _fetch_error(self, reason: str) -> DatasetError:
        if self._filepath.exists():
            advice = f"{self._filepath} is unchanged: leave out refresh to use it."
        else:
            advice = f"Check url in the catalog, or put the file at {self._filepath} yourself."
        return DatasetError(f"{reason} {advice}")

    def _no_url(self) -> str:
        if self._filepath.exists():
            return (
                f"refresh is true, but there is no url to fetch {self._filepath} from. "
                "Set url in the catalog, or leave out refresh."
            )
        return (
            f"there is no file {_from_here(self._filepath)}, and no url to fetch it from: put the "
            f"file there, or set url in the catalog"
        )


def _from_here(path: Path) -> Path:
    """A path as people see it: below the working directory it is relative."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _check_options(url: object, sha256: object, refresh: object, timeout: object) -> None:
    """Refuse values that YAML lets through.

    Raises:
        ValueError: Names the option, its value and what is allowed. Without a full stop:
            Kedro adds one.
    """
    if url is not None and not re.match(r"https?://[^/?#]", str(url), re.IGNORECASE):
        shown = _without_secrets(str(url))
        raise ValueError(f"url is '{shown}': give an http:// or https:// address, or null")
    if sha256 is not None and not re.fullmatch(r"[0-9a-fA-F]{64}", str(sha256)):
        raise ValueError(f"sha256 is '{sha256}': give 64 hexadecimal digits in quotes, or null")
    if not isinstance(refresh, bool):
        raise ValueError(f"refresh is '{refresh}': give true or false")
    if not _is_duration(timeout):
        raise ValueError(f"timeout is '{timeout}': give a number of seconds above 0")


def _is_duration(value: object) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 < float(str(value)) < float("inf")


def _local_path(dataset: dict[str, Any]) -> Path:
    """Take the path of the local file from the wrapped dataset's configuration.

    Raises:
        ValueError: There is no one local file to read.
    """
    if not isinstance(dataset, dict) or not dataset.get("filepath"):
        raise ValueError("dataset has no filepath: give the type and filepath of a local file")
    protocol, path = get_protocol_and_path(dataset["filepath"])
    if protocol != "file":
        raise ValueError(
            f"dataset.filepath is '{_without_secrets(str(dataset['filepath']))}': "
            "give a local path, and the address as url"
        )
    if dataset.get("versioned"):
        raise ValueError("dataset.versioned is true: leave it out, the fetched file is one file")
    return Path(path)


def _without_secrets(url: str) -> str:
    """Drop user, password, query and fragment of a URL."""
    return re.sub(r"//[^/?#]*@", "//", re.split(r"[?#]", url)[0])


def _is_there(path: Path) -> bool:
    """Tell whether the file exists; unlike Path.exists, a path that cannot be is an error.

    Raises:
        OSError: A folder on the way is a file, or is forbidden.
    """
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _explain_download(exc: http.RequestException, url: str, timeout: float) -> str:
    """Say in one sentence why a download failed."""
    if isinstance(exc, http.HTTPError) and exc.response is not None:
        status = f"{exc.response.status_code} {exc.response.reason or ''}".rstrip()
        return f"{url} answered {status}."
    if isinstance(exc, http.Timeout) or any(isinstance(a, ReadTimeoutError) for a in exc.args):
        return (
            f"{url} sent nothing for {timeout:g} s, the limit for each read: "
            "raise timeout in the catalog if the server is slow."
        )
    if isinstance(exc, http.ChunkedEncodingError):
        return f"{url} broke off before the whole file had arrived: try again."
    if isinstance(exc, http.SSLError):
        return (
            f"No secure connection to {url}: if your network has a certificate of its own, "
            "name its file in REQUESTS_CA_BUNDLE."
        )
    if isinstance(exc, http.ConnectionError):
        return f"Cannot connect to {url}: no server answers there, or there is no network."
    return f"Cannot fetch {url} ({type(exc).__name__})."
