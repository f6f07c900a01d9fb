"""The project as the commands see it; they read the configuration, but start no Kedro run."""

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kedro.io import DataCatalog
from kedro.io.core import DatasetError

from salary_kedro.bundle import BundleStore
from salary_kedro.errors import UserError
from salary_kedro.project.loader import LOADER_ARGS, ProjectConfigLoader
from salary_kedro.project.parameters import Parameters, check_parameters

if TYPE_CHECKING:  # they are slow to import
    from salary_kedro.promotion.judge import Judge
    from salary_kedro.registry.registry import Registry
    from salary_kedro.upkeep.doctor import Site


@dataclass(frozen=True)
class Project:
    """The project as an environment configures it.

    Attributes:
        parameters: Its parameters.
        uri: Its MLflow store.
        bundles: Its bundles.
        root: The project's folder.
        loader: Its configuration.
    """

    parameters: Parameters
    uri: str
    bundles: BundleStore
    root: Path
    loader: ProjectConfigLoader

    @property
    def registry(self) -> "Registry":
        """The model registry.

        Raises:
            UserError: If there is no store yet, or it cannot be used, or it still points
                to the place that the project was moved or copied from.
        """
        from salary_kedro.registry.relocation import refuse_former_places

        refuse_former_places(self.uri, self.artifacts)
        return self.records

    @property
    def records(self) -> "Registry":
        """The model registry, for commands that read no model and write nothing.

        Raises:
            UserError: If there is no store yet, or it cannot be used.
        """
        from salary_kedro.registry.registry import open_registry
        from salary_kedro.upkeep.doctor import obstacle

        found = obstacle(self.uri)
        if found is not None and found.severity == "advice":
            raise UserError("no model was ever trained in this environment: `make run` trains one")
        if found is not None:
            raise UserError(f"{found.what}: {found.remedy}")
        return open_registry(self.uri, self.model)

    @property
    def experiment(self) -> str:
        """Name of the MLflow experiment."""
        return str(self.loader["mlflow"]["tracking"]["experiment"]["name"])

    @property
    def artifacts(self) -> str | None:
        """URI of the folder of a local store's artifacts; another store decides that itself."""
        experiment = self.loader["mlflow"]["tracking"]["experiment"]
        location: str | None = experiment["create_experiment_kwargs"]["artifact_location"]
        return location

    @property
    def site(self) -> "Site":
        """The project's places."""
        from salary_kedro.upkeep.doctor import Site

        return Site(
            root=self.root,
            uri=self.uri,
            artifacts=self.artifacts,
            model_name=self.model,
            bundles=self.bundles,
            raw_data=self.raw_data,
            keep=self.parameters.packaging.keep,
        )

    def retire(self) -> None:
        """Remove bundles that nothing needs any more, and the Bentos that were built of them."""
        from salary_kedro.registry.registry import open_registry
        from salary_kedro.upkeep.retention import retire

        packaging = self.parameters.packaging

        def forget(name: str) -> None:
            from salary_kedro.bundle.bento import BentoProject  # BentoML is slow to import

            BentoProject(self.root).remove(name, packaging.bento_name)

        retire(open_registry(self.uri, self.model), self.bundles, packaging.keep, forget)

    def find_judge(self) -> "Judge | None":
        """A judge with today's holdout rows; None if no run has left any here.

        Raises:
            UnscorableError: If they cannot be read.
        """
        from salary_kedro.promotion.judge import Judge, UnscorableError
        from salary_kedro.registry.registry import open_registry

        with contextlib.chdir(self.root):
            entry = {"holdout": self.loader["catalog"]["holdout"]}
            catalog = DataCatalog.from_config(entry, self.loader.credentials())
            try:
                holdout = catalog.load("holdout") if catalog.exists("holdout") else None
            except DatasetError as error:
                raise UnscorableError(f"the holdout rows cannot be read: {error}") from error
        if holdout is None or holdout.empty:
            return None
        return Judge(open_registry(self.uri, self.model), holdout, self.parameters.promotion)

    @property
    def model(self) -> str:
        """Name of the registered model."""
        return self.parameters.registry.model_name

    @property
    def raw_data(self) -> Path | None:
        """The raw file; None if it can be fetched."""
        entry = self.loader["catalog"].get("raw_salaries", {})
        path = (entry.get("dataset") or entry).get("filepath")
        return None if entry.get("url") or not path or "://" in path else self.root / path


def open_project(root: Path, env: str | None) -> Project:
    """Read an environment's configuration."""
    loader = ProjectConfigLoader(str(root / "conf"), env, **LOADER_ARGS)
    return Project(
        parameters=check_parameters(loader["parameters"]),
        uri=loader["mlflow"]["server"]["mlflow_tracking_uri"],
        bundles=BundleStore(root / loader["catalog"]["bundles"]["filepath"]),
        root=root,
        loader=loader,
    )
