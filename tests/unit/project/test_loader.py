"""The configuration: where each environment keeps its files and its store."""

import shutil
from pathlib import Path

import pytest
from kedro_viz.constants import VIZ_METADATA_ARGS
from omegaconf.errors import InterpolationResolutionError

from salary_kedro.errors import UserError
from salary_kedro.project.loader import ProjectConfigLoader, artifacts, tracking_uri
from salary_kedro.settings import CONFIG_LOADER_ARGS
from support import ROOT


@pytest.fixture(autouse=True)
def no_other_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing in the environment names another store."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    """The project's configuration, in a folder with a space, with an empty environment `prod`."""
    conf = Path(shutil.copytree(ROOT / "conf", tmp_path / "my project" / "conf"))
    (conf / "prod").mkdir()
    return conf


def load(conf: Path, env: str | None = None, **runtime: object) -> ProjectConfigLoader:
    return ProjectConfigLoader(str(conf), env, runtime_params=runtime, **CONFIG_LOADER_ARGS)


@pytest.mark.parametrize("env", [None, "", "local", "base"])
def test_config_when_the_environment_is_the_default_then_files_are_in_data(
    env: str | None, conf: Path
) -> None:
    loader = load(conf, env)

    assert loader["catalog"]["bundles"]["filepath"] == "data/06_models/bundles"
    assert loader["mlflow"]["server"]["mlflow_tracking_uri"] == (
        f"sqlite:///{conf.parent}/data/mlflow/mlflow.db"
    )


def test_config_when_kedro_viz_is_loaded_then_it_keeps_statistics_of_environments_apart(
    conf: Path,
) -> None:
    found = []
    for env in ("prod", "local", None):
        load(conf, env)
        found.append(VIZ_METADATA_ARGS["path"])

    assert found == [".viz/prod", ".viz", ".viz"]


def test_config_when_the_environment_is_another_then_its_files_are_apart(conf: Path) -> None:
    loader = load(conf, "prod")

    assert loader["catalog"]["bundles"]["filepath"] == "data/prod/06_models/bundles"
    assert loader["mlflow"]["server"]["mlflow_tracking_uri"] == (
        f"sqlite:///{conf.parent}/data/prod/mlflow/mlflow.db"
    )


def test_config_when_the_environment_is_another_then_no_dataset_is_shared_but_the_code(
    conf: Path,
) -> None:
    catalog = load(conf, "prod")["catalog"]
    paths = [
        place["filepath"] if "filepath" in place else place["path"]
        for entry in catalog.values()
        for place in (entry, entry.get("dataset", {}))
        if "filepath" in place or "path" in place
    ]

    assert [path for path in paths if not path.startswith("data/prod/")] == [
        "requirements.lock",
        "bentofile.yaml",
    ]


def test_registry_when_an_environment_names_a_model_then_is_that_one_in_its_own_store(
    conf: Path,
) -> None:
    (conf / "prod" / "parameters.yml").write_text("registry: {model_name: wages}")

    entry = load(conf, "prod")["catalog"]["registry"]

    assert entry["model_name"] == "wages"
    assert entry["tracking_uri"] == f"sqlite:///{conf.parent}/data/prod/mlflow/mlflow.db"


def test_registry_when_a_run_names_a_model_then_is_that_one(conf: Path) -> None:
    loader = load(conf, registry={"model_name": "wages"})

    assert loader["catalog"]["registry"]["model_name"] == "wages"


def test_parameter_when_there_is_none_of_that_name_then_says_where(conf: Path) -> None:
    (conf / "prod" / "catalog.yml").write_text("x: {type: y, filepath: '${parameter:a.b}'}")

    with pytest.raises(InterpolationResolutionError, match=r"x\.filepath"):
        load(conf, "prod")["catalog"]


def test_config_when_another_store_is_set_then_uses_it_and_leaves_artifacts_to_it(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow:5000")

    mlflow = load(conf)["mlflow"]

    assert mlflow["server"]["mlflow_tracking_uri"] == "http://mlflow:5000"
    assert mlflow["tracking"]["experiment"]["create_experiment_kwargs"] == {
        "artifact_location": None
    }


def test_config_when_the_store_is_the_local_one_then_artifacts_are_beside_it(conf: Path) -> None:
    kwargs = load(conf)["mlflow"]["tracking"]["experiment"]["create_experiment_kwargs"]

    assert kwargs == {"artifact_location": (conf.parent / "data" / "mlflow" / "artifacts").as_uri()}


def test_config_when_loaded_then_the_parameters_hold_the_contract(conf: Path) -> None:
    parameters = load(conf)["parameters"]

    assert sorted(parameters) == [
        "batch_scoring",
        "contract",
        "data_engineering",
        "data_science",
        "monitoring",
        "packaging",
        "promotion",
        "registry",
        "tournament",
    ]
    assert parameters["contract"]["features"][0]["name"] == "experience_years"


def test_config_when_a_model_is_given_at_runtime_then_data_science_takes_it(conf: Path) -> None:
    assert load(conf)["parameters"]["data_science"]["model"] == "linear_regression"
    assert load(conf, model="ridge")["parameters"]["data_science"]["model"] == "ridge"


def test_config_when_an_environment_changes_one_parameter_then_the_others_stay(
    conf: Path,
) -> None:
    (conf / "prod" / "parameters.yml").write_text("data_engineering: {train_size: 0.8}\n")

    assert load(conf, "prod")["parameters"]["data_engineering"] == {
        "train_size": 0.8,
        "random_state": 234,
        "repeats": "together",
        "split": "random",
        "strata": None,
    }


def test_config_when_an_environment_has_a_contract_then_it_replaces_the_whole(
    conf: Path,
) -> None:
    feature = {"column": "Age", "name": "age", "kind": "integer", "unit": "years", "example": 40}
    target = {"column": "Pay", "name": "pay", "kind": "number", "unit": "a year", "example": 1}
    (conf / "prod" / "contract.yml").write_text(
        f"contract: {{features: [{feature}], target: {target}}}\n"
    )

    assert load(conf, "prod")["parameters"]["contract"] == {"features": [feature], "target": target}


@pytest.mark.parametrize("env", [None, "prod"])
def test_config_when_the_contract_is_changed_at_runtime_then_the_change_holds(
    env: str | None, conf: Path
) -> None:
    (conf / "prod" / "contract.yml").write_text((conf / "base" / "contract.yml").read_text())

    found = load(conf, env, contract={"table": {"max_rejected_share": 0.5}})["parameters"]

    assert found["contract"]["table"] == {"max_rejected_share": 0.5}
    assert found["contract"]["target"]["name"] == "salary"


def test_config_when_another_folder_of_bundles_is_set_then_uses_it(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_BUNDLES", "/elsewhere/bundles")

    assert load(conf)["catalog"]["bundles"]["filepath"] == "/elsewhere/bundles"


def test_config_when_requests_are_logged_elsewhere_then_they_are_read_there(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load(conf, "prod")["catalog"]["requests"]["filepath"] == (
        "data/prod/07_model_output/requests"
    )

    monkeypatch.setenv("SALARY_REQUEST_LOG", "/elsewhere/requests")
    assert load(conf)["catalog"]["requests"]["filepath"] == "/elsewhere/requests"


def test_config_when_an_environment_is_named_then_so_does_the_command_to_train_again(
    conf: Path,
) -> None:
    assert load(conf)["parameters"]["monitoring"]["retrain"] == "kedro run"
    assert load(conf, "prod")["parameters"]["monitoring"]["retrain"] == "kedro run --env prod"


def test_config_when_two_environments_are_loaded_then_each_keeps_its_own_files(
    conf: Path,
) -> None:
    default, prod = load(conf), load(conf, "prod")

    assert default["catalog"]["bundles"]["filepath"] == "data/06_models/bundles"
    assert prod["catalog"]["bundles"]["filepath"] == "data/prod/06_models/bundles"
    assert default["catalog"]["bundles"]["filepath"] == "data/06_models/bundles"


def test_config_when_the_environment_leads_out_of_the_data_folder_then_is_refused(
    conf: Path,
) -> None:
    with pytest.raises(UserError, match=r"^'\.\./x' is not a name for an environment"):
        load(conf, "../x")


def test_tracking_uri_when_nothing_is_set_then_is_absolute(tmp_path: Path) -> None:
    assert tracking_uri(tmp_path, "data") == f"sqlite:///{tmp_path}/data/mlflow/mlflow.db"


def test_artifacts_when_the_folder_has_a_space_then_is_a_uri() -> None:
    assert (
        artifacts("sqlite:////my project/data/mlflow/mlflow.db")
        == "file:///my%20project/data/mlflow/artifacts"
    )


def test_config_when_conf_is_a_link_to_elsewhere_then_the_store_stays_in_the_project(
    conf: Path, tmp_path: Path
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "conf").symlink_to(conf)

    uri = load(tmp_path / "project" / "conf")["mlflow"]["server"]["mlflow_tracking_uri"]

    assert uri == f"sqlite:///{tmp_path}/project/data/mlflow/mlflow.db"


def test_config_when_the_project_is_reached_by_a_link_then_the_store_is_named_without_it(
    conf: Path, tmp_path: Path
) -> None:
    link = tmp_path / "elsewhere" / "link"
    link.parent.mkdir()
    link.symlink_to(conf.parent)

    uri = load(link / conf.name)["mlflow"]["server"]["mlflow_tracking_uri"]

    assert uri == load(conf)["mlflow"]["server"]["mlflow_tracking_uri"]


def test_config_when_the_registry_is_set_to_the_store_itself_then_is_taken(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:5000")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "http://127.0.0.1:5000/")

    assert load(conf).tracking().uri == "http://127.0.0.1:5000"


def test_config_when_kedro_mlflow_init_took_the_store_away_then_says_so(conf: Path) -> None:
    (conf / "local" / "mlflow.yml").write_text("server: {mlflow_tracking_uri: null}\n")

    with pytest.raises(
        UserError, match=r"^server\.mlflow_tracking_uri of mlflow\.yml is None, not"
    ):
        load(conf).tracking()


def test_config_when_versions_would_be_in_another_store_then_is_refused(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:////tmp/other.db")

    with pytest.raises(UserError, match=r"^MLFLOW_REGISTRY_URI is set, to another store than"):
        load(conf).tracking()


def test_config_when_the_registry_is_named_as_the_store_itself_then_is_taken(
    conf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    uri = load(conf).tracking().uri
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", uri)

    assert load(conf).tracking().uri == uri


def test_config_when_mlflow_yml_names_another_registry_then_is_refused(conf: Path) -> None:
    (conf / "local" / "mlflow.yml").write_text(
        "server: {mlflow_tracking_uri: 'sqlite:////a.db', mlflow_registry_uri: 'sqlite:////b.db'}\n"
    )

    with pytest.raises(
        UserError, match=r"^server\.mlflow_registry_uri of mlflow\.yml is set, to another store"
    ):
        load(conf).tracking()


def test_config_when_it_is_read_again_then_is_what_it_was_whatever_became_of_the_first(
    conf: Path,
) -> None:
    loader = load(conf)
    loader["catalog"]["bundles"]["filepath"] = "elsewhere"

    assert loader["catalog"]["bundles"]["filepath"] == "data/06_models/bundles"


def test_config_when_parameters_are_replaced_then_what_refers_to_them_follows(conf: Path) -> None:
    loader = load(conf)
    before = loader["catalog"]["registry"]["model_name"]

    loader["parameters"] = {**loader["parameters"], "registry": {"model_name": "another"}}

    assert (before, loader["catalog"]["registry"]["model_name"]) == (
        "salary_prediction_regression-model",
        "another",
    )
