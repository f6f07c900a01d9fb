"""The registered model in MLflow: versions, stage tags, the production alias, the history."""

import atexit
import functools
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from pydantic import ValidationError

from salary_kedro.bundle.files import FileError, read_regular
from salary_kedro.bundle.limits import LINEAGE, max_size
from salary_kedro.bundle.lineage import CLAIMED, RMSE_SOURCE, Lineage
from salary_kedro.errors import UserError
from salary_kedro.registry.history import KEY, PREFIX, History, Record
from salary_kedro.registry.relocation import plain_path
from salary_kedro.registry.stages import (
    ALIAS,
    Stage,
    Version,
    format_rmse,
)
from salary_kedro.registry.store import copy_store, is_local, is_read_only, used_by_process

#: What MLflow raises of a store that it cannot read or write.
RegistryError = MlflowException
log = logging.getLogger(__name__)

#: What a record may hold, as JSON: the narrowest column that MLflow keeps tags in.
MAX_RECORD = 5000
#: How PostgreSQL, MySQL and SQLite say that another process has just written the same row.
COLLISIONS = ("UniqueViolation", "Duplicate entry", "UNIQUE constraint", "StaleDataError")


@dataclass(frozen=True)
class TrainingRun:
    """The run that trained a version; empty if it was deleted.

    Attributes:
        parameters: Its parameters, flat.
        metrics: Its metrics.
        lineage: What its model was made from, as its tags hold it.
        started: When it began, milliseconds since 1970 UTC; None if that is not known.
    """

    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    lineage: Lineage
    started: int | None


@dataclass(frozen=True)
class State:
    """What the registry holds at one moment.

    Attributes:
        alias: Number of the version that the alias names; None if there is no alias.
        history: The records.
        versions: The versions by number, the oldest first.
    """

    alias: int | None
    history: History
    versions: Mapping[int, Version]

    @property
    def champion(self) -> Version | None:
        """The production version; None if there is no alias, or it names none that exists."""
        return None if self.alias is None else self.versions.get(self.alias)

    def claims(self, version: Version) -> bool:
        """Whether a version's RMSE is claimed by others, and nobody here has measured it."""
        if version.source is None:  # earlier releases imported without saying so
            return version.number in self.history.imported
        return version.source.startswith(CLAIMED)

    @property
    def contested(self) -> frozenset[int]:
        """Versions that racing promoters replaced without having compared them."""
        return self.history.unreplaced - {self.alias}


class Registry:
    """Reads and writes one registered model. The alias is the truth, the tags follow it.

    Each method that writes makes one atomic write, `annotate` excepted.
    """

    def __init__(self, uri: str, model_name: str) -> None:
        """Use a store, whichever one this process uses otherwise.

        Args:
            uri: MLflow tracking URI of the store.
            model_name: Name of the registered model.
        """
        self.uri, self.model_name = uri, model_name
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        self._moved_to: list[int] = []

    def register(
        self,
        model_uri: str,
        run_id: str,
        rmse: float,
        stage: Stage = Stage.STAGING,
        source: str | None = None,
    ) -> Version:
        """Create a version with its stage tag, in one transaction.

        Args:
            model_uri: The logged model, `models:/m-...`.
            run_id: The run that logged it.
            rmse: Its holdout RMSE, in the target's unit.
            stage: `archived` keeps it out of every contest.
            source: Where the RMSE comes from, if not from its training here.
        """
        try:
            self._client.create_registered_model(self.model_name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        with used_by_process(self._client.tracking_uri):  # MLflow looks for the model there
            created = self._client.create_model_version(
                self.model_name,
                model_uri,
                run_id=run_id,
                tags={stage: format_rmse(rmse), **({RMSE_SOURCE: source} if source else {})},
                model_id=model_uri.removeprefix("models:/"),
            )
        return _version(created)

    def state(self) -> State:
        """Read alias and history as they are at one moment, and the versions."""
        model = self._settled_model()
        if model is None:
            return State(None, History([]), {})  # no version was ever registered
        records = [_record(*tag) for tag in model.tags.items() if tag[0].startswith(PREFIX)]
        versions = {version.number: version for version in self._versions()}
        return State(_alias(model), History(records), versions)

    def _settled_model(self) -> RegisteredModel | None:
        """Read until two reads agree: MLflow reads alias and tags one after the other.

        The writers of a local store hold its lock, so there one reading will do.
        """
        model = self._model()
        if is_local(self.uri):
            return model
        again = self._model()
        while _content(model) != _content(again):
            model, again = again, self._model()
        return again

    def _model(self) -> RegisteredModel | None:
        try:
            return self._client.get_registered_model(self.model_name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def _versions(self) -> list[Version]:
        found: list[ModelVersion] = []
        token = None
        while token != "":
            page = self._client.search_model_versions(
                f"name = '{self.model_name}'", order_by=["version_number ASC"], page_token=token
            )
            found.extend(page)
            token = page.token or ""
        return sorted((_version(item) for item in found), key=lambda version: version.number)

    def version(self, number: int) -> Version:
        """Read one version.

        Raises:
            UserError: If there is no such version.
        """
        try:
            return _version(self._client.get_model_version(self.model_name, str(number)))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            raise UserError(
                f"model '{self.model_name}' has no version {number} in this store; "
                f"`kedro models list` shows those it has"
            ) from error

    def production(self) -> int | None:
        """Read which version the alias names, and nothing else; None if there is no alias."""
        try:
            found = self._client.get_model_version_by_alias(self.model_name, ALIAS)
        except MlflowException as error:
            if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
                raise
            return None  # neither model nor alias, which MLflow tells apart
        return int(found.version)

    def version_of_run(self, run_id: str, model_uri: str) -> Version | None:
        """Read the version that was made of a model that a run has logged; None if none was.

        A run may have logged several: its parts were done again, or its name was given again.
        """
        logged = model_uri.removeprefix("models:/")
        found = self._client.search_model_versions(f"run_id = '{run_id}'")
        versions = [
            _version(item)
            for item in found
            if item.name == self.model_name and logged in re.split("[:/]", str(item.source))
        ]
        return max(versions, key=lambda version: version.number, default=None)

    def champion(self) -> Version | None:
        """Read the version that the alias names; None if no version was promoted yet.

        Raises:
            UserError: If the alias names a version that does not exist.
        """
        model = self._model()
        number = None if model is None else _alias(model)
        return None if number is None else self.version(number)

    def move_alias(self, number: int) -> None:
        """Make a version production. This is the commit point of every promotion."""
        _write(self._client.set_registered_model_alias, self.model_name, ALIAS, str(number))
        self._moved_to.append(number)

    def moves(self) -> list[dict[str, Any]]:
        """Tell every move of the alias that was made through this object, in order.

        Returns:
            `from` and `to`, version numbers, and `why`, a sentence, of each.
        """
        if not self._moved_to:
            return []
        told = {record.after: record for record in self.state().history if record.moves}
        return [
            {"from": told[number].before, "to": number, "why": told[number].why}
            for number in self._moved_to
            if number in told
        ]

    def untag(self, number: int, stage: Stage) -> None:
        """Take a stage tag away."""
        _write(self._client.delete_model_version_tag, self.model_name, str(number), stage)

    def tag(self, number: int, stage: Stage, rmse: str) -> None:
        """Give a version a stage tag."""
        _write(self._client.set_model_version_tag, self.model_name, str(number), stage, rmse)

    def name_source(self, version: Version, source: str) -> None:
        """Say where a version's RMSE comes from, if not from its training here."""
        number = str(version.number)
        _write(self._client.set_model_version_tag, self.model_name, number, RMSE_SOURCE, source)

    def record(self, record: Record) -> Record:
        """Append a record to the history.

        Raises:
            UserError: If it is too long for the store.
        """
        content = record.model_dump_json(by_alias=True)
        if len(content) > MAX_RECORD:
            raise UserError(
                f"the record of this decision is {len(content)} characters long; a store holds "
                f"{MAX_RECORD}: give a shorter reason"
            )
        self._client.set_registered_model_tag(self.model_name, record.key, content)
        return record

    def annotate(
        self, version: Version, verdict: str, reason: str, files: Mapping[str, str]
    ) -> None:
        """Write a verdict where people look: on the version, and as files of its run.

        Args:
            version: The version it is about.
            verdict: `promote` or `archive`.
            reason: One sentence.
            files: Texts by file name.
        """
        number = str(version.number)
        _write(self._client.set_model_version_tag, self.model_name, number, "verdict", verdict)
        self._client.update_model_version(self.model_name, number, reason)
        try:
            for name, text in files.items():
                self._client.log_text(version.run_id, text, name)
        except (MlflowException, OSError):  # its run may have been deleted
            log.warning("version %s: its verdict is not among its run's files", number)

    def run(self, version: Version) -> TrainingRun:
        """Read the run that trained a version; empty if there is none any more."""
        run = self._run(version)
        if run is None:
            return TrainingRun({}, {}, Lineage(), None)
        lineage = Lineage.of_tags(run.data.tags)
        return TrainingRun(run.data.params, run.data.metrics, lineage, run.info.start_time)

    def lifecycle(self, version: Version) -> str:
        """What became of the run that trained a version: it is `active`, `deleted` or `gone`."""
        run = self._run(version)
        return "gone" if run is None else str(run.info.lifecycle_stage)

    def _run(self, version: Version) -> Run | None:
        try:
            return self._client.get_run(version.run_id)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def model_folder(self, number: int) -> Path:
        """Fetch a version's logged model: `model.skops`, and `extra_files/` beside it.

        Nothing is written into the store.

        Returns:
            A local folder: the store's own where it is local, else a downloaded copy that
            is there until the process ends.

        Raises:
            UserError: If it cannot be fetched.
        """
        try:
            place = self._client.get_model_version_download_uri(self.model_name, str(number))
            # The place itself: for `models:/name/1` MLflow would write a file beside the model.
            return _own_folder(place) or Path(
                download_artifacts(
                    place, dst_path=_new_folder(), tracking_uri=self._client.tracking_uri
                )
            )
        except Exception as error:  # each kind of artifact store has its own
            text = " ".join(str(error).split())
            raise UserError(f"the model of version {number} cannot be fetched: {text}") from error

    def run_file(self, version: Version, name: str, most: int) -> bytes | None:
        """Read a file of the run that trained a version; None if there is none, or none any more.

        Args:
            version: The version.
            name: Name of the file.
            most: The most bytes that it may have.

        Raises:
            UserError: If it is there, and cannot be read.
        """
        folder = _new_folder()
        try:
            if not self._has_file(version, name):
                return None
            path = download_artifacts(
                run_id=version.run_id,
                artifact_path=name,
                dst_path=folder,
                tracking_uri=self._client.tracking_uri,
            )
            return read_regular(Path(path), most)
        except Exception as error:  # each kind of artifact store has its own
            text = " ".join(str(error).split())
            raise UserError(f"{name} of version {version.number} cannot be read: {text}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _has_file(self, version: Version, name: str) -> bool:
        if not version.run_id or self._run(version) is None:
            return False
        return any(item.path == name for item in self._client.list_artifacts(version.run_id))

    def lineage(self, number: int) -> Lineage:
        """Read what a version was made from, as logged beside its model.

        Raises:
            UserError: If it cannot be read.
        """
        path = self.model_folder(number) / "extra_files" / "lineage.json"
        try:
            return Lineage.parse(read_regular(path, max_size(LINEAGE)))
        except (OSError, ValueError, FileError) as error:
            raise UserError(f"the lineage of version {number} cannot be read: {error}") from error


def open_registry(uri: str, model_name: str) -> Registry:
    """Open a registry by the store's address.

    Of a local store that cannot be written to, it uses a copy. Whatever writes takes the
    store's lock first, which is then refused.
    """
    read = copy_store(uri, Path(_new_folder())) if is_read_only(uri) else uri
    registry = Registry(read, model_name)
    registry.uri = uri
    return registry


def _write(write: Callable[..., object], *arguments: str) -> None:
    """Write a tag or the alias, once more if another process wrote the same one meanwhile.

    MLflow looks whether there is one, then inserts or updates it: two that write one tag
    at once both insert it, and the database refuses the later one.
    """
    try:
        write(*arguments)
    except MlflowException as error:
        if not any(text in str(error) for text in COLLISIONS):
            raise
        write(*arguments)


def _content(model: RegisteredModel | None) -> object:
    return None if model is None else (model.aliases, model.tags)


def _alias(model: RegisteredModel) -> int | None:
    number = model.aliases.get(ALIAS)
    return None if number is None else int(number)


def _own_folder(place: str) -> Path | None:
    """The folder that a place on this machine names; None for another kind of place."""
    if not place.startswith(("file:", "/")):
        return None
    folder = Path(plain_path(place))
    if not folder.is_dir():
        raise FileNotFoundError(f"its folder {folder} is missing")
    return folder


def _new_folder() -> str:
    """An empty folder for a copy."""
    return tempfile.mkdtemp(dir=_downloads())


def forget_downloads() -> None:
    """Remove the copies that this process has fetched; whoever runs for long would fill a disk."""
    if _downloads.cache_info().currsize:
        for copy in Path(_downloads()).iterdir():
            shutil.rmtree(copy, ignore_errors=True)


@functools.cache
def _downloads() -> str:
    """A folder for all copies of this process."""
    folder = tempfile.mkdtemp(prefix="salary_kedro-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.lru_cache(maxsize=100_000)  # a record never changes
def _record(key: str, content: str) -> Record:
    problem: Exception | None = None
    try:
        record = Record.model_validate_json(content)
        if record.key == key and KEY.match(key):
            return record
    except ValidationError as error:
        problem = error
    raise UserError(
        f"the record {key} of the history was altered and cannot be read: restore the tag of "
        f"the registered model from a copy of the store, or delete it with `make ui`"
    ) from problem


def _version(found: ModelVersion) -> Version:
    stages = {stage: found.tags[stage] for stage in Stage if stage in found.tags}
    return Version(
        number=int(found.version),
        stages=stages,
        run_id=str(found.run_id),
        source=found.tags.get(RMSE_SOURCE),
    )
