"""Hooks: checked before a run, one MLflow run for each, progress, and the summary."""

import errno
import logging
import re
import shlex
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from kedro.framework.cli.project import run as kedro_run
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline, node
from kedro.runner import SequentialRunner, ThreadRunner
from mlflow import MlflowClient
from mlflow.entities import Run

from disks import locked, small_disk
from salary_kedro.cli.errors import explain
from salary_kedro.contract import Contract
from salary_kedro.datasets import SharedFileDataset
from salary_kedro.errors import UserError
from salary_kedro.hooks import (
    FlatParametersHook,
    ProjectHooks,
    check_folders,
    check_tournament,
    flatten,
    log_to_file,
    resume_command,
)
from salary_kedro.project.parameters import (
    CrossValidation,
    DataScience,
    Parameters,
    Tournament,
)
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Version
from sessions import loggers_restored, session
from stores import start_run
from support import Project, untimed

TRAINING = ["data_engineering", "data_science"]
VERSION_OF_RUN = Registry.version_of_run
SAVE_LOCAL = SharedFileDataset._save_local
#: What Kedro records of a run without options, as far as it is checked.
PLAIN = {"only_missing_outputs": False, "load_versions": None}
PARAMETERS = DataScience(
    model="ridge",
    random_state=234,
    cross_validation=CrossValidation(folds=5, repeats=2),
    hyperparameters={"ridge": {"alpha": 0.5}},
)
FLAT = {
    "data_science.model": "ridge",
    "data_science.random_state": 234,
    "data_science.cross_validation.folds": 5,
    "data_science.cross_validation.repeats": 2,
    "data_science.intervals.confidence": 0.9,
    "data_science.groups.min_rows": 5,
    "data_science.hyperparameters.ridge.alpha": 0.5,
}


def runs(project: Project) -> list[Run]:
    """All MLflow runs of a project's experiment."""
    client = MlflowClient(project.store)
    experiment = client.get_experiment_by_name("salary_kedro")
    assert experiment is not None
    return list(client.search_runs([experiment.experiment_id]))


# --- Parameters in MLflow -----------------------------------------------------------


def before_node_run(hook: FlatParametersHook, inputs: dict[str, Any]) -> None:
    hook.before_node_run(node(print, "table", None), DataCatalog(), inputs, is_async=False)


def test_flatten_when_a_group_is_nested_then_gives_one_dotted_name_a_value() -> None:
    assert flatten("data_science", PARAMETERS) == FLAT


@pytest.mark.parametrize("value", [3, "text", None, [1, 2]])
def test_flatten_when_it_is_a_plain_value_then_keeps_it(value: object) -> None:
    assert flatten("name", value) == {"name": value}


def test_before_node_run_when_a_node_takes_a_typed_group_then_logs_each_value(store: str) -> None:
    with start_run() as run:
        before_node_run(FlatParametersHook(), {"params:data_science": PARAMETERS, "table": 1})

    assert MlflowClient().get_run(run.info.run_id).data.params == {
        key: str(value) for key, value in FLAT.items()
    }


def test_before_node_run_when_a_node_takes_all_parameters_then_logs_each_value(store: str) -> None:
    with start_run() as run:
        before_node_run(FlatParametersHook(), {"parameters": {"mine": {"depth": 3}}})

    found = MlflowClient().get_run(run.info.run_id).data.params
    assert found == {"parameters.mine.depth": "3"}


def test_before_node_run_when_several_nodes_take_a_group_then_logs_it_once(
    store: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    hook, logged = FlatParametersHook(), []
    monkeypatch.setattr("mlflow.log_param", lambda name, value: logged.append(name))

    before_node_run(hook, {"params:data_science": PARAMETERS})
    before_node_run(hook, {"params:data_science": PARAMETERS})

    assert logged == list(FLAT)


def test_before_node_run_when_it_takes_the_contract_then_logs_nothing(
    store: str, contract: Contract
) -> None:
    with start_run() as run:
        before_node_run(FlatParametersHook(), {"params:contract": contract})

    assert MlflowClient().get_run(run.info.run_id).data.params == {}


# --- A whole session -----------------------------------------------------------------


def train(project: Project, **parameters: Any) -> None:
    """Run up to the fitted model."""
    with session(project, **parameters) as created:
        created.run(pipeline_names=TRAINING, to_nodes=["fit_model"])


def test_run_when_it_trains_then_there_is_one_mlflow_run_with_its_parameters(
    kedro_project: Project,
) -> None:
    train(kedro_project)

    (run,) = runs(kedro_project)
    assert run.info.status == "FINISHED"
    assert run.data.params == {
        "data_engineering.repeats": "together",
        "data_engineering.split": "random",
        "data_engineering.strata": "None",
        "data_engineering.train_size": "0.7",
        "data_engineering.random_state": "234",
        "data_science.model": "linear_regression",
        "data_science.random_state": "234",
        "data_science.cross_validation.folds": "5",
        "data_science.cross_validation.repeats": "auto",
        "data_science.intervals.confidence": "0.9",
        "data_science.groups.min_rows": "5",
    }


def test_run_when_a_second_session_trains_in_one_process_then_has_its_parameters_too(
    kedro_project: Project,
) -> None:
    train(kedro_project)
    train(kedro_project, model="ridge")

    found = [run.data.params for run in runs(kedro_project)]
    models = [params["data_science.model"] for params in found if "data_science.model" in params]
    assert sorted(models) == ["linear_regression", "ridge"]
    assert len({len(params) for params in found}) == 1


def test_run_when_the_data_is_broken_then_the_error_is_the_users_and_the_run_has_failed(
    kedro_project: Project,
) -> None:
    raw = kedro_project.root / "data" / "01_raw" / "salary_data.csv"
    raw.write_text("Experience Years,Salary\n1.5,40000\nmany,50000\n")

    with pytest.raises(UserError, match="1 of 2 rows break the contract"):
        train(kedro_project)

    assert [run.info.status for run in runs(kedro_project)] == ["FAILED"]
    assert mlflow.active_run() is None


def test_run_when_a_hyperparameter_is_wrong_then_fails_before_any_node(
    kedro_project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (kedro_project.root / "conf" / "local" / "parameters.yml").write_text(
        "data_science: {hyperparameters: {linear_regression: {depth: 3}}}\n"
    )

    with pytest.raises(UserError, match=r"^data_science\.hyperparameters\.linear_regression: "):
        train(kedro_project)

    assert "[ 1/" not in capsys.readouterr().err
    assert runs(kedro_project) == []


TOURNAMENT = {
    "candidates": {"ridge": {"alpha": {"low": 0.1, "high": 10.0}}, "decision_tree": {}},
    "trials": 2,
}


def typed(**tournament: Any) -> Parameters:
    """Parameters that hold nothing but what a tournament needs."""
    return Parameters.model_construct(
        model=None,
        data_science=PARAMETERS,
        tournament=Tournament.model_validate({**TOURNAMENT, **tournament}),
    )


def test_run_when_a_tournament_has_no_mlflow_run_then_is_refused_before_any_node(
    kedro_project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    (kedro_project.root / "conf" / "local" / "mlflow.yml").write_text(
        "tracking: {disable_tracking: {pipelines: [tournament]}}\n"
    )

    with (
        pytest.raises(UserError, match="there is no MLflow run to log to: remove"),
        session(kedro_project) as created,
    ):
        created.run(pipeline_names=["tournament"])

    assert "[ 1/" not in capsys.readouterr().err


def test_check_tournament_when_all_candidates_take_their_settings_then_is_content() -> None:
    check_tournament(typed())


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({"max_depth": {"low": 1, "high": 2}}, "ridge has no setting 'max_depth'; it has alpha, "),
        ({"alpha": {"low": -1, "high": 2}}, "The 'alpha' parameter of Ridge must be a float"),
        ({"solver": {"choices": ["auto", "best"]}}, "The 'solver' parameter of Ridge must be"),
    ],
)
def test_check_tournament_when_a_candidate_does_not_take_a_setting_then_says_which(
    space: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=rf"^tournament\.candidates\.ridge: {re.escape(message)}"):
        check_tournament(typed(candidates={"ridge": space}))


def test_check_tournament_when_a_setting_that_is_not_chosen_is_wrong_then_says_where_it_is() -> (
    None
):
    science = PARAMETERS.model_copy(update={"hyperparameters": {"ridge": {"depth": 3}}})
    given = typed().model_copy(update={"data_science": science})

    with pytest.raises(UserError, match=r"^data_science\.hyperparameters\.ridge: "):
        check_tournament(given)


def test_check_tournament_when_a_model_was_chosen_too_then_is_refused() -> None:
    given = typed().model_copy(update={"model": "ridge"})

    with pytest.raises(UserError, match="model=ridge has no effect on a tournament"):
        check_tournament(given)


def test_before_node_run_when_it_searches_then_logs_what_it_was_asked_but_no_plain_runs_model(
    store: str,
) -> None:
    searching = node(print, "table", None, name="search_models")
    inputs = {
        "params:data_science": PARAMETERS,
        "params:tournament": Tournament.model_validate(TOURNAMENT),
    }
    with start_run() as run:
        FlatParametersHook().before_node_run(searching, DataCatalog(), inputs, is_async=False)

    found = MlflowClient().get_run(run.info.run_id).data.params
    assert found["tournament.trials"] == "2"
    assert found["tournament.candidates.ridge.alpha.high"] == "10.0"
    assert [name for name in found if name.startswith("data_science")] == []


def test_before_node_run_when_it_takes_the_winners_parameters_then_logs_them_as_a_plain_runs(
    store: str,
) -> None:
    with start_run() as run:
        before_node_run(FlatParametersHook(), {"winning_parameters": PARAMETERS})

    assert MlflowClient().get_run(run.info.run_id).data.params == {
        key: str(value) for key, value in FLAT.items()
    }


def test_run_when_nothing_is_trained_then_there_is_no_mlflow_run(kedro_project: Project) -> None:
    with session(kedro_project) as created:
        created.run(pipeline_names=["data_engineering"])

    assert runs(kedro_project) == []


def test_run_when_nodes_run_then_shows_progress_and_the_summary(
    kedro_project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    with session(kedro_project) as created:
        created.run(pipeline_names=["data_engineering"])

    captured = capsys.readouterr()
    assert untimed(captured.err).splitlines()[-3:] == [
        "[ 1/3] validate_salaries",
        "[ 2/3] clean_salaries",
        "[ 3/3] split_salaries",
    ]
    assert untimed(captured.out) == "\nRows  40 read, 0 rejected\n"
    assert re.fullmatch(r"Took  \d+(\.\d)? s(; .*)?", captured.out.splitlines()[-1])


def test_session_when_a_parameter_is_wrong_then_touches_no_store(kedro_project: Project) -> None:
    (kedro_project.root / "data" / "mlflow" / "mlflow.db").unlink()

    with session(kedro_project, modle="ridge") as created, pytest.raises(UserError) as caught:
        created.load_context()

    assert str(caught.value).startswith("unknown parameter 'modle': did you mean 'model'? ")
    assert list((kedro_project.root / "data" / "mlflow").iterdir()) == []


def test_session_when_the_store_is_damaged_then_says_so(kedro_project: Project) -> None:
    database = kedro_project.root / "data" / "mlflow" / "mlflow.db"
    database.write_bytes(b"not a database" * 100)

    with (
        session(kedro_project) as created,
        pytest.raises(UserError, match=r"cannot be opened \(file is not a database\)"),
    ):
        created.load_context()


def test_session_when_the_experiment_is_missing_then_makes_it_with_artifacts_beside_the_store(
    kedro_project: Project,
) -> None:
    with session(kedro_project) as created:
        created.load_context()

    experiment = MlflowClient(kedro_project.store).get_experiment_by_name("salary_kedro")
    assert experiment is not None
    assert experiment.artifact_location == (
        (kedro_project.root / "data" / "mlflow" / "artifacts").as_uri()
    )


def test_session_when_made_then_the_log_goes_to_the_projects_file(kedro_project: Project) -> None:
    with session(kedro_project) as created:
        created.load_context()
    logging.getLogger("salary_kedro.test").info("a line of ours")

    log = (kedro_project.root / "data" / "logs" / "kedro.log").read_text()
    assert log.endswith(" INFO salary_kedro.test: a line of ours\n")


# --- Going on after a failure ------------------------------------------------------------


@pytest.fixture
def locked_at_registration(
    kedro_project: Project, monkeypatch: pytest.MonkeyPatch
) -> Iterator[ExitStack]:
    """Another program locks the store as soon as the training is logged."""
    monkeypatch.setattr("salary_kedro.registry.mlflow_adapter.LOCK_SECONDS", 1)

    def lock(registry: Registry, run_id: str, model_uri: str) -> Version | None:
        locks.enter_context(locked(kedro_project.root / "data" / "mlflow" / "mlflow.db"))
        return VERSION_OF_RUN(registry, run_id, model_uri)

    with ExitStack() as locks:
        monkeypatch.setattr(Registry, "version_of_run", lock)
        yield locks


@pytest.mark.process
def test_run_when_registration_fails_then_names_the_command_that_goes_on_from_there(
    kedro_project: Project, locked_at_registration: ExitStack
) -> None:
    with pytest.raises(Exception, match="is locked") as caught, session(kedro_project) as created:
        created.run(pipeline_names=TRAINING)

    assert "\n" not in explain(caught.value)
    assert explain(caught.value) == (
        "the store is locked by another program, and was not free within 120 s: end that program, "
        "or wait for it, and run it again; what was trained is kept: then run `kedro run "
        "--pipelines data_engineering,data_science --from-nodes register_version`"
    )


def test_run_when_the_disk_fills_before_the_model_is_named_then_promises_nothing(
    kedro_project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(dataset: SharedFileDataset, path: Path, data: Any) -> None:
        if path.name == "logged_model.json":
            raise OSError(errno.ENOSPC, "No space left on device", str(path))
        SAVE_LOCAL(dataset, path, data)

    monkeypatch.setattr(SharedFileDataset, "_save_local", save)
    with pytest.raises(Exception, match="No space") as caught, session(kedro_project) as created:
        created.run(pipeline_names=TRAINING)

    assert "the disk is full" in explain(caught.value)
    assert "what was trained is kept" not in explain(caught.value)


@pytest.mark.process
def test_run_when_it_goes_on_from_registration_then_registers_what_was_trained_once(
    kedro_project: Project, locked_at_registration: ExitStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(Exception, match="is locked"), session(kedro_project) as created:
        created.run(pipeline_names=TRAINING)
    locked_at_registration.close()
    monkeypatch.setattr(Registry, "version_of_run", VERSION_OF_RUN)
    (trained,) = [run.info.run_id for run in runs(kedro_project) if "rmse" in run.data.metrics]

    for _ in range(2):
        with session(kedro_project) as created:
            created.run(pipeline_names=TRAINING, from_nodes=["register_version"])

    name = "salary_prediction_regression-model"
    versions = MlflowClient(kedro_project.store).search_model_versions(f"name = '{name}'")
    assert [version.run_id for version in versions] == [trained]


@pytest.mark.parametrize(
    ("given", "options"),
    [
        ({}, ""),
        (
            {
                "env": "wages",
                "pipeline_names": ["data_science"],
                "runtime_params": {"model": "ridge", "refresh": True, "promotion": {"a": 5}},
            },
            "--env wages --pipelines data_science --params model=ridge,refresh=true,promotion.a=5 ",
        ),
        (
            {"tags": ("nightly", "small"), "runner": str(SequentialRunner())},
            "--tags nightly,small ",
        ),
        ({"runner": str(ThreadRunner())}, "--runner kedro.runner.thread_runner.ThreadRunner "),
        (
            {"runtime_params": {"data_science": {"hyperparameters": {}}}},
            "--params 'data_science.hyperparameters={}' ",
        ),
    ],
)
def test_resume_command_when_the_run_had_options_then_has_them_too(
    given: dict[str, Any], options: str
) -> None:
    assert resume_command(given) == f"kedro run {options}--from-nodes register_version"


@pytest.mark.parametrize(
    "value",
    ["a,b", "it's, \"so\"", "", " a ", "null", "true", "5", "1e3", "[x", "a: b", "a\nb", "é😀,",
     None, True, 5, 0.1, 1e-07, [1], [1, 2.5, None, "a,b"], [], {}, [{"a": [1, 2]}, {"b": "c,d"}]],
)  # fmt: skip
def test_resume_command_when_pasted_then_gives_the_same_parameters(value: Any) -> None:
    given = {"model": "ridge", "data_science": {"extra": value, "random_state": 7}}

    arguments = shlex.split(resume_command({"runtime_params": given}))
    context = kedro_run.make_context("run", arguments[2:])

    assert context.params["params"] == {
        "model": "ridge",
        "data_science": {"extra": value, "random_state": 7},
    }


def test_resume_command_when_the_run_has_a_name_then_bears_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SALARY_RUN", "monday")

    assert resume_command({}) == "SALARY_RUN=monday kedro run --from-nodes register_version"


def test_log_file_when_the_disk_is_full_then_prints_no_traceback(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with small_disk(tmp_path / "disk", 8) as disk, loggers_restored():
        log_to_file(disk / "data" / "logs" / "kedro.log")
        for _ in range(3):
            logging.getLogger("salary_kedro.test").info("x" * 9000)

    assert capfd.readouterr().err == ""


# --- Progress and summary ----------------------------------------------------------------


def test_progress_when_a_second_run_begins_then_counts_anew(
    capsys: pytest.CaptureFixture[str],
) -> None:
    only = node(lambda: 1, inputs=None, outputs="one", name="only")
    hooks = ProjectHooks()
    for _ in range(2):
        hooks.before_pipeline_run(PLAIN, Pipeline([only]), DataCatalog())
        hooks.before_node_run(only)
        hooks.after_node_run(only, {})

    assert untimed(capsys.readouterr().err) == "[ 1/1] only\n[ 1/1] only\n"


def test_summary_when_a_second_run_ends_then_tells_nothing_of_the_first(
    capsys: pytest.CaptureFixture[str],
) -> None:
    hooks = ProjectHooks()
    only = node(lambda: 1, inputs=None, outputs="one", name="only")
    hooks.before_pipeline_run(PLAIN, Pipeline([only]), DataCatalog())
    hooks.before_node_run(only)
    hooks.after_node_run(only, {"salaries": pd.DataFrame(), "rejected_rows": pd.DataFrame()})
    hooks.before_pipeline_run(PLAIN, Pipeline([]), DataCatalog())
    hooks.after_pipeline_run({"env": None})

    assert untimed(capsys.readouterr().out) == "\n"


# --- Folders -------------------------------------------------------------------------


def test_check_folders_when_a_file_is_where_a_dataset_needs_a_folder_then_names_it(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "08_reporting").write_text("in the way")
    catalog = {
        "metrics": {"type": "any", "dataset": {"filepath": "data/08_reporting/metrics.json"}}
    }

    with pytest.raises(UserError) as caught:
        check_folders(tmp_path, catalog)

    assert str(caught.value) == (
        f"{tmp_path}/data/08_reporting is a file, but a folder is needed there: move the file away"
    )


def test_check_folders_when_all_is_well_then_says_nothing(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("")
    entries = [{"type": "MemoryDataset"}, {"filepath": "lock"}, {"path": "s3://bucket/data"}]

    check_folders(tmp_path, {str(position): entry for position, entry in enumerate(entries)})


# --- The log file --------------------------------------------------------------------


def test_log_to_file_when_the_folder_is_not_there_then_makes_it(logs: None, tmp_path: Path) -> None:
    log_to_file(tmp_path / "data" / "logs" / "kedro.log")

    logging.getLogger("salary_kedro").warning("a line of ours")
    logging.getLogger("kedro").warning("a line of Kedro's")
    logging.getLogger("mlflow").warning("a line of MLflow's")

    lines = (tmp_path / "data" / "logs" / "kedro.log").read_text().splitlines()
    assert [line.partition(" WARNING ")[2] for line in lines] == [
        "salary_kedro: a line of ours",
        "kedro: a line of Kedro's",
        "mlflow: a line of MLflow's",
    ]


def test_log_to_file_when_called_for_each_session_then_writes_each_line_once(
    logs: None, tmp_path: Path
) -> None:
    log_to_file(tmp_path / "logs" / "kedro.log")
    log_to_file(tmp_path / "logs" / "kedro.log")

    logging.getLogger("salary_kedro").warning("once")

    assert (tmp_path / "logs" / "kedro.log").read_text().count("once") == 1


def test_log_to_file_when_a_file_is_in_the_way_then_says_which_folder_it_needs(
    logs: None, tmp_path: Path
) -> None:
    (tmp_path / "data").write_text("in the way")

    with pytest.raises(UserError) as caught:
        log_to_file(tmp_path / "data" / "logs" / "kedro.log")

    assert str(caught.value) == (
        f"the log {tmp_path}/data/logs/kedro.log cannot be written (Not a directory): "
        f"{tmp_path}/data must be a folder that you may write to"
    )
