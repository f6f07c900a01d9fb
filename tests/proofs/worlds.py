"""Stores in which rounds of a proof take place, each round in one as good as new."""

import random
import secrets
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import mlflow
import pandas as pd
from mlflow import MlflowClient

from machines import Machine
from proofs import forks
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.contract.domain import Domain
from salary_kedro.promotion.by_hand import promote_by_hand
from salary_kedro.promotion.contest import decide_contest
from salary_kedro.promotion.judge import Judge
from salary_kedro.promotion.verdict import Policy, Verdict
from salary_kedro.registry import registry as registry_module
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Stage, Version
from salary_kedro.registry.store import is_local, prepare_store
from salary_kedro.registry.tracking import LoggedModel, log_training
from samples import constant, default_contract
from stores import NO_GROUPS, NO_REJECTED_ROWS, age_history, copy_database

EXPERIMENT = "proofs"
#: Against salaries of 100, a model that always says 100 + r has an RMSE of r.
HOLDOUT = pd.DataFrame({"experience_years": [1.0, 2.0], "salary": [100.0, 100.0]})
#: RMSEs of the models that every world holds; 10 sorts before 9 as text.
RMSES = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.25, 8.0, 9.0, 10.0, 11.0, 12.0)


@dataclass(frozen=True)
class Site:
    """Where one round takes place.

    Attributes:
        uri: MLflow's tracking URI.
        model_name: The registered model.
        models: The logged models, by RMSE.
        newest: Of so many versions, the newest, each command reads the tags, whatever they are.
        machines: From where it is used.
        position: Of these, the one from which it is used here.
    """

    uri: str
    model_name: str
    models: Mapping[float, LoggedModel]
    newest: int = registry_module.NEWEST
    machines: Sequence[Machine] = (Machine(),)
    position: int = 0

    def seen_from(self, position: int) -> "Site":
        """The same, used from another machine if there is one."""
        return replace(self, position=position % len(self.machines))

    @property
    def local(self) -> bool:
        """Whether its users share a lock."""
        return is_local(self.uri)

    @cached_property
    def registry(self) -> Registry:
        """The registry; this opens the store, so only a forked process may ask for it."""
        self.machines[self.position].enter()
        mlflow.set_tracking_uri(self.uri)
        registry_module.NEWEST = self.newest  # of that process
        return Registry(self.uri, self.model_name)

    def register(self, rmse: float, stage: Stage = Stage.STAGING) -> Version:
        """Register the model of an RMSE as a new version."""
        logged = self.models[rmse]
        return self.registry.register(logged.model_uri, logged.run_id, rmse, stage)

    def compete(self, rmse: float) -> Verdict:
        """Register the model of an RMSE, and let it contest production."""
        mine = self.register(rmse)
        return decide_contest(self.registry, mine, Judge(self.registry, HOLDOUT, Policy()))

    def rmse(self, number: int) -> float:
        """RMSE of a version, whatever its tags say."""
        run_id = self.registry.version(number).run_id
        return next(rmse for rmse, logged in self.models.items() if logged.run_id == run_id)


@dataclass(frozen=True)
class World:
    """A store with the models, and room for any number of sites.

    Attributes:
        uri: The store's tracking URI.
        folder: A folder of its own.
        models: The logged models, by RMSE.
        machines: From where it is used.
    """

    uri: str
    folder: Path
    models: Mapping[float, LoggedModel]
    machines: Sequence[Machine] = (Machine(),)

    @property
    def name(self) -> str:
        """What people call it."""
        if len(self.machines) > 1:
            return f"{len(self.machines)} machines, MLflow on PostgreSQL, S3 store"
        return "SQLite" if is_local(self.uri) else "MLflow server on PostgreSQL"

    def site(self, seed: int) -> Site:
        """A new site: a copy of the SQLite store, or a new name on the server.

        Of an odd seed, commands read of the newest version alone whatever it is, so that all
        others are as old as most in a registry of thousands.
        """
        newest = 1 if seed % 2 else registry_module.NEWEST
        name = f"salaries-{secrets.token_hex(6)}"
        if not is_local(self.uri):
            return Site(self.uri, name, self.models, newest, self.machines)
        database = self.folder / name / "mlflow.db"
        database.parent.mkdir()
        copy_database(self.folder / "mlflow.db", database)
        return Site(f"sqlite:///{database}", name, self.models, newest)

    def leave(self, site: Site) -> None:
        """Remove a site of which nobody needs anything any more."""
        shutil.rmtree(self.folder / site.model_name, ignore_errors=True)


def make_world(
    folder: Path, uri: str | None = None, machines: Sequence[Machine] = (Machine(),)
) -> World:
    """Make a world in a folder, or in the store of a running server."""
    folder.mkdir(parents=True, exist_ok=True)
    place = uri or f"sqlite:///{folder / 'mlflow.db'}"
    artifacts = None if uri else (folder / "artifacts").as_uri()
    models = forks.run(_log_models, place, artifacts, machines[0]).value
    return World(place, folder, models, machines)


def _log_models(send: forks.Send, uri: str, artifacts: str | None, machine: Machine) -> None:
    machine.enter()
    experiment = f"{EXPERIMENT}-{secrets.token_hex(6)}"
    prepare_store(uri, experiment, artifacts)
    mlflow.set_tracking_uri(uri)
    mlflow.set_experiment(experiment)
    send({rmse: _log(rmse) for rmse in RMSES})


def _log(rmse: float) -> LoggedModel:
    with mlflow.start_run():
        return log_training(
            model=constant(100 + rmse),
            contract=default_contract(),
            domain=Domain(),
            metrics={"rmse": rmse},
            lineage=Lineage(
                git_commit="abc",
                data_sha256="data",
                code_sha256="code",
                parameters_sha256=f"parameters of {rmse}",
            ),
            figures={},
            group_metrics=NO_GROUPS,
            rejected_rows=NO_REJECTED_ROWS,
        )


FORMER, CHAMPION = 10.0, 8.0  # RMSEs of the first and of the present production version
OTHER = 11.0  # of a version that was never production


@dataclass(frozen=True)
class Numbers:
    """Versions of a start.

    Attributes:
        former: Once production.
        champion: Production.
        other: Never production.
    """

    former: int
    champion: int
    other: int


def populate(site: Site, seed: int) -> Numbers:
    """Give a site versions, a champion, a former one, and strays of hands and crashes."""
    chance = random.Random(seed)
    spares = chance.choice((0, 1, 3, 9))  # with nine, some numbers have two digits
    for _ in range(spares):
        site.register(12.0, Stage.ARCHIVED)
    other = site.register(OTHER, Stage.ARCHIVED).number
    site.compete(FORMER)
    if chance.random() < 0.5:
        site.compete(CHAMPION)
        champion = other + 2
    else:
        champion = site.register(CHAMPION, Stage.ARCHIVED).number
        promote_by_hand(site.registry, champion, "as we like it")
    numbers = Numbers(former=other + 1, champion=champion, other=other)
    strays = [stray for stray in STRAYS if site.newest > 1 or stray is not _untagged]
    for stray in chance.sample(strays, chance.randint(0, 2)):
        stray(site, numbers)
    return numbers


def _stale_rival(site: Site, numbers: Numbers) -> None:
    site.register(9.0)


def _stale_better_rival(site: Site, numbers: Numbers) -> None:
    site.register(7.25)


def _two_tags(site: Site, numbers: Numbers) -> None:
    _tag(site, numbers.other, Stage.STAGING)


def _second_production(site: Site, numbers: Numbers) -> None:
    _tag(site, numbers.former, Stage.PRODUCTION)


def _untagged(site: Site, numbers: Numbers) -> None:
    """Only looking at all versions finds an old one without a tag, of which no record tells."""
    MlflowClient().delete_model_version_tag(site.model_name, str(numbers.other), Stage.ARCHIVED)


def _no_production_tag(site: Site, numbers: Numbers) -> None:
    MlflowClient().delete_model_version_tag(site.model_name, str(numbers.champion), "production")


def _tag(site: Site, number: int, stage: Stage) -> None:
    MlflowClient().set_model_version_tag(site.model_name, str(number), stage, "8.5")


def _old_history(site: Site, numbers: Numbers) -> None:
    age_history(site.model_name)


STRAYS = (
    _stale_rival,
    _stale_better_rival,
    _two_tags,
    _second_production,
    _untagged,
    _no_production_tag,
    _old_history,
)
