"""Hooks: checks and store set-up before a run, progress during it, the summary after it.

Kedro imports this for every command, so what is slow to import is imported by what needs it.
"""

import json
import logging
import math
import re
import shlex
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, cast

import click
import yaml
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import CatalogProtocol
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_mlflow.framework.hooks.mlflow_hook import MlflowHook
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException
from pydantic import BaseModel

from salary_kedro.bundle.signing import read_signer, read_verifier
from salary_kedro.cli.command import check_env
from salary_kedro.cli.console import echo
from salary_kedro.cli.progress import Progress
from salary_kedro.cli.summary import summarise
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.project.loader import ProjectConfigLoader
from salary_kedro.project.ownership import OUTPUT, refuse_owned
from salary_kedro.project.parameters import DataScience, Parameters
from salary_kedro.project.places import local_path, run_name
from salary_kedro.project.project import Project, read_project
from salary_kedro.project.run_options import check_conf_source, check_run, check_versions
from salary_kedro.registry.failures import LOCK_SECONDS, tell_failure

#: How the catalog names one group of parameters, and all of them.
PARAMETER, PARAMETERS = "params:", "parameters"
#: Nodes that take how a plain run would train; it is what they find that this one trains by.
SEARCHING = {"search_models", "log_search", "choose_winner"}
LOG_FILE = Path("data", "logs", "kedro.log")
#: How Kedro records a runner; the sequential one is what it takes by itself.
RUNNER = re.compile(r"<((?!kedro\.runner\.sequential_runner)[\w.]+) object at ")


class ProjectHooks:
    """What the project adds to a Kedro run."""

    def __init__(self) -> None:
        self._outputs: dict[str, Any] = {}
        self._saved: set[str] = set()
        self._progress = Progress(0)

    @hook_impl(tryfirst=True)
    def after_context_created(self, context: KedroContext) -> None:
        """Check all parameters and make the store usable, before anything else is touched."""
        from salary_kedro.registry.store import prepare_store
        from salary_kedro.upkeep.repair import relocate_project

        check_conf_source(context.project_path, context.config_loader.conf_source)
        check_env(context.env, context.project_path)
        log_to_file(context.project_path / LOG_FILE)
        loader = cast("ProjectConfigLoader", context.config_loader)  # settings.py names it
        self._project = project = read_project(context.project_path, loader)
        check_folders(project.root, loader["catalog"])
        read_signer(), read_verifier()  # packaging would find out too late that it has no key
        prepare_store(project.uri, project.experiment, project.artifacts)
        if moved := relocate_project(project):
            click.echo(f"The project was moved or copied: {moved}", err=True)

    @hook_impl(tryfirst=True)
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Begin to count nodes; check what only this run needs."""
        check_run(run_params, catalog)
        if versions := run_params["load_versions"]:
            check_versions(versions, self._project.loader["catalog"])
        self._outputs, self._progress = {}, Progress(len(pipeline.nodes))
        self._progress.attach()
        self._saved.clear()
        if "scored_rows" in pipeline.inputs():
            check_scored_rows(self._project, catalog)
        names = {node.name for node in pipeline.nodes}
        if "search_models" in names:
            check_tournament(self._project.parameters)
        elif "fit_model" in names:
            check_model(self._project.parameters.data_science)

    @hook_impl
    def before_node_run(self, node: Node) -> None:
        """Show progress."""
        self._progress.start(node.name)

    @hook_impl
    def after_node_run(self, node: Node, outputs: dict[str, Any]) -> None:
        """Show how long it took; keep what the summary may tell."""
        self._progress.end(node.name)
        self._outputs.update(outputs)

    @hook_impl
    def after_dataset_saved(self, dataset_name: str) -> None:
        """Note what is written: Kedro calls a node run before its outputs are."""
        self._saved.add(dataset_name)

    @hook_impl
    def after_pipeline_run(self, run_params: dict[str, Any]) -> None:
        """Print the summary."""
        self._tell_summary(run_params)

    def _tell_summary(self, run_params: dict[str, Any]) -> None:
        echo(summarise(self._outputs, run_params["env"], self._progress.times()))

    @hook_impl(tryfirst=True)
    def on_pipeline_error(
        self, error: Exception, run_params: dict[str, Any], pipeline: Pipeline
    ) -> None:
        """Say how to go on with what was trained; print what was decided before the run failed."""
        self._progress.close()
        names = {node.name for node in pipeline.nodes}
        is_logged = "logged_model" in self._saved or "log_run" not in names
        if "register_version" in names and is_logged and tell_failure(error, LOCK_SECONDS):
            error.add_note(f"what was trained is kept: then run `{resume_command(run_params)}`")
        if "verdict" in self._outputs:
            self._tell_summary(run_params)


class FlatParametersHook(MlflowHook):  # type: ignore[misc]  # it has no types
    """kedro-mlflow's hook, which logs typed parameter groups as one flat parameter each.

    The contract is not a parameter in MLflow; it is logged as a file of the model.
    """

    def __init__(self) -> None:
        super().__init__()
        self._logged: set[str] = set()
        self._is_tracked = True

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Set MLflow up, and keep its settings."""
        super().after_context_created(context)
        self._settings: Any = context.mlflow  # type: ignore[attr-defined]  # which it has put there

    @hook_impl
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: CatalogProtocol[Any, Any]
    ) -> None:
        """Open the MLflow run; nothing is logged in it yet.

        The processes of a named run share one.
        """
        from salary_kedro.registry import tracking as runs
        from salary_kedro.registry.store import store_lock

        self._logged.clear()
        name, tracking = run_name(), self._settings.tracking
        with store_lock(self._settings.server.mlflow_tracking_uri) if name else nullcontext():
            if name:
                found = runs.find_named_run(name, tracking.experiment.name)
                tracking.run.id = tracking.run.id or found
                if tracking.run.id and any(node.name == "log_run" for node in pipeline.nodes):
                    runs.refuse_second_training(name, tracking.run.id)
            super().before_pipeline_run(run_params, pipeline, catalog)
            self._is_tracked = runs.is_open()
            if name and self._is_tracked:
                runs.tag_named_run(name)
        if any(node.name == "log_search" for node in pipeline.nodes):
            runs.active_run_id()  # without one, a search of hours would be lost

    @hook_impl
    def before_node_run(
        self, node: Node, catalog: CatalogProtocol[Any, Any], inputs: dict[str, Any], is_async: bool
    ) -> None:
        """Log what parameters a node takes, each value once.

        Without a run of its own it must log nothing: kedro-mlflow would go on with the run of an
        earlier session in this process.
        """
        if self._is_tracked:
            plain = f"{PARAMETER}data_science" if node.name in SEARCHING else ""
            told = {name: value for name, value in inputs.items() if name != plain}
            super().before_node_run(node, catalog, self._flat(told), is_async)

    def _flat(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """The parameters that were not logged yet, as if each was one of the catalog."""
        flat = {
            f"{PARAMETER}{key}": item
            for name, value in inputs.items()
            if (group := _group(name, value))
            for key, item in flatten(group, value).items()
        }
        fresh = {name: value for name, value in flat.items() if name not in self._logged}
        self._logged.update(fresh)
        return fresh


def _group(dataset: str, value: Any) -> str | None:
    """As what group of parameters a node's input is logged; None if it is none.

    The parameters that a tournament gives stand for those that it was given.
    """
    if isinstance(value, Contract):
        return None
    if dataset == PARAMETERS or dataset.startswith(PARAMETER):
        return dataset.removeprefix(PARAMETER)
    return "data_science" if isinstance(value, DataScience) else None


def resume_command(run_params: dict[str, Any]) -> str:
    """The command that goes on from a training that was logged, but not registered."""
    name = run_name()  # in whose folder the logged model is named
    options = [*([f"SALARY_RUN={name}"] if name else []), "kedro", "run"]
    if run_params.get("env"):
        options += ["--env", run_params["env"]]
    if names := run_params.get("pipeline_names"):
        options += ["--pipelines", ",".join(names)]
    if tags := run_params.get("tags"):
        options += ["--tags", ",".join(tags)]
    if runner := RUNNER.match(str(run_params.get("runner"))):
        options += ["--runner", runner[1]]
    if given := run_params.get("runtime_params"):
        each = {
            key: item
            for name, value in given.items()
            for key, item in flatten(name, value, empty=True).items()
        }
        options += ["--params", ",".join(f"{k}={_as_text(v)}" for k, v in each.items())]
    return shlex.join([*options, "--from-nodes", "register_version"])


def _as_text(value: Any) -> str:
    """A value as `--params` reads it back: it splits at commas, then reads each as YAML."""
    text = value if isinstance(value, str) else json.dumps(value)
    if "," not in text and _reads_as(text, value):
        return text
    quoted = yaml.safe_dump(value, default_style='"', default_flow_style=False, width=math.inf)
    return str(quoted).replace(",", r"\x2c").strip()


def _reads_as(text: str, value: Any) -> bool:
    try:
        read = OmegaConf.from_dotlist([f"value={text}".strip()])
    except (yaml.YAMLError, OmegaConfBaseException):
        return False
    return bool(OmegaConf.to_container(read) == {"value": value})


def flatten(name: str, value: Any, *, empty: bool = False) -> dict[str, Any]:
    """Flatten nested parameters: `{"data_science.cross_validation.folds": 5}`.

    Args:
        name: Their common name.
        value: One value, or a group of them.
        empty: Whether an empty group is given too, as `{}`.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    if not isinstance(value, dict) or (empty and not value):
        return {name: value}
    parts = (flatten(f"{name}.{key}", item, empty=empty) for key, item in value.items())
    return {key: item for part in parts for key, item in part.items()}


def check_model(science: DataScience) -> None:
    """Check the settings of the model that is to be trained.

    Raises:
        UserError: If it has no such setting, or refuses its value.
    """
    from salary_kedro.modelling.estimators import build_estimator

    settings = science.hyperparameters.get(science.model, {})
    build_estimator(science.model, settings, science.random_state)


def check_tournament(parameters: Parameters) -> None:
    """Check what settings the candidates may get.

    Raises:
        UserError: If one has no such setting, or refuses a value of it; or if a model was chosen.
    """
    from salary_kedro.modelling.estimators import build_estimator
    from salary_kedro.modelling.spaces import samples

    if parameters.model is not None:
        raise UserError(
            f"model={parameters.model} has no effect on a tournament, which chooses the model "
            f"itself: leave it out; tournament.candidates says which compete"
        )
    science = parameters.data_science
    for model, space in parameters.tournament.candidates.items():
        check_model(science.model_copy(update={"model": model}))
        for settings in samples(space, science.hyperparameters.get(model, {})):
            build_estimator(model, settings, science.random_state, "tournament.candidates")


def check_scored_rows(project: Project, catalog: CatalogProtocol[Any, Any]) -> None:
    """Check that scoring replaces nothing but what it has written earlier.

    Raises:
        UserError: Names the file that would be lost, and what to do.
    """
    tables = catalog["scored_rows"].load()
    remedy = f"name another file for scored_rows, such as data/{OUTPUT}/scored.csv"
    for place in (tables.path, tables.rejected):
        if (path := local_path(str(place))) is not None:
            refuse_owned(path, project, remedy)
    tables.check(catalog["rows_to_score"].load().path)


def check_folders(project: Path, catalog: dict[str, Any]) -> None:
    """Check that no file lies where a dataset needs a folder.

    Raises:
        UserError: Names the file.
    """
    for entry in catalog.values():
        inner = entry.get("dataset")
        path = (inner if isinstance(inner, dict) else entry).get("filepath") or entry.get("path")
        parents = (project / path).parents if path and "://" not in str(path) else ()
        for parent in parents:
            if parent.is_file():
                raise UserError(
                    f"{parent} is a file, but a folder is needed there: move the file away"
                )


class _LogFile(logging.FileHandler):
    """The project's log file, told from other files by its type."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Go on without the line: on a full disk each would print a traceback."""

    def close(self) -> None:
        """Close the file, whose last lines a full disk may not take."""
        with suppress(OSError):
            super().close()


def log_to_file(path: Path) -> None:
    """Send the log of Kedro, MLflow and the project to a file.

    Raises:
        UserError: If the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = _LogFile(path, encoding="utf-8")
    except OSError as error:
        raise UserError(
            f"the log {path} cannot be written ({error.strerror}): {path.parents[1]} must be a "
            f"folder that you may write to"
        ) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    for name in ("", "kedro"):  # Kedro's own log reaches the file alone
        logger = logging.getLogger(name)
        for old in [old for old in logger.handlers if isinstance(old, _LogFile)]:
            logger.removeHandler(old)  # of an earlier session in this process
            old.close()
        logger.addHandler(handler)
    mlflow = logging.getLogger("mlflow")
    mlflow.handlers.clear()
    mlflow.propagate = True
