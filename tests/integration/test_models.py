"""The models commands on a project that trained three versions; damage, bad input, a way back.

Versions 1, 2 and 3 are a line, a tree and a forest, each better than the one before.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from kedro.framework.project import configure_project
from mlflow import MlflowClient

from salary_kedro.bundle import BundleStore
from salary_kedro.cli import cli
from salary_kedro.registry.ledger import Ledger
from salary_kedro.registry.store import used_by_process
from sessions import loggers_restored
from stores import forget_store
from support import Project, copy_project, copy_trained, free_port, get, post, wait_until

pytestmark = [
    # MLflow maps its tables in a way that this SQLAlchemy finds deprecated.
    pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy:DeprecationWarning"),
    # MLflow warns of classes of its own when mlflow.pyfunc is imported.
    pytest.mark.filterwarnings("ignore:.*[Tt]ype hint:UserWarning"),
]

MODEL = "salary_prediction_regression-model"
LINE = "6311.262456108905"
AT_5 = {"experience_years": 5}
Damage = Callable[["Shell"], None]


@dataclass(frozen=True)
class Shell:
    """Commands in this process, which begins them quickly; and the store they use."""

    project: Project

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(self.project.store, self.project.store)

    def kedro(self, *arguments: str) -> Result:
        """Run a command; of it, nothing is left in this process's environment."""
        result = CliRunner().invoke(cli, arguments)
        os.environ.pop("MLFLOW_TRACKING_URI", None)  # kedro-mlflow sets it
        return result

    def ask(self, *arguments: str) -> Any:
        """What a models command answers in JSON; it must end well."""
        result = self.kedro("models", *arguments, "--json")
        assert (result.exit_code, result.stderr) == (0, "")
        return json.loads(result.stdout)

    def broken(self) -> list[str]:
        """What the doctor finds broken; the exit code must agree."""
        result = self.kedro("models", "doctor", "--json")
        found = json.loads(result.stdout)["findings"]
        broken = [finding["what"] for finding in found if finding["severity"] == "broken"]
        assert result.exit_code == (1 if broken else 0)
        return broken

    def seen(self) -> tuple[int | None, dict[int, dict[str, str]], dict[str, str]]:
        """Alias, tags of each version, and the history."""
        model = self.client.get_registered_model(MODEL)
        alias = model.aliases.get("production")
        versions = self.client.search_model_versions(f"name = '{MODEL}'")
        tags = {int(version.version): dict(version.tags) for version in versions}
        history = Ledger(self.client, MODEL).read()
        return None if alias is None else int(alias), tags, history

    def stages(self) -> dict[int, list[str]]:
        """The stage tags of each version."""
        stages = {"staging", "production", "archived"}
        return {number: sorted(stages & set(tags)) for number, tags in self.seen()[1].items()}


@contextmanager
def shell_in(project: Project) -> Iterator[Shell]:
    """Work in a project."""
    with pytest.MonkeyPatch.context() as patch, loggers_restored():
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        patch.chdir(project.root)
        configure_project("salary_kedro")
        yield Shell(project)
        forget_store()


@pytest.fixture(scope="module")
def trained(_trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with three versions; copy it, do not disturb it."""
    project = copy_trained(_trained, tmp_path_factory.mktemp("models") / "project")
    with shell_in(project) as opened:
        for model in ("decision_tree", "random_forest"):
            assert opened.kedro("run", "--params", f"model={model}").exit_code == 0
    return project


@pytest.fixture
def own(trained: Project, tmp_path: Path) -> Project:
    """A copy of the trained project."""
    return copy_trained(trained, tmp_path / "own")


@pytest.fixture
def shell(own: Project) -> Iterator[Shell]:
    """A shell in a copy of the trained project."""
    with shell_in(own) as opened:
        yield opened


def files(project: Project) -> dict[str, tuple[bytes, int]]:
    """Every file under data/, and when it was written; the store's rows instead of its file."""
    found = (path for path in (project.root / "data").rglob("*") if path.is_file())
    own = [path for path in found if "mlflow.db" not in path.name and path.parent.name != "logs"]
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in own}


def rows(project: Project) -> list[str]:
    """Every row of the store."""
    with closing(sqlite3.connect(project.store.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


# --- Damage done by hand ---------------------------------------------------------------


def tag(version: int, stage: str) -> Damage:
    return lambda shell: shell.client.set_model_version_tag(MODEL, str(version), stage, "1.0")


def untag(version: int, stage: str) -> Damage:
    return lambda shell: shell.client.delete_model_version_tag(MODEL, str(version), stage)


def move_alias(shell: Shell) -> None:
    shell.client.set_registered_model_alias(MODEL, "production", "1")


def delete_alias(shell: Shell) -> None:
    shell.client.delete_registered_model_alias(MODEL, "production")


def delete_champion(shell: Shell) -> None:
    shell.client.delete_model_version(MODEL, "3")


def leave_over(shell: Shell) -> None:
    """A version that nothing was decided about: a line, like version 1."""
    first = shell.client.get_model_version(MODEL, "1")
    with used_by_process(shell.project.store):  # MLflow looks for the model there
        shell.client.create_model_version(
            MODEL, first.source, first.run_id, tags={"staging": LINE}, model_id=first.model_id
        )


def stage_again(shell: Shell) -> None:
    untag(1, "archived")(shell)
    tag(1, "staging")(shell)


DAMAGES: dict[str, tuple[Damage, str, int]] = {
    "alias moved": (
        move_alias,
        "the alias 'production' names version 1, but the last record says version 3",
        1,
    ),
    "no production tag": (untag(3, "production"), "no version is tagged production", 3),
    "two stages": (tag(3, "staging"), "version 3 has 2 stage tags: staging, production", 3),
    "two productions": (tag(1, "production"), "versions 1, 3 are tagged production", 3),
    "alias deleted": (
        delete_alias,
        "the alias 'production' was deleted; version 3 was production last",
        3,
    ),
    "champion deleted": (delete_champion, "version 3, which was production, was deleted", 2),
    "untagged": (untag(1, "archived"), "version 1 has no stage tag", 3),
    "stale staging": (leave_over, "version 4 is still tagged staging", 3),
    "staging again": (stage_again, "version 1 is tagged staging; archived is due", 3),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_when_done_by_hand_then_doctor_names_it_list_leaves_it_and_the_next_run_repairs_it(
    name: str, shell: Shell
) -> None:
    damage, what, production = DAMAGES[name]
    assert shell.broken() == []
    damage(shell)
    before = shell.seen()

    assert what in shell.broken()
    listed = shell.ask("list")
    assert shell.seen() == before
    assert {row["version"] for row in listed if row["production"]} == {before[0]} - {None}
    result = shell.kedro("run")

    assert (result.exit_code, shell.broken()) == (0, [])
    mine = max(shell.stages())
    assert shell.seen()[0] == production
    assert shell.stages() == {
        number: ["production" if number == production else "archived"]
        for number in range(1, mine + 1)
        if name != "champion deleted" or number != 3
    }


def test_damage_when_the_commands_are_real_processes_then_is_the_same(own: Project) -> None:
    shell = Shell(own)
    delete_alias(shell)
    untag(3, "production")(shell)
    before = shell.seen()

    found = own.run("kedro", "models", "doctor")
    listed = own.run("kedro", "models", "list", "--json", cwd="src/salary_kedro")

    assert (found.returncode, found.stderr) == (1, "")
    assert "broken  the alias 'production' was deleted; version 3 was production" in found.stdout
    assert (listed.returncode, listed.stderr) == (0, "")
    assert [row["stage"] for row in json.loads(listed.stdout)] == [None, "archived", "archived"]
    assert shell.seen() == before
    own.kedro_run()
    after = own.run("kedro", "models", "doctor", "--json")
    assert (after.returncode, json.loads(after.stdout)["healthy"]) == (0, True)
    assert shell.seen()[0] == 3


# --- Two versions, and another policy --------------------------------------------------


def test_compare_when_a_run_has_left_its_holdout_then_scores_both_on_it_and_writes_nothing(
    shell: Shell,
) -> None:
    before = shell.seen(), files(shell.project), rows(shell.project)

    found = shell.ask("compare", "2", "3")

    tree, forest = found["scores"]
    assert (tree["rmse"], forest["rmse"]) == pytest.approx((6302.016142341539, 5181.9071538939115))
    assert found["holdout_rows"] == 12
    assert found["verdict"]["action"] == "promote"
    assert found["verdict"]["evidence"]["unseen_rows"] == 12
    assert found["parameters"] == {"data_science.model": ["decision_tree", "random_forest"]}
    assert (found["compatible"], found["changes"]) == (True, [])
    stricter = shell.ask("compare", "2", "3", "--params", "promotion.required_confidence=0.95")
    assert stricter["verdict"]["action"] == "archive"  # −266 to 2,296 is not beyond chance
    assert (shell.seen(), files(shell.project), rows(shell.project)) == before


def test_compare_when_a_model_does_not_load_then_tells_why_and_what_is_known(shell: Shell) -> None:
    store = shell.project.root / "data" / "mlflow"
    for path in [*store.rglob("model.skops"), *store.rglob("runtime.json")]:
        path.write_bytes(b"no model")

    found = shell.ask("compare", "1", "2")

    assert found["problem"].startswith("version 1 cannot score today's holdout rows: ")
    assert (found["verdict"], found["parameters"]) == (
        None,
        {"data_science.model": ["linear_regression", "decision_tree"]},
    )


def test_replay_when_a_gain_must_be_worth_it_then_tells_what_would_have_been(shell: Shell) -> None:
    before = shell.seen(), files(shell.project), rows(shell.project)

    found = shell.ask("replay", "--params", "promotion.min_relative_gain=0.01")

    outcomes = [(one["version"], one["was"], one["would_be"]) for one in found["decisions"]]
    assert outcomes == [
        (1, "promote", "promote"),
        (2, "promote", "archive"),  # 9.25 of 6311 is 0.15 %
        (3, "promote", "unknown"),  # it met the tree, and would have met the line
    ]
    assert found["production"] == [1, 3]
    assert (shell.seen(), files(shell.project), rows(shell.project)) == before


# --- The way back ------------------------------------------------------------------------


def test_rollback_when_done_then_the_running_service_predicts_as_before_and_history_shows_it(
    own: Project,
) -> None:
    store = BundleStore(own.bundles)
    expected = {
        store.load(name).version: float(store.load(name).predict([[5.0]])[0])
        for name in store.names()
    }
    with own.serve() as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        before = post(f"{address}/predict", AT_5).body
        result = own.run("kedro", "models", "rollback", "--reason", "too high")
        wait_until(lambda: get(f"{address}/model").body.get("model_version") == 2, "version 2")
        after = post(f"{address}/predict", AT_5).body
    history = json.loads(own.run("kedro", "models", "history", "--json").stdout)

    assert (result.returncode, result.stderr) == (0, "")
    assert (before["model_version"], before["salary"]) == (3, pytest.approx(expected[3]))
    assert (after["model_version"], after["salary"]) == (2, pytest.approx(expected[2]))
    assert before["salary"] != after["salary"]
    last = history[-1]
    assert (last["action"], last["from"], last["to"], last["why"]) == ("rollback", 3, 2, "too high")


# --- Carried to another project ------------------------------------------------------------


def test_transfer_when_promoted_in_another_project_then_it_serves_the_same_prediction(
    own: Project, tmp_path: Path
) -> None:
    other = copy_project(tmp_path / "other")
    archive = str(tmp_path / "three.zip")
    store = BundleStore(own.bundles)
    expected = float(store.load(str(store.current())).predict([[5.0]])[0])

    for project, *arguments in (
        (own, "export", "3", archive),
        (other, "import", archive),
        (other, "promote", "1", "--reason", "agreed"),
    ):
        result = project.run("kedro", "models", *arguments)
        assert result.returncode == 0, result.stderr

    with other.serve() as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        answer = post(f"{address}/predict", AT_5).body
    assert (answer["model_version"], answer["salary"]) == (1, pytest.approx(expected, rel=1e-12))


# --- Bad input ---------------------------------------------------------------------------


def test_models_when_the_input_is_bad_then_is_one_line_and_changes_nothing(
    shell: Shell, tmp_path: Path
) -> None:
    archive, short, tampered = (tmp_path / f"{name}.zip" for name in ("whole", "short", "tampered"))
    shell.ask("export", "3", str(archive))
    content = archive.read_bytes()
    short.write_bytes(content[: len(content) // 2])
    place = content.index(b'"git_commit"')
    tampered.write_bytes(content[:place] + b'"git_comMit"' + content[place + 12 :])
    before = files(shell.project), rows(shell.project)

    refused = {
        ("show", "9"): "there is no version 9",
        ("export", "9", str(tmp_path / "nine.zip")): "there is no version 9",
        ("export", "3", str(archive)): "exists already",
        ("promote", "9", "--reason", "x"): "there is no version 9",
        ("promote", "3", "--reason", "x"): "version 3 is production already",
        ("rollback", "--to", "9", "--reason", "x"): "there is no version 9",
        ("import", str(tmp_path / "none.zip")): "cannot be read (No such file or directory)",
        ("import", str(short)): "it was cut short or altered",
        ("import", str(tampered)): "Bad CRC-32 for file 'lineage.json'",
    }
    for arguments, words in refused.items():
        result = shell.kedro("models", *arguments)
        assert (result.exit_code, result.stdout) == (1, ""), arguments
        assert words in result.stderr
        assert result.stderr.startswith("Error: ")
        assert result.stderr.count("\n") == 1

    assert (files(shell.project), rows(shell.project)) == before
    assert not (tmp_path / "nine.zip").exists()


def test_models_when_the_bundle_was_tampered_with_then_doctor_says_so_and_changes_nothing(
    shell: Shell,
) -> None:
    name = (shell.project.bundles / "current").read_text().strip()
    metrics = shell.project.bundles / name / "metrics.json"
    metrics.write_text(metrics.read_text() + " ")
    before = files(shell.project), rows(shell.project)

    assert shell.broken() == [
        f"bundle {name}: metrics.json was altered: its checksum is not the one in manifest.json"
    ]
    assert (files(shell.project), rows(shell.project)) == before
    assert shell.ask("doctor", "--fix")["healthy"] is True


@pytest.fixture
def unpromoted(project: Project) -> Iterator[Shell]:
    """A shell in a project whose one version was not good enough for production."""
    with shell_in(project) as opened:
        until = ("--pipelines", "data_engineering,data_science,promotion")
        result = opened.kedro("run", *until, "--params", "promotion.max_rmse=1")
        assert result.exit_code == 0, result.stderr
        yield opened


def test_models_when_nothing_is_production_yet_then_say_so_and_change_nothing(
    unpromoted: Shell,
) -> None:
    before = files(unpromoted.project), rows(unpromoted.project)

    result = unpromoted.kedro("models", "rollback", "--reason", "too high")

    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        "Error: there is no production version yet to roll back; `make run` makes one\n"
    )
    assert unpromoted.broken() == []
    assert [row["stage"] for row in unpromoted.ask("list")] == ["archived"]
    assert (files(unpromoted.project), rows(unpromoted.project)) == before
    assert unpromoted.ask("promote", "1", "--reason", "good enough")["production"] == 1


# --- Stores that cannot be used --------------------------------------------------------------


@pytest.mark.parametrize("command", ["list", "history", "doctor"])
@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("http://127.0.0.1:{port}", "cannot be reached"),
        ("postgresql://user:secret@127.0.0.1:{port}/mlflow", "cannot be reached"),
        ("http://127.0.0.1:port", "is malformed"),
        ("htp://127.0.0.1", "is not supported"),
    ],
)
def test_models_when_the_store_cannot_be_used_then_say_so_without_waiting(
    uri: str,
    words: str,
    command: str,
    project: Project,
    pauses: list[float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with shell_in(project) as opened:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri.format(port=free_port()))
        result = opened.kedro("models", command)

    said = result.stdout if command == "doctor" else result.stderr
    assert (result.exit_code, sum(pauses) < 5) == (1, True)
    assert words in said.splitlines()[0]
    assert "secret" not in said


def test_models_when_the_store_cannot_be_reached_then_the_process_ends_in_one_line(
    project: Project,
) -> None:
    uri = f"http://127.0.0.1:{free_port()}"

    result = project.run("kedro", "models", "list", MLFLOW_TRACKING_URI=uri)

    assert (result.returncode, result.stdout, result.stderr.count("\n")) == (1, "", 1)
    assert result.stderr.startswith(f"Error: the tracking store {uri} cannot be reached (")


# --- Environments ------------------------------------------------------------------------------


def test_models_when_the_environment_is_another_then_show_its_versions_alone(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = shell.project.root
    (root / "conf" / "prod").mkdir()
    (root / "data" / "prod" / "01_raw").mkdir(parents=True)
    raw = root / "data" / "01_raw" / "salary_data.csv"
    (root / "data" / "prod" / "01_raw" / "salary_data.csv").write_bytes(raw.read_bytes())
    untrained = shell.kedro("models", "list", "--env", "prod")
    missing = shell.kedro("models", "list", "--env", "staging")
    result = shell.kedro("run", "--env", "prod", "--params", "model=ridge")
    by_option = shell.ask("list", "--env", "prod")
    with monkeypatch.context() as patch:
        patch.setenv("KEDRO_ENV", "prod")
        by_variable = shell.ask("list")
        doctor = shell.ask("doctor")

    assert (untrained.exit_code, untrained.stderr) == (
        1,
        "Error: no model was ever trained in this environment: `make run ENV=prod` trains one\n",
    )
    assert (missing.exit_code, missing.stderr.count("\n")) == (1, 1)
    assert (
        "there is no environment 'staging'; known are base, dask, local, prod, professors, server"
        in missing.stderr
    )
    assert result.exit_code == 0, result.stderr
    assert [(row["version"], row["model"], row["stage"]) for row in by_option] == [
        (1, "ridge", "production")
    ]
    assert (by_variable, doctor["healthy"]) == (by_option, True)
    assert [row["version"] for row in shell.ask("list")] == [3, 2, 1]
