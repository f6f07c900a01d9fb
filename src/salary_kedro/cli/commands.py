"""What the `kedro models` commands do. They read the configuration, but start no Kedro run."""

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from kedro.io import DataCatalog
from kedro.io.core import DatasetError

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.limits import SIGNATURE
from salary_kedro.bundle.signing import read_signer, read_verifier
from salary_kedro.cli.console import as_lines, as_table, printable, show
from salary_kedro.errors import UserError
from salary_kedro.project.loader import LOADER_ARGS, ProjectConfigLoader
from salary_kedro.project.ownership import refuse_owned
from salary_kedro.project.parameters import Parameters, check_parameters
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.promotion.judge import Judge, UnscorableError
from salary_kedro.promotion.packaging import bring_into_line, export_production
from salary_kedro.registry.history import History, Record
from salary_kedro.registry.registry import Registry, State, open_registry
from salary_kedro.registry.relocation import refuse_former_places
from salary_kedro.registry.stages import Version
from salary_kedro.registry.store import prepare_store
from salary_kedro.upkeep.backup import back_up
from salary_kedro.upkeep.backup import restore as restore_all
from salary_kedro.upkeep.doctor import Site, examine, obstacle
from salary_kedro.upkeep.repair import mend
from salary_kedro.upkeep.retention import retire
from salary_kedro.upkeep.transfer import export_version, import_version, read_archive

Row = dict[str, Any]
SHOWN_PLACES = 3


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
    def registry(self) -> Registry:
        """The model registry.

        Raises:
            UserError: If there is no store yet, or it cannot be used, or it still points
                to the place that the project was moved or copied from.
        """
        refuse_former_places(self.uri, self.artifacts)
        return self.records

    @property
    def records(self) -> Registry:
        """The model registry, for commands that read no model and write nothing.

        Raises:
            UserError: If there is no store yet, or it cannot be used.
        """
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
    def site(self) -> Site:
        """The project's places."""
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
        packaging = self.parameters.packaging

        def forget(name: str) -> None:
            from salary_kedro.bundle.bento import BentoProject  # BentoML is slow to import

            BentoProject(self.root).remove(name, packaging.bento_name)

        retire(open_registry(self.uri, self.model), self.bundles, packaging.keep, forget)

    def find_judge(self) -> Judge | None:
        """A judge with today's holdout rows; None if no run has left any here.

        Raises:
            UnscorableError: If they cannot be read.
        """
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
        path = entry.get("dataset", {}).get("filepath")
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


def list_versions(project: Project) -> list[Row]:
    """One row a version, the newest first."""
    registry = project.records
    state = registry.state()
    return [_version_row(registry, state, v) for v in reversed([*state.versions.values()])]


def _version_row(registry: Registry, state: State, version: Version) -> Row:
    run = registry.run(version)
    started = None if run.started is None else datetime.fromtimestamp(run.started / 1000, UTC)
    return {
        "version": version.number,
        "stage": " ".join(version.stages) or None,
        "production": version.number == state.alias,
        "rmse": _number(version.recorded),
        "claimed": state.claims(version),
        "model": run.parameters.get("data_science.model"),
        "data_sha256": run.tags.get("data_sha256"),
        "code_sha256": run.tags.get("code_sha256"),
        "when": None if started is None else started.isoformat(timespec="seconds"),
    }


def _number(text: str | None) -> float | None:
    """A tag's value; None if it is no finite number."""
    try:
        value = math.nan if text is None else float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def show_version(project: Project, number: int) -> Row:
    """Everything about one version: verdict, evidence, lineage, parameters, metrics."""
    registry = project.registry
    version = registry.version(number)
    state = registry.state()
    run = registry.run(version)
    about = [record for record in state.history if record.version == number]
    judged = [record for record in about if record.evidence is not None]
    return {
        **_version_row(registry, state, version),
        "run_id": version.run_id,
        "imported": number in state.history.imported,
        "verdict": judged[-1].evidence if judged else None,
        "verdict_claimed": bool(judged) and judged[-1].action == "import",
        "history": [_record_row(record) for record in _visible(state.history, about)],
        "lineage": registry.lineage(number),
        "parameters": dict(run.parameters),
        "metrics": {name: _number(str(value)) for name, value in run.metrics.items()},
    }


def history(project: Project) -> list[Row]:
    """Every decision, in order."""
    records = project.records.state().history
    return [_record_row(record) for record in _visible(records, records)]


def _visible(records: History, chosen: Sequence[Record]) -> list[Record]:
    """What was done, and the intents of which nothing came: each decision once."""
    return [r for r in chosen if r.state == "done" or r in records.unfinished]


def _record_row(record: Record) -> Row:
    row = record.model_dump(mode="json", by_alias=True, exclude={"key", "intent", "knows"})
    done = "done" if record.state == "done" else "unfinished"
    return {**row, "state": done, "claimed": record.action == "import"}


def rollback(project: Project, to: int | None, reason: str, force: bool) -> Row:
    """Go back to a former production version, and repackage it."""
    return _decide(
        project, lambda registry: roll_back(registry, reason, to, force, project.find_judge)
    )


def promote(project: Project, number: int, reason: str) -> Row:
    """Make a version production by hand, and repackage it."""
    return _decide(
        project, lambda registry: promote_by_hand(registry, number, reason, project.find_judge)
    )


def _decide(project: Project, decide: Callable[[Registry], int]) -> Row:
    registry = project.registry
    read_signer()  # one that cannot be read is told before anything changes
    try:
        number = decide(registry)
    except UserError as error:
        if told := _catch_up(project):
            error.add_note(told)
        raise
    claimed = registry.state().claims(registry.version(number))
    return {"production": number, "bundle": _package(project, number), "claimed": claimed}


def _catch_up(project: Project) -> str | None:
    """Package what is in production, which an earlier command may not have done, or not signed.

    Returns:
        What was done; None if there was nothing to do.
    """
    before = project.bundles.state()
    try:
        name = export_production(project.registry, project.bundles)
    except (UserError, OSError):
        return None  # the decision was refused for another reason, which is what is told
    if project.bundles.state() == before:
        return None
    how = ", signed" if (project.bundles.folder / name / SIGNATURE).is_file() else ""
    return f"the production version is packaged now, as bundle {name}{how}"


def _package(project: Project, number: int) -> str:
    """Package what a person has just made production; what fails then is told as what it is."""
    try:
        return export_production(project.registry, project.bundles)
    except (UserError, OSError) as error:
        raise UserError(
            f"version {number} is in production now, but not packaged, so services go on with the "
            f"former one: {error}. Mend that, then run `kedro models doctor --fix`"
        ) from error


def export(project: Project, number: int, file: Path) -> Row:
    """Write a version's archive."""
    remedy = f"choose another file, such as version-{number}.zip"
    refuse_owned(file, project.root, project.loader, remedy)
    export_version(project.registry, number, file, read_signer())
    return {"version": number, "file": str(file)}


def import_(project: Project, file: Path) -> Row:
    """Create a version of what an archive holds, in a new store if there is none yet."""
    transfer = read_archive(file, read_verifier())
    refuse_former_places(project.uri, project.artifacts)
    prepare_store(project.uri, project.experiment, project.artifacts)
    bring_into_line(project.registry, project.bundles)
    number = import_version(project.registry, project.experiment, transfer)
    return {"version": number, "file": str(file)}


def backup(project: Project, file: Path) -> Row:
    """Write an archive of all that runs have made."""
    refuse_owned(file, project.root, project.loader, "choose another file, such as ../all.zip")
    _ = project.registry  # says what is wrong with it
    return back_up(project.site, file)


def restore(project: Project, file: Path, force: bool) -> Row:
    """Put what an archive of all holds into the project."""
    return restore_all(project.site, file, force)


def doctor(project: Project, fix: bool) -> Row:
    """Say what is wrong; mend it first if asked to."""
    site = project.site
    fixed, left = mend(site) if fix else ([], [])
    found = examine(site)
    known = {finding.what for finding in found}
    findings = [*(f for f in left if not any(what in f.what for what in known)), *found]
    return {
        "findings": [asdict(finding) for finding in findings],
        "fixed": fixed,
        "healthy": all(finding.severity == "advice" for finding in findings),
    }


def as_versions(rows: Sequence[Row]) -> None:
    """Print the versions as a table; an RMSE that nobody here has measured is marked."""
    columns = {name: name for name in ("version", "stage", "figure", "model")} | {"figure": "rmse"}
    columns |= {"data_sha256": "data", "code_sha256": "code", "when": "when"}
    marks = {True: " (claimed)", False: ""}
    as_table(
        [{**row, "figure": show("rmse", row["rmse"]) + marks[row["claimed"]]} for row in rows],
        columns,
    )


def as_version(shown: Row) -> None:
    """Print all about a version; what others claim is marked."""
    told = {name: value for name, value in shown.items() if "claimed" not in name}
    claims = {"rmse": shown["claimed"], "verdict": shown["verdict_claimed"]}
    claims |= dict.fromkeys(("lineage", "parameters", "metrics"), shown["imported"])
    as_lines(
        {f"{name} (claimed)" if claims.get(name) else name: item for name, item in told.items()}
    )


def reproduce(project: Project, number: int) -> Row:
    """Train a version once more, and compare."""
    from salary_kedro.cli import reproduction  # brings scikit-learn's training code

    return reproduction.reproduce(project.registry, project.loader, project.root, number)


def as_reproduction(found: Row) -> None:
    """Print what came of training once more."""
    from salary_kedro.cli import reproduction

    click.echo("\n".join(reproduction.describe(found)))


def as_backup(made: Row) -> None:
    """Print what an archive of all holds, and what it does not."""
    production = "none" if made["production"] is None else f"version {made['production']}"
    click.echo(f"{made['file']} holds {made['versions']} versions; production is {production}")
    if made["elsewhere"]:
        places = ", ".join(map(printable, made["elsewhere"][:SHOWN_PLACES]))
        click.echo(
            f"Not in it: {len(made['elsewhere'])} folders that lie elsewhere, such as {places}"
        )


def as_restored(result: Row) -> None:
    """Print what an archive of all has brought, and what it took."""
    production = "none" if result["production"] is None else f"version {result['production']}"
    click.echo(f"{result['versions']} versions are restored; production is {production}")
    for line in result["set_aside"]:
        click.echo(f"set aside  {line}")
    for line in result["fixed"]:
        click.echo(f"fixed      {printable(line)}")
    for line in result["left"]:
        click.echo(f"left       {printable(line)}; see `kedro models doctor`")


def as_diagnosis(result: Row) -> None:
    """Print what was mended, and what is wrong or could be better."""
    for line in result["fixed"]:
        click.echo(f"fixed   {printable(line)}")
    for finding in result["findings"]:
        click.echo(f"{finding['severity']:<6}  {printable(finding['what'])}")
        click.echo(f"        why it matters: {printable(finding['why_it_matters'])}")
        click.echo(f"        what to do: {printable(finding['remedy'])}")
    if not result["findings"]:
        click.echo("nothing is wrong")
    elif result["healthy"]:
        click.echo("nothing is broken")
