"""The registered model in MLflow: versions, stage tags and the production alias."""

from pathlib import Path

from mlflow import MlflowClient
from mlflow.artifacts import download_artifacts
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from salary_kedro.errors import UserError
from salary_kedro.lifecycle.stages import ALIAS, Stage, Version, format_rmse


class Registry:
    """Reads and writes one registered model. The alias is the truth, the tags follow it."""

    def __init__(self, model_name: str) -> None:
        """Use the store that MLflow's tracking URI names.

        Args:
            model_name: Name of the registered model.
        """
        self.model_name = model_name
        self._client = MlflowClient()
        self.uri = self._client.tracking_uri

    def register(self, model_uri: str, run_id: str, rmse: float) -> Version:
        """Create a version with its `staging` tag, in one transaction.

        Args:
            model_uri: The logged model, `models:/m-...`.
            run_id: The run that logged it.
            rmse: Its holdout RMSE, in the target's unit.
        """
        try:
            self._client.create_registered_model(self.model_name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        created = self._client.create_model_version(
            self.model_name,
            model_uri,
            run_id=run_id,
            tags={Stage.STAGING: format_rmse(rmse)},
            model_id=model_uri.removeprefix("models:/"),
        )
        return _version(created)

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
                f"`make ui` shows those it has"
            ) from error

    def versions(self) -> list[Version]:
        """Read all versions, oldest first."""
        found: list[ModelVersion] = []
        token = None
        while token != "":
            page = self._client.search_model_versions(
                f"name = '{self.model_name}'", order_by=["version_number ASC"], page_token=token
            )
            found.extend(page)
            token = page.token or ""
        return sorted((_version(item) for item in found), key=lambda version: version.number)

    def champion(self) -> Version | None:
        """Read the version that the alias names; None if no version was promoted yet."""
        try:
            number = self._client.get_registered_model(self.model_name).aliases.get(ALIAS)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None  # no version was ever registered
        return None if number is None else self.version(int(number))

    def promote(self, challenger: Version) -> None:
        """Make a version production: alias first, then untag the old, then tag the new.

        Moving the alias is the one atomic step that counts. A second call changes nothing.
        """
        self._client.set_registered_model_alias(self.model_name, ALIAS, str(challenger.number))
        self.align_tags()

    def align_tags(self) -> None:
        """Bring the stage tags into line with the alias, whatever interrupted an earlier command.

        `production` for the version that the alias names, `staging` for those that have
        no other stage, `archived` for all others. A second call changes nothing.

        Raises:
            UserError: If there is no alias, but a version is tagged production.
        """
        champion = self.champion()
        versions = self.versions()
        tagged = [version.number for version in versions if Stage.PRODUCTION in version.stages]
        if champion is None and tagged:
            raise UserError(
                f"version {tagged[0]} is tagged production, but the alias '{ALIAS}' that says so "
                f"is missing: give it to the version that is to be production, with `make ui`"
            )
        versions.sort(key=lambda version: champion is not None and version == champion)
        for version in versions:
            if champion is not None and version.number == champion.number:
                self._set_stage(version, Stage.PRODUCTION)
            elif set(version.stages) != {Stage.STAGING}:
                self._set_stage(version, Stage.ARCHIVED)

    def archive(self, challenger: Version) -> None:
        """Set a version aside. A second call changes nothing."""
        self._set_stage(challenger, Stage.ARCHIVED)

    def model_folder(self, number: int) -> Path:
        """Fetch a version's logged model: `model.skops`, and `extra_files/` beside it.

        Returns:
            A local folder: the store's own where it is local, else a downloaded copy.

        Raises:
            UserError: If it cannot be fetched.
        """
        try:
            return Path(download_artifacts(f"models:/{self.model_name}/{number}"))
        except (MlflowException, OSError) as error:
            raise UserError(f"the model of version {number} cannot be fetched: {error}") from error

    def _set_stage(self, version: Version, stage: Stage) -> None:
        for other in version.stages:
            if other != stage:
                self._client.delete_model_version_tag(self.model_name, str(version.number), other)
        if stage not in version.stages:
            self._client.set_model_version_tag(
                self.model_name,
                str(version.number),
                stage,
                version.recorded or self._run_rmse(version),
            )

    def _run_rmse(self, version: Version) -> str:
        """RMSE of a version whose tags were lost, from its run; `nan` if that is lost too."""
        try:
            metrics = self._client.get_run(version.run_id).data.metrics
        except MlflowException:
            return "nan"
        return format_rmse(metrics["rmse"]) if "rmse" in metrics else "nan"


def _version(found: ModelVersion) -> Version:
    stages = {stage: found.tags[stage] for stage in Stage if stage in found.tags}
    return Version(number=int(found.version), stages=stages, run_id=str(found.run_id))
