"""Which bundle is served: none, the current one, a reserve, a new one without a restart."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from bundles import MODEL, add_bundle, add_liar, damage
from salary_kedro.bundle import Bundle, BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving.place import find_place
from salary_kedro.serving.predictor import POLL_SECONDS, Predictor
from salary_kedro.serving.token import KEPT_SECONDS
from support import Project, copy_project, get, post, wait_until

AT_5 = {"experience_years": 5}
Ask = Callable[..., httpx.Response]


def version_served(predictor: Predictor) -> int | None:
    """Look at the bundles as the service does twice a second; gives what it serves then."""
    predictor.refresh()
    return None if predictor.served is None else predictor.served.bundle.version


def test_predict_when_the_bundle_is_current_then_it_answers(
    contract: Contract, store: BundleStore, predictor: Predictor, ask: Ask
) -> None:
    store.point_to(add_bundle(store.folder, contract, 3))
    predictor.refresh()
    assert ask("POST", "/predict", AT_5).json() == {
        "salary": pytest.approx(3050, rel=1e-9),
        "low": None,
        "high": None,
        "confidence": None,
        "warnings": [],
        "model_name": MODEL,
        "model_version": 3,
    }


@pytest.mark.parametrize(
    ("path", "body"),
    [("/predict", AT_5), ("/predict_batch", {"rows": [AT_5]}), ("/explain", AT_5)],
)
def test_predict_when_the_model_takes_no_such_number_then_says_that_it_has_no_answer(
    path: str,
    body: Any,
    contract: Contract,
    store: BundleStore,
    predictor: Predictor,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.point_to(add_bundle(store.folder, contract, 3))
    predictor.refresh()

    def refuse(*_: object) -> None:
        raise ValueError("5.0 is not a number that the model takes")

    monkeypatch.setattr(Bundle, "predict_row", refuse)
    monkeypatch.setattr(Bundle, "predict_columns", refuse)

    answer = ask("POST", path, body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "no_prediction")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/predict"),
        ("POST", "/predict_batch"),
        ("POST", "/explain"),
        ("GET", "/model"),
        ("GET", "/openapi.json"),
    ],
)
def test_routes_when_there_is_no_model_then_say_what_to_run(
    predictor: Predictor, ask: Ask, method: str, path: str
) -> None:
    predictor.refresh()
    answer = ask(method, path, AT_5)
    assert answer.status_code == 503
    error = answer.json()["error"]
    assert (error["code"], error["details"]) == ("no_model", [])
    assert "make run" in error["message"]


def test_routes_when_the_method_is_wrong_then_name_the_right_one(ask: Ask) -> None:
    answer = ask("GET", "/predict")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "POST"


def test_predict_when_the_model_breaks_then_fails_in_the_same_shape(
    contract: Contract,
    store: BundleStore,
    predictor: Predictor,
    ask: Ask,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store.point_to(add_bundle(store.folder, contract, 3))
    predictor.refresh()
    monkeypatch.setattr(Bundle, "predict_row", lambda *_: 1 / 0)
    answer = ask("POST", "/predict", AT_5)
    assert answer.status_code == 500
    assert answer.json()["error"]["code"] == "internal"


def test_refresh_when_the_pointer_moves_then_follows_it_up_and_down(
    contract: Contract, store: BundleStore, predictor: Predictor
) -> None:
    names = {version: add_bundle(store.folder, contract, version) for version in (1, 2)}
    seen = []
    for version in (1, 2, 1):
        store.point_to(names[version])
        seen.append(version_served(predictor))
    assert seen == [1, 2, 1]


def test_refresh_when_a_bundle_is_there_but_no_pointer_then_serves_nothing(
    contract: Contract, store: BundleStore, predictor: Predictor
) -> None:
    add_bundle(store.folder, contract, 1)
    assert version_served(predictor) is None


def test_refresh_when_the_folder_does_not_exist_then_serves_nothing(tmp_path: Path) -> None:
    assert version_served(Predictor(BundleStore(tmp_path / "nowhere"))) is None


def test_refresh_when_the_pointer_is_removed_then_keeps_the_model(
    contract: Contract, store: BundleStore, predictor: Predictor
) -> None:
    store.point_to(add_bundle(store.folder, contract, 1))
    predictor.refresh()
    (store.folder / "current").unlink()
    assert version_served(predictor) == 1


def test_refresh_when_the_bundle_is_altered_then_the_highest_good_version_below_serves(
    contract: Contract, store: BundleStore, predictor: Predictor
) -> None:
    names = {version: add_bundle(store.folder, contract, version) for version in (2, 9, 10, 11)}
    store.point_to(names[10])
    damage(store.folder, names[10])
    assert version_served(predictor) == 9


def test_refresh_when_the_reserve_is_altered_too_then_the_next_below_serves(
    contract: Contract, store: BundleStore, predictor: Predictor
) -> None:
    names = {version: add_bundle(store.folder, contract, version) for version in (2, 9, 10)}
    store.point_to(names[10])
    damage(store.folder, names[10])
    damage(store.folder, names[9])
    assert version_served(predictor) == 2


def test_refresh_when_the_named_bundle_is_missing_then_the_reserve_serves(
    contract: Contract, store: BundleStore, predictor: Predictor
) -> None:
    add_bundle(store.folder, contract, 1)
    store.point_to("2-00000000")
    assert version_served(predictor) == 1


def test_model_when_the_recorded_examples_fail_then_the_reserve_says_why(
    contract: Contract, store: BundleStore, predictor: Predictor, ask: Ask
) -> None:
    reserve = add_bundle(store.folder, contract, 9)
    liar = add_liar(store.folder, contract, 10)
    store.point_to(liar)
    predictor.refresh()
    answer = ask("GET", "/model").json()
    assert (answer["source"], answer["bundle"]) == ("reserve", reserve)
    assert answer["model_version"] == 9
    assert liar in answer["reason"]
    assert "recorded examples" in answer["reason"]


def test_model_when_a_file_was_altered_then_the_reserve_names_it(
    contract: Contract, store: BundleStore, predictor: Predictor, ask: Ask
) -> None:
    add_bundle(store.folder, contract, 1)
    name = add_bundle(store.folder, contract, 2)
    store.point_to(name)
    damage(store.folder, name)
    predictor.refresh()
    reason = ask("GET", "/model").json()["reason"]
    assert name in reason
    assert "model.skops was altered" in reason


def test_refresh_when_a_reserve_serves_then_the_log_has_an_error(
    contract: Contract,
    store: BundleStore,
    predictor: Predictor,
    caplog: pytest.LogCaptureFixture,
) -> None:
    add_bundle(store.folder, contract, 9)
    store.point_to(add_liar(store.folder, contract, 10))
    predictor.refresh()
    record = caplog.records[-1]
    assert record.levelno == logging.ERROR
    assert "reserve bundle 9-" in record.getMessage()


def test_predict_when_no_bundle_is_good_then_says_which_and_what_to_run(
    contract: Contract, store: BundleStore, predictor: Predictor, ask: Ask
) -> None:
    name = add_bundle(store.folder, contract, 1)
    store.point_to(name)
    damage(store.folder, name)
    predictor.refresh()
    answer = ask("POST", "/predict", AT_5)
    assert answer.status_code == 503
    message = answer.json()["error"]["message"]
    assert name in message
    assert "repair it with `kedro models doctor --fix`" in message


@pytest.mark.parametrize("content", [b"", b"latest\n", b"../1-00000000", b"\xff\xfe"])
def test_refresh_when_the_pointer_is_nonsense_then_keeps_the_model(
    contract: Contract, store: BundleStore, predictor: Predictor, content: bytes
) -> None:
    store.point_to(add_bundle(store.folder, contract, 1))
    predictor.refresh()
    (store.folder / "current").write_bytes(content)
    assert version_served(predictor) == 1


def test_refresh_when_a_copied_bundle_is_completed_then_serves_it(
    contract: Contract, store: BundleStore, predictor: Predictor
) -> None:
    """The service may look while a bundle is being copied, file by file."""
    name = add_bundle(store.folder, contract, 1)
    store.point_to(name)
    model = store.folder / name / "model.skops"
    model.rename(store.folder / "still to come")
    assert version_served(predictor) is None
    (store.folder / "still to come").rename(model)
    assert version_served(predictor) == 1


def test_refresh_when_a_bad_bundle_is_repaired_then_the_current_one_serves_again(
    contract: Contract, store: BundleStore, predictor: Predictor
) -> None:
    add_bundle(store.folder, contract, 1)
    name = add_bundle(store.folder, contract, 2)
    store.point_to(name)
    model = store.folder / name / "model.skops"
    content = model.read_bytes()
    model.write_bytes(content[:-1])
    assert version_served(predictor) == 1
    model.write_bytes(content)
    assert version_served(predictor) == 2


def test_bundles_folder_when_salary_bundles_is_set_then_is_that(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SALARY_BUNDLES", str(tmp_path))
    assert find_place().folder == tmp_path


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ("", "data/06_models/bundles"),
        ("local", "data/06_models/bundles"),
        ("base", "data/06_models/bundles"),
        ("professors", "data/professors/06_models/bundles"),
    ],
)
def test_bundles_folder_when_an_environment_is_named_then_lies_in_its_data(
    monkeypatch: pytest.MonkeyPatch, environment: str, expected: str
) -> None:
    monkeypatch.setenv("KEDRO_ENV", environment)
    root = Path(__file__).parents[2]
    assert find_place().folder == root / expected


@pytest.mark.process
def test_service_when_its_environment_is_not_there_then_does_not_start_and_names_it(
    project: Project,
) -> None:
    result = project.run("bentoml", "serve", KEDRO_ENV="profesors")
    assert result.returncode != 0
    assert result.stderr == (
        "Error: KEDRO_ENV, which `make serve ENV=` sets, names 'profesors', but there is no "
        "environment conf/profesors: correct or unset it\n"
    )


@pytest.mark.parametrize(
    ("environment", "bundles", "expected"),
    [
        ("", "", "package one with `make run`; the service"),
        ("local", "", "package one with `make run`; the service"),
        ("professors", "", "package one with `make run ENV=professors`; the service"),
        ("professors", "/bundles", "see that SALARY_BUNDLES names a folder of bundles"),
    ],
)
def test_problem_when_there_is_no_bundle_then_says_what_brings_one_there(
    predictor: Predictor,
    monkeypatch: pytest.MonkeyPatch,
    environment: str,
    bundles: str,
    expected: str,
) -> None:
    monkeypatch.setenv("KEDRO_ENV", environment)
    monkeypatch.setenv("SALARY_BUNDLES", bundles)
    predictor.refresh()
    assert expected in predictor.problem


def test_problem_when_only_the_pointer_is_lost_then_says_so_and_what_repairs_it(
    contract: Contract,
    store: BundleStore,
    predictor: Predictor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KEDRO_ENV", "professors")
    add_bundle(store.folder, contract, 1)
    predictor.refresh()
    assert f"the pointer {store.folder / 'current'} is gone" in predictor.problem
    assert "`kedro models doctor --fix --env professors`" in predictor.problem


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, str]]:
    """A project with nothing to serve, and the address of its running service."""
    project = copy_project(tmp_path_factory.mktemp("empty") / "project")
    with project.serve() as address:
        yield project, address


@pytest.mark.server
def test_service_when_there_is_no_bundle_then_is_alive_but_not_ready(
    empty: tuple[Project, str],
) -> None:
    assert get(f"{empty[1]}/livez").status == 200
    assert get(f"{empty[1]}/readyz").status == 503


@pytest.mark.server
def test_service_when_there_is_no_bundle_then_answers_no_model(
    empty: tuple[Project, str],
) -> None:
    answer = post(f"{empty[1]}/predict", AT_5)
    assert answer.status == 503
    assert answer.body["error"]["code"] == "no_model"


@pytest.mark.server
def test_service_when_there_is_no_bundle_then_the_log_says_what_to_run(
    empty: tuple[Project, str],
) -> None:
    log = (empty[0].root / "server.log").read_text()
    assert "make run" in log
    assert "Traceback" not in log


def served(address: str) -> dict[str, Any]:
    """What the running service says it serves; empty if it serves nothing."""
    answer = get(f"{address}/model")
    return dict(answer.body) if answer.status == 200 else {}


def serves(address: str, version: int) -> bool:
    """Whether the running service answers with a version's number and prediction."""
    answer = post(f"{address}/predict", AT_5)
    return answer.status == 200 and answer.body == {
        "salary": pytest.approx(1000 * version + 50, rel=1e-9),
        "low": None,
        "high": None,
        "confidence": None,
        "warnings": [],
        "model_name": MODEL,
        "model_version": version,
    }


def test_intervals_when_two_seconds_are_promised_then_leave_room_for_a_busy_machine() -> None:
    assert max(POLL_SECONDS, KEPT_SECONDS) <= 1


@pytest.mark.server
def test_service_when_a_bundle_appears_and_the_pointer_moves_then_follows_without_a_restart(
    project: Project, contract: Contract, tmp_path: Path
) -> None:
    names = {version: add_bundle(tmp_path / "made", contract, version) for version in (1, 2)}
    store = BundleStore(project.bundles)
    with project.serve() as address:
        assert served(address) == {}
        for version in (1, 2, 1):
            name = names[version]
            shutil.copytree(tmp_path / "made" / name, project.bundles / name, dirs_exist_ok=True)
            store.point_to(name)
            wait_until(lambda: serves(address, version), f"version {version}")  # noqa: B023
        assert get(f"{address}/readyz").status == 200


@pytest.mark.server
def test_service_when_salary_bundles_names_a_folder_then_serves_that_one(
    project: Project, contract: Contract, folder: Path
) -> None:
    BundleStore(project.bundles).point_to(add_bundle(project.bundles, contract, 3))
    BundleStore(folder).point_to(add_bundle(folder, contract, 4))
    with project.serve(SALARY_BUNDLES=str(folder)) as address:
        wait_until(lambda: serves(address, 4), "version 4")


@pytest.mark.server
def test_service_when_the_current_bundle_is_bad_then_the_reserve_answers(
    project: Project, contract: Contract
) -> None:
    for version in (2, 9):
        add_bundle(project.bundles, contract, version)
    BundleStore(project.bundles).point_to(add_liar(project.bundles, contract, 10))
    with project.serve() as address:
        wait_until(lambda: serves(address, 9), "version 9")
        assert served(address)["source"] == "reserve"
