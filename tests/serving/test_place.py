"""Whose bundles are served: those of the project or Bento that BentoML was told to serve."""

from pathlib import Path

import pytest

from salary_kedro.bundle import BundleStore
from salary_kedro.errors import UserError
from salary_kedro.serving.place import Place, find_place

NAME, OTHER = "1-0123abcd", "2-4567cdef"


@pytest.fixture(autouse=True)
def _plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BENTOML_HOME", raising=False)


def make_project(root: Path) -> Path:
    """A project as far as the service looks at one; gives its root."""
    (root / "src").mkdir(parents=True)
    for name in ("pyproject.toml", "bentofile.yaml"):
        (root / name).touch()
    return root


def make_bento(folder: Path, version: str = NAME, current: str = NAME) -> Path:
    """A Bento as far as the service looks at one; gives its folder `src`."""
    bundles = folder / "src" / "data" / "06_models" / "bundles"
    bundles.mkdir(parents=True)
    (folder / "bento.yaml").write_text(f"name: salaries\nversion: {version}\n")
    (folder / "src" / "bentofile.yaml").touch()
    BundleStore(bundles).point_to(current)
    return folder / "src"


def refusal(here: Path, code: Path) -> str:
    """The one line with which the service does not start."""
    with pytest.raises(UserError) as caught:
        find_place(here, code)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_place_when_a_project_is_served_then_is_its_bundles(tmp_path: Path) -> None:
    root = make_project(tmp_path / "project")
    assert find_place(root, root / "src") == Place("project", root / "data/06_models/bundles")


def test_place_when_a_bento_is_served_then_is_its_own_one_bundle(tmp_path: Path) -> None:
    source = make_bento(tmp_path / "bento")
    folder = source / "data/06_models/bundles"
    assert find_place(source, source) == Place("bento", folder, f"salaries:{NAME}", NAME)


def test_place_when_a_bento_is_served_then_no_environment_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDRO_ENV", "professors")
    source = make_bento(tmp_path / "bento")
    assert find_place(source, source).only == NAME


def test_place_when_salary_bundles_is_set_for_a_bento_then_is_that_and_any_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_BUNDLES", str(tmp_path))
    source = make_bento(tmp_path / "bento", current=OTHER)
    assert find_place(source, source) == Place("SALARY_BUNDLES", tmp_path, f"salaries:{NAME}")


def test_place_when_salary_bundles_is_relative_for_a_bento_then_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """BentoML has moved into the Bento by then: it would mean a folder in there."""
    monkeypatch.setenv("SALARY_BUNDLES", "bundles")
    source = make_bento(tmp_path / "bento")
    assert refusal(source, source) == (
        "SALARY_BUNDLES is 'bundles': for a Bento it must be an absolute path"
    )


def test_place_when_a_bento_holds_another_bundle_than_its_tag_says_then_is_refused(
    tmp_path: Path,
) -> None:
    source = make_bento(tmp_path / "bento", current=OTHER)
    assert refusal(source, source).startswith(
        f"the Bento salaries:{NAME} holds the bundle {OTHER}, not its own: rebuild it"
    )


def test_place_when_a_bento_was_built_by_hand_then_its_tag_says_nothing_of_the_bundle(
    tmp_path: Path,
) -> None:
    source = make_bento(tmp_path / "bento", version="k6ucu2u4zcx2wkhj", current=OTHER)
    assert find_place(source, source).only is None


@pytest.mark.parametrize("asked", [("salaries", OTHER), ("professors", NAME)])
def test_place_when_a_bento_was_renamed_in_its_store_then_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: tuple[str, str]
) -> None:
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path))
    source = make_bento(tmp_path / "bentos" / asked[0] / asked[1])
    expected = f"what is in the Bento store as {':'.join(asked)} is the Bento salaries:{NAME}:"
    assert refusal(source, source).startswith(expected)


def test_place_when_the_code_is_of_another_project_then_is_refused(tmp_path: Path) -> None:
    """As with the virtual environment of one clone active in another."""
    here, other = make_project(tmp_path / "here"), make_project(tmp_path / "other")
    assert refusal(here, other / "src") == (
        f"the project {here} would be served by the code in {other}/src, not by its own: serve it "
        f"with its own environment: {here}/.venv/bin/bentoml serve"
    )


def test_place_when_the_code_is_not_the_bentos_own_then_is_refused(tmp_path: Path) -> None:
    source, project = make_bento(tmp_path / "bento"), make_project(tmp_path / "project")
    assert refusal(source, project / "src").startswith(
        f"the Bento salaries:{NAME} would be served by the code in {project}/src, not by its own: "
    )


def test_place_when_the_folder_is_neither_then_is_that_of_the_code(tmp_path: Path) -> None:
    source = make_bento(tmp_path / "bento")
    assert find_place(tmp_path, source).bento == f"salaries:{NAME}"
