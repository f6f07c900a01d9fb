"""The Bento, away from the project: exported, and served with its own requirements alone."""

import json
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from mlflow import MlflowClient

from bundles import add_bundle
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bento import _label, labels_of
from salary_kedro.bundle.signing import read_verifier
from salary_kedro.errors import UserError
from salary_kedro.serving.place import Place
from salary_kedro.serving.predictor import Predictor
from support import (
    BIN,
    Answer,
    Project,
    copy_project,
    copy_trained,
    free_port,
    get,
    post,
    running,
    wait_until,
)

BODIES = [{"experience_years": 5}, {"experience_years": 0}, {"experience_years": 61}]


@pytest.fixture(scope="module")
def bento(_trained: Project, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported Bento as a folder."""
    archive = tmp_path_factory.mktemp("export") / "salaries.bento"
    name = (_trained.bundles / "current").read_text().strip()
    exported = _trained.run("bentoml", "export", f"salary_prediction:{name}", str(archive))
    assert exported.returncode == 0, exported.stderr
    folder = tmp_path_factory.mktemp("bento")
    with tarfile.open(archive) as content:
        content.extractall(folder, filter="data")
    return folder


@pytest.fixture(scope="module")
def clean_bin(bento: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Programs of a new virtual environment that holds what the Bento's lock names."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    lock = bento / "src" / "requirements-serving.lock"
    uv(["venv", "--quiet", "--python", sys.executable, str(venv)])
    python = venv / "bin" / "python"
    uv(["pip", "install", "--quiet", "--python", str(python), "--require-hashes", "-r", str(lock)])
    return venv / "bin"


@pytest.fixture(scope="module")
def clean_url(
    bento: Path, clean_bin: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of the Bento's service: other home, other folder, nothing of the project."""
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    port = free_port()
    environment = {
        "PATH": f"{clean_bin}:/usr/bin:/bin",
        "HOME": str(elsewhere),
        "BENTOML_HOME": str(elsewhere / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "true",
    }
    command = [str(clean_bin / "bentoml"), "serve", "--port", str(port), str(bento)]
    with running(command, elsewhere, environment):
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the Bento to be ready")
        yield address


def uv(arguments: list[str]) -> subprocess.CompletedProcess[str]:
    result = subprocess.run([BIN / "uv", *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result


def ask_all(address: str) -> list[Answer]:
    """The answers to some good and bad requests, and what is served."""
    return [
        *(post(f"{address}/predict", body) for body in BODIES),
        post(f"{address}/predict_batch", {"rows": BODIES[:2]}),
        get(f"{address}/model"),
        get(f"{address}/openapi.json"),
    ]


def test_bento_when_it_is_served_in_a_clean_environment_then_answers_as_the_project_does(
    clean_url: str, service_url: str
) -> None:
    theirs, ours = ask_all(clean_url), ask_all(service_url)
    for answers in (theirs, ours):
        del answers[5].body["servers"]  # each names its own address
    places = [
        {key: answers[4].body.pop(key) for key in ("place", "bento")} for answers in (theirs, ours)
    ]
    assert theirs == ours
    tag = f"salary_prediction:{ours[4].body['bundle']}"
    assert places == [{"place": "bento", "bento": tag}, {"place": "project", "bento": None}]


def test_bento_when_its_requirements_are_read_with_hashes_required_then_each_has_one(
    bento: Path, clean_bin: Path
) -> None:
    """`pip install -r` requires a hash of all as soon as one has one."""
    requirements = bento / "env" / "python" / "requirements.txt"
    options = ["--quiet", "--dry-run", "--python", str(clean_bin / "python"), "--require-hashes"]
    uv(["pip", "install", *options, "-r", str(requirements)])


def test_bento_when_exported_then_holds_one_bundle_and_the_serving_code_alone(
    bento: Path,
) -> None:
    source = bento / "src"
    package = source / "salary_kedro"
    bundles = source / "data" / "06_models" / "bundles"
    rooms = {entry.name for entry in package.iterdir() if entry.is_dir()}
    assert rooms - {"__pycache__"} == {"bundle", "contract", "serving"}
    current = (bundles / "current").read_text().strip()
    assert {entry.name for entry in bundles.iterdir()} == {
        "current",
        current,
        "history.json",
    }


@pytest.fixture
def own(_trained: Project, tmp_path: Path) -> Project:
    """A copy of the project, with a Bento store of its own."""
    return copy_trained(_trained, tmp_path / "own")


def test_bento_when_removed_then_it_alone_is_gone_and_a_second_time_does_no_harm(
    own: Project,
) -> None:
    name = (own.bundles / "current").read_text().strip()
    bentos = own.root / ".bentoml" / "bentos"
    shutil.copytree(bentos / "salary_prediction" / name, bentos / "other_project" / name)
    remove = f"project.remove({name!r}, 'salary_prediction')"
    script = "from pathlib import Path\nfrom salary_kedro.bundle.bento import BentoProject\n"

    result = own.run(
        "python", "-c", f"{script}project = BentoProject(Path('.'))\n{remove}\n{remove}"
    )

    assert result.returncode == 0, result.stderr
    assert not (bentos / "salary_prediction" / name).exists()
    assert (bentos / "other_project" / name / "bento.yaml").is_file()
    assert (own.bundles / name).is_dir()


@pytest.fixture
def project_path(_trained: Project) -> bytes:
    """Where the project is that built the Bento."""
    return str(_trained.root).encode()


def test_bento_when_exported_then_holds_no_training_data_and_no_path_of_the_machine(
    bento: Path, project_path: bytes
) -> None:
    files = [path for path in bento.rglob("*") if path.is_file()]
    assert [path for path in files if path.suffix in (".csv", ".parquet", ".db")] == []
    assert [path for path in files if project_path in path.read_bytes()] == []


@pytest.fixture
def moved_on(_trained: Project, tmp_path: Path) -> tuple[Project, str]:
    """A project whose production moved on to another model, and the tag of the Bento before."""
    project = Project(Path(shutil.copytree(_trained.root, tmp_path / "project", symlinks=True)))
    store = BundleStore(project.bundles)
    before = str(store.current())
    store.point_to(add_bundle(project.bundles, store.load(before).contract, 2))
    return project, f"salary_prediction:{before}"


@contextmanager
def serving(project: Project, target: str, cwd: Path, **environment: str) -> Iterator[str]:
    """Serve a Bento with the project's virtual environment active; gives the address."""
    port = free_port()
    command = [str(BIN / "bentoml"), "serve", target, "--port", str(port)]
    settings = {**project.environment, **environment}
    del settings["PYTHONPATH"]  # only what the virtual environment itself imports
    with running(command, cwd, settings):
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the Bento to be ready")
        yield address


def test_bento_when_the_projects_environment_is_active_then_serves_its_own_bundle(
    moved_on: tuple[Project, str], tmp_path: Path
) -> None:
    project, tag = moved_on
    with serving(project, tag, tmp_path, KEDRO_ENV="professors") as address:
        answer = get(f"{address}/model").body
    told = (answer["model_version"], answer["source"], answer["place"], answer["bento"])
    assert told == (1, "current", "bento", tag)


def test_bento_when_the_projects_environment_is_active_then_runs_its_own_code(
    moved_on: tuple[Project, str], tmp_path: Path
) -> None:
    project, tag = moved_on
    name, version = tag.split(":")
    code = project.root / ".bentoml/bentos" / name / version / "src/salary_kedro/serving/routes.py"
    text, live = code.read_text(), 'Answer(200, b"\\n", _PLAIN)'
    assert live in text
    code.write_text(text.replace(live, 'Answer(200, b"old", _PLAIN)'))
    with serving(project, tag, project.root) as address:
        assert get(f"{address}/livez").body == "old"


def test_bento_when_salary_bundles_is_set_then_serves_from_there_and_says_so(
    moved_on: tuple[Project, str], tmp_path: Path
) -> None:
    project, tag = moved_on
    with serving(project, tag, tmp_path, SALARY_BUNDLES=str(project.bundles)) as address:
        answer = get(f"{address}/model").body
    assert (answer["model_version"], answer["place"]) == (2, "SALARY_BUNDLES")
    assert answer["bento"] == tag


def test_bento_when_another_bundle_was_put_in_then_does_not_start_and_says_so_in_one_line(
    moved_on: tuple[Project, str],
) -> None:
    project, tag = moved_on
    source = project.root / ".bentoml/bentos" / tag.replace(":", "/") / "src"
    other = BundleStore(project.bundles).current()
    inside = BundleStore(source / "data" / "06_models" / "bundles")
    shutil.copytree(project.bundles / str(other), inside.folder / str(other))
    inside.point_to(str(other))

    result = project.run("bentoml", "serve", tag)

    assert result.returncode != 0
    assert result.stderr.startswith(f"Error: the Bento {tag} holds the bundle {other}, not its own")
    assert len(result.stderr.splitlines()) == 1


def test_project_when_the_environment_of_another_is_active_then_does_not_start_and_says_so(
    moved_on: tuple[Project, str], tmp_path: Path
) -> None:
    other = copy_project(tmp_path / "other")
    result = moved_on[0].run("bentoml", "serve", str(other.root))
    assert result.returncode != 0
    assert result.stderr.startswith(f"Error: the project {other.root} would be served by the code")
    assert len(result.stderr.splitlines()) == 1


def test_bento_when_it_is_looked_at_then_its_labels_say_what_is_in_it(
    moved_on: tuple[Project, str],
) -> None:
    project, tag = moved_on
    shown = project.run("bentoml", "get", tag, "-o", "json")
    labels = json.loads(shown.stdout)["labels"]
    lineage = BundleStore(project.bundles).load(tag.partition(":")[2]).lineage
    run_id = MlflowClient(project.store).get_model_version(labels["model_name"], "1").run_id
    assert labels == {
        "model_name": "salary_prediction_regression-model",
        "model_version": "1",
        "rmse": "6311.262456108905",
        "run_id": run_id,
        **{name: value for name, value in lineage.texts().items() if name != "parameters"},
    }


@pytest.mark.parametrize(
    ("text", "label"),
    [("a b/c", "a_b_c"), ("-x-", "x"), ("Zürich", "Z_rich"), ("é", ""), ("a" * 200, "a" * 100)],
)
def test_label_when_a_text_is_not_plain_then_what_is_not_is_replaced(text: str, label: str) -> None:
    assert _label(text) == label


def test_bento_of_an_image_when_the_bundle_was_signed_since_then_holds_the_signature_and_verifies(
    moved_on: tuple[Project, str], tmp_path: Path
) -> None:
    project, tag = moved_on
    name = tag.partition(":")[2]
    BundleStore(project.bundles).point_to(name)
    key = Ed25519PrivateKey.generate()
    public = tmp_path / "verify.pem"
    public.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    manifest = project.bundles / name / "manifest.json"
    (project.bundles / name / "manifest.sig").write_bytes(key.sign(manifest.read_bytes()))
    verify = {"SALARY_VERIFY_KEY_FILE": str(public)}
    before = json.loads(project.run("bentoml", "get", tag, "-o", "json").stdout)["labels"]

    script = "deploy/production_bento.py"
    made = project.run("python", script, str(project.bundles), "", **verify)

    assert made.returncode == 0, made.stderr
    bento = Path(made.stdout.split(maxsplit=2)[2].strip())
    assert (bento / "src/data/06_models/bundles" / name / "manifest.sig").is_file()
    after = json.loads(project.run("bentoml", "get", tag, "-o", "json").stdout)["labels"]
    assert after == before  # the run's id among them
    with serving(project, tag, tmp_path, **verify) as address:
        assert get(f"{address}/model").body["source"] == "current"


def test_labels_when_a_file_of_the_bundle_is_a_link_then_what_it_leads_to_is_not_read(
    bundles: Path, tmp_path: Path
) -> None:
    bundle = bundles / str(BundleStore(bundles).current())
    (bundle / "lineage.json").rename(tmp_path / "elsewhere.json")
    (bundle / "lineage.json").symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(UserError, match=r"lineage\.json is a symbolic link"):
        labels_of(bundle, None)


def test_bento_when_its_bundle_is_signed_since_then_the_command_it_tells_builds_it_anew(
    own: Project, tmp_path: Path
) -> None:
    name = str(BundleStore(own.bundles).current())
    key, signing, verify = Ed25519PrivateKey.generate(), tmp_path / "sign.pem", tmp_path / "verify"
    signing.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    verify.write_bytes(
        key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    )
    sign = {"SALARY_SIGNING_KEY_FILE": str(signing)}
    bento = own.root / ".bentoml" / "bentos" / "salary_prediction" / name
    place = Place("bento", bento / "src/data/06_models/bundles", f"salary_prediction:{name}", name)
    keys = read_verifier({"SALARY_VERIFY_KEY_FILE": str(verify)})
    predictor = Predictor(BundleStore(place.folder, name, keys), place)
    predictor.refresh()
    assert predictor.served is None
    assert "manifest.json is not signed" in predictor.problem
    told = re.search("rebuild the Bento with `kedro ([^`]+)`", predictor.problem)
    assert told is not None

    made = own.run("kedro", *told[1].split(), **sign)

    assert made.returncode == 0, made.stdout + made.stderr
    assert (bento / "src/data/06_models/bundles" / name / "manifest.sig").is_file()
    predictor.refresh()
    assert predictor.served is not None


BUILD_AT_ONCE = """
import sys, time
from pathlib import Path
import bentoml
from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bento import BentoProject
root, meeting, mine, other = map(Path, sys.argv[1:])
delete = bentoml.bentos.delete

def meet_before(tag):
    (meeting / mine).touch()
    end = time.monotonic() + 3  # which one waits in vain if only one may delete at a time
    while not (meeting / other).exists() and time.monotonic() < end:
        time.sleep(0.01)
    delete(tag)

bentoml.bentos.delete = meet_before
bundles = BundleStore(root / "data/06_models/bundles")
print(BentoProject(root).build(bundles, str(bundles.current()), "salary_prediction"))
"""


def test_bento_when_two_projects_build_the_same_one_at_once_then_both_end_well(
    own: Project, tmp_path: Path
) -> None:
    name = str(BundleStore(own.bundles).current())
    meeting, roots = tmp_path / "meeting", [own.root, tmp_path / "second"]
    meeting.mkdir()
    shutil.copytree(own.root, roots[1], ignore=shutil.ignore_patterns(".bentoml"))
    for number, root in enumerate(roots):  # so that each finds the other's Bento outdated
        with (root / "src/salary_kedro/serving/limits.py").open("a") as file:
            file.write(f"# of project {number}\n")
    builds = [
        subprocess.Popen(
            [BIN / "python", "-c", BUILD_AT_ONCE, str(root), str(meeting), mine, other],
            cwd=root,
            env={**own.environment, "PYTHONPATH": str(root / "src")},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for root, mine, other in ((roots[0], "a", "b"), (roots[1], "b", "a"))
    ]

    ended = [(*build.communicate(timeout=120), build.returncode) for build in builds]

    assert [code for *_, code in ended] == [0, 0], ended
    assert [out for out, *_ in ended] == [f"salary_prediction:{name}\n"] * 2
    bento = own.root / ".bentoml" / "bentos" / "salary_prediction" / name
    held = (bento / "src/salary_kedro/serving/limits.py").read_text()
    assert held in [(root / "src/salary_kedro/serving/limits.py").read_text() for root in roots]
