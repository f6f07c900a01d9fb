"""How an engine is chosen and the build context is gathered; needs no container engine."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support import BIN, Project, copy_trained


@pytest.fixture
def packaged(_trained: Project) -> Project:
    """A project with a packaged model; do not disturb it."""
    return _trained


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A folder that comes first in the search path of `build_image`."""
    folder = tmp_path / "programs"
    folder.mkdir()
    return folder


def write_program(path: Path, script: str) -> None:
    path.write_text(f"#!/usr/bin/env bash\n{script}\n")
    path.chmod(0o755)


def engine_that_keeps(context: Path) -> str:
    """A script that copies what it should build, and runs Python here instead of in the image."""
    return f'case $1 in build) cp -R "${{@: -1}}" {context} ;; run) exec python3 - ;; esac'


def build_image(project: Project, programs: Path) -> subprocess.CompletedProcess[str]:
    scratch = programs.parent / "scratch"
    scratch.mkdir()
    environment = {
        **project.environment,
        "ENGINE": "",
        "HOME": str(Path.home()),  # where downloaded packages are kept
        "PATH": f"{programs}:{os.environ['PATH']}",
        "TMPDIR": str(scratch),
        "UV_COMPILE_BYTECODE": "1",  # whatever people have set
    }
    return subprocess.run(
        [project.root / "deploy" / "build-image", BIN, "service"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_build_image_without_a_working_engine_says_so_in_one_line(
    project: Project, programs: Path
) -> None:
    write_program(programs / "docker", "exit 1")
    write_program(programs / "podman", "exit 1")

    result = build_image(project, programs)

    assert result.returncode == 1
    expected = "Error: no docker or podman works here: install one, or start its engine\n"
    assert result.stderr == expected


def test_build_image_without_a_packaged_model_says_so_in_one_line(
    project: Project, programs: Path
) -> None:
    write_program(programs / "docker", "exit 0")

    result = build_image(project, programs)

    assert result.returncode == 1
    expected = "Error: no model is packaged in data/06_models/bundles yet: run `make run`\n"
    assert result.stderr == expected


def test_build_image_when_docker_has_no_engine_builds_the_production_bento_with_podman(
    packaged: Project, programs: Path, tmp_path: Path
) -> None:
    write_program(programs / "docker", "exit 1")
    write_program(programs / "podman", engine_that_keeps(tmp_path / "context"))

    result = build_image(packaged, programs)

    assert result.returncode == 0, result.stderr
    bundle = (packaged.bundles / "current").read_text().strip()
    assert result.stdout.startswith(f"Built salary_prediction:{bundle}; build/")
    assert f" salary_prediction:{bundle}\n" in result.stdout
    context = tmp_path / "context"
    assert {path.name for path in context.iterdir()} == {"bento", "packages"}
    assert f"version: {bundle}\n" in (context / "bento" / "bento.yaml").read_text()
    assert (context / "packages" / "numpy").is_dir()
    left_out = ("sklearn", "skops", "scipy", "aiohttp")
    assert not [name for name in left_out if (context / "packages" / name).exists()]
    assert not shutil.which("bentoml", path=context / "packages" / "bin")
    assert not list((context / "packages").rglob("*.pyc"))  # they would name times and places
    assert list((tmp_path / "scratch").iterdir()) == []


def test_build_image_when_the_code_has_changed_since_the_bento_was_built_then_takes_the_new_code(
    packaged: Project, programs: Path, tmp_path: Path
) -> None:
    write_program(programs / "docker", engine_that_keeps(tmp_path / "context"))
    changed = copy_trained(packaged, tmp_path / "changed")
    code = Path("salary_kedro", "serving", "limits.py")
    with (changed.root / "src" / code).open("a") as file:
        file.write("# mended\n")

    result = build_image(changed, programs)

    assert result.returncode == 0, result.stderr
    built = tmp_path / "context" / "bento" / "src" / code
    assert built.read_text().endswith("# mended\n")


def test_build_image_when_the_bento_is_gone_says_so_in_one_line(
    packaged: Project, programs: Path, tmp_path: Path
) -> None:
    write_program(programs / "docker", "exit 0")
    emptied = copy_trained(packaged, tmp_path / "emptied")
    shutil.rmtree(emptied.root / ".bentoml")

    result = build_image(emptied, programs)

    assert result.returncode == 1
    bundle = (emptied.bundles / "current").read_text().strip()
    command = "kedro run --pipelines packaging"
    expected = f"Error: the Bento of bundle {bundle} is not in the Bento store: run `{command}`\n"
    assert result.stderr == expected
