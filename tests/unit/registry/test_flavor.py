"""How a model is saved for MLflow: its signature, its example, and the code that goes with it."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from mlflow.types import ColSpec, Schema
from mlflow.types.schema import AnyType, Array

from salary_kedro.registry import flavor
from salary_kedro.registry.flavor import input_example, model_signature, ship
from samples import boolean, category, column, contract_of, day

ALL_KINDS = contract_of(
    column("age", minimum=20, maximum=60, example=30),
    category("job", ["clerk", "cook"], required=False),
    boolean("remote", required=False),
    day("hired", minimum="2020-01-01", maximum="2020-01-05", example="2020-01-02", required=False),
)


def test_model_signature_when_derived_then_names_fields_in_and_answers_out() -> None:
    signature = model_signature(ALL_KINDS)

    assert signature.inputs == Schema(
        [
            ColSpec(AnyType(), "age"),
            ColSpec(AnyType(), "job", required=False),
            ColSpec(AnyType(), "remote", required=False),
            ColSpec(AnyType(), "hired", required=False),
        ]
    )
    assert signature.outputs == Schema(
        [
            ColSpec("double", "salary"),
            ColSpec("double", "low", required=False),
            ColSpec("double", "high", required=False),
            ColSpec("double", "confidence", required=False),
            ColSpec(Array("string"), "warnings"),
        ]
    )


def test_input_example_when_there_are_all_kinds_then_is_as_requests_hold_it() -> None:
    expected = pd.DataFrame(
        {
            "age": [20.0, 30.0, 40.0, 50.0, 60.0],
            "job": ["clerk", "cook", "clerk", "cook", "clerk"],
            "remote": [True, False, True, False, True],
            "hired": [f"2020-01-0{day}" for day in range(1, 6)],
        }
    )

    pd.testing.assert_frame_equal(input_example(ALL_KINDS), expected)


def test_ship_when_done_then_no_file_names_the_package_it_comes_from(tmp_path: Path) -> None:
    package = ship(tmp_path)

    assert sorted(tmp_path.iterdir()) == [package]
    for file in package.rglob("*.py"):
        lines = file.read_text().splitlines()
        assert not [line for line in lines if "import " in line and "salary_kedro" in line]


@pytest.mark.process
def test_ship_when_done_then_the_package_is_imported_without_the_one_it_comes_from(
    tmp_path: Path,
) -> None:
    code = (
        "import sys; sys.modules['salary_kedro'] = None; sys.path.insert(0, sys.argv[1]); "
        f"import {ship(tmp_path).name}.registry.pyfunc"
    )

    result = subprocess.run(
        [sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stderr


def test_ship_when_the_code_is_another_then_so_is_the_packages_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ship(tmp_path / "before").name
    assert ship(tmp_path / "again").name == before

    sources = {**flavor._sources(), "errors.py": "class UserError(Exception): ...\n"}
    monkeypatch.setattr(flavor, "_sources", lambda: sources)

    assert ship(tmp_path / "after").name != before
