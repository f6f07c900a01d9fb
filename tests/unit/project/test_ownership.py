"""What the project owns is not written over, by whatever name it is called."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from salary_kedro.errors import UserError
from salary_kedro.project.ownership import OUTPUT, refuse_owned
from salary_kedro.project.places import local_path
from salary_kedro.project.project import open_project
from support import ROOT, Project

RAW = "data/01_raw/salary_data.csv"


@pytest.fixture
def root(project: Project, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, as the working directory."""
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("BENTOML_HOME", str(project.root / "bentos"))
    monkeypatch.chdir(project.root)
    return project.root


def owner(path: str | Path, env: str | None = None) -> str | None:
    """Whose a file is; None if it may be written."""
    try:
        refuse_owned(Path(path), open_project(Path.cwd(), env), "name another")
    except UserError as error:
        text = str(error)
        start, end = f"{Path(path)} belongs to ", " and is never overwritten: name another"
        assert text.startswith(start)
        assert text.endswith(end)
        return text.removeprefix(start).removesuffix(end)
    return None


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        (RAW, "'raw_salaries' of the catalog"),
        ("data/03_primary/salaries.parquet", "'salaries' of the catalog"),
        ("data/06_models/archive/x.csv", "'model_archive' of the catalog"),
        ("data/06_models/bundles/1-00000000/x.csv", "'bundles' of the catalog"),
        ("data/08_reporting/x.csv", "'{figure}_plot' of the catalog"),
        ("requirements.lock", "'code_lineage' of the catalog"),
        ("data/mlflow/mlflow.db-wal", "the MLflow store"),
        ("data/mlflow/artifacts/1/x.csv", "the MLflow store"),
        ("data/mlflow/x.csv", "the pipelines"),
        ("data/logs/kedro.log", "the pipelines"),
        ("data/01_raw/new.csv", "the pipelines"),
        ("conf/base/x.csv", "the configuration"),
        ("conf/local/deep/x.csv", "the configuration"),
        ("src/salary_kedro/x.csv", "the project's own files"),
        ("tests/x.csv", "the project's own files"),
        (".git/x.csv", "the project's own files"),
        ("requirements-dev.lock", "the project's own files"),
        ("pyproject.toml", "the project's own files"),
        ("bentos/bentos/x.csv", "the Bento store"),
        ("data/professors/01_raw/salary_data.csv", "'raw_salaries' of the catalog of the "),
        ("data/professors/mlflow/mlflow.db", "the MLflow store of the environment 'professors'"),
        ("data/professors/07_model_output/x.csv", "the data of the environment 'professors'"),
    ],
)
def test_refuse_owned_when_the_project_owns_the_file_then_says_whose_it_is(
    path: str, whose: str, root: Path
) -> None:
    (root / ".git").mkdir(exist_ok=True)

    assert str(owner(path)).startswith(whose)


@pytest.mark.parametrize(
    "path", ["scored.csv", "out/scored.csv", "data/scored.csv", "data/07_model_output/scored.csv"]
)
def test_refuse_owned_when_the_file_is_nobodys_then_lets_it_be_written(
    path: str, root: Path
) -> None:
    assert owner(path) is None


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        (RAW, "'raw_salaries' of the catalog of the environment 'local'"),
        ("data/07_model_output/x.csv", "the data of the environment 'local'"),
        ("data/professors/05_model_input/x.csv", "the pipelines"),
        ("data/professors/07_model_output/x.csv", None),
    ],
)
def test_refuse_owned_when_another_environment_is_at_work_then_knows_whose_is_whose(
    path: str, whose: str | None, root: Path
) -> None:
    assert owner(path, "professors") == whose


def test_refuse_owned_when_an_environment_keeps_a_table_elsewhere_then_that_is_owned_too(
    root: Path,
) -> None:
    (root / "conf/mine").mkdir()
    (root / "conf/mine/catalog.yml").write_text(
        "raw_salaries:\n  type: any\n  dataset: {type: any, filepath: elsewhere/people.csv}\n"
        "salaries: {type: any, filepath: 'file:///srv/all%20of%20them.csv'}\n"
    )

    assert (
        owner("elsewhere/people.csv") == "'raw_salaries' of the catalog of the environment 'mine'"
    )
    assert owner("/srv/all of them.csv") == "'salaries' of the catalog of the environment 'mine'"


def test_refuse_owned_when_variables_name_other_places_then_those_are_owned(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/m/mine.db")
    monkeypatch.setenv("SALARY_BUNDLES", f"{tmp_path}/b")

    assert owner(tmp_path / "m/mine.db") == "the MLflow store"
    assert owner(tmp_path / "m/artifacts/x.csv") == "the MLflow store"
    assert owner(tmp_path / "b/x.csv") == "'bundles' of the catalog"
    assert owner(tmp_path / "m/other.csv") is None


def test_refuse_owned_when_nobody_can_tell_what_another_environment_owns_then_refuses(
    root: Path,
) -> None:
    (root / "conf/mine").mkdir()
    (root / "conf/mine/catalog.yml").write_text("raw: [")

    with pytest.raises(UserError, match="what the environment 'mine' owns is not known, because"):
        refuse_owned(Path("scored.csv"), open_project(root, None), "name another")


def test_refuse_owned_when_another_contract_is_being_edited_then_does_not_mind(root: Path) -> None:
    (root / "conf/mine").mkdir()
    (root / "conf/mine/contract.yml").write_text("contract: [")

    assert owner("scored.csv") is None


# --- Spellings -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["out/../data/01_raw/salary_data.csv", "./data//01_raw/./salary_data.csv", "{root}/" + RAW],
)
def test_refuse_owned_when_the_path_takes_a_detour_then_knows_it(path: str, root: Path) -> None:
    assert owner(path.format(root=root)) == "'raw_salaries' of the catalog"


@pytest.mark.parametrize("target", [RAW, "data/03_primary/salaries.parquet"])
def test_refuse_owned_when_the_path_is_a_symbolic_link_then_follows_it(
    target: str, root: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.csv").symlink_to(root / target)  # the second is not there yet

    assert "of the catalog" in str(owner(tmp_path / "mine.csv"))


def test_refuse_owned_when_a_folder_of_the_path_is_a_link_then_follows_it(
    root: Path, tmp_path: Path
) -> None:
    (tmp_path / "raw").symlink_to(root / "data/01_raw")

    assert owner(tmp_path / "raw/salary_data.csv") == "'raw_salaries' of the catalog"
    assert owner(tmp_path / "raw/new.csv") == "the pipelines"


def test_refuse_owned_when_the_projects_folder_is_itself_a_link_then_knows_it(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(root)
    monkeypatch.chdir(tmp_path / "link")

    assert owner(root / RAW) == "'raw_salaries' of the catalog"
    assert owner(tmp_path / "link" / RAW) == "'raw_salaries' of the catalog"


@pytest.mark.parametrize(
    ("target", "whose"),
    [(RAW, "'raw_salaries' of the catalog"), ("conf/base/catalog.yml", "the configuration")],
)
def test_refuse_owned_when_the_path_is_a_hard_link_then_finds_its_other_name(
    target: str, whose: str, root: Path
) -> None:
    os.link(root / target, root / "mine.csv")

    assert owner("mine.csv") == whose


@pytest.mark.parametrize(
    ("path", "whose"),
    [
        ("data/02_intermediate/Rejected_Rows.CSV", "'rejected_rows' of the catalog"),
        ("DATA/professors/NEW.csv", None),
    ],
)
def test_refuse_owned_when_only_the_case_differs_then_takes_a_new_name_for_the_same(
    path: str, whose: str | None, root: Path
) -> None:
    """Where the disk tells cases apart, an existing folder of another case is another one."""
    if whose is None:
        (root / "DATA/professors").mkdir(parents=True)

    assert owner(path) == whose


def test_refuse_owned_when_a_folder_has_a_second_name_then_knows_it_by_its_inode(
    root: Path, tmp_path: Path
) -> None:
    """As a disk that ignores case gives it: another name, and the same inode."""
    other = tmp_path / "RAW"
    other.mkdir()
    if subprocess.run(["mount", "--bind", root / "data/01_raw", other], check=False).returncode:
        assert not os.environ.get("CI"), "CI may mount"
        pytest.skip("this user may not mount")
    try:
        assert owner(other / "salary_data.csv") == "'raw_salaries' of the catalog"
        assert owner(other / "new.csv") == "the pipelines"
    finally:
        subprocess.run(["umount", other], check=True)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("a/b.csv", "a/b.csv"),
        ("/a/b%20c.csv", "/a/b%20c.csv"),
        ("file:///a/b%20c.csv", "/a/b c.csv"),
        ("file://localhost/a.csv", "/a.csv"),
        ("file:/a.csv", "/a.csv"),
        ("FILE:///a.csv", "/a.csv"),
        ("file://server/a.csv", None),
        ("s3://bucket/a.csv", None),
    ],
)
def test_local_path_when_given_a_path_or_uri_then_gives_the_file_of_this_machine(
    text: str, path: str | None
) -> None:
    assert local_path(text) == (None if path is None else Path(path))


def test_data_readme_when_the_catalog_or_the_project_knows_a_folder_then_lists_it() -> None:
    catalog = (ROOT / "conf" / "base" / "catalog.yml").read_text()
    written = set(re.findall(r"\$\{(?:data|run):(\d\d_\w+)", catalog)) | {OUTPUT}

    listed = (ROOT / "data" / "README.md").read_text()

    assert [folder for folder in sorted(written) if f"`{folder}/" not in listed] == []
