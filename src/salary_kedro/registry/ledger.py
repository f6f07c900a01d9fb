"""Where the history is kept: an MLflow experiment of its own, one tag a record.

It is found by a tag, whatever people name it; if the model was renamed, by a tag of the model that
holds the experiment's number. Releases before this one kept the records as tags of the registered
model; they are moved over, and until all are, both places are read.
"""

import logging
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

from mlflow import MlflowClient
from mlflow.entities import Experiment, LifecycleStage, ViewType
from mlflow.entities.model_registry import RegisteredModel
from mlflow.exceptions import MlflowException

from salary_kedro.registry.descriptions import NOTE, describe_model
from salary_kedro.registry.history import PREFIX
from salary_kedro.registry.store import database_path, holding_of, is_local

log = logging.getLogger(__name__)

#: Tag of the experiment: the model whose history it keeps. MLflow lists no tag that begins so.
HISTORY_OF = "mlflow.salary_kedro.history_of"
#: Tag of the experiment, once no record is left where earlier releases kept them.
GATHERED = "mlflow.salary_kedro.history_gathered"
#: How the key of a record begins in the experiment.
HIDDEN = "mlflow.salary_kedro."
#: Tag of the registered model that earlier releases take for a record they cannot read: they stop.
#: It goes along when people rename the model, and leads to its history.
FENCE = f"{PREFIX}moved - earlier releases cannot read it"
LEADS_TO = "to the tags of experiment {home}: `kedro models history`"
LED = re.compile(r"to the tags of experiment (\d+):")
ABOUT = """\
Why each version of **{model}** is in production, or is not: the history of decisions, which
`kedro models history` shows. Each record is a tag of this experiment, written once and never
changed. Nothing trains here. Keep this experiment: whoever deletes it loses the reasons.
"""
#: How databases say that another process has just written the same row.
COLLISIONS = ("UniqueViolation", "Duplicate entry", "UNIQUE constraint", "StaleDataError")


class Ledger:
    """Reads and appends the records of one registered model, as texts by key."""

    def __init__(self, client: MlflowClient, model_name: str) -> None:
        """Use a client's store; nothing is read yet."""
        self._client, self._model_name = client, model_name
        #: The experiment that was written to or read last, and whether all lies there: records
        #: are read as a whole, which takes the longer the more there are.
        self._known: tuple[str, bool] | None = None
        #: The records, while a local store's lock is held, and which holding that is.
        self._kept: dict[str, str] = {}
        self._holding: object | None = None

    def read(self) -> dict[str, str]:
        """All records that can be found, by key; once while a local store's lock is held."""
        holding = holding_of(self._client.tracking_uri)
        if holding is None or holding is not self._holding:
            self._kept, self._holding = self._read(), holding
        return dict(self._kept)

    def _read(self) -> dict[str, str]:
        """Read them.

        A record leaves the old place after it has reached the new one, which is therefore read
        last.
        """
        homes, old = self._homes(), {}
        if not _is_gathered(homes):
            old = self.elsewhere()
            homes = self._homes()
        return {**old, **{key: text for home in homes for key, text in _records(home).items()}}

    def write(self, key: str, text: str) -> None:
        """Append a record, in one write; an experiment that was deleted is restored first."""
        home = self._known[0] if self._known else self._make_home()
        try:
            write_row(self._client.set_experiment_tag, home, f"{HIDDEN}{key}", text)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # `mlflow gc` has removed it
                home = self._make_home()
            elif "must be in the 'active' state" in str(error):
                log.warning("the experiment %s, which keeps the history, is restored", home)
                self.restore()
            else:
                raise
            write_row(self._client.set_experiment_tag, home, f"{HIDDEN}{key}", text)
        self._kept[key] = text

    def gather(self, *, again: bool = False) -> int:
        """Move what lies where earlier releases kept it; they can write no more.

        Whatever ends it, the next call completes it, and no record is out of sight meanwhile.

        Args:
            again: Look even if all was moved once: a process of an earlier release may have
                been about to write then.

        Returns:
            How many records were moved.
        """
        if self._known and self._known[1] and not again:
            return 0
        homes = self._homes()
        if _is_gathered(homes) and not again:
            return 0
        model = find_model(self._client, self._model_name)
        if model is None or not (homes or _without_fence(model.tags)):
            return 0  # nothing was decided yet
        home = self._make_home()
        if homes and FENCE not in model.tags:
            self._fence(home)
        old = self.elsewhere()
        for key in sorted(old):
            self.write(key, old[key])
        for key in sorted(old):
            write_row(self._client.delete_registered_model_tag, self._model_name, key)
        if not model.description:
            described = describe_model(home)
            self._client.update_registered_model(self._model_name, described)
        if not _is_gathered(homes):
            write_row(self._client.set_experiment_tag, home, GATHERED, _now())
        return len(old)

    def elsewhere(self) -> dict[str, str]:
        """Records that lie where earlier releases kept them, by key."""
        model = find_model(self._client, self._model_name)
        return {} if model is None else _without_fence(model.tags)

    def deleted(self) -> dict[str, str]:
        """Experiments that keep records and were deleted: names by number."""
        return {
            str(home.experiment_id): home.name
            for home in self._homes()
            if home.lifecycle_stage != LifecycleStage.ACTIVE
        }

    def restore(self) -> list[str]:
        """Restore what was deleted, before `mlflow gc` removes it; gives names."""
        lost = self.deleted()
        for number in lost:
            self._client.restore_experiment(number)
        return list(lost.values())

    def close_former(self) -> None:
        """Set aside the history of a registered model of this name that was deleted.

        Called before a model is created: its versions will count from 1 again.
        """
        former = [home for home in self._homes() if _records(home)]
        if not former or find_model(self._client, self._model_name) is not None:
            return
        self.restore()  # else it could not be changed
        self._holding = None
        for home in former:
            number = home.experiment_id
            self._client.rename_experiment(number, f"{self._name} of a deleted model, {number}")
            self._client.set_experiment_tag(number, HISTORY_OF, f"{self._model_name}, deleted")
        self._known = None

    @property
    def _name(self) -> str:
        return f"{self._model_name} history"

    def _homes(self) -> list[Experiment]:
        """The experiments that keep this history: one, unless somebody has copied its tag."""
        found = self._client.search_experiments(
            view_type=ViewType.ALL, filter_string=f"tags.`{HISTORY_OF}` = '{self._model_name}'"
        )
        first = min((str(home.experiment_id) for home in found), key=int, default=None)
        self._known = None if first is None else (first, _is_gathered(found))
        return sorted(found, key=lambda home: int(home.experiment_id)) or self._homes_before()

    def _homes_before(self) -> list[Experiment]:
        """The experiment that kept this history under a name that the model has no more."""
        model = find_model(self._client, self._model_name)
        led = None if model is None else LED.match(model.tags.get(FENCE, ""))
        if led is None:
            return []
        try:
            home = self._client.get_experiment(led[1])
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return []
        owner = home.tags.get(HISTORY_OF)
        is_left = owner is not None and find_model(self._client, owner) is None
        return [home] if is_left and _records(home) else []

    def _make_home(self) -> str:
        """The experiment to write to; it is created, or recognised, if need be."""
        if homes := self._homes():
            home = str(homes[0].experiment_id)
            if homes[0].tags[HISTORY_OF] != self._model_name:
                self._take_over(homes[0])
            return home
        home = self._create_home()
        self._fence(home)
        return home

    def _take_over(self, home: Experiment) -> None:
        """Keep in mind, with the history, that the model was renamed."""
        self.restore()  # else it could not be changed
        number = home.experiment_id
        self._client.rename_experiment(number, f"{self._name}, {number}")
        write_row(self._client.set_experiment_tag, number, HISTORY_OF, self._model_name)

    def _fence(self, home: str) -> None:
        """Let the registered model, if there is one, lead to its history."""
        told = LEADS_TO.format(home=home)
        try:
            write_row(self._client.set_registered_model_tag, self._model_name, FENCE, told)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise

    def _create_home(self) -> str:
        """A new experiment, or the one that has its name."""
        tags = {HISTORY_OF: self._model_name, NOTE: ABOUT.format(model=self._model_name)}
        try:
            return str(self._client.create_experiment(self._name, self._artifacts(), tags))
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = self._client.get_experiment_by_name(self._name)
        if found is None:  # renamed at this very moment
            return self._create_home()
        write_row(
            self._client.set_experiment_tag, found.experiment_id, HISTORY_OF, self._model_name
        )
        return str(found.experiment_id)

    def _artifacts(self) -> str | None:
        """A place within the store's own artifacts, which moves with them; nothing is put there."""
        uri = self._client.tracking_uri
        if not is_local(uri):
            return None
        return (database_path(uri).parent / "artifacts" / "history").as_uri()


def find_model(client: MlflowClient, name: str) -> RegisteredModel | None:
    """Read a registered model, which takes MLflow the longer the more versions it has."""
    try:
        return client.get_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_DOES_NOT_EXIST":
            raise
        return None


def write_row(write: Callable[..., object], *arguments: str) -> None:
    """Write, once more if another process wrote the same row meanwhile.

    MLflow looks whether there is one, then inserts or updates it: two that write one tag
    at once both insert it, and the database refuses the later one.
    """
    try:
        write(*arguments)
    except MlflowException as error:
        if not any(text in str(error) for text in COLLISIONS):
            raise
        write(*arguments)


def _is_gathered(homes: list[Experiment]) -> bool:
    return any(GATHERED in home.tags for home in homes)


def _records(home: Experiment) -> dict[str, str]:
    start = f"{HIDDEN}{PREFIX}"
    return {
        key.removeprefix(HIDDEN): text for key, text in home.tags.items() if key.startswith(start)
    }


def _without_fence(tags: Mapping[str, str]) -> dict[str, str]:
    return {key: text for key, text in tags.items() if key.startswith(PREFIX) and key != FENCE}


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
