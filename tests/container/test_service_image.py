"""The service's image: built for real, run with hardly any rights, asked from its own network."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from bundles import add_bundle, add_exact
from containers import HARDLY_ANY_RIGHTS, PUBLIC_BASE, Engine, ask, build_images, running, settings
from salary_kedro.bundle import BundleStore, Choice
from support import ROOT, Project, copy_trained, wait_until

pytestmark = pytest.mark.container

AT_5 = '{"experience_years": 5}'
#: Bytes beside the base; upon the one of 45 MB that .ci/base-image makes, 195 MB in all.
MOST_ADDED = 150_000_000
# Sends requests that the service has begun to read, and finishes them only when told to; others
# come and go all the while. "100 Continue" says that a request is in the service's hands.
LOAD = """
import socket, sys, threading
body = b'{"experience_years": 5}'
head = (
    b"POST /predict HTTP/1.1\\r\\nHost: x\\r\\nContent-Type: application/json\\r\\n"
    b"Content-Length: %d\\r\\nExpect: 100-continue\\r\\nConnection: close\\r\\n\\r\\n"
) % len(body)
def begin():
    connection = socket.create_connection(("127.0.0.1", 3000), timeout=60)
    connection.sendall(head)
    reply = connection.recv(4096)
    if not reply.startswith(b"HTTP/1.1 100"):
        raise OSError(f"not begun: {reply}")
    return connection
def finish(connection):
    try:
        connection.sendall(body)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        return answer.split()[1].decode()
    except (OSError, IndexError) as error:
        return f"dropped: {error!r}"
statuses = []
def come_and_go():
    while True:
        try:
            connection = begin()
        except OSError:
            return
        statuses.append(finish(connection))
waiting = [begin() for _ in range(16)]
threads = [threading.Thread(target=come_and_go) for _ in range(16)]
for thread in threads:
    thread.start()
print("begun", flush=True)
sys.stdin.readline()
statuses += [finish(connection) for connection in waiting]
for thread in threads:
    thread.join()
print(*sorted(set(statuses)), len(statuses))
"""


@pytest.fixture(scope="module")
def container(engine: Engine, image: str) -> Iterator[str]:
    """A running container; do not disturb it."""
    with running(engine, image) as identity:
        yield identity


@pytest.fixture
def choice(bundles: Path) -> Choice:
    """What the image ships with."""
    chosen = BundleStore(bundles).choose()
    assert chosen is not None
    return chosen


@pytest.fixture
def bill(image: str, _trained: Project) -> dict[str, Any]:
    """The image's bill of materials."""
    path = _trained.root / "build" / f"{image.replace(':', '-')}.cdx.json"
    read: dict[str, Any] = json.loads(path.read_text())
    return read


def test_container_with_any_uid_and_read_only_root_is_ready(engine: Engine, container: str) -> None:
    status, _ = ask(engine, container, "/readyz")

    assert status == 200


def test_container_when_its_health_check_is_run_then_it_passes(
    engine: Engine, container: str
) -> None:
    recipe = (ROOT / "Containerfile").read_text()
    command = json.loads(recipe.partition("\nHEALTHCHECK CMD ")[2].partition("\n")[0])

    engine("exec", container, *command)


def test_container_when_asked_to_predict_answers_what_its_bundle_predicts(
    engine: Engine, container: str, choice: Choice
) -> None:
    status, answer = ask(engine, container, "/predict", AT_5)

    assert status == 200
    assert answer["salary"] == choice.bundle.predict([[5.0]])[0]
    assert answer["model_version"] == 1


def test_container_when_asked_for_metrics_then_tells_how_its_worker_does(
    engine: Engine, container: str
) -> None:
    _, text = ask(engine, container, "/metrics")

    for name in ("process_resident_memory_bytes", "process_open_fds"):
        (value,) = re.findall(rf'^{name}{{pid="\d+"}} (\S+)$', text, re.MULTILINE)
        assert float(value) > 0


def test_container_when_searched_for_what_trains_holds_none_of_it(
    engine: Engine, container: str
) -> None:
    names = ("kedro", "mlflow", "pandas", "sklearn", "skops", "scipy", "salary_kedro.pipelines")
    search = f"""
from importlib.util import find_spec
print([name for name in {names} if find_spec(name)])
"""

    assert engine("exec", container, "python3", "-c", search) == "[]"


def test_container_when_a_quota_is_set_then_starts_no_more_threads_than_it_grants(
    engine: Engine, image: str
) -> None:
    tell = "import os, salary_kedro.serving; print(os.environ['OMP_NUM_THREADS'])"
    limited = [*HARDLY_ANY_RIGHTS, "--cpus", "0.5", "--entrypoint", "python3"]

    assert engine("run", "--rm", *limited, image, "-c", tell) == "1"


def test_container_with_mounted_bundles_when_the_pointer_moves_then_answers_with_the_new_version(
    engine: Engine, image: str, bundles: Path, choice: Choice
) -> None:
    second = add_bundle(bundles, choice.bundle.contract, 2)
    mounted = ("--volume", f"{bundles}:/bundles:ro", "--env", "SALARY_BUNDLES=/bundles")
    with running(engine, image, *mounted) as container:

        def version() -> object:
            return ask(engine, container, "/model")[1]["model_version"]

        assert version() == 1
        BundleStore(bundles).point_to(second)
        wait_until(lambda: version() == 2, "the new version")


def test_container_without_scikit_learn_when_a_bundle_needs_it_then_serves_on_and_says_what_to_do(
    engine: Engine, image: str, bundles: Path, choice: Choice
) -> None:
    second = add_exact(bundles, choice.bundle.contract, 2)
    mounted = ("--volume", f"{bundles}:/bundles:ro", "--env", "SALARY_BUNDLES=/bundles")
    with running(engine, image, *mounted) as container:
        BundleStore(bundles).point_to(second)

        wait_until(lambda: ask(engine, container, "/model")[1]["reason"], "the refusal")

        _, told = ask(engine, container, "/model")
    assert told["model_version"] == 1
    assert "needs scikit-learn and skops, which are not installed here" in told["reason"]
    assert "`make image EXACT=1`" in told["reason"]


def test_container_when_terminated_under_load_then_answers_what_it_began_and_exits_with_0(
    engine: Engine, image: str
) -> None:
    with running(engine, image) as container:
        beside = ("--rm", "--interactive", "--network", f"container:{container}")
        with subprocess.Popen(
            [engine.name, "run", *beside, "--entrypoint", "python3", image, "-c", LOAD],
            env={**os.environ, **engine.environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as load:
            assert load.stdout is not None
            assert load.stdout.readline() == "begun\n"
            engine("kill", "--signal", "TERM", container)
            printed, _ = load.communicate("go on\n", timeout=120)
        code = engine("wait", container)

    statuses, count = printed.split(maxsplit=1)
    assert statuses == "200", printed
    assert int(count) >= 16
    assert code == "0"


def test_image_when_the_bundle_has_arrays_then_adds_at_most_150_mb_to_its_base(
    engine: Engine, image: str
) -> None:
    base = os.environ.get("BASE") or engine.environment.get("BASE", PUBLIC_BASE)

    ours, beneath = (
        int(engine("image", "inspect", "--format", "{{.Size}}", name)) for name in (image, base)
    )

    assert ours - beneath <= MOST_ADDED, f"{ours / 1e6:.0f} MB upon {beneath / 1e6:.0f} MB"


def test_image_when_inspected_then_says_what_its_bundle_says(
    engine: Engine, image: str, choice: Choice
) -> None:
    labels = settings(engine, image)["Labels"]

    bundle = choice.bundle
    expected = {
        "org.opencontainers.image.title": "salary_prediction",
        "org.opencontainers.image.version": bundle.name,
        "org.opencontainers.image.revision": bundle.lineage.git_commit,
        "salary_kedro.model.name": "salary_prediction_regression-model",
        "salary_kedro.model.version": "1",
        "salary_kedro.rmse": str(bundle.metrics["rmse"]),
        "salary_kedro.bento": image,
        "salary_kedro.lineage.data_sha256": bundle.lineage.data_sha256,
        "salary_kedro.lineage.code_sha256": bundle.lineage.code_sha256,
        "salary_kedro.lineage.lock_sha256": bundle.lineage.lock_sha256,
        "salary_kedro.lineage.parameters_sha256": bundle.lineage.parameters_sha256,
    }
    assert {key: labels.get(key) for key in expected} == expected


def test_image_when_bento_and_image_are_built_anew_then_is_the_same(
    engine: Engine,
    image: str,
    _trained: Project,  # noqa: PT019 - its value is used
    tmp_path: Path,
    bill: dict[str, Any],
) -> None:
    first = settings(engine, image)["Id"]
    again = copy_trained(_trained, tmp_path / "elsewhere")
    shutil.rmtree(again.root / ".bentoml")
    again.kedro_run("--pipelines", "packaging")

    build_images(engine, again, "service", NO_CACHE="1")

    assert settings(engine, image)["Id"] == first
    rewritten = again.root / "build" / f"{image.replace(':', '-')}.cdx.json"
    assert json.loads(rewritten.read_text()) == bill


def test_bill_of_materials_when_validated_is_sound_cyclonedx(bill: dict[str, Any]) -> None:
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(json.dumps(bill)) is None


def test_bill_of_materials_when_read_names_what_the_image_holds(
    engine: Engine, container: str, bill: dict[str, Any]
) -> None:
    listing = """
from importlib.metadata import distributions
import platform
print("python", platform.python_version(), sep="==")
print(*sorted({f"{found.name}=={found.version}" for found in distributions()}), sep="\\n")
"""

    held = engine("exec", container, "python3", "-c", listing).splitlines()

    python = [part for part in bill["components"] if not part["purl"].startswith("pkg:deb/")]
    assert sorted(f"{part['name']}=={part['version']}" for part in python) == sorted(held)
    debian = [part for part in bill["components"] if part["purl"].startswith("pkg:deb/")]
    assert "libstdc++6" in {part["name"] for part in debian}


def test_bill_of_materials_when_read_gives_each_python_package_hashes_and_a_licence(
    bill: dict[str, Any],
) -> None:
    python = [
        part
        for part in bill["components"]
        if part["purl"].startswith("pkg:pypi/")
        and part.get("description") != "came with the base image"
    ]

    assert python
    locked = [part["externalReferences"][-1]["hashes"] for part in python]
    assert all(locked)
    unlicensed = [part["name"] for part in python if not part.get("licenses")]
    assert unlicensed == ["simple-di"]  # which states none to programs
