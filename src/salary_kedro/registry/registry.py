"""The registered model in MLflow: versions, stage tags, the production alias."""

import atexit
import functools
import logging
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities import Run, ViewType
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from mlflow.exceptions import MlflowException
from pydantic import ValidationError

from salary_kedro.bundle.card import MAX_CARD_BYTES, card_json, parse_card
from salary_kedro.bundle.card_page import card_html
from salary_kedro.bundle.files import FileError, read_regular
from salary_kedro.bundle.limits import LINEAGE, max_size
from salary_kedro.bundle.lineage import CLAIMED, MADE_OF, RMSE_SOURCE, Lineage
from salary_kedro.errors import UserError
from salary_kedro.registry.descriptions import (
    CARD,
    CARD_JSON,
    NOTE,
    PLOTS,
    RUN_NAME,
    Told,
    describe_run,
    describe_version,
    run_name,
)
from salary_kedro.registry.history import KEY, History, Record
from salary_kedro.registry.ledger import HIDDEN, Ledger, find_model, write_row
from salary_kedro.registry.mlflow_adapter import tell_models_from_prompts_once
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
#: Stages whose versions are sought by their tag, in the order in which a version bears them.
SOUGHT = (Stage.STAGING, Stage.PRODUCTION)
#: Versions that one request gives at most.
MOST_FOUND = 10_000
#: The newest versions, which are read whatever their stage.
NEWEST = 50
#: The last records, whose versions are read too: a command that stalled or died may have left
#: their tags half changed.
LAST_RECORDS = 20
#: The highest number that databases can hold.
MOST_VERSIONS = 2**31 - 1
#: Runs that one search of versions names: servers take addresses of a few thousand characters.
RUNS_NAMED = 50


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

    @property
    def model(self) -> str | None:
        """Name of the estimator that it has trained; None if it is not known."""
        return _model_of(self.parameters)


class Versions(Mapping[int, Version]):
    """Versions by number, the oldest first: those at hand; asked for another, it is looked up."""

    def __init__(
        self, at_hand: Iterable[Version], look_up: Callable[[int], Version | None]
    ) -> None:
        """Take those at hand; of several copies of one, the last counts."""
        found = {version.number: version for version in at_hand}
        self._at_hand = dict(sorted(found.items()))
        self._look_up = functools.cache(look_up)

    def __getitem__(self, number: int) -> Version:
        """One of them; a KeyError if the registry has no such version."""
        found = self._at_hand.get(number) or self._look_up(number)
        if found is None:
            raise KeyError(number)
        return found

    def __iter__(self) -> Iterator[int]:
        return iter(self._at_hand)

    def __len__(self) -> int:
        return len(self._at_hand)


@dataclass(frozen=True)
class State:
    """What the registry holds at one moment.

    Attributes:
        alias: Number of the version that the alias names; None if there is no alias.
        history: The records.
        versions: The versions by number, the oldest first: all, or `Versions`.
        older: Up to this number, `versions` hold at first only what may have to be decided or
            aligned; 0 if they hold all.
    """

    alias: int | None
    history: History
    versions: Mapping[int, Version]
    older: int = 0

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

    Each method that writes makes one atomic write; what `register` and `annotate` write beside
    that is for people, and nothing rests on it.
    """

    def __init__(self, uri: str, model_name: str) -> None:
        """Use a store, whichever one this process uses otherwise.

        Args:
            uri: MLflow tracking URI of the store.
            model_name: Name of the registered model.
        """
        self.uri, self.model_name = uri, model_name
        self._client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        tell_models_from_prompts_once(self._client)
        #: Where the records of the history are.
        self.ledger = Ledger(self._client, model_name)
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
        self._begin_model()
        with used_by_process(self._client.tracking_uri):  # MLflow looks for the model there
            created = self._client.create_model_version(
                self.model_name,
                model_uri,
                run_id=run_id,
                tags={stage: format_rmse(rmse), **({RMSE_SOURCE: source} if source else {})},
                model_id=model_uri.removeprefix("models:/"),
                description=self._introduction(run_id) if stage is Stage.STAGING else None,
            )
        version = _version(created)
        self.name_on_run(version, rmse)
        return version

    def name_on_run(self, version: Version, rmse: float) -> None:
        """Let a version's run and the model card among its files name the version."""
        try:
            run = self._client.get_run(version.run_id)
            name = run_name(_model_of(run.data.params), rmse, version.number)
            write_row(self._client.set_tag, version.run_id, RUN_NAME, name)
            self._number_card(version)
        except Exception:  # noqa: BLE001 - each artifact store has its own; nothing rests on them
            log.warning("version %s: its run or model card does not name it", version.number)

    def _introduction(self, run_id: str) -> str | None:
        """What a version's description says until there is a verdict, see `annotate`."""
        try:
            return describe_version(self._told(run_id))
        except Exception:  # noqa: BLE001 - each artifact store has its own; nothing rests on it
            return None

    def _number_card(self, version: Version) -> None:
        """Let the model card of a run, logged before there was a version, name the version."""
        found = self.run_file(version, CARD_JSON, MAX_CARD_BYTES)
        if found is None:
            return
        named = {"model_name": self.model_name, "model_version": version.number}
        card = parse_card(found).model_copy(update=named)
        for name, content in ((CARD, card_html(card)), (CARD_JSON, card_json(card))):
            self._client.log_text(version.run_id, content.decode(), name)

    def _begin_model(self) -> None:
        """Create the registered model, unless it has a version already."""
        if self._client.search_model_versions(f"name = '{self.model_name}'", max_results=1):
            return
        self.ledger.close_former()
        try:
            self._client.create_registered_model(self.model_name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

    def state(self) -> State:
        """Read alias and history as they are at one moment, and all versions."""
        alias, records = self._settled()
        versions = {version.number: version for version in self._search()}
        if not versions and find_model(self._client, self.model_name) is None:
            return State(None, History([]), {})  # no version was ever registered
        return State(alias, _history(records), versions)

    def recent_state(self) -> State:
        """Read alias and history as at one moment, and what may have to be decided or aligned.

        Those are the newest versions, those that the last records name, and all that are or were
        taken for production, or await a decision. It takes as many requests whatever the number
        of versions; any other version is looked up when it is asked for.
        """
        alias, records = self._settled()
        newest = self._newest()
        if not newest and find_model(self._client, self.model_name) is None:
            return State(None, History([]), {})  # no version was ever registered
        history = _history(records)
        tagged = [self._search(f"tags.`{stage}` LIKE '%'") for stage in SOUGHT]
        found = [*newest, *tagged[0], *tagged[1]]
        due = {*history.unreplaced, *history.named_by_last(LAST_RECORDS), *filter(None, [alias])}
        missing = due - {version.number for version in found}
        found += filter(None, map(self._find, sorted(missing)))
        older = newest[-1].number - 1 if len(newest) == NEWEST else 0
        return State(alias, history, Versions(found, self._find), older)

    def history(self) -> History:
        """Read the records, and nothing else."""
        return _history(self.ledger.read())

    def numbered(self, low: int, high: int) -> list[Version]:
        """Read the versions whose number is from `low` to `high`, the oldest first."""
        if high < low:
            return []
        return self._search(f"version_number >= {low} AND version_number <= {high}")

    def _settled(self) -> tuple[int | None, Mapping[str, str]]:
        """Read alias and history as they are at one moment.

        Records are only ever added: if there are none after the alias was read that were not
        there before, it was read while the history was this one. Whoever writes to a local store
        holds its lock, and whoever only reads needs no more there than an alias that stands
        while the history is read, which is the longer the more there is.
        """
        while is_local(self.uri):
            before, records, alias = self.production(), self.ledger.read(), self.production()
            if alias == before:
                return alias, records
        records = self.ledger.read()
        while True:
            alias, earlier = self.production(), records
            if (records := self.ledger.read()) == earlier:
                return alias, records

    def _newest(self) -> list[Version]:
        """The newest versions, the newest first."""
        return [_version(item) for item in self._page("", NEWEST, "DESC")]

    def _search(self, condition: str = "") -> list[Version]:
        """All versions that meet a condition, the oldest first."""
        found = _all_pages(lambda token: self._page(condition, MOST_FOUND, "ASC", token))
        return sorted((_version(item) for item in found), key=lambda version: version.number)

    def _page(self, condition: str, most: int, order: str, token: str | None = None) -> Any:
        named = f"name = '{self.model_name}'"
        return self._client.search_model_versions(
            f"{named} AND {condition}" if condition else named,
            max_results=most,
            order_by=[f"version_number {order}"],
            page_token=token,
        )

    def version(self, number: int) -> Version:
        """Read one version.

        Raises:
            UserError: If there is no such version.
        """
        found = self._find(number)
        if found is None:
            raise UserError(
                f"there is no version {number} of '{self.model_name}' in this store; "
                f"`kedro models list` shows those there are"
            )
        return found

    def _find(self, number: int) -> Version | None:
        """Read one version; None if there is no such version."""
        if not 0 < number <= MOST_VERSIONS:
            return None
        try:
            return _version(self._client.get_model_version(self.model_name, str(number)))
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    def production(self) -> int | None:
        """Read which version the alias names, and nothing else; None if there is no alias.

        The model is not asked for: MLflow would read all of its versions.
        """
        try:
            found = self._client.get_model_version_by_alias(self.model_name, ALIAS)
        except MlflowException as error:
            if error.error_code == "INVALID_PARAMETER_VALUE":
                return None
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            # There is no model, or the alias names no version that exists.
            model = find_model(self._client, self.model_name)
            return None if model is None else _alias(model)
        return int(found.version)

    def newest(self) -> object:
        """What differs once there is another version, or a verdict or tag on the newest; cheap."""
        found = self._client.search_model_versions(
            f"name = '{self.model_name}'", max_results=1, order_by=["version_number DESC"]
        )
        return [(item.version, item.last_updated_timestamp, item.tags) for item in found]

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
        number = self.production()
        return None if number is None else self.version(number)

    def move_alias(self, number: int) -> None:
        """Make a version production. This is the commit point of every promotion."""
        write_row(self._client.set_registered_model_alias, self.model_name, ALIAS, str(number))
        self._moved_to.append(number)

    def moves(self) -> list[dict[str, Any]]:
        """Tell every move of the alias that was made through this object, in order.

        Returns:
            `from` and `to`, version numbers, and `why`, a sentence, of each.
        """
        if not self._moved_to:
            return []
        told = {record.after: record for record in self.history() if record.moves}
        return [
            {"from": told[number].before, "to": number, "why": told[number].why}
            for number in self._moved_to
            if number in told
        ]

    def untag(self, number: int, stage: Stage) -> None:
        """Take a stage tag away."""
        write_row(self._client.delete_model_version_tag, self.model_name, str(number), stage)

    def tag(self, number: int, stage: Stage, rmse: str) -> None:
        """Give a version a stage tag."""
        write_row(self._client.set_model_version_tag, self.model_name, str(number), stage, rmse)

    def name_source(self, version: Version, source: str) -> None:
        """Say where a version's RMSE comes from, if not from its training here."""
        number = str(version.number)
        write_row(self._client.set_model_version_tag, self.model_name, number, RMSE_SOURCE, source)

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
        self.ledger.write(record.key, content)
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
        number, text = str(version.number), reason
        write_row(self._client.set_model_version_tag, self.model_name, number, "verdict", verdict)
        try:
            for name, content in files.items():
                self._client.log_text(version.run_id, content, name)
            told = self._told(version.run_id, version.number, reason)
            write_row(self._client.set_tag, version.run_id, NOTE, describe_run(told))
            text = describe_version(told)
        except Exception:  # noqa: BLE001 - its run is deleted, or what an artifact store has
            log.warning("version %s: its verdict is not among its run's files", number)
        self._client.update_model_version(self.model_name, number, text)

    def _told(self, run_id: str, number: int | None = None, reason: str | None = None) -> Told:
        """What MLflow's pages are to say of a version and of its run."""
        run = self._client.get_run(run_id)
        folders = ("", PLOTS.rstrip("/"))
        files = [item for at in folders for item in self._client.list_artifacts(run_id, at)]
        return Told(
            registered=self.model_name,
            number=number,
            model=_model_of(run.data.params),
            run_id=run_id,
            experiment_id=str(run.info.experiment_id),
            reason=reason,
            metrics=run.data.metrics,
            data=Lineage.of_tags(run.data.tags).data_sha256,
            files=[str(item.path) for item in files if not item.is_dir],
        )

    def twins(self, version: Version) -> frozenset[int]:
        """Find the versions that are made of the same data, parameters and code.

        Returns:
            Their numbers, its own among them; none if it is not known what it is made of.
        """
        made_of = self.run(version).lineage.made_of
        if made_of is None:
            return frozenset()
        experiments = _all_pages(
            lambda token: self._client.search_experiments(ViewType.ALL, page_token=token)
        )
        same = " AND ".join(
            f"tags.{name} = '{value}'" for name, value in zip(MADE_OF, made_of, strict=True)
        )
        places = [str(experiment.experiment_id) for experiment in experiments]
        runs = _all_pages(
            lambda token: self._client.search_runs(places, same, ViewType.ALL, page_token=token)
        )
        names = [f"'{run.info.run_id}'" for run in runs]
        parts = [names[at : at + RUNS_NAMED] for at in range(0, len(names), RUNS_NAMED)]
        found = (self._search(f"run_id IN ({', '.join(part)})") for part in parts)
        return frozenset(version.number for versions in found for version in versions)

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
            return _own_folder(place) or Path(self._download(place, _new_folder()))
        except Exception as error:  # each kind of artifact store has its own
            text = " ".join(str(error).split())
            raise UserError(f"the model of version {number} cannot be fetched: {text}") from error

    def model_file(self, number: int, name: str, most: int) -> bytes:
        """Fetch one file of a version's logged model.

        Args:
            number: The version.
            name: Path of the file within the model.
            most: The most bytes that it may have.

        Raises:
            UserError: If it cannot be fetched.
        """
        copy = _new_folder()
        try:
            place = self._client.get_model_version_download_uri(self.model_name, str(number))
            own = _own_folder(place)
            path = own / name if own else Path(self._download(f"{place}/{name}", copy))
            return read_regular(path, most)
        except Exception as error:  # each kind of artifact store has its own
            text = " ".join(str(error).split())
            raise UserError(f"{name} of version {number} cannot be fetched: {text}") from error
        finally:
            shutil.rmtree(copy, ignore_errors=True)

    def _download(self, place: str, folder: str) -> str:
        found: str = download_artifacts(
            place, dst_path=folder, tracking_uri=self._client.tracking_uri
        )
        return found

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


def _all_pages(ask: Callable[[str | None], Any]) -> list[Any]:
    """What a search finds, by its first page and what follows."""
    page = ask(None)
    found = list(page)
    while page.token:
        page = ask(page.token)
        found.extend(page)
    return found


def _history(records: Mapping[str, str]) -> History:
    return History([_record(*each) for each in records.items()])


def _model_of(parameters: Mapping[str, str]) -> str | None:
    return parameters.get("data_science.model")


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
        f"the record {key} of the history was altered and cannot be read: restore the tag "
        f"{HIDDEN}{key} of the experiment that keeps the history from a copy of the store, or "
        f"delete it with MlflowClient.delete_experiment_tag"
    ) from problem


def _version(found: ModelVersion) -> Version:
    stages = {stage: found.tags[stage] for stage in Stage if stage in found.tags}
    return Version(
        number=int(found.version),
        stages=stages,
        run_id=str(found.run_id),
        source=found.tags.get(RMSE_SOURCE),
    )
